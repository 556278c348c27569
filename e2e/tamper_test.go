package e2e

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // driver "sqlite3"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// behind runs statements on the database of a stopped app, as somebody would who has its file: with
// the triggers that protect the journal out of the way.
func behind(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "state", "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range []string{"journal_no_update", "journal_no_delete", "journal_head_no_delete", "journal_head_grows"} {
		statements = append([]string{"DROP TRIGGER " + trigger}, statements...)
	}
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// waitingForOne is a stopped app whose run has one of two approvals.
func waitingForOne(t *testing.T) (s *scene, run string) {
	t.Helper()
	s = newScene(t, nil)
	v, err := s.app.Engine.Request(t.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "drill"})
	if err != nil {
		t.Fatal(err)
	}
	v = await(t, s.app, v.ID, dr.AwaitingApproval)
	s.do("bob", v.ID, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	s.stop()
	return s, v.ID
}

func (s *scene) stop() {
	s.Helper()
	if err := s.app.Stop(context.Background()); err != nil {
		s.Fatal(err)
	}
}

// move puts something in place of a file or directory of the state.
func (s *scene) move(from, to string) {
	s.Helper()
	to = filepath.Join(s.dir, "state", to)
	if err := errors.Join(os.RemoveAll(to), os.Rename(filepath.Join(s.dir, from), to)); err != nil {
		s.Fatal(err)
	}
}

// copyState keeps the database as it is now under another name.
func (s *scene) copyState(name string) {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "state", "state.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, name), b, 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// TestFault15TamperedStateIsRefused: whatever was done to the state behind Switchman's back, it does not
// start on it, and says what was found and what to do.
func TestFault15TamperedStateIsRefused(t *testing.T) {
	t.Parallel()
	const restore = "restore the newest verified backup with `switchman restore FILE`"
	const addVote = "INSERT INTO vote SELECT run_id, round, '3', 'cat', stands_for, verdict, via, digest, voted_at, reason FROM vote"
	for name, c := range map[string]struct {
		do          func(s *scene)
		kind        dr.ErrKind
		says, hints string
	}{
		"a vote changed":    {sqlDo("UPDATE vote SET human = '3', person = 'cat'"), dr.Unverified, "its votes are others", restore},
		"a vote added":      {sqlDo(addVote), dr.Unverified, "its votes are others", restore},
		"a vote deleted":    {sqlDo("DELETE FROM vote"), dr.Unverified, "its votes are others", restore},
		"the state changed": {sqlDo("UPDATE run SET state = 'awaiting_code'"), dr.Unverified, "it is awaiting_approval there, and awaiting_code here", restore},
		"a code added": {sqlDo("INSERT INTO code SELECT 'c', run_id, number, 'dan', '4', digest, 'outbound', 'drill', 'issued', '', 0, x'00', x'00', opened_at, expires_at, 0, '', 0 FROM round"),
			dr.Unverified, "a code there that nobody issued", restore},
		"a vote and its row changed": {sqlDo("UPDATE vote SET human = '3', person = 'cat'",
			`UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), '"bob"', '"cat"') AS BLOB) WHERE kind = 'vote'`), dr.Unverified, "the journal in the database was changed", restore},
		"journal rows cut": {sqlDo("DELETE FROM vote", "DELETE FROM journal WHERE seq >= (SELECT MIN(seq) FROM journal WHERE kind = 'vote')"),
			dr.Unverified, "its head says", restore},
		"an old copy": {func(s *scene) {
			s.copyState("old.db")
			s.open(nil)
			s.do("cat", s.newest(), dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: s.view(s.newest()).Round.Nonce})
			s.stop()
			s.move("old.db", "state.db")
		}, dr.Unverified, "the rest is gone", "an older copy was put in place"},
		"the write-ahead log deleted": {func(s *scene) {
			s.open(nil)
			s.copyState("without.db") // what is in the log is not in it
			s.do("cat", s.newest(), dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: s.view(s.newest()).Round.Nonce})
			s.stop()
			s.move("without.db", "state.db")
		}, dr.Unverified, "the rest is gone", "a write-ahead log was deleted"},
		"another journal.head": {func(s *scene) {
			other, _ := waitingForOne(s.T)
			if err := os.Rename(filepath.Join(other.dir, "state", "journal.head"), filepath.Join(s.dir, "head")); err != nil {
				s.Fatal(err)
			}
			s.move("head", "journal.head")
		}, dr.Unverified, "journal.head", restore}, // longer or not, it is another story
		"no journal.head": {func(s *scene) {
			if err := os.Remove(filepath.Join(s.dir, "state", "journal.head")); err != nil {
				s.Fatal(err)
			}
		}, dr.Unverified, "journal.head is missing", "put journal.head back"},
		"a newer version": {sqlDo("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"), dr.Unavailable, "a newer Switchman", "start the newer Switchman"},
		"another organisation's": {func(s *scene) {
			rewrite(s, filepath.Join(s.dir, "org", "organisation.yaml"), func(b string) string { return strings.Replace(b, "id: tiny-bank", "id: big-bank", 1) })
		}, dr.Conflict, `belongs to the organisation "tiny-bank"`, "--state"},
		"not a database": {func(s *scene) {
			if err := os.WriteFile(filepath.Join(s.dir, "state", "state.db"), []byte(strings.Repeat("no database ", 4096)), 0o600); err != nil {
				s.Fatal(err)
			}
		}, dr.Unverified, "damaged", restore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := waitingForOne(t)
			c.do(s)
			err := s.tryOpen(nil)
			var e *dr.Error
			if !errors.As(err, &e) {
				t.Fatalf("started, or refused without a sentence: %v", err)
			}
			if e.Kind != c.kind || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Hint, c.hints) {
				t.Errorf("refused with %s %q, hint %q; want %s, %q and %q", e.Kind, e.Message, e.Hint, c.kind, c.says, c.hints)
			}
		})
	}
}

func sqlDo(statements ...string) func(*scene) {
	return func(s *scene) { behind(s.T, s.dir, statements...) }
}

// newest is the id of the newest run.
func (s *scene) newest() string {
	s.Helper()
	runs, err := s.app.Engine.List(s.Context(), dr.Actor{}, fsm.Filter{Limit: 1})
	if err != nil || len(runs) != 1 {
		s.Fatalf("%d runs, %v", len(runs), err)
	}
	return runs[0].ID
}

// TestVoteFromBehindStartsNothing: a vote written into the database of a running server counts for
// nothing when it matters.
func TestVoteFromBehindStartsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	run := s.ready("move", "")
	issued, err := s.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
	if err != nil {
		t.Fatal(err)
	}
	// One takes the yes back, which closes the way; somebody with the file opens it again.
	s.do("cat", run, dr.VerbWithdraw, fsm.Args{Nonce: issued.View.Round.Nonce})
	behind(t, s.dir, "UPDATE vote SET verdict = 'approve'", "UPDATE run SET state = 'awaiting_code'", "UPDATE code SET revoked_at = 0")
	err = s.try("ann", run, dr.VerbStart, fsm.Args{Code: issued.Code.Reveal(), Nonce: issued.View.Round.Nonce})
	if dr.KindOf(err) != dr.Unverified {
		t.Errorf("the start: %v", err)
	}
	if made := s.made(); len(made) > 0 {
		t.Errorf("effects %v", made)
	}
}
