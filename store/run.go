package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Filter narrows [Reader.Runs].
type Filter struct {
	States []dr.State // empty: any
	System string     // empty: any
	Limit  int        // 0: 1,000
}

// seenRun is what a transaction knows a run's apart-kept parts to be in the database.
type seenRun struct {
	digest string // of the checks
	checks []dr.Check
	round  dr.Round
}

// runRow is what LockRun, GetRun and ListRuns have in common.
type runRow = queries.LockRunRow

// LockRun takes the run's row for this transaction and reads the run. It is the first statement of
// every transition: whoever comes second waits here and then sees what the first has done.
func (t *Tx) LockRun(ctx context.Context, id string) (dr.Run, error) {
	if err := t.Works(ctx); err != nil {
		return dr.Run{}, err
	}
	row, err := t.lockRow(ctx, id)
	if err != nil {
		return dr.Run{}, fmt.Errorf("locking run %s: %w", id, one(err, "run", id))
	}
	run, err := t.fillRun(ctx, row)
	if err == nil {
		t.seen[id] = seenRun{digest: row.Checks, checks: slices.Clone(run.Checks), round: bare(run.Round)}
	}
	return run, err
}

// lockRow holds the run's row. On SQLite the writer is alone, so to look is to hold, and the row, a
// large one, is not written only to be locked.
func (t *Tx) lockRow(ctx context.Context, id string) (queries.LockRunRow, error) {
	if t.s.d != sqlite {
		return t.q.LockRun(ctx, id)
	}
	row, err := t.q.GetRun(ctx, id)
	return queries.LockRunRow(row), err
}

// LockState is LockRun for a transaction that needs to know no more than where the run stands, as the
// many that send and settle steps.
func (t *Tx) LockState(ctx context.Context, id string) (dr.State, error) {
	if t.s.d == sqlite {
		row, err := t.q.GetRun(ctx, id)
		if err != nil {
			return "", fmt.Errorf("locking run %s: %w", id, one(err, "run", id))
		}
		return dr.State(row.State), nil
	}
	state, err := t.q.LockState(ctx, id)
	if err != nil {
		return "", fmt.Errorf("locking run %s: %w", id, one(err, "run", id))
	}
	return dr.State(state), nil
}

// Run reads a run with its round, votes, codes, checks, overrides and systems.
func (r *Reader) Run(ctx context.Context, id string) (dr.Run, error) {
	row, err := r.q.GetRun(ctx, id)
	if err != nil {
		return dr.Run{}, fmt.Errorf("reading run %s: %w", id, one(err, "run", id))
	}
	return r.fillRun(ctx, runRow(row))
}

