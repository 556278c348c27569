package e2e

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// TestFault12Outsiders has somebody else hold the database of a running server: a reading that never ends, and a write
// lock for a while. The run waits for the lock and goes on, and nothing is sent that is not written.
func TestFault12Outsiders(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	run := s.ready("move", "")
	issued, err := s.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.dir, "state", "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	reading, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := reading.QueryRow("SELECT count(*) FROM journal").Scan(&n); err != nil {
		t.Fatal(err)
	}
	lock, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { // waits for the lock, as long as busy_timeout says
		started <- s.try("ann", run, dr.VerbStart, fsm.Args{Code: issued.Code.Reveal(), Nonce: issued.View.Round.Nonce})
	}()
	if made := s.made(); len(made) > 0 {
		t.Errorf("effects %v while nothing can be written", made)
	}
	if _, err := lock.ExecContext(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	await(t, s.app, run, dr.AtStandby)
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
}
