package fsm

import (
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// at is a moment of the little story below, in seconds.
func at(seconds int64) dr.Time { return walkStart.Plus(dr.Millis(seconds * 1000)) }

// TestDecisionIsPeoplesTime: a step that ended in the unknown keeps that moment when somebody decides.
func TestDecisionIsPeoplesTime(t *testing.T) {
	s := walkBegin()
	s.Run.State, s.Run.Pause, s.Run.ResumeTo = dr.Paused, dr.OutcomeUnknown, dr.Running
	s.Steps[1].State, s.Steps[1].Attempt = dr.StepUnknown, 1
	s.Newest["promote"] = dr.Attempt{Step: "promote", N: 1, State: dr.StepUnknown, Purpose: "do", Intent: at(0), Outcome: at(5)}
	s.Now = at(605)
	c, refusal := Decide(AllGuards(), s, Act{Actor: dr.Actor{Person: "bob"}, Verb: dr.VerbDecide,
		Args: Args{Step: "promote", Verdict: "done", Reason: "seen"}})
	if refusal != nil || len(c.Outcomes) != 1 || c.Outcomes[0].Outcome != at(5) || c.Outcomes[0].DecidedBy != "bob" {
		t.Fatalf("%+v, %+v", refusal, c)
	}
	if c.Steps[0].Ended != s.Now {
		t.Errorf("the step ended at %s", c.Steps[0].Ended)
	}
}

// TestDecidedUndoIsUndone: somebody who says that an undo happened must not have it sent once more.
func TestDecidedUndoIsUndone(t *testing.T) {
	s := walkBegin()
	s.Run.State, s.Run.Pause, s.Run.ResumeTo = dr.Paused, dr.OutcomeUnknown, dr.RollingBack
	s.Steps[0].State, s.Steps[0].Attempt = dr.StepUnknown, 2
	s.Newest["stop"] = dr.Attempt{Step: "stop", N: 2, State: dr.StepUnknown, Purpose: "undo", Intent: at(0), Outcome: at(5)}
	c, refusal := Decide(AllGuards(), s, Act{Actor: dr.Actor{Person: "bob"}, Verb: dr.VerbDecide,
		Args: Args{Step: "stop", Verdict: "done", Reason: "seen"}})
	if refusal != nil || c.Steps[0].State != dr.StepUndone || c.Outcomes[0].State != dr.StepOK || c.Run.State != dr.RollingBack {
		t.Fatalf("%+v, %+v", refusal, c)
	}
}

// TestStarterDecidesOnlyOnDuty, however long everybody has waited.
func TestStarterDecidesOnlyOnDuty(t *testing.T) {
	s := walkBegin()
	s.Run.State, s.Run.Pause, s.Run.ResumeTo = dr.Paused, dr.OutcomeUnknown, dr.Running
	s.Steps[1].State = dr.StepUnknown
	s.Newest["promote"] = dr.Attempt{Step: "promote", State: dr.StepUnknown, Outcome: at(0)}
	s.Now = at(11 * 60)
	for duty, may := range map[string]bool{"02:00": true, "08:00": false} { // it is 03:11
		s.Roster.People[0].Duty = []dr.Duty{{From: duty, To: "20:00"}}
		_, refusal := Decide(AllGuards(), s, Act{Actor: dr.Actor{Person: "ann"}, Verb: dr.VerbDecide,
			Args: Args{Step: "promote", Verdict: "done", Reason: "seen"}})
		if (refusal == nil) != may {
			t.Errorf("on duty from %s at 03:11: %+v", duty, refusal)
		}
	}
}
