package fsm

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// The walk visits every situation that a small run can get into after its start: four people, one
// of them with two accounts, three steps, two systems, a clock that ticks. In each it tries every
// verb of every person and compares the answer with lawful, which says the same rules in another
// shape and never calls the code it judges. Then each guard is left out in turn: a rule whose
// absence nobody notices is not tested.

var walkStart = dr.At(time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC))

func walkSlice() *dr.Slice {
	return &dr.Slice{Kind: dr.Switchover, Direction: dr.Outbound, Mode: dr.Drill, From: "east", To: "west", TimeZone: "UTC",
		Rule:    dr.Rule{DecideAfter: 10 * 60_000, CodeTries: 5},
		Soak:    60_000,
		Systems: []dr.System{{ID: "core", Home: "east"}},
		Steps: []dr.Step{
			{ID: "stop", System: "core", Kind: dr.ActionStep, Class: dr.Idempotent, Phase: "run", Undo: &dr.Call{}, Ungraceful: dr.Ungraceful{Do: "try"}},
			{ID: "promote", System: "core", Kind: dr.ActionStep, Class: dr.Once, Phase: "run", Needs: []string{"stop"}, NoReturn: true, Hold: true},
			{ID: "call", System: "core", Kind: dr.ManualStep, Class: dr.Once, Phase: "run", Needs: []string{"promote"}},
		}}
}

func walkRoster() dr.Roster {
	p := func(id, human string, roles ...dr.Role) dr.Person {
		return dr.Person{ID: id, Human: human, Name: id, Roles: roles}
	}
	return dr.Roster{People: []dr.Person{
		p("ann", "1", dr.Requester, dr.Operator, dr.Commander),
		p("ann2", "1", dr.Approver, dr.Operator),
		p("bob", "2", dr.Approver, dr.Commander),
		p("eve", "3", dr.Observer),
		{ID: "old", Human: "4", Name: "old", Roles: []dr.Role{dr.Operator, dr.Commander}, Disabled: true},
	}}
}

func walkBegin() Situation {
	rows := []dr.StepRow{}
	for _, st := range walkSlice().Steps {
		rows = append(rows, dr.StepRow{Run: "r", Step: st.ID, State: dr.StepBlocked})
	}
	run := dr.Run{ID: "r", Version: 7, Kind: dr.Switchover, Mode: dr.Drill, Direction: dr.Outbound, State: dr.Running, Requester: "ann",
		Starter: "ann", Commander: "ann", From: "east", To: "west", Clocks: dr.Clocks{Requested: walkStart, Started: walkStart},
		Round:   dr.Round{Number: 1, State: "used"},
		Systems: []dr.RunSystem{{ID: "core", From: "east", To: "west", Site: "east", State: "moving"}}}
	return Situation{Case: approval.Case{Run: run, Slice: walkSlice(), Roster: walkRoster(), Zone: time.UTC, Now: walkStart},
		Steps: rows, Newest: map[string]dr.Attempt{}}
}

// walkActs lists every verb of every person, with the arguments that make a difference.
func walkActs() []Act {
	var out []Act
	for _, who := range []string{"ann", "ann2", "bob", "eve", "old", "nobody"} {
		add := func(v dr.Verb, a Args) { out = append(out, Act{Actor: dr.Actor{Person: who}, Verb: v, Args: a}) }
		why := Args{Reason: "because", Confirmed: true}
		for _, v := range []dr.Verb{dr.VerbPause, dr.VerbResume, dr.VerbAccept, dr.VerbCancel} {
			add(v, Args{})
		}
		for _, v := range []dr.Verb{dr.VerbAbort, dr.VerbRollback, dr.VerbForce, dr.VerbClose} {
			add(v, why)
		}
		add(dr.VerbAbort, Args{Confirmed: true})
		add(dr.VerbRollback, Args{Reason: "because"})
		add(dr.VerbClose, Args{Reason: "because"})
		add(dr.VerbForce, Args{Reason: "because", Confirmed: true, Systems: []string{"moon"}})
		add(dr.VerbSwitchback, why)
		add(dr.VerbPause, Args{Version: 99})
		for _, to := range []string{"bob", "old", who} {
			add(dr.VerbHandover, Args{To: to})
		}
		for _, step := range []string{"stop", "promote", "call", "moon"} {
			for _, v := range []dr.Verb{dr.VerbContinue, dr.VerbRetry, dr.VerbDone} {
				add(v, Args{Step: step})
			}
			add(dr.VerbSkip, Args{Step: step, Reason: "because"})
			add(dr.VerbSkip, Args{Step: step})
			for _, verdict := range []string{"done", "failed", "again", "perhaps"} {
				add(dr.VerbDecide, Args{Step: step, Verdict: verdict, Reason: "because"})
			}
		}
		for _, v := range []dr.Verb{dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff} {
			add(v, Args{Text: "seen"})
			add(v, Args{})
		}
	}
	return out
}

