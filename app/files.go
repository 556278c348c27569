package app

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

// lookAgain is how long a reading of the files is taken as it is before they are looked at again.
const lookAgain = time.Second

// Files keeps the newest reading of the organisation's files. It looks at most once a second, reads
// again when anything changed, and is safe for concurrent use.
type Files struct {
	dir     string // empty: the embedded sample
	specs   []dr.ActionSpec
	version string
	clock   dr.Clock

	mu       sync.Mutex
	catalog  *catalog.Catalog
	problems []catalog.Problem
	seen     string
	looked   time.Time
}

func newFiles(dir string, specs []dr.ActionSpec, version string, clock dr.Clock) *Files {
	return &Files{dir: dir, specs: specs, version: version, clock: clock}
}

// Catalog answers the files as they are now. Files with mistakes are an error: nothing starts on
// half an organisation.
func (f *Files) Catalog() (*catalog.Catalog, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	if f.catalog == nil || now.Sub(f.looked) >= lookAgain || now.Before(f.looked) {
		if seen := f.look(); f.catalog == nil || seen != f.seen {
			f.seen = seen
			f.read(now)
		}
		f.looked = now
	}
	if n := catalog.Errors(f.problems); n > 0 {
		first := slices.IndexFunc(f.problems, func(p catalog.Problem) bool { return p.Severity == catalog.Error })
		return f.catalog, dr.Errorf(dr.Invalid, "the organisation's files have %d mistakes; the first at %s: %s", n, f.problems[first].Where(),
			f.problems[first].Text).WithHint("run `switchman check %s` and mend what it lists", f.dir)
	}
	return f.catalog, nil
}

// Problems are the mistakes and warnings of the files as they are now.
func (f *Files) Problems() []catalog.Problem {
	_, _ = f.Catalog() // looks again where it is time; what it says is among the problems
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.problems)
}

func (f *Files) read(now time.Time) {
	if f.dir == "" {
		f.catalog, f.problems = catalog.Load(data.FS(), f.specs, f.version, now)
		return
	}
	f.catalog, f.problems = catalog.LoadDir(f.dir, f.specs, f.version, now)
}

// look is a fingerprint of names, sizes and times; the embedded sample never changes.
func (f *Files) look() string {
	if f.dir == "" {
		return "embedded"
	}
	return dr.Digest([]byte(lookOf(f.dir)))
}

// lookOf is names, sizes and times of a folder's files.
func lookOf(dir string) string {
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.Type().IsRegular() {
			fmt.Fprintf(&all, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		all.WriteString(err.Error())
	}
	return all.String()
}
