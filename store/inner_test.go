package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault10LostAnswerPostgres: when the answer to a commit is lost, the journal tells whether it arrived.
func TestFault10LostAnswerPostgres(t *testing.T) {
	ctx := t.Context()
	s := open(t, store.Options{Dir: t.TempDir(), URL: storetest.Postgres(t), Clock: clock()})
	rows(t, s, 3)
	var head journal.Head
	var last dr.Row
	err := s.Read(ctx, func(r *store.Reader) (err error) {
		if head, err = r.Head(ctx); err == nil {
			last, err = r.Row(ctx, head.Size-1)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !store.Arrived(ctx, s, last, head) {
		t.Error("a row that is there was not found")
	}
	other := last
	other.Actor = "somebody else"
	if store.Arrived(ctx, s, other, head) {
		t.Error("another row at its place was taken for it")
	}
	head.Size++
	if store.Arrived(ctx, s, last, head) {
		t.Error("a row that is not there was found")
	}
	rows(t, s, 1)
}

// TestFailedDisk: after a commit nobody can vouch for, nothing more is written until a restart.
func TestFailedDisk(t *testing.T) {
	s := open(t, store.Options{Dir: t.TempDir(), Clock: clock()})
	rows(t, s, 1)
	store.Fail(s, errors.New("input/output error"))
	var e *dr.Error
	if err := s.Write(t.Context(), func(*store.Tx) error { return nil }); !errors.As(err, &e) || e.ID != "store_broken" {
		t.Errorf("writing: %v", err)
	}
	if err := s.Ping(t.Context()); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("ready: %v", err)
	}
	if got := headOf(t, s); got != 2 {
		t.Errorf("reading: %d rows", got)
	}
}

func TestFault14PragmasAreReadBack(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "x.db")) // the driver's own defaults
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, value := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		err := store.CheckPragmas(t.Context(), db, map[string]string{name: value})
		refusedWith(t, err, dr.Unavailable)
	}
}

// TestSchemaVersion: the version the program knows is that of its newest migration, for each database.
func TestSchemaVersion(t *testing.T) {
	files, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, f := range files {
		newest = max(newest, f.Name()[:5])
	}
	if want := fmt.Sprintf("%05d", store.SchemaVersion); newest != want {
		t.Errorf("the newest migration is %s, the program knows %s", newest, want)
	}
}

// TestBrokenLinesAreExplained: a database that was killed a moment ago is down, however its line ended; a question that
// somebody no longer waits for is no fault of it.
func TestBrokenLinesAreExplained(t *testing.T) {
	for _, err := range []error{io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn, unix.EPIPE, unix.ECONNRESET, unix.ECONNREFUSED} {
		if got := store.Explain(fmt.Errorf("reading runs: %w", err)); dr.KindOf(got) != dr.Unavailable || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
	for _, err := range []error{context.Canceled, io.EOF, sql.ErrNoRows} {
		if got := store.Explain(err); dr.KindOf(got) == dr.Unavailable {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestUploadDroppedAfterAll: evidence whose commit nobody heard of is kept, and not robbed of its content by who
// believes that it was not.
func TestUploadDroppedAfterAll(t *testing.T) {
	for name, url := range map[string]string{"SQLite": "", "PostgreSQL": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			s := open(t, store.Options{Dir: t.TempDir(), URL: url, Clock: clock()})
			body := []byte("what the step said")
			b, err := store.DropAfterAll(t.Context(), s, body)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.PutBlob(t.Context(), "output", "text/plain", "out", bytes.NewReader(body))
			if err != nil || again.Digest != b.Digest {
				t.Fatalf("%+v, %v", again, err)
			}
			_, content, err := s.OpenBlob(t.Context(), b.Digest)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(content); err != nil || string(got) != string(body) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
