package store_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

func clock() dr.Clock { return dr.Clock{Now: time.Now, After: time.After} }

// rows adds n rows in n transactions.
func rows(t testing.TB, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			tx.Journal(dr.Row{Run: "r" + strconv.Itoa(i%3), Kind: dr.RowNotice, Data: json.RawMessage(`{"id":"f` + strconv.Itoa(i) + `","text":"x"}`)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// stateOf is a state directory with n rows more than the first, closed in order.
func stateOf(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit changes the database behind Switchman's back, triggers off.
func edit(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	drop := []string{}
	for _, name := range []string{"journal_no_update", "journal_no_delete", "journal_head_no_delete", "journal_head_grows"} {
		drop = append(drop, "DROP TRIGGER "+name)
	}
	for _, q := range append(drop, statements...) {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyDir copies a state directory file by file, as a person with cp would.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "log.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// refusal opens a state that must be refused, with words that say what was found and what to do.
func refusal(t *testing.T, o store.Options, kind dr.ErrKind, says, hints string) {
	t.Helper()
	if o.Clock.Now == nil {
		o.Clock = clock()
	}
	_, err := tryOpen(t, o)
	var e *dr.Error
	if !errors.As(err, &e) {
		t.Fatalf("opened, or refused without a sentence: %v", err)
	}
	if e.Kind != kind || !strings.Contains(e.Message, says) || !strings.Contains(e.Hint, hints) {
		t.Errorf("refused with %s %q, hint %q; want %s, %q and %q", e.Kind, e.Message, e.Hint, kind, says, hints)
	}
}

func TestFault15EditedDatabaseIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ do, says string }{
		"a byte of a row":       {"UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'f7', 'f8') AS BLOB) WHERE seq = 8", "row 8"},
		"a row rewritten":       {`UPDATE journal SET body = CAST('{"seq":8,"at":"2026-11-03T02:00:00.000Z","kind":"finding","data":{}}' AS BLOB) WHERE seq = 8`, "row 8"},
		"a column beside a row": {"UPDATE journal SET run_id = 'r9' WHERE seq = 8", "row 8"},
		"a row deleted":         {"DELETE FROM journal WHERE seq = 8", "row 8"},
		"the last row deleted":  {"DELETE FROM journal WHERE seq = 20", "its head says 21"},
		"the first row deleted": {"DELETE FROM journal WHERE seq = 0", "first row"},
		"a row added":           {"INSERT INTO journal SELECT 21, run_id, kind, made_at, body, hashes FROM journal WHERE seq = 20", "its head says 21"},
		"rows swapped":          {"UPDATE journal SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE seq IN (5, 6); UPDATE journal SET seq = -seq WHERE seq < 0", "row 5"},
		"a hash":                {"UPDATE journal SET hashes = zeroblob(32) WHERE seq = 4", "row 4"},
		"a hash cut off":        {"UPDATE journal SET hashes = substr(hashes, 1, 32) WHERE seq = 3", "row 3"},
		"the head's size":       {"UPDATE journal_head SET size = 20", "damaged"},
		"the head's note":       {"UPDATE journal_head SET note = CAST(replace(CAST(note AS TEXT), '21', '20') AS BLOB)", "checkpoint"},
		"the right edge":        {"UPDATE journal_head SET frontier = zeroblob(length(frontier))", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stateOf(t, 20)
			edit(t, dir, strings.Split(c.do, ";")...)
			refusal(t, store.Options{Dir: dir}, dr.Unverified, c.says, "restore the newest verified backup")
			refusal(t, store.Options{Dir: dir, ReadOnly: true}, dr.Unverified, c.says, "restore the newest verified backup")
		})
	}
}

// TestOldRowsAreVerified: what lies before the rows a start looks at is found by Verify.
func TestOldRowsAreVerified(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	for range 10 {
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			for range 500 {
				tx.Journal(dr.Row{Kind: dr.RowNotice})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, "UPDATE journal SET kind = 'vote' WHERE seq = 100")
	s = open(t, store.Options{Dir: dir, Clock: clock()})
	_, err := s.Verify(t.Context())
	var p *journal.Problem
	if dr.KindOf(err) != dr.Unverified || !errors.As(err, &p) || p.Seq != 100 {
		t.Errorf("verified to %v", err)
	}
}

func TestTriggersRefuse(t *testing.T) {
	dir := stateOf(t, 3)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range guarded() {
		if _, err := db.Exec(q); err == nil || !strings.Contains(err.Error(), "never") && !strings.Contains(err.Error(), "keeps") {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// guarded are statements both databases must refuse.
func guarded() []string {
	return []string{
		"UPDATE journal SET kind = 'x'", "DELETE FROM journal WHERE seq = 2", "DELETE FROM journal",
		"DELETE FROM journal_head", "UPDATE journal_head SET size = 1",
	}
}

func TestFault12DeletedLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 20)
	killed := copyDir(t, dir) // what kill -9 leaves: the newest commits are in the write-ahead log alone
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := copyDir(t, killed)
	if s, err := tryOpen(t, store.Options{Dir: whole, Clock: clock()}); err != nil {
		t.Fatalf("with its log: %v", err)
	} else if v, err := s.Verify(t.Context()); err != nil || v.Rows != 21 {
		t.Fatalf("with its log: %+v, %v", v, err)
	}
	for _, name := range []string{"state.db-wal", "state.db-shm"} {
		if err := os.Remove(filepath.Join(killed, name)); err != nil {
			t.Fatal(err)
		}
	}
	refusal(t, store.Options{Dir: killed}, dr.Unverified, "journal.head says that 21 journal rows were written", "state.db-wal")
}

func TestFault15OldCopyIsRefused(t *testing.T) {
	dir := stateOf(t, 20)
	old := copyDir(t, dir)
	s := open(t, store.Options{Dir: dir, Clock: clock()})
	rows(t, s, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	put := func(name string) {
		b, err := os.ReadFile(filepath.Join(old, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("state.db")
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "the database holds 21 journal rows, but journal.head says that 26 journal rows were written", "restore")
	refusal(t, store.Options{Dir: dir, ReadOnly: true}, dr.Unverified, "21 journal rows", "restore")

	s = open(t, store.Options{Dir: dir, Clock: clock(), AcceptRollback: "the disk died, this is the copy of last night"})
	var last dr.Row
	err := s.Read(t.Context(), func(r *store.Reader) (err error) {
		last, err = r.Row(t.Context(), 21)
		return err
	})
	var data dr.RollbackData
	if err := errors.Join(err, journal.DecodeData(last, &data)); err != nil {
		t.Fatal(err)
	}
	if last.Kind != dr.RowRollback || data.Found != 21 || data.Had != 26 || !strings.HasPrefix(data.Reason, "the disk died") {
		t.Errorf("the journal says %s %s", last.Kind, last.Data)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, store.Options{Dir: dir, Clock: clock()}) // and from here on it is an ordinary state
}

func TestDatabaseGone(t *testing.T) {
	dir := stateOf(t, 3)
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "holds 0 journal rows", "restore")
	if _, err := os.Stat(filepath.Join(dir, "state.db")); err == nil {
		t.Error("a new database was made in place of the missing one")
	}
}

func TestAnotherStoryIsRefused(t *testing.T) {
	dir, other := stateOf(t, 20), stateOf(t, 30)
	b, err := os.ReadFile(filepath.Join(other, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: dir}, dr.Unverified, "tell different stories", "pair that belongs together")
}

func TestHeadFile(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"missing": {nil, "journal.head is missing"}, "nonsense": {[]byte("hello"), "journal.head is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stateOf(t, 3)
			head := filepath.Join(dir, "journal.head")
			if err := os.Remove(head); err != nil {
				t.Fatal(err)
			}
			if c.content != nil {
				if err := os.WriteFile(head, c.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			refusal(t, store.Options{Dir: dir}, dr.Unverified, c.says, "restore")
			s := open(t, store.Options{Dir: dir, Clock: clock(), AcceptRollback: "looked at it"})
			if v, err := s.Verify(t.Context()); err != nil || v.Rows != 5 {
				t.Errorf("accepted, it has %d rows, %v", v.Rows, err)
			}
		})
	}
	t.Run("blank after a power cut", func(t *testing.T) {
		dir := stateOf(t, 3)
		if err := os.WriteFile(filepath.Join(dir, "journal.head"), make([]byte, 200), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, store.Options{Dir: dir, Clock: clock()})
	})
	t.Run("behind after a crash", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, store.Options{Dir: dir, Clock: clock()})
		rows(t, s, 7)
		old, err := os.ReadFile(filepath.Join(dir, "journal.head"))
		if err != nil {
			t.Fatal(err)
		}
		rows(t, s, 2)
		if err := errors.Join(s.Close(), os.WriteFile(filepath.Join(dir, "journal.head"), old, 0o600)); err != nil {
			t.Fatal(err)
		}
		open(t, store.Options{Dir: dir, Clock: clock()})
		now, err := os.ReadFile(filepath.Join(dir, "journal.head"))
		if err != nil || string(now) == string(old) {
			t.Errorf("journal.head did not catch up: %v", err)
		}
	})
}
