package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Bare is the yardstick of every measurement: a table with one row, in a database with the settings of the real
// one. Changing that row is the least a durable change can cost there.
type Bare struct {
	begin func(context.Context) (txn, error)
	close []func() error
}

// OpenBare makes the yardstick as a SQLite file in a directory.
func OpenBare(ctx context.Context, dir string) (*Bare, error) {
	path := filepath.Join(dir, "bare.db")
	if err := touch(path); err != nil {
		return nil, err
	}
	db, err := openSQLite(path, writerParams)
	if err != nil {
		return nil, err
	}
	b := &Bare{close: []func() error{db.Close}}
	conn, err := newLiteConn(ctx, db)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.close = append(b.close, conn.close)
	b.begin = func(ctx context.Context) (txn, error) { return conn.begin(ctx, "BEGIN IMMEDIATE") }
	return b, b.lay(ctx)
}

// OpenBarePostgres makes it as a table in a PostgreSQL database, such as [Scratch] gives.
func OpenBarePostgres(ctx context.Context, url string) (*Bare, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	b := &Bare{close: []func() error{db.Close}}
	b.begin = func(ctx context.Context) (txn, error) { return beginSQL(ctx, db, nil) }
	return b, b.lay(ctx)
}

func (b *Bare) lay(ctx context.Context) error {
	err := b.once(ctx, "CREATE TABLE bare (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)", "INSERT INTO bare VALUES (1, 0)")
	if err != nil {
		return errors.Join(fmt.Errorf("making a table to measure with: %w", err), b.Close())
	}
	return nil
}

// Commit changes the row, durably.
func (b *Bare) Commit(ctx context.Context) error {
	return b.once(ctx, "UPDATE bare SET n = n + 1 WHERE id = 1")
}

func (b *Bare) once(ctx context.Context, statements ...string) error {
	tx, err := b.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.rollback() }()
	for _, q := range statements {
		if _, err := tx.db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("changing the row: %w", err)
		}
	}
	return tx.commit()
}

// Close closes the database.
func (b *Bare) Close() error {
	var err error
	for i := len(b.close) - 1; i >= 0; i-- {
		err = errors.Join(err, b.close[i]())
	}
	return err
}

