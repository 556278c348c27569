package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

// rawFiles is everything read and decoded, not yet compared with each other.
type rawFiles struct {
	organisation *rawOrganisation
	roster       *rawRoster
	policy       *rawPolicy
	alerts       *rawAlerts
	systems      []*rawSystem
	plans        []*rawPlan
	lost         map[string]bool // files and folders of which something could not be read
}

// LoadDir reads an organisation from a directory. Nothing outside it is reached: the directory is
// opened once and symlinks inside are refused.
func LoadDir(dir string, specs []dr.ActionSpec, version string, now time.Time) (*Catalog, []Problem) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		text := fmt.Sprintf("the organisation cannot be read: %v", err)
		if errors.Is(err, fs.ErrNotExist) {
			text = "no such directory"
		}
		problem := Problem{File: dir, Severity: Error, Text: text, Hint: "name the directory that holds organisation.yaml"}
		return &Catalog{runnable: &dr.Error{Kind: dr.NotFound, Message: dir + ": " + text, Hint: problem.Hint, Err: err}}, []Problem{problem}
	}
	defer root.Close()
	return Load(root.FS(), specs, version, now)
}

// reading is one pass over the files of an organisation.
type reading struct {
	fsys  fs.FS
	rep   *reporter
	sum   hash.Hash
	files int
	lost  map[string]bool

	readOnly bool // neither roster nor policy: nothing can run
}

// readAll reads every file that counts, in the order of their names.
func readAll(fsys fs.FS, rep *reporter) (rawFiles, string) {
	r := &reading{fsys: fsys, rep: rep, sum: sha256.New(), lost: map[string]bool{}}
	out := rawFiles{lost: r.lost}
	entries, err := listed(fsys, ".")
	if err != nil {
		rep.err(pos{file: "."}, "", "the directory cannot be listed: %v", err)
		return out, ""
	}
	runbooks := false
	r.readOnly = !has(entries, "roster.yaml") && !has(entries, "policy.yaml")
	for _, e := range entries {
		switch name := e.Name(); name {
		case "organisation.yaml":
			out.organisation = readAs[rawOrganisation](r, name, e)
		case "roster.yaml":
			out.roster = readAs[rawRoster](r, name, e)
		case "policy.yaml":
			out.policy = readAs[rawPolicy](r, name, e)
		case "alerts.yaml":
			out.alerts = readAs[rawAlerts](r, name, e)
		case "systems":
			out.systems = readFolder[rawSystem](r, name, e)
		case "plans":
			out.plans = readFolder[rawPlan](r, name, e)
		case "runbooks":
			runbooks = true
		default:
			r.stray(name, []string{"organisation.yaml", "roster.yaml", "policy.yaml", "alerts.yaml"})
		}
	}
	r.missing(entries, runbooks)
	r.runbooks(out.plans)
	return out, "sha256:" + hex.EncodeToString(r.sum.Sum(nil))
}

// listed is a directory by name, whatever order the file system has.
func listed(fsys fs.FS, dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(fsys, dir)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func has(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
}

// missing says which parts of an organisation are not there.
func (r *reading) missing(entries []fs.DirEntry, runbooks bool) {
	if !has(entries, "organisation.yaml") {
		r.rep.err(pos{file: "organisation.yaml"}, "every organisation has one; it names sites, hosts and resources", "the file is missing")
	}
	if !has(entries, "roster.yaml") {
		r.rep.warn(pos{file: "roster.yaml"}, "an empty roster refuses everybody", "the file is missing: nothing can run")
	}
	if !has(entries, "policy.yaml") {
		r.rep.warn(pos{file: "policy.yaml"}, "the policy says how many people must agree", "the file is missing: nothing can run")
	}
	if !runbooks {
		r.rep.warn(pos{file: "runbooks"}, "put Markdown files there; questions are answered from them", "there are no runbooks")
	}
}

// stray warns of a YAML file that nobody reads, which is nearly always a typing mistake.
func (r *reading) stray(name string, known []string) {
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
		return
	}
	hint := didYouMean(path.Base(name), known)
	if strings.HasSuffix(name, ".yml") {
		hint = "name it " + strings.TrimSuffix(name, ".yml") + ".yaml"
	}
	r.rep.warn(pos{file: name}, hint, "this file is not read")
}

// readFolder reads the *.yaml files of a folder.
func readFolder[T any](r *reading, dir string, e fs.DirEntry) []*T {
	if !e.IsDir() {
		r.rep.err(pos{file: dir}, "", "expected a directory, found %s", kindOf(e.Type()))
		return nil
	}
	entries, err := listed(r.fsys, dir)
	if err != nil {
		r.rep.err(pos{file: dir}, "", "the directory cannot be listed: %v", err)
		return nil
	}
	var out []*T
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if path.Ext(name) != ".yaml" {
			r.stray(name, nil)
			continue
		}
		v := readAs[T](r, name, e)
		if v == nil {
			r.lost[dir] = true
			continue
		}
		out = append(out, v)
	}
	return out
}

// readAs reads and decodes one file; nil when there is nothing to work with.
func readAs[T any](r *reading, name string, e fs.DirEntry) *T {
	v := readOne[T](r, name, e)
	r.lost[name] = v == nil
	return v
}

func readOne[T any](r *reading, name string, e fs.DirEntry) *T {
	if !e.Type().IsRegular() {
		hint := ""
		if e.Type()&fs.ModeSymlink != 0 {
			hint = "put the file itself here"
		}
		r.rep.err(pos{file: name}, hint, "expected a file, found %s", kindOf(e.Type()))
		return nil
	}
	if r.files++; r.files > MaxFiles {
		r.rep.err(pos{file: name}, "", "there are more than %d files", MaxFiles)
		return nil
	}
	b, err := r.read(name)
	if err != nil {
		r.rep.err(pos{file: name}, "", "the file cannot be read: %v", err)
		return nil
	}
	if len(b) > MaxFileSize {
		r.rep.err(pos{file: name}, "split it", "the file is larger than 1 MiB")
		return nil
	}
	each := sha256.Sum256(b)
	fmt.Fprintf(r.sum, "%s\n%x\n", name, each)
	root := parse(name, b, r.rep)
	if root == nil {
		return nil
	}
	v := new(T)
	d := decoder{file: name, rep: r.rep, readOnly: r.readOnly}
	d.into(root, v)
	if deref(root).Kind != yaml.MappingNode {
		return nil
	}
	return v
}

func (r *reading) read(name string) ([]byte, error) {
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFileSize+1))
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a directory"
	case m.IsRegular():
		return "a file"
	}
	return "a device, pipe or socket"
}
