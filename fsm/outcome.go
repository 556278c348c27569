package fsm

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// writeOutcome writes what became of an attempt and all that follows from it in one transaction:
// the step, what a system has lost, a run that must stop. It answers the run if it changed, and where
// the step went.
func (e *Engine) writeOutcome(ctx context.Context, f *flight, a dr.Attempt, want outcome, facts map[string]int64) (*dr.Run, dr.StepState, error) {
	a.State, a.Facts = want.attempt, facts
	var o outcome
	run, err := f.r.outcomes.put(ctx, e.cfg.Store, func(tx *store.Tx) (*dr.Run, error) {
		o = want
		if err := tx.Fence(ctx, lease(a.Run), e.cfg.Instance, a.Epoch); err != nil {
			return nil, err
		}
		if _, err := tx.LockState(ctx, a.Run); err != nil {
			return nil, err
		}
		if o.pause != "" {
			run, err := tx.Run(ctx, a.Run)
			if err != nil {
				return nil, err
			}
			if sys := run.System(f.st.System); sys != nil && sys.Forced {
				o = f.overtaken(o)
			}
		}
		if err := tx.Outcome(ctx, a, o.to); err != nil {
			return nil, fmt.Errorf("writing the outcome of %s: %w", a.Step, err)
		}
		tx.Journal(newRow(a.Outcome, a.Run, dr.RowOutcome, dr.Itself(), outcomeData(a, f)))
		if o.why != "" {
			tx.Journal(newRow(a.Outcome, a.Run, dr.RowStep, dr.Itself(),
				dr.StepData{Step: a.Step, N: a.N, From: a.State, To: o.to, Reason: o.why, How: "rule"}))
		}
		if !f.matters(o, facts) {
			return nil, nil
		}
		run, err := tx.LockRun(ctx, a.Run)
		if err != nil {
			return nil, err
		}
		if err := e.settle(ctx, tx, f, &run, o, facts); err != nil {
			return nil, err
		}
		return &run, tx.UpdateRun(ctx, &run)
	})
	return run, o.to, err
}

func outcomeData(a dr.Attempt, f *flight) dr.OutcomeData {
	return dr.OutcomeData{Step: a.Step, N: a.N, State: a.State, Code: a.Code, Text: a.Text, Took: a.Outcome.Since(a.Intent),
		Probe: dr.Found(a.Probe), Evidence: a.Evidence, Masked: a.Masked, MaskRules: a.MaskRules, Undo: f.a.Purpose == "undo", Facts: a.Facts, Proof: f.proof}
}

// matters reports whether an outcome can change the run's own row; most can't, and then the row is
// left alone.
func (f *flight) matters(o outcome, facts map[string]int64) bool {
	if f.run.Mode == dr.Rehearsal {
		return o.pause != ""
	}
	return o.pause != "" || f.st.NoReturn || counted(facts)
}

// counted reports whether facts say what a system has lost. Most looks find facts of other kinds, and
// then there is no need to read all that was counted before.
func counted(facts map[string]int64) bool {
	return slices.ContainsFunc([]string{"lost", "lag_ms", "rpo_ms", "served"}, func(name string) bool { _, ok := facts[name]; return ok })
}

// settle brings the run in line with a step's outcome.
func (e *Engine) settle(ctx context.Context, tx *store.Tx, f *flight, run *dr.Run, o outcome, facts map[string]int64) error {
	now := e.now()
	if f.st.NoReturn && o.to == dr.StepOK {
		run.Passed = true
	}
	if sys := run.System(f.st.System); sys != nil && counted(facts) {
		attempts, err := tx.Attempts(ctx, run.ID)
		if err != nil {
			return err
		}
		before := *sys
		if measure(sys, f.slice, attempts); *sys != before {
			tx.Journal(systemRow(now, run.ID, dr.Itself(), "measured", *sys))
		}
	}
	if o.pause != "" && run.State.Moving() {
		from := run.State
		moveRun(run, evPause, o.pause, now)
		tx.Journal(stateRow(now, run, from, evPause, dr.Itself(), f.st.ID))
	}
	return nil
}

// measure adds up what the newest attempt of each step of a system counted: a reconciliation done
// again counts once, and one protection that lost nothing does not hide that another did.
func measure(sys *dr.RunSystem, s *dr.Slice, attempts []dr.Attempt) {
	newest := map[string]map[string]int64{}
	for _, a := range attempts {
		if st, ok := s.Step(a.Step); ok && st.System == sys.ID && len(a.Facts) > 0 {
			newest[a.Step] = a.Facts
		}
	}
	sys.Lost, sys.RPO, sys.Served = -1, -1, -1
	for _, facts := range newest {
		if n, ok := facts["lost"]; ok {
			sys.Lost = max(sys.Lost, 0) + n
			if n == 0 {
				sys.RPO = max(sys.RPO, 0)
			}
		}
		for _, name := range []string{"lag_ms", "rpo_ms"} {
			if n, ok := facts[name]; ok {
				sys.RPO = max(sys.RPO, dr.Millis(n))
			}
		}
		if n, ok := facts["served"]; ok {
			sys.Served = max(sys.Served, n)
		}
	}
}

