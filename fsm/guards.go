package fsm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// forceAskHolds is how long the first person's word for forcing waits for the second's.
const forceAskHolds = dr.Millis(10 * 60 * 1000)

// LifeGuards are the rules of a run's life, each by name. They are checked in this order, so that
// the first refusal is the one that helps most.
func LifeGuards() []Guard {
	return []Guard{
		{"roster_readable", rosterReadable},
		{"clock_steady", clockSteady},
		{"known_person", knownPerson},
		{"version", sameVersion},
		{"state", inState},
		{"role", hasRole},
		{"reason", hasReason},
		{"confirm", confirmed},
		{"step", stepFits},
		{"decider", otherThanStarter},
		{"verdict", knownVerdict},
		{"ending", ending},
		{"resume", nothingStuck},
		{"rollback", mayRollBack},
		{"force", mayForce},
		{"handover", mayHandOver},
		{"soak", soaked},
		{"switchback", maySwitchBack},
		{"surprise", ordered},
		{"text", hasText},
	}
}

func rosterReadable(s Situation, _ Act) *dr.Error {
	if s.RosterErr != nil || len(s.Roster.People) == 0 {
		return dr.Refuse("roster_unreadable", nil)
	}
	return nil
}

// clockSteady freezes decisions while the clock cannot be trusted. What only stops stays possible: a
// pause, a no, a vote taken back, a request given up.
func clockSteady(s Situation, a Act) *dr.Error {
	stops := slices.Contains([]dr.Verb{dr.VerbPause, dr.VerbDeny, dr.VerbWithdraw, dr.VerbCancel}, a.Verb)
	if s.ClockStepped && !stops {
		return dr.Refuse("clock_stepped_back", nil)
	}
	return nil
}

func knownPerson(s Situation, a Act) *dr.Error {
	p, ok := s.Roster.Person(a.Actor.Person)
	if !ok || p.Disabled {
		return dr.Refuse("person_unknown", dr.Args{"person": a.Actor.Person})
	}
	return nil
}

func sameVersion(s Situation, a Act) *dr.Error {
	if a.Args.Version != 0 && a.Args.Version != s.Run.Version {
		return &dr.Error{Kind: dr.Conflict, ID: "run_moved_on", Args: dr.Args{"run": s.Run.ID}}
	}
	return nil
}

func inState(s Situation, a Act) *dr.Error {
	ru, ok := ruleOf(a.Verb)
	if !ok {
		return dr.Refuse("verb_unknown", dr.Args{"verb": string(a.Verb)})
	}
	if slices.Contains(ru.states, s.Run.State) {
		return nil
	}
	if s.Run.State.Ended() {
		return dr.Refuse("run_ended", dr.Args{"run": s.Run.ID, "state": string(s.Run.State)})
	}
	if a.Verb == dr.VerbDeny && s.Run.State.Started() {
		return dr.Refuse("deny_after_start", dr.Args{"run": s.Run.ID})
	}
	return dr.Refuse("verb_not_now", dr.Args{"run": s.Run.ID, "verb": string(a.Verb), "state": string(s.Run.State)})
}

func hasRole(s Situation, a Act) *dr.Error {
	ru, _ := ruleOf(a.Verb)
	if len(ru.roles) == 0 {
		return nil
	}
	p, _ := s.Roster.Person(a.Actor.Person)
	for _, role := range ru.roles {
		if p.Has(role) {
			return nil
		}
	}
	names := make([]string, len(ru.roles))
	for i, role := range ru.roles {
		names[i] = string(role)
	}
	return dr.Refuse("role_missing", dr.Args{"person": p.Name, "verb": string(a.Verb), "roles": strings.Join(names, ", ")})
}

func hasReason(_ Situation, a Act) *dr.Error {
	if ru, _ := ruleOf(a.Verb); ru.reason && strings.TrimSpace(a.Args.Reason) == "" {
		return dr.Refuse("reason_missing", dr.Args{"verb": string(a.Verb)})
	}
	return nil
}

func confirmed(s Situation, a Act) *dr.Error {
	if ru, _ := ruleOf(a.Verb); ru.confirm && !a.Args.Confirmed {
		return dr.Refuse("confirm_missing", dr.Args{"verb": string(a.Verb), "run": s.Run.ID})
	}
	return nil
}