// world moves a situation by everything that is not a person: outcomes, time, faults.
func walkWorld(s Situation) []Situation {
	var out []Situation
	back := s.Run.State == dr.RollingBack
	flown := func(i int, st dr.StepState, pause dr.PauseReason) {
		n := walkCopy(s)
		n.Steps[i].State = st
		if st == dr.StepIntent {
			purpose := "do"
			if back {
				purpose = "undo"
			}
			n.Steps[i].Attempt++
			n.Newest[n.Steps[i].Step] = dr.Attempt{Step: n.Steps[i].Step, N: n.Steps[i].Attempt, State: dr.StepIntent, Purpose: purpose}
		} else if a, ok := n.Newest[n.Steps[i].Step]; ok {
			a.State, a.Outcome = st, n.Now
			n.Newest[n.Steps[i].Step] = a
		}
		if n.Slice.Steps[i].NoReturn && st == dr.StepOK {
			n.Run.Passed = true
		}
		if pause != "" && n.Run.State.Moving() {
			moveRun(&n.Run, evPause, pause, n.Now)
		}
		out = append(out, n)
	}
	for i, row := range s.Steps {
		st := s.Slice.Steps[i]
		switch {
		case row.State == dr.StepIntent && st.Kind != dr.ManualStep:
			if s.Newest[row.Step].Purpose == "undo" {
				flown(i, dr.StepUndone, "")
			} else {
				flown(i, dr.StepOK, "")
			}
			flown(i, dr.StepFail, dr.StepFailed)
			flown(i, dr.StepUnknown, dr.OutcomeUnknown)
		case s.Run.State == dr.Running && (row.State == dr.StepReady || row.State == dr.StepBlocked && !st.Hold) && walkNeeds(s, st) && row.Attempt < 2:
			flown(i, dr.StepIntent, "")
		case s.Run.State == dr.Running && st.Hold && row.State == dr.StepBlocked && walkNeeds(s, st):
			n := walkCopy(s)
			moveRun(&n.Run, evPause, dr.HoldPoint, n.Now)
			out = append(out, n)
		}
	}
	if s.Run.State == dr.Running && !slices.ContainsFunc(s.Steps, func(r dr.StepRow) bool { return !r.State.Settled() }) {
		n := walkCopy(s)
		moveRun(&n.Run, evMoved, "", n.Now)
		moveRun(&n.Run, evProven, "", n.Now)
		n.Run.Clocks.Restored = n.Now
		out = append(out, n)
	}
	if stop := s.Steps[0]; back && row(stop, dr.StepOK, dr.StepReady, dr.StepFail) && stop.Attempt < 3 && (stop.State != dr.StepFail || s.Newest["stop"].Purpose != "undo") {
		flown(0, dr.StepIntent, "")
	} else if back && !s.flying() && !row(stop, dr.StepFail, dr.StepUnknown) {
		n := walkCopy(s)
		moveRun(&n.Run, evUndone, "", n.Now)
		out = append(out, n)
	}
	if s.Now == walkStart {
		n := walkCopy(s)
		n.Now = walkStart.Plus(11 * 60_000)
		out = append(out, n)
	}
	if !s.ClockStepped && s.Run.State == dr.Running {
		n := walkCopy(s)
		n.ClockStepped = true
		out = append(out, n)
	}
	if s.RosterErr == nil && s.Run.State == dr.Running {
		n := walkCopy(s)
		n.RosterErr = errors.New("half a file") // what could be read of it looks whole
		out = append(out, n)
	}
	return out
}

func row(r dr.StepRow, states ...dr.StepState) bool { return slices.Contains(states, r.State) }

func walkNeeds(s Situation, st dr.Step) bool {
	for _, need := range st.Needs {
		if !s.step(need).State.Settled() {
			return false
		}
	}
	return true
}

func walkCopy(s Situation) Situation {
	s.Run = cloneRun(s.Run)
	s.Steps = slices.Clone(s.Steps)
	newest := map[string]dr.Attempt{}
	for k, v := range s.Newest {
		newest[k] = v
	}
	s.Newest = newest
	return s
}

// walkApply is what the engine does with a change, on the situation alone.
func walkApply(s Situation, c *Change) Situation {
	n := walkCopy(s)
	n.Run = c.Run
	for _, row := range c.Steps {
		for i := range n.Steps {
			if n.Steps[i].Step == row.Step {
				row.Reason = ""
				n.Steps[i] = row
				n.Steps[i].Ended, n.Steps[i].By = dr.Time{}, ""
			}
		}
	}
	for _, a := range c.Outcomes {
		a.Reason, a.DecidedBy = "", ""
		n.Newest[a.Step] = a
	}
	return n
}

