package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the yardstick of BenchmarkBareCommit

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// The promise: a transition takes at most twice as long as a bare FULL commit on the same disk in the
// same run, and a step (intent and outcome) at most four times. BenchmarkRatios does the three in turn
// and compares their medians, so that what else the machine does falls on all alike.

func BenchmarkRatios(b *testing.B) {
	ops := []func() error{bareCommit(b), transition(b, benchStore(b, "")), oneStep(b, benchStore(b, ""))}
	took := make([][]time.Duration, len(ops))
	for b.Loop() {
		for i, op := range ops {
			start := time.Now()
			if err := op(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	var median []float64
	for _, t := range took {
		slices.Sort(t)
		median = append(median, float64(t[len(t)/2]))
	}
	b.ReportMetric(median[0]/1e3, "bare-µs")
	b.ReportMetric(median[1]/1e3, "transition-µs")
	b.ReportMetric(median[2]/1e3, "step-µs")
	b.ReportMetric(median[1]/median[0], "transition/bare")
	b.ReportMetric(median[2]/median[0], "step/bare")
}

func BenchmarkBareCommit(b *testing.B) { loop(b, bareCommit(b)) }

func BenchmarkTransition(b *testing.B) { loop(b, transition(b, benchStore(b, ""))) }

func BenchmarkStep(b *testing.B) { loop(b, oneStep(b, benchStore(b, ""))) }

func BenchmarkTransitionPostgres(b *testing.B) {
	loop(b, transition(b, benchStore(b, storetest.Postgres(b))))
}

func BenchmarkStepPostgres(b *testing.B) { loop(b, oneStep(b, benchStore(b, storetest.Postgres(b)))) }

func BenchmarkReadRun(b *testing.B) {
	s := benchStore(b, "")
	loop(b, func() error {
		return s.Read(b.Context(), func(r *store.Reader) error { _, err := r.Run(b.Context(), "r1"); return err })
	})
}

func loop(b *testing.B, fn func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := fn(); err != nil {
			b.Fatal(err)
		}
	}
}

// bareCommit is the least a durable change can cost: one row of a small table, WAL and FULL.
func bareCommit(t testing.TB) func() error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 0)"); err != nil {
		t.Fatal(err)
	}
	stmt, err := db.Prepare("UPDATE t SET n = n + 1 WHERE id = 1")
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		if _, err := tx.Stmt(stmt).Exec(); err != nil {
			return err
		}
		return tx.Commit()
	}
}

// benchStore holds a run as large as the sample bank's: 4 systems, 39 nodes' worth of checks.
func benchStore(t testing.TB, url string) *store.Store {
	s := open(t, store.Options{Dir: t.TempDir(), URL: url, Clock: dr.Clock{Now: time.Now}})
	slice := []byte(`{"format":"switchman/slice/v1"}`)
	run := dr.Run{ID: "r1", Plan: "bank-switchover", Digest: dr.Digest(slice), State: dr.Running, Requester: "lin", Reason: "drill",
		Clocks: dr.Clocks{Requested: dr.At(time.Now())}, Round: dr.Round{Number: 1, Nonce: "n", State: "used"}}
	for i := range 4 {
		run.Systems = append(run.Systems, dr.RunSystem{ID: "system-" + strconv.Itoa(i), From: "east", To: "west", Site: "east", State: "moving"})
	}
	for i := range 120 {
		run.Checks = append(run.Checks, dr.Check{ID: "reach:node-" + strconv.Itoa(i), Title: "Node answers", OK: true, Level: "block", Text: "answered in 3 ms", At: dr.At(time.Now())})
	}
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertRun(t.Context(), run, slice); err != nil {
			return err
		}
		for i := range 3 {
			if err := tx.PutVote(t.Context(), "r1", dr.Vote{Person: "p", Human: strconv.Itoa(i), Verdict: "approve", Round: 1, At: dr.At(time.Now())}); err != nil {
				return err
			}
		}
		_, _, err := tx.AcquireLease(t.Context(), "run:r1", "bench", time.Hour)
		if err != nil {
			return err
		}
		return tx.ReplaceSteps(t.Context(), "r1", []dr.StepRow{{Run: "r1", Step: "s", State: dr.StepReady}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// transition is what a verb does: lock the run, move it, one row.
func transition(t testing.TB, s *store.Store) func() error {
	ctx := t.Context()
	return func() error {
		return s.Write(ctx, func(tx *store.Tx) error {
			run, err := tx.LockRun(ctx, "r1")
			if err != nil {
				return err
			}
			tx.Journal(dr.Row{Run: "r1", Kind: dr.RowState, Actor: "lin", Surface: "cli", Data: []byte(`{"from":"running","to":"paused","event":"pause"}`)})
			return tx.UpdateRun(ctx, &run)
		})
	}
}

// oneStep is what the executor does for one step: intent and outcome, each fenced and journaled.
func oneStep(t testing.TB, s *store.Store) func() error {
	ctx, n := t.Context(), 0
	return func() error {
		n++
		a := dr.Attempt{Run: "r1", Step: "s", N: n, Token: strconv.Itoa(n), Epoch: 1, Purpose: "do", CallDigest: dr.Digest(nil), Intent: dr.At(time.Now())}
		err := fenced(ctx, s, func(tx *store.Tx) error {
			tx.Journal(dr.Row{Run: "r1", Kind: dr.RowIntent, Data: []byte(`{"step":"s","n":1,"token":"t","purpose":"do","class":"once"}`)})
			return tx.Intent(ctx, a)
		})
		if err != nil {
			return fmt.Errorf("intent: %w", err)
		}
		a.State, a.Outcome, a.Text = dr.StepOK, dr.At(time.Now()), "promoted"
		return fenced(ctx, s, func(tx *store.Tx) error {
			tx.Journal(dr.Row{Run: "r1", Kind: dr.RowOutcome, Data: []byte(`{"step":"s","n":1,"state":"ok","code":0,"took_ms":12}`)})
			return tx.Outcome(ctx, a, dr.StepReady) // ready, so that the next round may send it again
		})
	}
}

func fenced(ctx context.Context, s *store.Store, fn func(*store.Tx) error) error {
	return s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, "run:r1", "bench", 1); err != nil {
			return err
		}
		if _, err := tx.LockState(ctx, "r1"); err != nil {
			return err
		}
		return fn(tx)
	})
}
