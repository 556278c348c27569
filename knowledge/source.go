package knowledge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what is read. A runbook that needs more than this is no runbook: at 3 a.m. nobody reads
// eight megabytes.
const (
	maxFile  = 8 << 20
	maxFiles = 100_000
)

// Source is one folder of runbooks.
type Source struct {
	Name     string   // first part of every document's path, such as "runbooks"
	FS       fs.FS    // what is read; a folder on disk comes from [Folder], which keeps links inside it
	Audience []string // who may see documents that don't say; empty: [Internal]
	Only     []string // patterns of path.Match on the path below the folder or on the file's name; empty: all
	// Foreign front matter belongs to another tool: its title is used, everything else ignored. In our
	// own, an unknown field is a mistake, because it may be a misspelt audience.
	Foreign bool
	Commit  string // of the Git work tree the folder is in, if any
}

// Problem is a file that could not be read, and why, in words for whoever looks after it.
type Problem struct {
	Doc  string `json:"doc"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.Doc, p.Line, p.Text)
	}
	return p.Doc + ": " + p.Text
}

// A file is what was read of one document, before it is cut.
type file struct {
	path   string // with the source's name before it
	digest string
	body   []byte // until the next file is read
}

// stamp tells a file that was left alone from one that was written since.
type stamp struct {
	size    int64
	changed int64 // in nanoseconds
}

// settles is how long a file must have been left alone for its stamp to be believed: two changes may
// follow each other faster than the clock of a disk ticks.
const settles = 2 * time.Second

// listed is a file as its folder lists it.
type listed struct {
	name string
	d    fs.DirEntry
}

// stamp is zero where it would say nothing: for links, and for files that know no time.
func (e listed) stamp() stamp {
	if !e.d.Type().IsRegular() {
		return stamp{}
	}
	info, err := e.d.Info()
	if err != nil || info.ModTime().IsZero() {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime().UnixNano()}
}

// walk lists the files of a source that are meant to be read; what cannot be listed becomes a problem.
func (s Source) walk(ctx context.Context) (names []listed, problems []Problem, err error) {
	err = fs.WalkDir(s.FS, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && name == ".":
			return fmt.Errorf("reading the folder of %s: %w", s.Name, err)
		case err != nil:
			problems = append(problems, Problem{Doc: s.path(name), Text: "cannot be read: " + reason(err)})
			return nil
		case d.IsDir():
			if name != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case !s.wants(name):
			return nil
		case len(names) == maxFiles:
			problems = append(problems, Problem{Doc: s.path(name), Text: fmt.Sprintf("is past the first %d files of its source; it and the rest are not read", maxFiles)})
			return fs.SkipAll
		}
		names = append(names, listed{name, d})
		return nil
	})
	return names, problems, err
}

func (s Source) path(name string) string { return path.Join(s.Name, name) }

// wants says whether a file is meant to be read.
func (s Source) wants(name string) bool {
	if formatOf(name) == nil || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	return len(s.Only) == 0 || slices.ContainsFunc(s.Only, func(pattern string) bool {
		whole, _ := path.Match(pattern, name) // a pattern that cannot match matches nothing
		base, _ := path.Match(pattern, path.Base(name))
		return whole || base
	})
}

// read fetches one file within the bounds, into room if it fits; text says why it could not.
func (s Source) read(name string, room []byte) (f file, text string) {
	h, err := s.FS.Open(name)
	if err != nil {
		return f, "cannot be read: " + reason(err)
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		return f, "cannot be read: " + reason(err)
	}
	if !info.Mode().IsRegular() {
		return f, "is not a file"
	}
	if info.Size() > maxFile {
		return f, tooBig(info.Size())
	}
	body, err := whole(h, int(info.Size()), room)
	switch {
	case err != nil:
		return f, "cannot be read: " + reason(err)
	case len(body) > maxFile:
		return f, tooBig(int64(len(body)))
	case bytes.IndexByte(body, 0) >= 0:
		return f, fmt.Sprintf("is not text: there is a null byte in line %d", lineAt(body, bytes.IndexByte(body, 0)))
	case !utf8.Valid(body):
		return f, fmt.Sprintf("is not UTF-8: line %d cannot be read; save it as UTF-8", lineAt(body, badAt(body)))
	}
	sum := sha256.Sum256(body)
	return file{path: s.path(name), digest: hex.EncodeToString(sum[:]), body: body}, ""
}

// whole reads a file that says how long it is, mostly at once. It may grow while it is read.
func whole(h io.Reader, size int, room []byte) ([]byte, error) {
	body := slices.Grow(room[:0], size+1)[:size+1] // room for one more, to see that there is none
	n, err := h.Read(body)
	switch {
	case err == io.EOF, err == nil && n == size:
		return body[:n], nil
	case err != nil:
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(h, maxFile+1-int64(n)))
	return append(body[:n], rest...), err
}

func tooBig(size int64) string {
	return fmt.Sprintf("has %d MB; a runbook may have at most %d MB. Split it, or leave it out of the folder", (size+(1<<20)-1)>>20, maxFile>>20)
}

// reason is an error without the path, which stands before it anyway.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if strings.Contains(err.Error(), "escapes") { // os.Root has no error value for it
		return "it is a link that leads out of the folder"
	}
	return err.Error()
}

func lineAt(body []byte, at int) int { return 1 + bytes.Count(body[:at], []byte("\n")) }

func badAt(body []byte) int {
	at := 0
	for at < len(body) {
		r, size := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return 0
}
