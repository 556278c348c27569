package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func TestNewerVersionIsRefused(t *testing.T) {
	dir := stateOf(t, 3)
	edit(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	refusal(t, store.Options{Dir: dir}, dr.Unavailable, "written by a newer Switchman", "start the newer Switchman")
	refusal(t, store.Options{Dir: dir, ReadOnly: true}, dr.Unavailable, "written by a newer Switchman", "start the newer Switchman")
}

func TestDamagedFileIsRefused(t *testing.T) {
	dir := stateOf(t, 200)
	f, err := os.OpenFile(filepath.Join(dir, "state.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(8192); at < info.Size(); at += 4096 {
		if _, err := f.WriteAt([]byte("garbage garbage garbage"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "damaged", "restore the newest verified backup")
}

func TestLogKey(t *testing.T) {
	dir := stateOf(t, 3)
	key := filepath.Join(dir, "log.key")
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("log.key: %v, %v", info, err)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unavailable, "may be read by others", "chmod 600")
	other, err := os.ReadFile(filepath.Join(stateOf(t, 0), "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(key, other, 0o600), os.Chmod(key, 0o600)); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "does not belong to this journal", "put back the log.key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "log.key is missing", "put log.key into")
	s := open(t, store.Options{Dir: dir, Clock: clock(), AcceptRollback: "the key was on the disk that died"})
	v, err := s.Verify(t.Context())
	if err != nil || len(v.Keys) != 2 || v.Rows != 6 {
		t.Errorf("with a new key: %+v, %v", v, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, store.Options{Dir: dir, Clock: clock()})
}

func TestRotationSurvivesACrash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	old, err := os.ReadFile(filepath.Join(dir, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := s.RotateKey(t.Context(), dr.Actor{Person: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Between commit and rename: the journal names the new key, which still has its other name.
	if err := errors.Join(os.Rename(filepath.Join(dir, "log.key"), filepath.Join(dir, "log.key.next")),
		os.WriteFile(filepath.Join(dir, "log.key"), old, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = open(t, store.Options{Dir: dir, Clock: clock()})
	if s.PublicKey() != public {
		t.Errorf("signs with %s, want %s", s.PublicKey(), public)
	}
}

func TestFault14SecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 1)
	refusal(t, store.Options{Dir: dir}, dr.Conflict, "another Switchman (process "+strconv.Itoa(os.Getpid())+")", "--state")
	r := open(t, store.Options{Dir: dir, ReadOnly: true}) // looking is allowed
	err := r.Read(t.Context(), func(r *store.Reader) error { _, err := r.Row(t.Context(), 1); return err })
	if err != nil {
		t.Error(err)
	}
	if err := r.Write(t.Context(), func(*store.Tx) error { return nil }); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("writing through a reader: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	refusal(t, store.Options{Dir: t.TempDir(), ReadOnly: true}, dr.NotFound, "there is no Switchman state", "start the server once")
	refusal(t, store.Options{Dir: stateOf(t, 0), Organisation: "other-bank"}, dr.Conflict, `belongs to the organisation "harbor-bank"`, "--state")
	refusal(t, store.Options{Dir: ""}, dr.Usage, "no state directory", "SWITCHMAN_STATE_DIR")
	refusal(t, store.Options{Dir: t.TempDir(), URL: "postgres://%zz"}, dr.Usage, "cannot be read", "postgres://")
	refusal(t, store.Options{Dir: t.TempDir(), URL: "postgres://switchman@127.0.0.1:1/x?connect_timeout=2"}, dr.Unavailable, "does not answer", "PostgreSQL")
	dir := stateOf(t, 0)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"state.db", "state.db.lock", "journal.head"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
