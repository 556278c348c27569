package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// refusedWith wants a sentence of a kind with a hint.
func refusedWith(t *testing.T, err error, kind dr.ErrKind) {
	t.Helper()
	var e *dr.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Hint == "" {
		t.Errorf("got %v, want a %s error that says what to do", err, kind)
	}
}

func size(t *testing.T, s *store.Store) int64 {
	t.Helper()
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v.Rows
}

func TestBackupAndRestore(t *testing.T) {
	ctx, dir, out := t.Context(), t.TempDir(), t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 20)
	evidence := bytes.Repeat([]byte("evidence"), 20000)
	if _, err := s.PutBlob(ctx, "output", "text/plain", "out", bytes.NewReader(evidence)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(out, "it's a backup.db")
	v, err := s.Backup(ctx, file)
	if err != nil || v.Rows != 21 || v.Blobs != 1 {
		t.Fatalf("backup: %+v, %v", v, err)
	}
	_, err = s.Backup(ctx, file)
	refusedWith(t, err, dr.Conflict)
	_, err = s.Backup(ctx, filepath.Join(out, "no", "such", "place"))
	refusedWith(t, err, dr.Unavailable)
	if left, err := os.ReadDir(out); err != nil || len(left) != 2 {
		t.Errorf("beside the backup lies %v, %v", left, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup may be read by others: %v, %v", info, err)
	}

	// Into an empty directory: sound, and asking for the key.
	fresh := filepath.Join(t.TempDir(), "state")
	if v, err := store.Restore(ctx, file, fresh, store.RestoreOptions{}); err != nil || v.Rows != 21 {
		t.Fatalf("restore: %+v, %v", v, err)
	}
	refusal(t, store.Options{Dir: fresh}, dr.Unverified, "log.key is missing", "backups do not hold it")
	key, err := os.ReadFile(filepath.Join(dir, "log.key"))
	if err := errors.Join(err, os.WriteFile(filepath.Join(fresh, "log.key"), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	r := open(t, store.Options{Dir: fresh, Clock: clock()})
	rows(t, r, 1)
	if got := size(t, r); got != 22 {
		t.Errorf("the restored state has %d rows", got)
	}

	// Over a running server, over a newer state, and over a newer state with a reason.
	rows(t, s, 5)
	_, err = store.Restore(ctx, file, dir, store.RestoreOptions{})
	refusedWith(t, err, dr.Conflict)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Restore(ctx, file, dir, store.RestoreOptions{})
	refusedWith(t, err, dr.Conflict)
	s = open(t, store.Options{Dir: dir, Clock: clock()})
	if got := size(t, s); got != 26 {
		t.Errorf("a refused restore left %d rows", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = store.Restore(ctx, file, dir, store.RestoreOptions{Replace: "the newer state is wrong", Clock: clock()}); err != nil {
		t.Fatal(err)
	}
	s = open(t, store.Options{Dir: dir, Clock: clock()})
	if got := size(t, s); got != 22 {
		t.Errorf("after a restore with a reason there are %d rows, want 21 and the one that tells", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "replaced-1", "state.db")); err != nil {
		t.Errorf("the state given up was not set aside: %v", err)
	}
}

// TestRestoreOverAnOlderState needs no reason: the backup continues it.
func TestRestoreOverAnOlderState(t *testing.T) {
	ctx, dir := t.Context(), stateOf(t, 5)
	old := copyDir(t, dir)
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 5)
	file := filepath.Join(t.TempDir(), "b")
	if _, err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(ctx, file, old, store.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := size(t, open(t, store.Options{Dir: old, Clock: clock()})); got != 11 {
		t.Errorf("restored %d rows", got)
	}
	_, err := store.Restore(ctx, file, stateOf(t, 2), store.RestoreOptions{})
	refusedWith(t, err, dr.Conflict) // another installation's state
}

func TestRestoreRefusesBadBackups(t *testing.T) {
	ctx, dir := t.Context(), stateOf(t, 20)
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	out := t.TempDir()
	first, second := filepath.Join(out, "1"), filepath.Join(out, "2")
	if _, err := s.Backup(ctx, first); err != nil {
		t.Fatal(err)
	}
	rows(t, s, 1)
	if _, err := s.Backup(ctx, second); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(content, []byte(`{"id":"f7"`), []byte(`{"id":"f8"`)) // pages keep old copies; all of them
	if bytes.Equal(changed, content) {
		t.Fatal("row f7 is not in the backup")
	}
	edited, cut := filepath.Join(out, "edited"), filepath.Join(out, "cut")
	if err := errors.Join(os.WriteFile(edited, changed, 0o600), os.WriteFile(cut, content[:len(content)/2], 0o600),
		os.Rename(first, second)); err != nil { // the first backup beside the second's checkpoint
		t.Fatal(err)
	}
	for _, bad := range []string{edited, cut, second} {
		target := t.TempDir()
		_, err := store.Restore(ctx, bad, target, store.RestoreOptions{})
		refusedWith(t, err, dr.Unverified)
		if left, _ := filepath.Glob(filepath.Join(target, "*")); len(left) != 1 { // the lock file
			t.Errorf("%s: a refused restore left %v", bad, left)
		}
	}
	_, err = store.Restore(ctx, filepath.Join(out, "nothing"), t.TempDir(), store.RestoreOptions{})
	refusedWith(t, err, dr.NotFound)
}

func TestPostgresMakesItsOwnBackups(t *testing.T) {
	s := open(t, store.Options{Dir: t.TempDir(), URL: storetest.Postgres(t), Clock: clock()})
	_, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "b"))
	refusedWith(t, err, dr.Unavailable)
}
