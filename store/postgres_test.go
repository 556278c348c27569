package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// servers opens n stores on one database, each with a state directory of its own and one log key.
func servers(t *testing.T, url string, n int) []*store.Store {
	t.Helper()
	first := t.TempDir()
	all := []*store.Store{open(t, store.Options{Dir: first, URL: url, Clock: clock()})}
	key, err := os.ReadFile(filepath.Join(first, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	for len(all) < n {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "log.key"), key, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, open(t, store.Options{Dir: dir, URL: url, Clock: clock()}))
	}
	return all
}

func insertRun(t *testing.T, s *store.Store, id string) {
	t.Helper()
	body := []byte(`{"format":"switchman/slice/v1"}`)
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		run := dr.Run{ID: id, Plan: "p", Digest: dr.Digest(body), State: dr.AwaitingApproval, Round: dr.Round{Number: 1, State: "open"}}
		if err := tx.InsertRun(t.Context(), run, body); err != nil {
			return err
		}
		return tx.ReplaceSteps(t.Context(), id, []dr.StepRow{{Run: id, Step: "a", State: dr.StepReady}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestVotesAcrossServers: n people vote at one instant through three servers. Every vote counts, and
// exactly one of them completes the quorum.
func TestVotesAcrossServers(t *testing.T) {
	const people, rounds = 9, 12
	all := servers(t, storetest.Postgres(t), 3)
	for round := range rounds {
		id := "r" + strconv.Itoa(round)
		insertRun(t, all[0], id)
		var starts atomic.Int64
		var done sync.WaitGroup
		gate := make(chan struct{})
		for i := range people {
			done.Go(func() {
				<-gate
				started := false
				err := all[i%3].Write(t.Context(), func(tx *store.Tx) error {
					started = false
					run, err := tx.LockRun(t.Context(), id)
					if err != nil {
						return err
					}
					if err := tx.PutVote(t.Context(), id, dr.Vote{Person: "p", Human: strconv.Itoa(i), Verdict: "approve", Round: 1}); err != nil {
						return err
					}
					tx.Journal(dr.Row{Run: id, Kind: dr.RowVote})
					if len(run.Round.Votes)+1 == people {
						started, run.State = true, dr.Running
					}
					return tx.UpdateRun(t.Context(), &run)
				})
				if err != nil {
					t.Errorf("vote %d of %s: %v", i, id, err)
				}
				if started {
					starts.Add(1)
				}
			})
		}
		close(gate)
		done.Wait()
		if starts.Load() != 1 {
			t.Errorf("%s started %d times", id, starts.Load())
		}
	}
	for i, s := range all {
		if got := size(t, s); got != 1+rounds*people {
			t.Errorf("server %d sees %d rows, want %d", i, got, 1+rounds*people)
		}
	}
}

// TestFencingAcrossServers: a server that was stopped and woken writes nothing, whatever it believes.
func TestFencingAcrossServers(t *testing.T) {
	all := servers(t, storetest.Postgres(t), 2)
	insertRun(t, all[0], "r1")
	hold := func(s *store.Store, who string) (epoch int64) {
		t.Helper()
		err := s.Write(t.Context(), func(tx *store.Tx) (err error) {
			var held bool
			epoch, held, err = tx.AcquireLease(t.Context(), "run:r1", who, 0) // runs out at once
			if err == nil && !held {
				err = errors.New("not held")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return epoch
	}
	one := hold(all[0], "one")
	two := hold(all[1], "two")
	send := func(s *store.Store, who string, epoch int64, n int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.Fence(t.Context(), "run:r1", who, epoch); err != nil {
				return err
			}
			tx.Journal(dr.Row{Run: "r1", Kind: dr.RowIntent})
			return tx.Intent(t.Context(), dr.Attempt{Run: "r1", Step: "a", N: n, Token: who, Epoch: epoch})
		})
	}
	if err := send(all[0], "one", one, 1); !errors.Is(err, store.ErrFenced) {
		t.Errorf("the old holder sent: %v", err)
	}
	if err := send(all[1], "two", two, 1); err != nil {
		t.Errorf("the holder may not send: %v", err)
	}
}

// TestServersStartTogether: one of them brings the schema up to date and writes the first row.
func TestServersStartTogether(t *testing.T) {
	url := storetest.Postgres(t)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	key := stateOf(t, 0)
	b, err := os.ReadFile(filepath.Join(key, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(dirs))
	var done sync.WaitGroup
	for i, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, "log.key"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		done.Go(func() { _, errs[i] = tryOpen(t, store.Options{Dir: dir, URL: url, Clock: clock()}) })
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := size(t, open(t, store.Options{Dir: dirs[0], URL: url, Clock: clock()})); got != 1 {
		t.Errorf("three servers began %d journals", got)
	}
}

// TestFault14StrangerIsRefusedPostgres: a second process on one database is wanted, as long as it is one of ours: one with
// another log key, or none, is refused, and so is one whose key was changed elsewhere.
func TestFault14StrangerIsRefusedPostgres(t *testing.T) {
	url := storetest.Postgres(t)
	all := servers(t, url, 2)
	refusal(t, store.Options{Dir: t.TempDir(), URL: url}, dr.Unverified, "log.key is missing", "put log.key into")
	refusal(t, store.Options{Dir: stateOf(t, 0), URL: url}, dr.Unverified, "", "")
	if _, err := all[0].RotateKey(t.Context(), dr.Actor{Person: "admin"}); err != nil {
		t.Fatal(err)
	}
	err := all[1].Write(t.Context(), func(tx *store.Tx) error { tx.Journal(dr.Row{Kind: dr.RowNotice}); return nil })
	refusedWith(t, err, dr.Unverified)
	rows(t, all[0], 1)
}

// TestFault14SettingsAreReadBackPostgres: a database that would acknowledge what its own disk does not have is refused at
// start, for whatever reason the setting is as it is.
func TestFault14SettingsAreReadBackPostgres(t *testing.T) {
	url := storetest.Postgres(t)
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, URL: url, Clock: clock()})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var name string
	if err := db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	set := func(setting string) {
		t.Helper()
		if _, err := db.Exec("ALTER DATABASE \"" + name + "\" SET synchronous_commit = " + setting); err != nil {
			t.Fatal(err)
		}
	}
	set("off")
	refusal(t, store.Options{Dir: dir, URL: url}, dr.Unavailable, "synchronous_commit=off", "ALTER ROLE")
	set("on")
	open(t, store.Options{Dir: dir, URL: url, Clock: clock()})
}

func TestPostgresGuards(t *testing.T) {
	url := storetest.Postgres(t)
	s := open(t, store.Options{Dir: t.TempDir(), URL: url, Clock: clock()})
	rows(t, s, 3)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range append(guarded(), "TRUNCATE journal", "TRUNCATE journal_head") {
		if _, err := db.Exec(q); err == nil || !strings.Contains(err.Error(), "never") {
			t.Errorf("%s: %v", q, err)
		}
	}
	if _, err := db.Exec("ALTER TABLE journal DISABLE TRIGGER ALL; UPDATE journal SET body = 'x' WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context()); dr.KindOf(err) != dr.Unverified {
		t.Errorf("an edited row verifies: %v", err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	refusal(t, store.Options{Dir: t.TempDir(), URL: url}, dr.Unavailable, "written by a newer Switchman", "start the newer Switchman")
}

// TestFault15OldCopyIsRefusedPostgres: a database restored to an older moment is noticed by every server that
// saw the newer one.
func TestFault15OldCopyIsRefusedPostgres(t *testing.T) {
	url := storetest.Postgres(t)
	dir := t.TempDir()
	s := open(t, store.Options{Dir: dir, URL: url, Clock: clock()})
	rows(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	other := storetest.Postgres(t) // an older copy: the same key, fewer rows
	older := t.TempDir()
	if err := os.WriteFile(filepath.Join(older, "log.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, store.Options{Dir: older, URL: other, Clock: clock()})
	refusal(t, store.Options{Dir: dir, URL: other}, dr.Unverified, "journal.head says that 4 journal rows were written", "accept-rollback")
}

// TestFault10ConnectionCutPostgres: the server ends our connection in mid-transaction. Nothing is written, the error
// says so, and the next transaction works.
func TestFault10ConnectionCutPostgres(t *testing.T) {
	url := storetest.Postgres(t)
	s := open(t, store.Options{Dir: t.TempDir(), URL: url, Clock: clock()})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetCursor(t.Context(), "x", 1); err != nil {
			return err
		}
		_, err := db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'switchman' AND state = 'idle in transaction'")
		tx.Journal(dr.Row{Kind: dr.RowNotice})
		return err
	})
	if err == nil {
		t.Fatal("a transaction outlived its connection")
	}
	if kind := dr.KindOf(err); kind != dr.Unavailable {
		t.Errorf("the error is %s: %v", kind, err)
	}
	rows(t, s, 1)
	if got := size(t, s); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}
