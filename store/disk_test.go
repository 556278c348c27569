//go:build linux

package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// smallDisk mounts a tmpfs of a few MiB for a state directory.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m,mode=0700"); err != nil {
		t.Fatalf("this test fills a small disk of its own and must mount a tmpfs for it, which needs root (CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill leaves no byte free, and gives what frees it again.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := 1 << 20; chunk > 0; {
		if _, err := f.Write(make([]byte, chunk)); err != nil {
			chunk /= 2
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFault12DiskFull fills the disk before an intent, before an outcome and before a row. Each is refused
// with a sentence, leaves nothing half-written, and works when there is space again, without a restart.
func TestFault12DiskFull(t *testing.T) {
	dir := smallDisk(t)
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	ctx := t.Context()
	insertRun(t, s, "r1")
	a := dr.Attempt{Run: "r1", Step: "a", N: 1, Token: "t1", Purpose: "do", Intent: clock().Time()}
	ok := a
	ok.State, ok.Outcome = dr.StepOK, clock().Time()
	row := dr.Row{Run: "r1", Kind: dr.RowIntent, Data: []byte(`{"text":"` + string(bytes.Repeat([]byte("x"), 100<<10)) + `"}`)}
	for _, c := range []struct {
		name  string
		do    func(tx *store.Tx) error
		state dr.StepState // of the step while the disk is full
	}{
		{"intent", func(tx *store.Tx) error { tx.Journal(row); return tx.Intent(ctx, a) }, dr.StepReady},
		{"outcome", func(tx *store.Tx) error { tx.Journal(row); return tx.Outcome(ctx, ok, dr.StepOK) }, dr.StepIntent},
		{"row", func(tx *store.Tx) error { tx.Journal(row); return nil }, dr.StepOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := headOf(t, s)
			free := fill(t, dir)
			for range 3 {
				err := s.Write(ctx, c.do)
				var e *dr.Error
				if !errors.As(err, &e) || e.Kind != dr.Unavailable || e.ID != "disk_full" {
					t.Fatalf("on a full disk: %v", err)
				}
			}
			err := s.Read(ctx, func(r *store.Reader) error {
				step, err := r.Step(ctx, "r1", "a")
				if step.State != c.state {
					t.Errorf("the step is %s, want %s", step.State, c.state)
				}
				return err
			})
			if err != nil || headOf(t, s) != before {
				t.Errorf("something was half-written: %d rows before, %d now, %v", before, headOf(t, s), err)
			}
			free()
			if err := s.Write(ctx, c.do); err != nil {
				t.Fatalf("with space again: %v", err)
			}
			if got := size(t, s); got != before+1 {
				t.Errorf("%d rows, want %d", got, before+1)
			}
		})
	}
	t.Run("evidence", func(t *testing.T) {
		free := fill(t, dir)
		evidence := make([]byte, 1<<20)
		_, err := s.PutBlob(ctx, "output", "text/plain", "big", bytes.NewReader(evidence))
		var e *dr.Error
		if !errors.As(err, &e) || e.ID != "disk_full" {
			t.Fatalf("evidence on a full disk: %v", err)
		}
		free()
		if _, err := s.PutBlob(ctx, "output", "text/plain", "big", bytes.NewReader(evidence)); err != nil {
			t.Fatalf("with space again: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		size(t, open(t, store.Options{Dir: dir, Clock: clock()}))
	})
}

func headOf(t *testing.T, s *store.Store) (n int64) {
	t.Helper()
	err := s.Read(t.Context(), func(r *store.Reader) error {
		h, err := r.Head(t.Context())
		n = h.Size
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFault12ReadOnlyDirectory: a state directory that became read-only is refused at start with a reason.
func TestFault12ReadOnlyDirectory(t *testing.T) {
	dir := smallDisk(t)
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "size=6m"); err != nil {
		t.Fatalf("this test needs root to remount its disk read-only: %v", err)
	}
	if _, err := tryOpen(t, store.Options{Dir: dir, Clock: clock()}); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("opened on a read-only disk: %v", err)
	}
}
