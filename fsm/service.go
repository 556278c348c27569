package fsm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Do carries out one verb of one person on one run: the single way in for command line, console,
// chat and the run's own timers. A refusal leaves the run as it was and a row in the journal.
func (e *Engine) Do(ctx context.Context, by dr.Actor, run string, verb dr.Verb, args Args) (View, error) {
	if err := e.noCode(ctx, by, run, verb, args.texts()...); err != nil {
		return View{}, err
	}
	if verb == dr.VerbSwitchback {
		return e.switchback(ctx, by, run, args)
	}
	if verb == dr.VerbIssue {
		issued, err := e.IssueCode(ctx, by, run)
		return issued.View, err
	}
	act := Act{Actor: by, Verb: verb, Args: args}
	if verb == dr.VerbStart {
		defer e.lockCodes(run)()
		try, err := e.prepareStart(ctx, by, run, &act.Args)
		if err != nil {
			return View{}, err
		}
		act.Code = try
	}
	change, err := e.decide(ctx, run, act, nil)
	if err != nil {
		return View{}, err
	}
	if err := e.follow(ctx, change); err != nil {
		return View{}, err
	}
	return e.View(ctx, by, run)
}

// decide loads, decides and writes in one transaction. extra may add to an allowed change.
func (e *Engine) decide(ctx context.Context, run string, act Act, extra func(*store.Tx, *Situation, *Change) error) (*Change, error) {
	var change *Change
	var refusal *approval.Refusal
	e.cfg.Point("before_decision")
	err := e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		change, refusal = nil, nil
		locked, err := tx.LockRun(ctx, run)
		if err != nil {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil {
			return err
		}
		if current, err := e.compile(s.Run); err == nil {
			s.Current = current
		} else {
			s.Current = "unknown" // a plan that cannot be compiled any more is not the one people approved
		}
		if act.Verb == dr.VerbStart { // the moment at which a vote or code put in from behind would matter
			if err := attest(ctx, &tx.Reader, locked); err != nil {
				return err
			}
		}
		change, refusal = Decide(AllGuards(), s, act)
		if refusal != nil {
			tx.Journal(newRow(s.Now, run, dr.RowRefusal, act.Actor,
				dr.RefusalData{Verb: act.Verb, Rule: refusal.Guard, ID: refusal.Err.ID, Args: refusal.Err.Args}))
			if change == nil {
				return nil
			}
		} else if extra != nil {
			if err := extra(tx, &s, change); err != nil {
				return err
			}
		}
		if err := e.apply(ctx, tx, &s, change); err != nil || act.Actor.Person == "" || refusal != nil {
			return err
		}
		return e.answered(ctx, tx, run, act.Actor.Person)
	})
	e.cfg.Point("after_decision")
	if err != nil {
		return nil, e.journalRefusal(ctx, act.Actor, run, act.Verb, err)
	}
	if refusal != nil {
		return nil, refusal.Err
	}
	return change, nil
}

// compile says what digest today's files give for the run. An emergency's open round pins the
// version it was opened on: on the day itself nobody's commit may void the votes.
func (e *Engine) compile(run dr.Run) (string, error) {
	if run.Mode == dr.Emergency || run.State.Started() {
		return run.Digest, nil
	}
	c, err := e.cfg.Catalog()
	if err != nil {
		return "", &dr.Error{Kind: dr.Refused, ID: "files_unreadable", Err: err}
	}
	q, err := json.Marshal(selection(run))
	if err != nil {
		return "", fmt.Errorf("writing a selection: %w", err)
	}
	key := c.Digest() + string(q)
	e.mu.Lock()
	digest, known := e.compiled[key]
	e.mu.Unlock()
	if known {
		return digest, nil
	}
	slice, err := e.compileSlice(run)
	if err != nil {
		return "", err
	}
	b, err := slice.Bytes()
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.compiled) > 64 {
		clear(e.compiled)
	}
	e.compiled[key] = dr.Digest(b)
	return e.compiled[key], nil
}

// selection is what a run asked its plan to be compiled for.
func selection(run dr.Run) catalog.Selection {
	systems := make([]string, len(run.Systems))
	for i, s := range run.Systems {
		systems[i] = s.ID
	}
	return catalog.Selection{Plan: run.Plan, Mode: run.Mode, Systems: systems, Profile: run.Profile, Overrides: run.Overrides,
		Challenge: run.Challenge, Parent: run.Parent}
}

func (e *Engine) compileSlice(run dr.Run) (*dr.Slice, error) {
	c, err := e.cfg.Catalog()
	if err != nil {
		return nil, &dr.Error{Kind: dr.Refused, ID: "files_unreadable", Err: err}
	}
	return c.Compile(selection(run))
}

