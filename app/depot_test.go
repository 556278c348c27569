package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSweepOfHalfMadeCopies: what a crash left in the middle of a copy goes, once it is certain that
// nobody works on it; everything else stays.
func TestSweepOfHalfMadeCopies(t *testing.T) {
	c, dir := &handClock{now: time.Now()}, t.TempDir()
	files := map[string]time.Duration{ // age of each
		".backup-1111/state.db":         2 * time.Hour,
		".backup-1111/state.db-journal": 2 * time.Hour,
		".backup-2222/state.db":         time.Minute, // somebody makes a backup by hand
		".backup-3333/holiday.jpg":      2 * time.Hour,
		"backup-4444/state.db":          2 * time.Hour,
	}
	for name, age := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("half"), 0o600)); err != nil {
			t.Fatal(err)
		}
		at := c.now.Add(-age)
		if err := errors.Join(os.Chtimes(file, at, at), os.Chtimes(filepath.Dir(file), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return !errors.Is(err, fs.ErrNotExist)
	}
	k := copying(t, c, dir)
	k.round(t.Context())
	if there(".backup-1111") {
		t.Error("what a crash left is still there")
	}
	for _, name := range []string{".backup-2222/state.db", ".backup-3333/holiday.jpg", "backup-4444/state.db"} {
		if !there(name) {
			t.Errorf("%s is gone", name)
		}
	}
	c.now = c.now.Add(2 * time.Hour)
	k.round(t.Context())
	if there(".backup-2222") {
		t.Error("what was left by hand is still there two hours later")
	}
	if k.counted(t, "ok") != 2 || k.counted(t, "failed") != 0 {
		t.Errorf("%v copies made, %v failed", k.counted(t, "ok"), k.counted(t, "failed"))
	}
}
