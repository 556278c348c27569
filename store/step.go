package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Steps lists the steps of a run in the order of its plan.
func (r *Reader) Steps(ctx context.Context, run string) ([]dr.StepRow, error) {
	rows, err := r.q.Steps(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the steps of run %s: %w", run, err)
	}
	steps := make([]dr.StepRow, len(rows))
	for i, row := range rows {
		steps[i] = stepOf(row)
	}
	return steps, nil
}

// Step reads one step.
func (r *Reader) Step(ctx context.Context, run, step string) (dr.StepRow, error) {
	row, err := r.q.GetStep(ctx, run, step)
	if err != nil {
		return dr.StepRow{}, fmt.Errorf("reading step %s of run %s: %w", step, run, one(err, "step", step))
	}
	return stepOf(queries.StepsRow(row)), nil
}

func stepOf(r queries.StepsRow) dr.StepRow {
	return dr.StepRow{Run: r.RunID, Step: r.StepID, State: dr.StepState(r.State), Attempt: int(r.Attempt),
		Started: dr.FromMicros(r.StartedAt), Ended: dr.FromMicros(r.EndedAt), Reason: r.Reason, By: r.Person}
}

// ReplaceSteps stores the steps of a run in plan order, in place of those it had. It fails once a
// step has an attempt: what was sent is not forgotten.
func (t *Tx) ReplaceSteps(ctx context.Context, run string, steps []dr.StepRow) error {
	if err := t.q.DeleteSteps(ctx, run); err != nil {
		return fmt.Errorf("replacing the steps of run %s: %w", run, err)
	}
	for i, s := range steps {
		err := t.q.InsertStep(ctx, queries.InsertStepParams{RunID: run, StepID: s.Step, Place: int64(i), State: string(s.State),
			Attempt: int64(s.Attempt), StartedAt: s.Started.Micros(), EndedAt: s.Ended.Micros(), Reason: text(s.Reason), Person: s.By})
		if err != nil {
			return fmt.Errorf("storing step %s of run %s: %w", s.Step, run, err)
		}
	}
	return nil
}

// SetStep stores where a step stands. The caller holds the run's row.
func (t *Tx) SetStep(ctx context.Context, s dr.StepRow) error {
	n, err := t.q.SetStep(ctx, queries.SetStepParams{State: string(s.State), Attempt: int64(s.Attempt), StartedAt: s.Started.Micros(),
		EndedAt: s.Ended.Micros(), Reason: text(s.Reason), Person: s.By, RunID: s.Run, StepID: s.Step})
	if err != nil {
		return fmt.Errorf("storing step %s of run %s: %w", s.Step, s.Run, err)
	}
	if n != 1 {
		return fmt.Errorf("storing step %s of run %s: %w", s.Step, s.Run, missing("step", s.Step))
	}
	return nil
}

// Intent records that a step is about to be sent: its attempt, and the step from ready to intent. It
// says Conflict when the step is not ready or the attempt is not a new one, so that of two senders
// one sends.
func (t *Tx) Intent(ctx context.Context, a dr.Attempt) error {
	return t.IntentFrom(ctx, a, dr.StepReady)
}

// IntentFrom is [Tx.Intent] for a step in another state than ready, such as ok before its undo.
func (t *Tx) IntentFrom(ctx context.Context, a dr.Attempt, from dr.StepState) error {
	n, err := t.q.StepIntent(ctx, queries.StepIntentParams{Attempt: int64(a.N), StartedAt: a.Intent.Micros(),
		RunID: a.Run, StepID: a.Step, FromState: string(from)})
	if err != nil {
		return fmt.Errorf("storing the intent of step %s of run %s: %w", a.Step, a.Run, err)
	}
	if n != 1 {
		return conflict("step_moved_on", dr.Args{"run": a.Run, "step": a.Step})
	}
	detail, err := attemptDetail(a)
	if err != nil {
		return err
	}
	a.State = dr.StepIntent
	err = t.q.InsertAttempt(ctx, queries.InsertAttemptParams{RunID: a.Run, StepID: a.Step, N: int64(a.N), Token: a.Token, Epoch: a.Epoch,
		Purpose: a.Purpose, State: string(a.State), IntentAt: a.Intent.Micros(), DispatchedAt: a.Dispatched.Micros(), Detail: detail})
	if err != nil {
		return fmt.Errorf("storing attempt %d of step %s of run %s: %w", a.N, a.Step, a.Run, err)
	}
	return nil
}