// stepFits checks that the step exists, and that a decision is about the attempt it was shown for.
func stepFits(s Situation, a Act) *dr.Error {
	ru, _ := ruleOf(a.Verb)
	if !ru.step {
		return nil
	}
	if _, ok := s.Slice.Step(a.Args.Step); !ok {
		return &dr.Error{Kind: dr.NotFound, ID: "step_unknown", Args: dr.Args{"step": a.Args.Step, "run": s.Run.ID}}
	}
	row := s.step(a.Args.Step)
	if !slices.Contains(stepsFor(s, a.Verb), a.Args.Step) {
		return dr.Refuse("step_not_so", dr.Args{"step": a.Args.Step, "verb": string(a.Verb), "state": string(row.State)})
	}
	if a.Args.Attempt != 0 && a.Args.Attempt != row.Attempt {
		return &dr.Error{Kind: dr.Conflict, ID: "attempt_moved_on", Args: dr.Args{"step": a.Args.Step, "n": strconv.Itoa(row.Attempt)}}
	}
	st, _ := s.Slice.Step(a.Args.Step)
	p, _ := s.Roster.Person(a.Actor.Person)
	if a.Verb == dr.VerbSkip && st.NoReturn && !p.Has(dr.Commander) {
		return dr.Refuse("skip_no_return", dr.Args{"step": a.Args.Step})
	}
	return nil
}

// otherThanStarter keeps the person who started the run from judging alone what became of a step;
// after the policy's minutes any operator on duty may, because waiting costs more.
func otherThanStarter(s Situation, a Act) *dr.Error {
	if a.Verb != dr.VerbDecide {
		return nil
	}
	me, _ := s.Roster.Person(a.Actor.Person)
	starter, known := s.Roster.Person(s.Run.Starter)
	if !known || me.Human != starter.Human {
		return nil
	}
	since := s.Newest[a.Args.Step].Outcome
	waited := s.Slice.Rule.DecideAfter > 0 && !since.IsZero() && s.Now.Since(since) >= s.Slice.Rule.DecideAfter
	if waited && me.Has(dr.Operator) && approval.OnDuty(me, s.Zone, s.Now) {
		return nil
	}
	return dr.Refuse("decide_by_starter", dr.Args{"person": me.Name, "after": s.Slice.Rule.DecideAfter.String()})
}

func knownVerdict(_ Situation, a Act) *dr.Error {
	if a.Verb == dr.VerbDecide && !slices.Contains([]string{"done", "failed", "again"}, a.Args.Verdict) {
		return &dr.Error{Kind: dr.Usage, ID: "verdict_unknown", Args: dr.Args{"verdict": a.Args.Verdict}}
	}
	return nil
}

// ending keeps a run that is being aborted from being set going again before its last step has landed.
func ending(s Situation, a Act) *dr.Error {
	if s.Run.EndAsked != "" && (a.Verb == dr.VerbResume || a.Verb == dr.VerbRollback) {
		return dr.Refuse("abort_under_way", dr.Args{"run": s.Run.ID})
	}
	return nil
}

// nothingStuck refuses a resume that could not go anywhere.
func nothingStuck(s Situation, a Act) *dr.Error {
	if a.Verb != dr.VerbResume {
		return nil
	}
	if s.Run.Pause == dr.HoldPoint && s.held() != "" {
		return dr.Refuse("resume_at_hold", dr.Args{"run": s.Run.ID, "step": s.held()})
	}
	if stuck := s.stuck(); len(stuck) > 0 {
		return dr.Refuse("resume_stuck", dr.Args{"steps": strings.Join(stuck, ", ")})
	}
	return nil
}

// mayRollBack refuses an undo that would pretend: after the point of no return, with a step in
// flight, or with a step nobody knows about.
func mayRollBack(s Situation, a Act) *dr.Error {
	if a.Verb != dr.VerbRollback {
		return nil
	}
	if s.goingBack() {
		return dr.Refuse("verb_not_now", dr.Args{"run": s.Run.ID, "verb": string(a.Verb), "state": string(dr.RollingBack)})
	}
	if s.Run.Passed {
		return dr.Refuse("rollback_passed", dr.Args{"run": s.Run.ID})
	}
	if s.flying() {
		return dr.Refuse("rollback_in_flight", dr.Args{"run": s.Run.ID})
	}
	for _, r := range s.Steps {
		if r.State == dr.StepUnknown {
			return dr.Refuse("rollback_unknown", dr.Args{"step": r.Step})
		}
	}
	return nil
}

// mayForce is the gate of force: one person asks, another one with the approver role says yes.
func mayForce(s Situation, a Act) *dr.Error {
	if a.Verb != dr.VerbForce {
		return nil
	}
	if s.goingBack() {
		return dr.Refuse("verb_not_now", dr.Args{"run": s.Run.ID, "verb": string(a.Verb), "state": string(dr.RollingBack)})
	}
	for _, id := range a.Args.Systems {
		if s.Run.System(id) == nil {
			return &dr.Error{Kind: dr.NotFound, ID: "system_not_in_run", Args: dr.Args{"system": id, "run": s.Run.ID}}
		}
	}
	me, _ := s.Roster.Person(a.Actor.Person)
	ask := s.Run.Force
	if ask == nil || s.Now.Since(ask.At) > forceAskHolds {
		if !me.Has(dr.Operator) && !me.Has(dr.Commander) {
			return dr.Refuse("force_asked_by", dr.Args{"person": me.Name})
		}
		return nil
	}
	if me.Human == ask.Human {
		return dr.Refuse("force_second_person", dr.Args{"person": me.Name})
	}
	if !me.Has(dr.Approver) {
		return dr.Refuse("force_needs_approver", dr.Args{"person": me.Name})
	}
	return nil
}