// Runs lists runs, newest first.
func (r *Reader) Runs(ctx context.Context, f Filter) ([]dr.Run, error) {
	limit := int64(f.Limit)
	if limit <= 0 {
		limit = 1000
	}
	states := ""
	for _, st := range f.States {
		states += "," + string(st)
	}
	if states != "" {
		states += ","
	}
	rows, err := r.q.ListRuns(ctx, states, f.System, int32(min(limit, 1<<30)))
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	runs := make([]dr.Run, 0, len(rows))
	for _, row := range rows {
		run, err := r.fillRun(ctx, runRow(row))
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// fillRun puts a run together from its row and the tables beside it.
func (r *Reader) fillRun(ctx context.Context, row runRow) (dr.Run, error) {
	run, err := r.s.details.read(row.Detail)
	if err != nil {
		return run, fmt.Errorf("reading the detail of run %s: %w", row.ID, err)
	}
	if run.Checks, err = r.checks(ctx, row.ID, row.Checks); err != nil {
		return run, err
	}
	run.ID, run.Plan, run.Digest = row.ID, row.Plan, row.Digest
	run.Mode, run.Direction, run.State = dr.Mode(row.Mode), dr.Direction(row.Direction), dr.State(row.State)
	run.Version = row.Version
	if row.Round == 0 {
		return run, nil
	}
	if run.Round, err = r.round(ctx, row.ID, row.Round); err != nil {
		return run, err
	}
	run.Codes, err = r.codes(ctx, row.ID, row.Round)
	return run, err
}

// detailOf is the JSON of what has no column or table of its own.
func detailOf(run dr.Run) (string, error) {
	run.Round, run.Codes, run.Checks, run.Version = dr.Round{}, nil, nil, 0
	b, err := json.Marshal(run)
	if err != nil {
		return "", fmt.Errorf("writing the detail of run %s: %w", run.ID, err)
	}
	return string(b), nil
}

// InsertRun stores a new run and its frozen slice. A round it carries is stored with it.
func (t *Tx) InsertRun(ctx context.Context, run dr.Run, slice []byte) error {
	if err := t.Works(ctx); err != nil {
		return err
	}
	if err := t.PutSlice(ctx, run.Digest, slice); err != nil {
		return err
	}
	detail, err := detailOf(run)
	if err != nil {
		return err
	}
	checks, digest, err := checksOf(run)
	if err != nil {
		return err
	}
	err = t.q.InsertRun(ctx, queries.InsertRunParams{
		ID: run.ID, Plan: run.Plan, Digest: run.Digest, Mode: string(run.Mode), Direction: string(run.Direction),
		State: string(run.State), Version: run.Version, RequestedAt: run.Clocks.Requested.Micros(), Checks: digest, Detail: detail})
	if err != nil {
		return fmt.Errorf("storing run %s: %w", run.ID, err)
	}
	for _, sys := range run.Systems {
		if err := t.q.InsertRunSystem(ctx, run.ID, sys.ID); err != nil {
			return fmt.Errorf("storing system %s of run %s: %w", sys.ID, run.ID, err)
		}
	}
	t.seen[run.ID] = seenRun{digest: digest, checks: slices.Clone(run.Checks)}
	if checks != "" {
		if err := t.q.PutRunChecks(ctx, run.ID, checks); err != nil {
			return fmt.Errorf("storing the checks of run %s: %w", run.ID, err)
		}
	}
	if run.Round.Number > 0 {
		return t.AddRound(ctx, run.ID, run.Round)
	}
	return nil
}

// UpdateRun stores a run that was read in this or an earlier transaction, with its current round and
// its checks; votes and codes have methods of their own. It says Conflict when somebody stored the
// run since it was read, and counts run.Version up.
func (t *Tx) UpdateRun(ctx context.Context, run *dr.Run) error {
	detail, err := detailOf(*run)
	if err != nil {
		return err
	}
	digest, err := t.putChecks(ctx, *run)
	if err != nil {
		return err
	}
	n, err := t.q.UpdateRun(ctx, queries.UpdateRunParams{Digest: run.Digest, State: string(run.State), Round: int64(run.Round.Number),
		Detail: detail, Checks: digest, ID: run.ID, Version: run.Version})
	if err != nil {
		return fmt.Errorf("storing run %s: %w", run.ID, err)
	}
	if n != 1 {
		return conflict("run_moved_on", dr.Args{"run": run.ID})
	}
	if err := t.putRound(ctx, *run); err != nil {
		return err
	}
	t.s.details.wrote(detail, *run)
	run.Version++
	return nil
}

// checksOf is the JSON of a run's checks and its digest; both empty where there are none.
func checksOf(run dr.Run) (body, digest string, err error) {
	if len(run.Checks) == 0 {
		return "", "", nil
	}
	b, err := json.Marshal(run.Checks)
	if err != nil {
		return "", "", fmt.Errorf("writing the checks of run %s: %w", run.ID, err)
	}
	return string(b), dr.Digest(b), nil
}

// putChecks writes the checks if they are not what the database has, and gives their digest.
func (t *Tx) putChecks(ctx context.Context, run dr.Run) (string, error) {
	seen, known := t.seen[run.ID]
	if known && slices.Equal(seen.checks, run.Checks) {
		return seen.digest, nil
	}
	body, digest, err := checksOf(run)
	if err != nil {
		return "", err
	}
	if err := t.q.PutRunChecks(ctx, run.ID, body); err != nil {
		return "", fmt.Errorf("storing the checks of run %s: %w", run.ID, err)
	}
	if known {
		seen.checks, seen.digest = slices.Clone(run.Checks), digest
		t.seen[run.ID] = seen
	}
	return digest, nil
}

// PutSlice keeps the bytes of a frozen plan under their digest. The same bytes may be put twice.
func (t *Tx) PutSlice(ctx context.Context, digest string, body []byte) error {
	if got := dr.Digest(body); got != digest {
		return fmt.Errorf("storing the frozen plan: digest %s given, bytes have %s", digest, got)
	}
	if err := t.q.PutSlice(ctx, digest, body); err != nil {
		return fmt.Errorf("storing the frozen plan %s: %w", digest, err)
	}
	return nil
}

// Slice reads the exact bytes of a frozen plan.
func (r *Reader) Slice(ctx context.Context, digest string) ([]byte, error) {
	b, err := r.q.GetSlice(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, one(err, "slice", digest))
	}
	return b, nil
}

// text makes what people or machines wrote storable: PostgreSQL takes neither NUL nor broken UTF-8.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// checks reads a run's checks. Those read last are remembered by their digest: the same hundred facts
// belong to every move of a run and change with few.
func (r *Reader) checks(ctx context.Context, run, digest string) ([]dr.Check, error) {
	if digest == "" {
		return nil, nil
	}
	if known, ok := r.s.checked.find(digest); ok {
		return slices.Clone(known), nil
	}
	body, err := r.q.GetRunChecks(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the checks of run %s: %w", run, err)
	}
	if dr.Digest([]byte(body)) != digest {
		return nil, damaged("the checks of run " + run + " are not those its row names")
	}
	var checks []dr.Check
	if err := json.Unmarshal([]byte(body), &checks); err != nil {
		return nil, fmt.Errorf("reading the checks of run %s: %w", run, err)
	}
	r.s.checked.keep(digest, slices.Clone(checks))
	return checks, nil
}