// Outcome records what became of an attempt that had none or was unknown, and where its step stands
// now. It says Conflict when the attempt is already settled or is not the step's newest.
func (t *Tx) Outcome(ctx context.Context, a dr.Attempt, step dr.StepState) error {
	detail, err := attemptDetail(a)
	if err != nil {
		return err
	}
	n, err := t.q.AttemptOutcome(ctx, queries.AttemptOutcomeParams{State: string(a.State), DispatchedAt: a.Dispatched.Micros(),
		OutcomeAt: a.Outcome.Micros(), Detail: detail, RunID: a.Run, StepID: a.Step, N: int64(a.N)})
	if err != nil {
		return fmt.Errorf("storing the outcome of step %s of run %s: %w", a.Step, a.Run, err)
	}
	if n != 1 {
		return conflict("attempt_settled", dr.Args{"run": a.Run, "step": a.Step, "attempt": strconv.Itoa(a.N)})
	}
	ended := a.Outcome
	if step == dr.StepReady || step == dr.StepBlocked {
		ended = dr.Time{}
	}
	n, err = t.q.StepOutcome(ctx, queries.StepOutcomeParams{State: string(step), EndedAt: ended.Micros(), Reason: text(a.Reason),
		Person: a.DecidedBy, RunID: a.Run, StepID: a.Step, Attempt: int64(a.N)})
	if err != nil {
		return fmt.Errorf("storing step %s of run %s: %w", a.Step, a.Run, err)
	}
	if n != 1 {
		return conflict("step_moved_on", dr.Args{"run": a.Run, "step": a.Step})
	}
	return nil
}

// Attempts lists every attempt of a run, oldest first.
func (r *Reader) Attempts(ctx context.Context, run string) ([]dr.Attempt, error) {
	rows, err := r.q.Attempts(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the attempts of run %s: %w", run, err)
	}
	attempts := make([]dr.Attempt, len(rows))
	for i, row := range rows {
		if attempts[i], err = attemptOf(row); err != nil {
			return nil, err
		}
	}
	return attempts, nil
}

// Attempt reads one attempt.
func (r *Reader) Attempt(ctx context.Context, run, step string, n int) (dr.Attempt, error) {
	row, err := r.q.GetAttempt(ctx, run, step, int64(n))
	if errors.Is(err, sql.ErrNoRows) {
		return dr.Attempt{}, missing("attempt", step+"#"+strconv.Itoa(n))
	}
	if err != nil {
		return dr.Attempt{}, fmt.Errorf("reading attempt %d of step %s of run %s: %w", n, step, run, err)
	}
	return attemptOf(row)
}

func attemptOf(row queries.Attempt) (dr.Attempt, error) {
	var a dr.Attempt
	if err := json.Unmarshal([]byte(row.Detail), &a); err != nil {
		return a, fmt.Errorf("reading attempt %d of step %s of run %s: %w", row.N, row.StepID, row.RunID, err)
	}
	a.Run, a.Step, a.N, a.Token, a.Epoch = row.RunID, row.StepID, int(row.N), row.Token, row.Epoch
	a.Purpose, a.State = row.Purpose, dr.StepState(row.State)
	a.Intent, a.Dispatched, a.Outcome = dr.FromMicros(row.IntentAt), dr.FromMicros(row.DispatchedAt), dr.FromMicros(row.OutcomeAt)
	return a, nil
}

// attemptDetail is the JSON of what no condition compares.
func attemptDetail(a dr.Attempt) (string, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("writing attempt %d of step %s of run %s: %w", a.N, a.Step, a.Run, err)
	}
	return string(b), nil
}

// LastDurations says how long each step took the last time it was done for real in a run of the plan.
func (r *Reader) LastDurations(ctx context.Context, plan string) (map[string]dr.Millis, error) {
	rows, err := r.q.LastDurations(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("reading how long %s took: %w", plan, err)
	}
	took := make(map[string]dr.Millis, len(rows))
	for _, row := range rows {
		from := row.DispatchedAt
		if from == 0 {
			from = row.IntentAt
		}
		took[row.StepID] = dr.FromMicros(row.OutcomeAt).Since(dr.FromMicros(from))
	}
	return took, nil
}