func mayHandOver(s Situation, a Act) *dr.Error {
	switch a.Verb {
	case dr.VerbHandover:
		if s.leaderless() {
			return dr.Refuse("commander_gone", dr.Args{"commander": s.Run.Commander, "run": s.Run.ID})
		}
		if a.Actor.Person != s.Run.Commander {
			return dr.Refuse("handover_not_commander", dr.Args{"commander": s.Run.Commander})
		}
		to, ok := s.Roster.Person(a.Args.To)
		if !ok || to.Disabled || !to.Has(dr.Commander) || to.ID == a.Actor.Person {
			return dr.Refuse("handover_to", dr.Args{"to": a.Args.To})
		}
	case dr.VerbAccept:
		switch {
		case s.Run.Handover != "" && s.Run.Handover == a.Actor.Person:
		case !s.leaderless():
			return dr.Refuse("accept_not_asked", dr.Args{"person": a.Actor.Person})
		case !s.mayTakeCommand(a.Actor.Person):
			return dr.Refuse("not_on_duty", dr.Args{"person": a.Actor.Person})
		}
	}
	return nil
}

// leaderless reports whether nobody is left who could hand command over: whoever leads is no longer on
// the roster, is disabled there, or holds no role that may.
func (s *Situation) leaderless() bool {
	p, ok := s.Roster.Person(s.Run.Commander)
	return !ok || p.Disabled || !p.Has(dr.Commander) && !p.Has(dr.Operator)
}

// mayTakeCommand reports whether a person may take command of a run without a leader: a commander on
// duty, or any commander where none of them is.
func (s *Situation) mayTakeCommand(person string) bool {
	var could, duty []string
	for _, p := range s.Roster.People {
		if p.Disabled || !p.Has(dr.Commander) {
			continue
		}
		could = append(could, p.ID)
		if approval.OnDuty(p, s.Zone, s.Now) {
			duty = append(duty, p.ID)
		}
	}
	if len(duty) > 0 {
		could = duty
	}
	return slices.Contains(could, person)
}

// matchCheck compares a check id with a pattern that may end in "*".
func matchCheck(pattern, id string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(id, prefix)
	}
	return pattern == id
}

// soaked keeps a run at the standby for as long as its plan promises, except in an emergency.
func soaked(s Situation, a Act) *dr.Error {
	if (a.Verb != dr.VerbClose && a.Verb != dr.VerbSwitchback) || s.Run.Mode == dr.Emergency {
		return nil
	}
	if left := soakLeft(s); left > 0 {
		return dr.Refuse("soak_not_over", dr.Args{"left": left.String()})
	}
	return nil
}

// soaking says whether a run stands at the standby because its plan wants it to.
func soaking(s Situation) bool {
	return s.Run.State == dr.AtStandby && s.Run.Mode != dr.Emergency && soakLeft(s) > 0
}

// soakLeft is how long the plan still wants the run to serve at the standby; nothing or less when it has.
func soakLeft(s Situation) dr.Millis { return s.Slice.Soak - s.Now.Since(s.Run.Clocks.Restored) }

func maySwitchBack(s Situation, a Act) *dr.Error {
	if a.Verb == dr.VerbSwitchback && s.ChildOpen {
		return dr.Refuse("switchback_open", dr.Args{"child": s.Run.Child})
	}
	if a.Verb == dr.VerbClose && s.ChildOpen {
		return dr.Refuse("close_child_open", dr.Args{"child": s.Run.Child})
	}
	return nil
}

// ordered makes a surprise drill start only on an observer's order, with a challenge word that is
// inside the digest, so that nobody can have prepared it.
func ordered(s Situation, a Act) *dr.Error {
	if s.Run.Mode == dr.SurpriseDrill && a.Verb == dr.VerbStart && (s.Run.Observer == "" || s.Slice.Challenge == "") {
		return dr.Refuse("surprise_not_ordered", dr.Args{"run": s.Run.ID})
	}
	if a.Verb == dr.VerbOrder && s.Run.Mode != dr.SurpriseDrill {
		return dr.Refuse("order_not_surprise", dr.Args{"mode": string(s.Run.Mode)})
	}
	return nil
}

func hasText(_ Situation, a Act) *dr.Error {
	switch a.Verb {
	case dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff, dr.VerbOrder:
		if strings.TrimSpace(a.Args.Text) == "" {
			return dr.Refuse("text_missing", dr.Args{"verb": string(a.Verb)})
		}
	}
	return nil
}