// apply writes a change. The run's row is locked already; the journal comes last by itself.
func (e *Engine) apply(ctx context.Context, tx *store.Tx, s *Situation, c *Change) error {
	id := c.Run.ID
	if c.Vote != nil {
		if err := tx.PutVote(ctx, id, *c.Vote); err != nil {
			return fmt.Errorf("writing a vote: %w", err)
		}
	}
	for _, code := range c.Codes {
		if err := tx.UpdateCode(ctx, id, code); err != nil {
			return fmt.Errorf("writing a code's state: %w", err)
		}
	}
	if err := writeSteps(ctx, tx, c); err != nil {
		return err
	}
	if c.Lock && c.Run.Mode != dr.Rehearsal {
		if err := e.takeLocks(ctx, tx, s); err != nil {
			return err
		}
	}
	if c.Unlock {
		if err := e.giveBack(ctx, tx, c.Run, s.Slice); err != nil {
			return fmt.Errorf("giving locks back: %w", err)
		}
	}
	if c.Recompile {
		if err := e.reopen(ctx, tx, c, s.Slice); err != nil {
			return err
		}
	}
	for _, row := range c.Rows {
		tx.Journal(row)
	}
	return tx.UpdateRun(ctx, &c.Run)
}

// writeSteps writes what a decision says about attempts and steps.
func writeSteps(ctx context.Context, tx *store.Tx, c *Change) error {
	for _, a := range c.Outcomes {
		if err := tx.Outcome(ctx, a, stepAfter(c, a)); err != nil {
			return fmt.Errorf("writing the outcome of step %s: %w", a.Step, err)
		}
	}
	for _, row := range c.Steps {
		if err := tx.SetStep(ctx, row); err != nil {
			return fmt.Errorf("writing step %s: %w", row.Step, err)
		}
	}
	return nil
}

// stepAfter is where a decided attempt leaves its step.
func stepAfter(c *Change, a dr.Attempt) dr.StepState {
	for _, row := range c.Steps {
		if row.Step == a.Step {
			return row.State
		}
	}
	return a.State
}

// takeLocks takes every system and shared resource of the slice. A switchback takes them over from
// the run it closes.
func (e *Engine) takeLocks(ctx context.Context, tx *store.Tx, s *Situation) error {
	if s.Run.Parent != "" {
		if err := tx.MoveLocks(ctx, s.Run.Parent, s.Run.ID, lockNames(s.Slice)); err != nil {
			return fmt.Errorf("taking locks over from %s: %w", s.Run.Parent, err)
		}
	}
	return tx.TakeLocks(ctx, s.Run.ID, lockNames(s.Slice))
}

func lockNames(s *dr.Slice) []string {
	var names []string
	for _, sys := range s.Systems {
		names = append(names, "system:"+sys.ID)
	}
	for _, r := range s.Resources {
		names = append(names, "resource:"+r)
	}
	return names
}

// follow does what comes after a committed change and must not hold its transaction.
func (e *Engine) follow(ctx context.Context, c *Change) error {
	switch {
	case c.Look, c.Recompile:
		if err := e.look(ctx, c.Run.ID); err != nil {
			return err
		}
	case c.Lock:
		e.anchor(ctx, c.Run.ID, "start")
		e.shipAgain(ctx, c.Run)
	case c.Run.State.Ended():
		e.anchor(ctx, c.Run.ID, "end")
	}
	e.mu.Lock()
	r := e.runners[c.Run.ID]
	e.mu.Unlock()
	if r != nil {
		r.reload()
	}
	e.wake()
	return nil
}

// readSituation reads one run's situation outside any decision.
func (e *Engine) readSituation(ctx context.Context, id string) (s Situation, err error) {
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		run, err := r.Run(ctx, id)
		if err != nil {
			return err
		}
		s, err = e.situation(ctx, r, run)
		return err
	})
	return s, err
}

// journalRefusal gives a refusal that was only found while writing, such as a lock somebody else holds,
// its row; nothing else of that transaction is there. Other errors pass.
func (e *Engine) journalRefusal(ctx context.Context, by dr.Actor, run string, verb dr.Verb, err error) error {
	var refusal *dr.Error
	if !errors.As(err, &refusal) || refusal.ID == "" || (refusal.Kind != dr.Refused && refusal.Kind != dr.Conflict) {
		return err
	}
	return e.refuse(ctx, by, run, verb, refusal.ID, refusal)
}

// refuse journals a refusal that concerns no run yet, or was found too late for its transaction.
func (e *Engine) refuse(ctx context.Context, by dr.Actor, run string, verb dr.Verb, rule string, refusal *dr.Error) error {
	err := e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		tx.Journal(newRow(e.now(), run, dr.RowRefusal, by,
			dr.RefusalData{Verb: verb, Rule: rule, ID: refusal.ID, Args: refusal.Args}))
		return nil
	})
	if err != nil {
		return errors.Join(refusal, fmt.Errorf("writing the refusal: %w", err))
	}
	return refusal
}
