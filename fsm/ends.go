package fsm

import (
	"context"
	"errors"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// finish ends the verification: at the standby on the way out, closed on the way back.
func (r *runner) finish(ctx context.Context) error {
	ended := false
	err := r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		if run.State != dr.Verifying {
			return nil
		}
		rows, err := tx.Steps(ctx, run.ID)
		if err != nil {
			return err
		}
		now := r.e.now()
		if run.Mode == dr.Rehearsal {
			run.Verdict = "rehearsed"
			r.step(tx, run, evReturned, "", "")
			ended = true
			return nil
		}
		if run.Clocks.Restored.IsZero() {
			run.Clocks.Restored = now
		}
		run.Verdict = "passed"
		if excepted(*run, r.slice, rows) {
			run.Verdict = "exceptions"
		}
		if run.Direction == dr.Outbound {
			r.step(tx, run, evProven, "", "")
			return nil
		}
		ended = true
		ev := evReturned
		if run.Verdict == "exceptions" {
			ev = evExcept
		}
		r.step(tx, run, ev, "", "")
		return r.e.giveBack(ctx, tx, *run, r.slice)
	})
	if err == nil && ended {
		r.e.anchor(ctx, r.run.ID, "end")
	}
	if err == nil && r.run.State == dr.AtStandby {
		r.e.shipAgain(ctx, r.run)
	}
	return err
}

// giveBack frees what an ended run held. A switchback that had started hands systems that are still
// away, and what the outbound run shares with others, back to it; once everything is home the outbound
// run ends too.
func (e *Engine) giveBack(ctx context.Context, tx *store.Tx, run dr.Run, slice *dr.Slice) error {
	if run.Parent == "" || run.Mode == dr.Rehearsal || run.Clocks.Started.IsZero() {
		return tx.DropLocks(ctx, run.ID)
	}
	parent, err := tx.LockRun(ctx, run.Parent)
	if err != nil {
		return err
	}
	before := parent.State
	home := setSystems(&parent, e.now(), dr.Itself(), "returned", func(p *dr.RunSystem) {
		if s := run.System(p.ID); s != nil {
			p.Site = s.Site
		}
	})
	for _, row := range home {
		tx.Journal(row)
	}
	away := func(s dr.RunSystem) bool { return s.Site == s.To }
	var still []string
	for _, s := range run.Systems {
		if p := parent.System(s.ID); p != nil && away(*p) {
			still = append(still, "system:"+s.ID)
		}
	}
	if slices.ContainsFunc(parent.Systems, away) {
		for _, name := range slice.Resources {
			still = append(still, "resource:"+name)
		}
	} else if parent.State == dr.AtStandby && (run.State == dr.Closed || run.State == dr.ClosedWithExceptions) {
		e.returned(tx, &parent, run)
	}
	if err := tx.MoveLocks(ctx, run.ID, parent.ID, still); err != nil {
		return err
	}
	if parent.State.Ended() {
		err = tx.DropLocks(ctx, parent.ID)
	}
	if err := errors.Join(err, tx.DropLocks(ctx, run.ID)); err != nil {
		return err
	}
	if parent.State == before && len(home) == 0 {
		return nil // nothing moved: the parent stands as it did
	}
	return tx.UpdateRun(ctx, &parent)
}

// returned ends the outbound run: everything it moved is home again.
func (e *Engine) returned(tx *store.Tx, parent *dr.Run, run dr.Run) {
	ev, now, from := evClose, e.now(), parent.State
	if parent.Verdict == "exceptions" || run.Verdict == "exceptions" {
		ev = evExcept
	}
	moveRun(parent, ev, "", now)
	tx.Journal(stateRow(now, parent, from, ev, dr.Itself(), ""))
}

// end carries out an abort that waited for steps in flight.
func (r *runner) end(ctx context.Context) error {
	err := r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		if run.EndAsked == "" || run.State != dr.Paused {
			return nil
		}
		s, err := r.e.situation(ctx, &tx.Reader, *run)
		if err != nil {
			return err
		}
		d := &decision{s: s, a: Act{Actor: dr.Itself(), Args: Args{Reason: "aborted"}}, c: &Change{Run: cloneRun(*run)}}
		d.fail("aborted; the steps in flight have ended")
		if err := writeSteps(ctx, tx, d.c); err != nil {
			return err
		}
		for _, row := range d.c.Rows {
			tx.Journal(row)
		}
		*run = d.c.Run
		return r.e.giveBack(ctx, tx, *run, r.slice)
	})
	if err == nil && r.run.State.Ended() {
		r.e.anchor(ctx, r.run.ID, "end")
	}
	return err
}

// rolledBack ends a run whose steps were all undone. What had moved is where it came from again.
func (r *runner) rolledBack(ctx context.Context) error {
	err := r.update(ctx, func(tx *store.Tx, run *dr.Run) error {
		if run.State != dr.RollingBack {
			return nil
		}
		now := r.e.now()
		for i := range run.Systems {
			s := &run.Systems[i]
			if s.Site == s.To {
				p := dr.Placement{System: s.ID, Site: s.From, Since: now, Run: run.ID, Previous: s.To}
				if err := tx.SetPlacement(ctx, p); err != nil {
					return err
				}
				tx.Journal(newRow(now, run.ID, dr.RowPlacement, dr.Itself(), dr.PlacementData{System: s.ID, From: s.To, To: s.From}))
			}
			s.State, s.Site, s.Verdict = "rolled_back", s.From, "failed"
			tx.Journal(systemRow(now, run.ID, dr.Itself(), "rolled_back", *s))
		}
		run.Verdict = "failed"
		r.step(tx, run, evUndone, "", "")
		return r.e.giveBack(ctx, tx, *run, r.slice)
	})
	if err == nil && r.run.State.Ended() {
		r.e.anchor(ctx, r.run.ID, "end")
	}
	return err
}