func walkKey(s Situation) string {
	b, err := json.Marshal([]any{s.Run, s.Steps, s.Newest, s.Now, s.ClockStepped, s.RosterErr != nil})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// lawful is the independent word on one act: may this person do this now?
func lawful(s Situation, a Act) bool {
	if s.RosterErr != nil || s.ClockStepped && a.Verb != dr.VerbPause {
		return false
	}
	back := s.Run.State == dr.RollingBack || s.Run.ResumeTo == dr.RollingBack
	undo := s.Newest[a.Args.Step].Purpose == "undo"
	who := a.Actor.Person
	if who == "nobody" || who == "old" || (a.Args.Version != 0 && a.Args.Version != 7) {
		return false
	}
	state, step := s.Run.State, s.step(a.Args.Step)
	moving := state == dr.Running || state == dr.Verifying
	operates := who == "ann" || who == "ann2" || who == "bob" // operator or commander
	switch a.Verb {
	case dr.VerbPause:
		return operates && (moving || state == dr.RollingBack)
	case dr.VerbResume:
		atHold := s.Run.Pause == dr.HoldPoint && s.step("promote").State == dr.StepBlocked
		return operates && state == dr.Paused && s.Run.EndAsked == "" && !atHold && lawfulToGoOn(s, back)
	case dr.VerbAbort:
		return operates && (moving || state == dr.Paused) && a.Args.Reason != "" && a.Args.Confirmed
	case dr.VerbRollback:
		return !back && s.Run.EndAsked == "" && operates && (state == dr.Running || state == dr.Paused) && a.Args.Reason != "" && a.Args.Confirmed &&
			s.step("promote").State != dr.StepOK && !s.Run.Passed && s.step("stop").State != dr.StepIntent && s.step("promote").State != dr.StepIntent &&
			!anyStep(s, dr.StepUnknown)
	case dr.VerbForce:
		return !back && (state == dr.Running || state == dr.Paused) && len(a.Args.Systems) == 0 && lawfulForce(s, who)
	case dr.VerbSwitchback:
		return who == "ann" && state == dr.AtStandby && s.Now.Since(s.Run.Clocks.Restored) >= 60_000
	case dr.VerbClose:
		return operates && state == dr.AtStandby && a.Args.Reason != "" && a.Args.Confirmed && s.Now.Since(s.Run.Clocks.Restored) >= 60_000
	case dr.VerbHandover:
		return (moving || state == dr.Paused || state == dr.RollingBack || state == dr.AtStandby) && who == s.Run.Commander && a.Args.To != who &&
			(a.Args.To == "bob" || a.Args.To == "ann")
	case dr.VerbAccept:
		return (moving || state == dr.Paused || state == dr.RollingBack || state == dr.AtStandby) && who == s.Run.Handover && (who == "ann" || who == "bob")
	case dr.VerbContinue:
		return operates && state == dr.Paused && a.Args.Step == "promote" && step.State == dr.StepBlocked && !back
	case dr.VerbRetry:
		return operates && state == dr.Paused && step.State == dr.StepFail && (!back || undo)
	case dr.VerbSkip:
		return lawfulSkip(s, a, step, operates && (moving || state == dr.Paused))
	case dr.VerbDone:
		return operates && (moving || state == dr.Paused || state == dr.RollingBack) && a.Args.Step == "call" && step.State == dr.StepIntent
	case dr.VerbDecide:
		late := who == "ann" || who == "ann2" // the starter, by either account, and both hold the operator role
		waited := s.Now.Since(s.Newest[a.Args.Step].Outcome) >= 10*60_000
		return operates && state == dr.Paused && step.State == dr.StepUnknown && a.Args.Verdict != "perhaps" && (who == "bob" || late && waited)
	case dr.VerbObserve:
		return who == "eve" && a.Args.Text != ""
	case dr.VerbFinding, dr.VerbSignOff:
		return a.Args.Text != ""
	}
	return false // cancel comes too late here, whoever asks
}

// lawfulToGoOn: on the way out nothing may have failed; on the way back only a failed undo counts.
func lawfulToGoOn(s Situation, back bool) bool {
	for _, r := range s.Steps {
		if (r.State == dr.StepFail || r.State == dr.StepUnknown) && (!back || s.Newest[r.Step].Purpose == "undo") {
			return false
		}
	}
	return true
}

func lawfulForce(s Situation, who string) bool {
	ask := s.Run.Force
	if ask == nil || s.Now.Since(ask.At) > 10*60_000 {
		return who != "eve"
	}
	first := "1"
	if ask.By == "bob" {
		first = "2"
	}
	return who == "bob" && first == "1" || who == "ann2" && first == "2"
}

func lawfulSkip(s Situation, a Act, step dr.StepRow, may bool) bool {
	if !may || a.Args.Reason == "" || step.Step == "" {
		return false
	}
	if step.Step == "promote" && a.Actor.Person == "ann2" {
		return false // no commander
	}
	switch step.State {
	case dr.StepBlocked, dr.StepReady, dr.StepFail:
		return true
	}
	return step.Step == "call" && step.State == dr.StepIntent
}

func anyStep(s Situation, states ...dr.StepState) bool {
	return slices.ContainsFunc(s.Steps, func(r dr.StepRow) bool { return slices.Contains(states, r.State) })
}
