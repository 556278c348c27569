package fsm

import (
	"slices"
	"strconv"
	"strings"

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
		d.row(dr.RowCommand, dr.CommandData{From: r.Commander, To: d.a.Actor.Person, Accepted: true, Taken: r.Handover != d.a.Actor.Person})
		r.Commander, r.Handover = d.a.Actor.Person, ""
	case dr.VerbPreflight:
		d.c.Look = true
		d.asked("preflight", args.Reason)
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

// asked journals what somebody wants that has not moved the run yet.
func (d *decision) asked(what, why string) {
	d.row(dr.RowState, stateData(&d.c.Run, d.c.Run.State, what, why))
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
		d.asked("abort", d.a.Args.Reason)
		return
	}
	d.fail(d.a.Args.Reason)
}

// fail ends the run; systems that had arrived stay where they are, each for itself.
func (d *decision) fail(reason string) {
	r := &d.c.Run
	r.EndAsked, r.Verdict = "", "failed"
	d.systems("ended", unfinished)
	d.callOff("aborted")
	from := r.State
	moveRun(r, evFail, "", d.s.Now)
	d.c.Rows = append(d.c.Rows, stateRow(d.s.Now, r, from, evFail, d.a.Actor, reason))
	d.c.Unlock = true
}

// callOff takes out what was not sent yet, and what a person was asked to do and has not done. That the
// former never went out follows from the row of the run; the latter has rows of its own.
func (d *decision) callOff(why string) {
	for _, row := range d.s.Steps {
		st, _ := d.s.Slice.Step(row.Step)
		switch {
		case row.State == dr.StepBlocked, row.State == dr.StepReady:
		case row.State == dr.StepIntent && st.Kind == dr.ManualStep:
			d.outcome(row, dr.StepNever)
			d.row(dr.RowStep, dr.StepData{Step: row.Step, N: row.Attempt, From: row.State, To: dr.StepNever, Reason: why, How: "called_off"})
		default:
			continue
		}
		row.State, row.Reason = dr.StepNever, why
		d.c.Steps = append(d.c.Steps, row)
	}
}

// unfinished says of a system what the end of the run leaves it as.
func unfinished(s *dr.RunSystem) {
	switch s.State {
	case "waiting":
		s.State = "not_moved"
	case "moving", "moved":
		s.State, s.Verdict = "failed", "failed"
	}
}

// rollback turns the run round. The executor undoes what was done, last first.
func (d *decision) rollback() {
	d.callOff("rolled back")
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
		d.asked("force", strings.Join(systems, ", ")+": "+d.a.Args.Reason)
		return
	}
	d.row(dr.RowForced, dr.ForcedData{Systems: r.Force.Systems, Reason: r.Force.Reason})
	d.systems("forced", func(s *dr.RunSystem) { s.Forced = s.Forced || slices.Contains(r.Force.Systems, s.ID) })
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
		if to, ok := ungraceful(st); ok {
			d.setStep(row, to, "forced")
		}
	}
}

// close ends the time at the standby without going home.
func (d *decision) close() {
	ev := evClose
	if d.c.Run.Verdict == "exceptions" || excepted(d.c.Run, d.s.Slice, d.s.Steps) {
		ev, d.c.Run.Verdict = evExcept, "exceptions"
	}
	d.move(ev, "", d.a.Args.Reason)
}

// excepted reports whether the run's end must not be called clean: a person skipped or decided
// something, a check was overridden, a target was missed, or what the plan called success was not
// reached, or not even measured.
func excepted(r dr.Run, s *dr.Slice, steps []dr.StepRow) bool {
	if len(r.Overrides) > 0 {
		return true
	}
	for _, c := range dr.Outcomes(s, r) {
		if c.Result == "failed" || c.Result == "not_measured" && measurable(s, c.Criterion) {
			return true
		}
	}
	for _, s := range r.Systems {
		if s.State != "verified" || (s.Verdict != "" && s.Verdict != "passed") {
			return true
		}
	}
	return slices.ContainsFunc(steps, func(row dr.StepRow) bool { return takenOnTrust(s, row, "") })
}

// measurable reports whether the plan had a step that was to measure a criterion: a system that keeps
// no data has nothing to lose, and nobody counts it.
func measurable(s *dr.Slice, c dr.Criterion) bool {
	switch c.Metric {
	case "rto", "limit":
		return true
	case "rpo", "lost", "reconcile":
		return slices.ContainsFunc(s.Steps, func(st dr.Step) bool {
			return st.Kind == dr.ReconcileStep && (c.System == "" || st.System == c.System)
		})
	}
	return false
}

// takenOnTrust reports whether a step of a system, or of any, did not end by an outcome that was seen
// to be good: it failed or is not known, or a person left it out or said what became of it.
func takenOnTrust(s *dr.Slice, row dr.StepRow, system string) bool {
	st, _ := s.Step(row.Step)
	if system != "" && st.System != system {
		return false
	}
	switch row.State {
	case dr.StepFail, dr.StepUnknown:
		return true
	case dr.StepSkipped:
		return row.By != ""
	}
	return row.State == dr.StepOK && row.By != "" && st.Kind != dr.ManualStep
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
		if to == dr.StepOK && d.s.Newest[row.Step].Purpose == "undo" {
			to = dr.StepUndone
		}
		d.setStep(row, to, args.Reason)
	}
	d.resumeIfFree()
}

// outcome closes the newest attempt by a person's word. "Again" leaves it unknown for good: what
// it did, nobody will ever know, and the report says so. An attempt that had ended in the unknown keeps
// that moment: what follows is people's time and not the machine's.
func (d *decision) outcome(row dr.StepRow, to dr.StepState) {
	at, ok := d.s.Newest[row.Step]
	if !ok || (at.State != dr.StepIntent && at.State != dr.StepUnknown) || to == dr.StepReady {
		return
	}
	at.State, at.DecidedBy, at.Reason = to, d.a.Actor.Person, d.a.Args.Reason
	heard := !at.Outcome.IsZero()
	if !heard {
		at.Outcome = d.s.Now
	}
	if to == dr.StepSkipped || to == dr.StepNever {
		at.State = dr.StepFail
	}
	d.c.Outcomes = append(d.c.Outcomes, at)
	if !heard {
		d.row(dr.RowOutcome, dr.OutcomeData{Step: at.Step, N: at.N, State: at.State, Took: at.Outcome.Since(at.Intent), Undo: at.Purpose == "undo"})
	}
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
// own pause stays until somebody resumes it, and a hold point until somebody has passed it.
func (d *decision) resumeIfFree() {
	r := &d.c.Run
	if r.State != dr.Paused || r.Pause == dr.ByOperator || r.Pause == dr.Restarted || r.EndAsked != "" || len(d.s.stuck()) > 0 {
		return
	}
	if st, _ := d.s.Slice.Step(d.a.Args.Step); r.Pause == dr.HoldPoint && !st.Hold {
		return
	}
	from := r.State
	moveRun(r, evResume, "", d.s.Now)
	d.c.Rows = append(d.c.Rows, stateRow(d.s.Now, r, from, evResume, d.a.Actor, ""))
}
