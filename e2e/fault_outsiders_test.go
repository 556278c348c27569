package e2e

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault12Outsiders has somebody else hold the database of a running server: a reading that never ends, and a write
// lock for a while. The run waits for the lock and goes on, and nothing is sent that is not written.
func TestFault12Outsiders(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	outsiders(t, s, "sqlite3", "file:"+filepath.Join(s.dir, "state", "state.db"), "BEGIN IMMEDIATE")
}

// TestFault12OutsidersPostgres does so on PostgreSQL, where a lock on the journal keeps everybody from writing.
func TestFault12OutsidersPostgres(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	s.open(nil)
	outsiders(t, s, "pgx", s.url, "BEGIN; LOCK TABLE journal IN EXCLUSIVE MODE")
}

func outsiders(t *testing.T, s *scene, driver, at, begin string) {
	t.Helper()
	run := s.ready("move", "")
	issued, err := s.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, at)
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
	if _, err := lock.ExecContext(ctx, begin); err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { // waits for the lock, as long as busy_timeout or lock_timeout say
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
