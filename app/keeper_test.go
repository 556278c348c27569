package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// handClock stands still until it is moved.
type handClock struct{ now time.Time }

func (c *handClock) clock() dr.Clock {
	return dr.Clock{Now: func() time.Time { return c.now }, After: func(time.Duration) <-chan time.Time { return nil }}
}

// copier is a keeper with its meters at hand.
type copier struct {
	*keeper
	meters *prometheus.Registry
}

// copying is a keeper of an empty store that copies to dir once an hour.
func copying(t *testing.T, c *handClock, dir string) copier {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: c.clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	reg := prometheus.NewRegistry()
	return copier{newKeeper(s, &config.Config{BackupPath: dir, BackupEvery: time.Hour}, "tiny-bank", "here", c.clock(), slog.New(slog.DiscardHandler), reg), reg}
}

// counted reads the counter of copies that ended so, or with no result the time of the newest.
func (c copier) counted(t *testing.T, result string) float64 {
	t.Helper()
	families, err := c.meters.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case result == "" && f.GetName() == "switchman_backup_newest_seconds":
				return m.GetGauge().GetValue()
			case f.GetName() == "switchman_backups_total" && m.GetLabel()[0].GetValue() == result:
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// copies are the names of the copies in a directory.
func copies(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "tiny-bank-*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func TestCopiesAreMadeOnTime(t *testing.T) {
	c, dir := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}, t.TempDir()
	for _, name := range []string{"tiny-bank-notes.db", "tiny-bank-20200101T000000Z.db.txt", "other-bank-20200101T000000Z.db"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := copying(t, c, dir)
	k.round(t.Context())
	k.round(t.Context())
	c.now = c.now.Add(59 * time.Minute)
	k.round(t.Context())
	if k.counted(t, "ok") != 1 {
		t.Fatalf("%v copies within the first hour", k.counted(t, "ok"))
	}
	// Another start within the hour makes none either.
	again := copying(t, c, dir)
	again.round(t.Context())
	if again.counted(t, "ok") != 0 || again.counted(t, "") == 0 {
		t.Error("a restart has forgotten the copy")
	}
	for range 9 {
		c.now = c.now.Add(time.Hour)
		k.round(t.Context())
	}
	got := copies(t, dir)
	got = slices.DeleteFunc(got, func(s string) bool { return s == "tiny-bank-notes.db" })
	if len(got) != keepCopies || got[0] != "tiny-bank-20261103T055900Z.db" || got[6] != "tiny-bank-20261103T115900Z.db" {
		t.Errorf("kept %v", got)
	}
	for _, name := range got {
		v, err := store.Restore(t.Context(), filepath.Join(dir, name), t.TempDir(), store.RestoreOptions{Clock: c.clock()})
		if err != nil || v.Rows == 0 {
			t.Errorf("restoring %s: %v", name, err)
		}
	}
	heads, _ := filepath.Glob(filepath.Join(dir, "*"+store.HeadSuffix))
	if len(heads) != keepCopies {
		t.Errorf("%d checkpoints beside %d copies", len(heads), keepCopies)
	}
	for _, name := range []string{"tiny-bank-notes.db", "tiny-bank-20200101T000000Z.db.txt", "other-bank-20200101T000000Z.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("somebody else's file is gone: %v", err)
		}
	}
}

func TestCopyThatFailsIsTriedAgain(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	dir := filepath.Join(t.TempDir(), "not-mounted")
	k := copying(t, c, dir)
	var said strings.Builder
	k.log = slog.New(slog.NewTextHandler(&said, nil))
	k.round(t.Context())
	if k.counted(t, "failed") != 1 || !strings.Contains(said.String(), "level=ERROR") || !strings.Contains(said.String(), "not-mounted") {
		t.Errorf("%v failures, said %s", k.counted(t, "failed"), said.String())
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the directory was made, and hides that something is not mounted")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(keeperRetry)
	k.round(t.Context())
	if k.counted(t, "ok") != 1 || len(copies(t, dir)) != 1 {
		t.Error("no copy was made although one could be")
	}
}

// TestCopyAfterTheClockWentBack: a copy that carries a moment of the future holds nobody up and is
// not taken for the newest.
func TestCopyAfterTheClockWentBack(t *testing.T) {
	c, dir := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}, t.TempDir()
	k := copying(t, c, dir)
	k.round(t.Context())
	c.now = c.now.Add(-48 * time.Hour)
	k.round(t.Context())
	k.round(t.Context())
	if k.counted(t, "ok") != 2 || k.counted(t, "failed") != 0 {
		t.Errorf("%v copies, %v failed", k.counted(t, "ok"), k.counted(t, "failed"))
	}
}
