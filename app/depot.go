package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	copyStamp  = "20060102T150405Z"
	copySuffix = ".db"
	// leftAfter is how long nothing may have been written to a copy in the making before it counts as
	// left behind: a backup somebody makes by hand into the same directory is not ours to break.
	leftAfter  = time.Hour
	copyInWork = ".backup-"
	copiedFile = "state.db" // and what SQLite puts beside it
)

// depot is a directory of copies of the store, each under the time it was made.
type depot struct {
	clock   dr.Clock
	log     *slog.Logger
	dir     string
	prefix  string // of copies' names
	setting string // names the directory
}

func newDepot(dir, setting, organisation string, clock dr.Clock, log *slog.Logger) depot {
	return depot{clock: clock, log: log, dir: dir, prefix: organisation + "-", setting: setting}
}

func (s *depot) file(at time.Time) string {
	return filepath.Join(s.dir, s.prefix+at.Format(copyStamp)+copySuffix)
}

// made lists when the copies that are there were made, oldest first. Other files are left alone.
func (s *depot) made() ([]time.Time, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, dr.Errorf(dr.Unavailable, "looking at the copies: %w", err).
			WithHint("make %s, or mount what belongs there; %s names it", s.dir, s.setting)
	}
	var made []time.Time
	for _, e := range entries {
		name, ours := strings.CutPrefix(e.Name(), s.prefix)
		name, whole := strings.CutSuffix(name, copySuffix)
		if at, err := time.Parse(copyStamp, name); err == nil && ours && whole && e.Type().IsRegular() {
			made = append(made, at)
		}
	}
	slices.SortFunc(made, time.Time.Compare)
	return made, nil
}

// prune removes all but the newest copies, each with the checkpoint beside it.
func (s *depot) prune(made []time.Time, stay int) error {
	for _, at := range made[:max(0, len(made)-stay)] {
		err := os.Remove(s.file(at))
		if head := os.Remove(s.file(at) + store.HeadSuffix); !errors.Is(head, os.ErrNotExist) {
			err = errors.Join(err, head)
		}
		if err != nil {
			return fmt.Errorf("removing an old copy: %w", err)
		}
	}
	return nil
}

// sweep removes what a crash left in the middle of a copy. It can be as large as the store, and would
// otherwise fill the disk that copies are for, one crash after the other.
func (s *depot) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("looking for copies left half-made: %w", err)
	}
	var errs []error
	for _, e := range entries {
		dir := filepath.Join(s.dir, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), copyInWork) || !s.left(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			errs = append(errs, fmt.Errorf("removing a copy left half-made: %w", err))
			continue
		}
		s.log.Info("a copy that a crash left half-made was removed", "dir", dir)
	}
	return errors.Join(errs...)
}

// left reports whether a directory holds nothing but a copy in the making, and an old one.
func (s *depot) left(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false // gone meanwhile, or not ours to read
	}
	self, err := os.Stat(dir)
	if err != nil {
		return false
	}
	newest := self.ModTime()
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(e.Name(), copiedFile) {
			return false
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return s.clock.Now().Sub(newest) >= leftAfter
}
