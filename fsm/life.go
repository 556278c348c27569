package fsm

import (
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
)

// life works out every verb that is not a vote, a code or the start.
func (d *decision) life() {
	r, args := &d.c.Run, d.a.Args
	switch d.a.Verb {
	case dr.VerbPause:
		d.move(evPause, dr.ByOperator, args.Reason)
	case dr.VerbResume:
		d.move(evResume, "", args.Reason)
	case dr.VerbCancel:
		d.endRound("cancelled", args.Reason)
		d.move(evCancel, "", args.Reason)
	case dr.VerbAbort:
		d.abort()
	case dr.VerbRollback:
		d.rollback()
	case dr.VerbForce:
		d.force()
	case dr.VerbSwitchback:
		d.c.Switch = true
	case dr.VerbClose:
		d.close()
	case dr.VerbHandover:
		r.Handover = args.To
		d.row(dr.RowCommand, dr.CommandData{From: r.Commander, To: args.To})
	case dr.VerbAccept:
		d.row(dr.RowCommand, dr.CommandData{From: r.Commander, To: d.a.Actor.Person, Accepted: true})
		r.Commander, r.Handover = d.a.Actor.Person, ""
	case dr.VerbPreflight:
		d.c.Look = true
	case dr.VerbOrder:
		r.Challenge, r.Observer = args.Text, d.a.Actor.Person
		r.Clocks.Ordered = d.s.Now
		d.row(dr.RowObservation, dr.FindingData{ID: "order", Text: args.Text})
		d.c.Recompile = true
	case dr.VerbObserve:
		d.row(dr.RowObservation, dr.FindingData{ID: d.number("o"), Text: args.Text})
	case dr.VerbFinding:
		d.row(dr.RowFinding, dr.FindingData{ID: d.number("f"), Text: args.Text, Owner: args.Owner, Due: args.Due, Retest: args.Retest})
	case dr.VerbSignOff:
		d.row(dr.RowSignOff, dr.SignOffData{Text: args.Text})
	default:
		d.step()
	}
}

// number names a finding by the run's version, which no two decisions share.
func (d *decision) number(prefix string) string {
	return prefix + strconv.FormatInt(d.s.Run.Version, 10)
}

// endRound closes the open round with the run.
func (d *decision) endRound(state, reason string) {
	r := &d.c.Run
	if r.Round.Number == 0 || r.Round.State != "open" {
		return
	}
	r.Round.State = state
	d.revokeCodes(state)
	d.row(dr.RowRoundEnd, dr.RoundEndData{Number: r.Round.Number, State: state, Reason: reason})
}

// abort stops for good where the run stands. Steps in flight are let end first: the executor sees
// EndAsked and moves the run once nothing flies.
func (d *decision) abort() {
	r := &d.c.Run
	if d.s.Run.State != dr.Paused {
		d.move(evPause, dr.ByOperator, d.a.Args.Reason)
	}
	if d.s.flying() {
		r.EndAsked = dr.Failed
		d.row(dr.RowCommand, dr.CommandData{From: d.a.Actor.Person, To: "abort"})
		return
	}
	d.fail(d.a.Args.Reason)
}

// fail ends the run; systems that had arrived stay where they are, each for itself.
func (d *decision) fail(reason string) {
	r := &d.c.Run
	r.EndAsked, r.Verdict = "", "failed"
	markUnfinished(r)
	for _, row := range d.s.Steps {
		if row.State == dr.StepBlocked || row.State == dr.StepReady {
			row.State, row.Reason = dr.StepNever, "aborted"
			d.c.Steps = append(d.c.Steps, row)
		}
	}
	from := r.State
	moveRun(r, evFail, "", d.s.Now)
	d.row(dr.RowState, dr.StateData{From: from, To: r.State, Event: string(evFail), Reason: reason, Verdict: r.Verdict})
	d.c.Unlock = true
}

// markUnfinished says of each system what the end of the run leaves it as.
func markUnfinished(r *dr.Run) {
	setSystems(r, func(s *dr.RunSystem) {
		switch s.State {
		case "waiting":
			s.State = "not_moved"
		case "moving", "moved":
			s.State, s.Verdict = "failed", "failed"
		}
	})
}

// rollback turns the run round. The executor undoes what was done, last first.
func (d *decision) rollback() {
	for _, row := range d.s.Steps {
		if row.State == dr.StepBlocked || row.State == dr.StepReady {
			row.State, row.Reason = dr.StepNever, "rolled back"
			d.c.Steps = append(d.c.Steps, row)
		}
	}
	d.move(evUndo, "", d.a.Args.Reason)
}