// arrivals notes systems that have moved (their data lives at the other site from here on) and those
// that have been proven there. It follows from the steps' rows alone, so a crash before it loses
// nothing: the next owner comes to the same answer.
func (r *runner) arrivals(ctx context.Context) error {
	if r.run.Mode == dr.Rehearsal || !slices.ContainsFunc(r.run.Systems, r.arrived) {
		return nil
	}
	return r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		for i := range run.Systems {
			if r.arrived(run.Systems[i]) {
				if err := r.arrive(ctx, tx, run, &run.Systems[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// arrived reports whether the steps say more about a system than the run does yet.
func (r *runner) arrived(s dr.RunSystem) bool {
	moved, proven := r.board.arrived(s.ID)
	return moved && s.State == "moving" || proven && s.State == "moved"
}

func (r *runner) arrive(ctx context.Context, tx *store.Tx, run *dr.Run, sys *dr.RunSystem) error {
	now := r.e.now()
	moved, proven := r.board.arrived(sys.ID)
	p := dr.Placement{System: sys.ID, Site: sys.To, Since: now, Run: run.ID, Previous: sys.From}
	if moved && sys.State == "moving" {
		sys.State, sys.Site = "moved", sys.To
		tx.Journal(newRow(now, run.ID, dr.RowPlacement, dr.Itself(), dr.PlacementData{System: sys.ID, From: sys.From, To: sys.To}))
	}
	why := "moved"
	if proven && sys.State == "moved" {
		why = "proven"
		sys.State, sys.Restored, p.Proven = "verified", now, now
		sys.RTO = now.Since(rtoClock(*run, r.slice.Rule.RTOFrom))
		rows, err := tx.Steps(ctx, run.ID)
		if err != nil {
			return err
		}
		sys.Verdict = verdictOf(*sys)
		if sys.Verdict == "passed" && slices.ContainsFunc(rows, func(row dr.StepRow) bool { return takenOnTrust(r.slice, row, sys.ID) }) {
			sys.Verdict = "exceptions"
		}
		if now.After(run.Clocks.Restored.Time) {
			run.Clocks.Restored = now
		}
	}
	if err := tx.SetPlacement(ctx, p); err != nil {
		return fmt.Errorf("moving %s: %w", sys.ID, err)
	}
	tx.Journal(systemRow(now, run.ID, dr.Itself(), why, *sys))
	return nil
}

// rtoClock is the moment the recovery time counts from; a clock nobody set falls back to the
// request, which every run has.
func rtoClock(r dr.Run, from string) dr.Time {
	t := r.Clocks.Requested
	switch from {
	case "impact":
		t = r.Clocks.Impact
	case "declared":
		t = r.Clocks.Declared
	case "ordered":
		t = r.Clocks.Ordered
	case "started":
		t = r.Clocks.Started
	}
	if t.IsZero() {
		return r.Clocks.Requested
	}
	return t
}

func verdictOf(s dr.RunSystem) string {
	switch {
	case s.RTOTarget > 0 && s.RTO > s.RTOTarget:
		return "missed_rto"
	case s.RPO > s.RPOTarget && s.RPO >= 0, s.RPOTarget == 0 && s.Lost > 0:
		return "missed_rpo"
	}
	return "passed"
}

// update runs one of the runner's own decisions in a fenced transaction. Where it comes too late and
// changes nothing, the run keeps its version: people's screens are still right.
func (r *runner) update(ctx context.Context, change func(tx *store.Tx, run *dr.Run) error) error {
	var out dr.Run
	err := r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, lease(r.run.ID), r.e.cfg.Instance, r.epoch); err != nil {
			return err
		}
		run, err := tx.LockRun(ctx, r.run.ID)
		if err != nil {
			return err
		}
		before := cloneRun(run)
		if err := change(tx, &run); err != nil {
			return err
		}
		if !reflect.DeepEqual(before, run) {
			if err := tx.UpdateRun(ctx, &run); err != nil {
				return err
			}
		}
		out = run
		return nil
	})
	if err == nil {
		r.run = out
	}
	return err
}

// step journals and follows one arrow of the table.
func (r *runner) step(tx *store.Tx, run *dr.Run, ev Event, pause dr.PauseReason, reason string) {
	from, now := run.State, r.e.now()
	moveRun(run, ev, pause, now)
	tx.Journal(stateRow(now, run, from, ev, dr.Itself(), reason))
}

func (r *runner) pause(ctx context.Context, why dr.PauseReason, about string) error {
	return r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		if run.State.Moving() {
			r.step(tx, run, evPause, why, about)
		}
		return nil
	})
}

// advance moves on to verifying, unless somebody paused meanwhile.
func (r *runner) advance(ctx context.Context, ev Event) error {
	return r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		if can(run.State, ev) {
			r.step(tx, run, ev, "", "")
		}
		return nil
	})
}

// leaveOut skips a step by rule.
func (r *runner) leaveOut(ctx context.Context, i int, why string) error {
	st := r.slice.Steps[i]
	moved := false
	err := r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		now := r.e.now()
		was, err := tx.Step(ctx, run.ID, st.ID)
		if err != nil {
			return err
		}
		if moved = !run.State.Moving() || was.State != r.board.was[i]; moved {
			return nil
		}
		row := dr.StepRow{Run: run.ID, Step: st.ID, State: dr.StepSkipped, Attempt: r.board.attempt[i], Ended: now, Reason: why}
		if err := tx.SetStep(ctx, row); err != nil {
			return err
		}
		tx.Journal(newRow(now, run.ID, dr.RowStep, dr.Itself(),
			dr.StepData{Step: st.ID, N: row.Attempt, From: dr.StepReady, To: dr.StepSkipped, Reason: why, How: "forced"}))
		return nil
	})
	if err != nil || moved {
		r.board.landed(i, r.board.was[i])
		r.reload()
		return err
	}
	r.board.landed(i, dr.StepSkipped)
	return nil
}
