package report

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// wrong keeps the first row that does not fit what was read before it. A report that passed over such
// a row would say less than the journal does.
func (t *telling) wrong(row Row, format string, args ...any) {
	if t.fault == nil {
		t.fault = fmt.Errorf("row %d (%s) of run %s %s", row.Seq, row.Kind, t.out.ID, fmt.Sprintf(format, args...))
	}
}

// follow takes in what a move of state means for round, steps and systems: the engine changes those
// along with the run and gives them no rows of their own.
func (t *telling) follow(d dr.StateData) {
	round := &Round{}
	if n := len(t.out.Rounds); n > 0 {
		round = &t.out.Rounds[n-1]
	}
	switch {
	case d.To == dr.AwaitingCode && round.State == "open":
		round.State = "complete"
	case d.To == dr.AwaitingApproval && round.State == "complete":
		round.State = "open"
	case d.Event == "rollback":
		t.callOff(d.Reason)
	case d.To.Ended():
		t.callOff(d.Reason)
		t.leave(d.To)
	}
}

// callOff marks what was not sent and will not be. What a person was asked to do and has not done is
// called off with it.
func (t *telling) callOff(why string) {
	for i := range t.out.Steps {
		st := &t.out.Steps[i]
		switch {
		case st.State == dr.StepBlocked, st.State == dr.StepReady:
		case st.State == dr.StepIntent && st.Kind == dr.ManualStep:
			if n := len(st.Attempts); n > 0 {
				st.Attempts[n-1].State = dr.StepNever
			}
		default:
			continue
		}
		st.State, st.Reason = dr.StepNever, why
	}
}

// leave says of each system what the end of the run leaves it as.
func (t *telling) leave(end dr.State) {
	for i := range t.run.Systems {
		s := &t.run.Systems[i]
		switch {
		case s.State == "waiting":
			s.State = "not_moved"
		case end == dr.Failed && (s.State == "moving" || s.State == "moved"):
			s.State, s.Verdict = "failed", "failed"
		}
	}
}

// settle closes an attempt nobody had heard of when a person says what became of its step: the engine
// writes that into the attempt and journals the step alone.
func (t *telling) settle(row Row, st *Step, d dr.StepData) {
	n := len(st.Attempts)
	if n == 0 || d.To == dr.StepReady || !slices.Contains([]string{"skip", "done", "decide"}, d.How) {
		return
	}
	a := &st.Attempts[n-1]
	if a.State != dr.StepIntent && a.State != dr.StepUnknown {
		return
	}
	if a.Outcome.IsZero() {
		a.Outcome = row.At
		a.Took = max(0, row.At.Since(a.Intent))
	}
	a.Rows = append(a.Rows, row.Seq)
	switch d.To {
	case dr.StepSkipped:
		a.State = dr.StepFail
	case dr.StepUndone:
		a.State = dr.StepOK
	default:
		a.State = d.To
	}
}

// counted adds up what the newest attempt of each step of a system told in numbers. A system's own row
// is older than what was counted after it, and a run that ends badly writes none.
func (t *telling) counted() {
	if t.run.Mode == dr.Rehearsal {
		return
	}
	for i := range t.run.Systems {
		s := &t.run.Systems[i]
		lost, rpo, served := int64(-1), dr.Millis(-1), int64(-1)
		for _, st := range t.out.Steps {
			facts := t.facts[st.ID]
			if st.System != s.ID {
				continue
			}
			if n, ok := facts["lost"]; ok {
				lost = max(lost, 0) + n
				if n == 0 {
					rpo = max(rpo, 0)
				}
			}
			for _, name := range []string{"lag_ms", "rpo_ms"} {
				if n, ok := facts[name]; ok {
					rpo = max(rpo, dr.Millis(n))
				}
			}
			if n, ok := facts["served"]; ok {
				served = max(served, n)
			}
		}
		if lost >= 0 {
			s.Lost = lost
		}
		if rpo >= 0 {
			s.RPO = rpo
		}
		if served >= 0 {
			s.Served = served
		}
	}
}

// takenBack forgets the proof of systems that were rolled back after it: their business was not brought
// back at the other site, so there is no time in which it was.
func (t *telling) takenBack() {
	for i := range t.run.Systems {
		if s := &t.run.Systems[i]; s.State == "rolled_back" {
			s.Restored, s.RTO = dr.Time{}, 0
		}
	}
}

// votedOrStarted are moves that a vote, a code or an override made; each has a row of its own, and whoever
// made it operated nothing.
func votedOrStarted(event string) bool {
	return slices.Contains([]string{"quorum", "quorum_lost", "slice_changed", "deny", "start"}, event)
}