// Scratch makes a schema of its own in a PostgreSQL database, so that a measurement touches nothing that is there. It gives
// a URL that leads to it, and what removes it.
func Scratch(ctx context.Context, base, name string) (at string, drop func(context.Context) error, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", nil, dr.Errorf(dr.Usage, "the database's URL cannot be read").WithHint("it looks like postgres://user@host/database")
	}
	do := func(ctx context.Context, q string) error {
		db, err := sql.Open("pgx", base)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		_, err = db.ExecContext(ctx, q)
		return errors.Join(err, db.Close())
	}
	if err := do(ctx, `CREATE SCHEMA "`+name+`"`); err != nil {
		return "", nil, fmt.Errorf("making a schema to measure in: %w", err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String(), func(ctx context.Context) error { return do(ctx, `DROP SCHEMA "`+name+`" CASCADE`) }, nil
}

// Bench does in a store what a run does all the time, to be measured beside [Bare].
type Bench struct {
	s     *Store
	clock dr.Clock
	sent  int
}

const (
	benchRun  = "bench"
	benchStep = "promote@node"
)

// NewBench puts a run as large as the sample bank's into an empty store: 4 systems, 3 votes, 120
// checks of nodes.
func NewBench(ctx context.Context, s *Store, clock dr.Clock) (*Bench, error) {
	slice, now := []byte(`{"format":"switchman/slice/v1"}`), clock.Time()
	run := dr.Run{ID: benchRun, Plan: "bank-switchover", Digest: dr.Digest(slice), State: dr.Running, Requester: "lin", Reason: "drill",
		Clocks: dr.Clocks{Requested: now}, Round: dr.Round{Number: 1, Nonce: "n", State: "used"}}
	for i := range 4 {
		run.Systems = append(run.Systems, dr.RunSystem{ID: "system-" + strconv.Itoa(i), From: "east", To: "west", Site: "east", State: "moving"})
	}
	for i := range 120 {
		run.Checks = append(run.Checks, dr.Check{ID: "reach:node-" + strconv.Itoa(i), Title: "Node answers", OK: true, Level: "block", Text: "answered in 3 ms", At: now})
	}
	err := s.Write(ctx, func(tx *Tx) error {
		if err := tx.InsertRun(ctx, run, slice); err != nil {
			return err
		}
		for i := range 3 {
			if err := tx.PutVote(ctx, run.ID, dr.Vote{Person: "p", Human: strconv.Itoa(i), Verdict: "approve", Round: 1, At: now}); err != nil {
				return err
			}
		}
		if _, _, err := tx.AcquireLease(ctx, "run:"+run.ID, "bench", time.Hour); err != nil {
			return err
		}
		return tx.ReplaceSteps(ctx, run.ID, []dr.StepRow{{Run: run.ID, Step: benchStep, State: dr.StepReady}})
	})
	if err != nil {
		return nil, fmt.Errorf("making a run to measure with: %w", err)
	}
	return &Bench{s: s, clock: clock}, nil
}

// Transition is what a decision writes: the run locked, read and changed, one row, the signed head.
func (b *Bench) Transition(ctx context.Context) error {
	return b.s.Write(ctx, func(tx *Tx) error {
		run, err := tx.LockRun(ctx, benchRun)
		if err != nil {
			return err
		}
		if run.State = dr.Paused; run.Version%2 == 0 {
			run.State = dr.Running
		}
		tx.Journal(dr.Row{Run: run.ID, Kind: dr.RowState, Actor: "lin", Surface: "cli", Data: []byte(`{"from":"running","to":"paused","event":"pause"}`)})
		return tx.UpdateRun(ctx, &run)
	})
}

// Step is what a step costs that is alone on its way: its intent and its outcome, each fenced, each
// with a row and a commit of its own.
func (b *Bench) Step(ctx context.Context) error {
	b.sent++
	a := dr.Attempt{Run: benchRun, Step: benchStep, N: b.sent, Token: strconv.Itoa(b.sent), Epoch: 1, Purpose: "do", CallDigest: dr.Digest(nil), Intent: b.clock.Time()}
	err := b.fenced(ctx, func(tx *Tx) error {
		tx.Journal(dr.Row{Run: benchRun, Kind: dr.RowIntent, Data: []byte(`{"step":"promote@node","n":1,"token":"t","purpose":"do","class":"once"}`)})
		return tx.Intent(ctx, a)
	})
	if err != nil {
		return fmt.Errorf("writing an intent: %w", err)
	}
	a.State, a.Outcome, a.Text = dr.StepOK, b.clock.Time(), "promoted"
	return b.fenced(ctx, func(tx *Tx) error {
		tx.Journal(dr.Row{Run: benchRun, Kind: dr.RowOutcome, Data: []byte(`{"step":"promote@node","n":1,"state":"ok","code":0,"took_ms":12}`)})
		return tx.Outcome(ctx, a, dr.StepReady) // ready, so that it can be sent again
	})
}

func (b *Bench) fenced(ctx context.Context, fn func(*Tx) error) error {
	return b.s.Write(ctx, func(tx *Tx) error {
		if err := tx.Fence(ctx, "run:"+benchRun, "bench", 1); err != nil {
			return err
		}
		if _, err := tx.LockState(ctx, benchRun); err != nil {
			return err
		}
		return fn(tx)
	})
}

// ReadRun reads the run once.
func (b *Bench) ReadRun(ctx context.Context) error {
	return b.s.Read(ctx, func(r *Reader) error { _, err := r.Run(ctx, benchRun); return err })
}
