package fsm

import (
	"context"
	"fmt"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// recover settles what the last owner left open. Every attempt with an intent and no outcome
// becomes unknown, durably, and is then looked at; what looking cannot tell stops the run for a
// person. Manual steps wait on: their hand is a person's, and it did not crash.
func (r *runner) recover(ctx context.Context) error {
	if !r.run.State.Moving() && r.run.State != dr.Paused {
		return nil
	}
	asked := r.run.Pause == dr.OutcomeUnknown
	var open []int
	for i := range r.slice.Steps {
		switch {
		case r.board.state[i] == dr.StepIntent && !r.board.byHand(i):
			if err := r.recoverStep(ctx, i); err != nil {
				return err
			}
			open = append(open, i)
		case r.board.state[i] == dr.StepUnknown && !asked: // a person was asked already
			open = append(open, i)
		}
	}
	for _, i := range open {
		if err := r.resolve(ctx, i, r.slice.Steps[i]); err != nil {
			return err
		}
	}
	return r.pauseIfLong(ctx)
}

// recoverStep makes an unfinished attempt unknown.
func (r *runner) recoverStep(ctx context.Context, i int) error {
	st := r.slice.Steps[i]
	r.e.cfg.Point("before_recover")
	err := r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, lease(r.run.ID), r.e.cfg.Instance, r.epoch); err != nil {
			return err
		}
		if _, err := tx.LockState(ctx, r.run.ID); err != nil {
			return err
		}
		a, err := tx.Attempt(ctx, r.run.ID, st.ID, r.board.attempt[i])
		if err != nil {
			return err
		}
		a.State, a.Outcome, a.Text = dr.StepUnknown, r.e.now(), "Switchman ended between sending and hearing"
		if err := tx.Outcome(ctx, a, dr.StepUnknown); err != nil {
			return fmt.Errorf("marking %s unknown: %w", st.ID, err)
		}
		tx.Journal(newRow(a.Outcome, a.Run, dr.RowOutcome, dr.Itself(),
			dr.OutcomeData{Step: a.Step, N: a.N, State: dr.StepUnknown, Text: a.Text, Took: a.Outcome.Since(a.Intent), Undo: a.Purpose == "undo"}))
		return nil
	})
	r.e.cfg.Point("after_recover")
	if err == nil {
		r.board.state[i] = dr.StepUnknown
	}
	return err
}

// resolve looks at an unknown step and writes what it found.
func (r *runner) resolve(ctx context.Context, i int, st dr.Step) error {
	a, err := r.attempt(ctx, i)
	if err != nil {
		return err
	}
	call, _ := shape(st, r.forced(st.System))
	if a.Purpose == "undo" && st.Undo != nil {
		call = *st.Undo
	}
	a.Epoch = r.epoch
	f := flight{r: r, run: r.run, st: st, a: a, job: r.job(st, a, call), forced: r.forced(st.System), tries: r.board.tries[i],
		slice: r.slice, send: r.send, stop: ctx.Done()}
	res, found := actions.Result{State: dr.StepUnknown, Text: a.Text}, dr.Found("")
	if r.run.Mode != dr.Rehearsal {
		res, found = f.prove(ctx, res)
	}
	l := f.write(ctx, i, res, found)
	if l.err != nil {
		return l.err
	}
	r.board.landed(i, l.to)
	if l.run != nil {
		r.run = *l.run
	}
	return nil
}

func (r *runner) attempt(ctx context.Context, i int) (a dr.Attempt, err error) {
	err = r.e.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		a, err = rd.Attempt(ctx, r.run.ID, r.slice.Steps[i].ID, r.board.attempt[i])
		return err
	})
	return a, err
}

// pauseIfLong stops a run that nobody drove for so long that the world may have moved on; a person
// resumes it.
func (r *runner) pauseIfLong(ctx context.Context) error {
	if !r.run.State.Moving() || r.run.Mode == dr.Rehearsal {
		return nil
	}
	var last dr.Time
	err := r.e.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		rows, err := rd.RowsOf(ctx, r.run.ID)
		if err == nil && len(rows) > 0 {
			last = rows[len(rows)-1].At
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading when the run last moved: %w", err)
	}
	if last.IsZero() || r.e.now().Since(last) < awayTooLong || r.waits() {
		return nil
	}
	return r.pause(ctx, dr.Restarted, "")
}

// waits reports whether the run was waiting for a person's hand, which may take long.
func (r *runner) waits() bool {
	for i, st := range r.slice.Steps {
		if st.Kind == dr.ManualStep && r.board.state[i] == dr.StepIntent {
			return true
		}
	}
	return false
}
