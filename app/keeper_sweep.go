package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// leftAfter is how long nothing may have been written to a copy in the making before it counts as
	// left behind: a backup somebody makes by hand into the same directory is not ours to break.
	leftAfter  = time.Hour
	copyInWork = ".backup-"
	copiedFile = "state.db" // and what SQLite puts beside it
)

// sweep removes what a crash left in the middle of a copy. It can be as large as the store, and would
// otherwise fill the disk that copies are for, one crash after the other.
func (k *keeper) sweep() error {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return fmt.Errorf("looking for copies left half-made: %w", err)
	}
	var errs []error
	for _, e := range entries {
		dir := filepath.Join(k.dir, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), copyInWork) || !k.left(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			errs = append(errs, fmt.Errorf("removing a copy left half-made: %w", err))
			continue
		}
		k.log.Info("a copy that a crash left half-made was removed", "dir", dir)
	}
	return errors.Join(errs...)
}

// left reports whether a directory holds nothing but a copy in the making, and an old one.
func (k *keeper) left(dir string) bool {
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
	return k.clock.Now().Sub(newest) >= leftAfter
}