// force keeps the first person's word, or on the second's turns the systems from graceful to forced.
func (d *decision) force() {
	r := &d.c.Run
	me, _ := d.s.Roster.Person(d.a.Actor.Person)
	if r.Force == nil || d.s.Now.Since(r.Force.At) > forceAskHolds {
		systems := d.a.Args.Systems
		if len(systems) == 0 {
			for _, s := range r.Systems {
				systems = append(systems, s.ID)
			}
		}
		r.Force = &dr.ForceAsk{Systems: systems, Reason: d.a.Args.Reason, By: me.ID, Human: me.Human, At: d.s.Now}
		d.row(dr.RowCommand, dr.CommandData{From: me.ID, To: "force"})
		return
	}
	setSystems(r, func(s *dr.RunSystem) {
		if slices.Contains(r.Force.Systems, s.ID) {
			s.Forced = true
		}
	})
	d.row(dr.RowForced, dr.ForcedData{Systems: r.Force.Systems, Reason: r.Force.Reason})
	d.reforce(r.Force.Systems)
	r.Force = nil
	d.resumeIfFree()
}

// reforce takes steps that failed, or that nobody knows about, out of the way where their
// ungraceful form says so: skip and try give up, same and own are sent again.
func (d *decision) reforce(systems []string) {
	for _, row := range d.s.Steps {
		st, _ := d.s.Slice.Step(row.Step)
		if !slices.Contains(systems, st.System) || (row.State != dr.StepFail && row.State != dr.StepUnknown) {
			continue
		}
		switch st.Ungraceful.Do {
		case "skip", "try":
			d.setStep(row, dr.StepSkipped, "forced")
		case "own":
			d.setStep(row, dr.StepReady, "forced")
		}
	}
}

// close ends the time at the standby without going home.
func (d *decision) close() {
	ev := evClose
	if excepted(d.c.Run, d.s.Steps) {
		ev, d.c.Run.Verdict = evExcept, "exceptions"
	}
	d.move(ev, "", d.a.Args.Reason)
}

// excepted reports whether the run's end must not be called clean: a person skipped or decided
// something, a check was overridden, or a target was missed.
func excepted(r dr.Run, steps []dr.StepRow) bool {
	if len(r.Overrides) > 0 {
		return true
	}
	for _, s := range r.Systems {
		if s.State != "verified" || (s.Verdict != "" && s.Verdict != "passed") {
			return true
		}
	}
	return slices.ContainsFunc(steps, func(row dr.StepRow) bool {
		return row.State == dr.StepFail || (row.State == dr.StepSkipped && row.By != "")
	})
}

// step works out the verbs that are about one step.
func (d *decision) step() {
	row, args := d.s.step(d.a.Args.Step), d.a.Args
	switch d.a.Verb {
	case dr.VerbContinue:
		d.setStep(row, dr.StepReady, args.Reason)
	case dr.VerbRetry:
		d.setStep(row, dr.StepReady, args.Reason)
	case dr.VerbSkip:
		d.outcome(row, dr.StepSkipped)
		d.setStep(row, dr.StepSkipped, args.Reason)
	case dr.VerbDone:
		d.outcome(row, dr.StepOK)
		d.setStep(row, dr.StepOK, args.Reason)
	case dr.VerbDecide:
		to := map[string]dr.StepState{"done": dr.StepOK, "failed": dr.StepFail, "again": dr.StepReady}[args.Verdict]
		d.outcome(row, to)
		d.setStep(row, to, args.Reason)
	}
	d.resumeIfFree()
}

// outcome closes the newest attempt by a person's word. "Again" leaves it unknown for good: what
// it did, nobody will ever know, and the report says so.
func (d *decision) outcome(row dr.StepRow, to dr.StepState) {
	at, ok := d.s.Newest[row.Step]
	if !ok || (at.State != dr.StepIntent && at.State != dr.StepUnknown) || to == dr.StepReady {
		return
	}
	at.State, at.Outcome, at.DecidedBy, at.Reason = to, d.s.Now, d.a.Actor.Person, d.a.Args.Reason
	if to == dr.StepSkipped {
		at.State = dr.StepFail
	}
	d.c.Outcomes = append(d.c.Outcomes, at)
}

// setStep moves one step by a person's word.
func (d *decision) setStep(row dr.StepRow, to dr.StepState, reason string) {
	d.row(dr.RowStep, dr.StepData{Step: row.Step, N: row.Attempt, From: row.State, To: to, Reason: reason, How: string(d.a.Verb)})
	if st, ok := d.s.Slice.Step(row.Step); ok && st.NoReturn && to == dr.StepOK {
		d.c.Run.Passed = true
	}
	row.State, row.Reason, row.By = to, reason, d.a.Actor.Person
	if to != dr.StepReady {
		row.Ended = d.s.Now
	}
	d.c.Steps = append(d.c.Steps, row)
	for i := range d.s.Steps {
		if d.s.Steps[i].Step == row.Step {
			d.s.Steps = slices.Clone(d.s.Steps)
			d.s.Steps[i] = row
		}
	}
}

// resumeIfFree lets the run go on by itself once nothing is left that made it stop. An operator's
// own pause stays until somebody resumes it.
func (d *decision) resumeIfFree() {
	r := &d.c.Run
	if r.State != dr.Paused || r.Pause == dr.ByOperator || r.Pause == dr.Restarted || len(d.s.stuck()) > 0 {
		return
	}
	from := r.State
	moveRun(r, evResume, "", d.s.Now)
	d.row(dr.RowState, dr.StateData{From: from, To: r.State, Event: string(evResume)})
}
