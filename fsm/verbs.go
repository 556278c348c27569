package fsm

import (
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// Guards are the rules a verb has to pass: those of package approval for votes, codes and the
// start, and those of a run's life for everything.
type Guards struct {
	Approval []approval.Guard
	Life     []Guard
}

// Guard is one named rule. A refusal names it in the journal.
type Guard struct {
	Name  string
	Check func(Situation, Act) *dr.Error
}

// AllGuards are the rules in force.
func AllGuards() Guards { return Guards{Approval: approval.Guards(), Life: LifeGuards()} }

// rule says who may use a verb, and when.
type rule struct {
	states  []dr.State
	roles   []dr.Role
	reason  bool // the person must say why
	confirm bool // the person must confirm, having read what it means
	step    bool // the verb is about one step
}

var (
	openStates  = []dr.State{dr.AwaitingApproval, dr.AwaitingCode}
	liveStates  = []dr.State{dr.Running, dr.Verifying, dr.Paused}
	afterStates = append([]dr.State{dr.AtStandby, dr.RollingBack, dr.Closed, dr.ClosedWithExceptions, dr.Failed, dr.RolledBack,
		dr.Denied, dr.Expired, dr.Cancelled}, liveStates...)
)

// lead are the roles that drive a run.
var lead = []dr.Role{dr.Operator, dr.Commander}

func with(more ...dr.Role) []dr.Role { return append(slices.Clone(lead), more...) }

// rules is the table of verbs. States and roles of votes, codes and the start are in package
// approval; here they only need the right state.
var rules = map[dr.Verb]rule{
	dr.VerbApprove:    {states: openStates},
	dr.VerbDeny:       {states: openStates},
	dr.VerbWithdraw:   {states: openStates},
	dr.VerbIssue:      {states: []dr.State{dr.AwaitingCode}},
	dr.VerbStart:      {states: []dr.State{dr.AwaitingCode}},
	dr.VerbPause:      {states: []dr.State{dr.Running, dr.Verifying, dr.RollingBack}, roles: with(dr.Approver)},
	dr.VerbResume:     {states: []dr.State{dr.Paused}, roles: lead},
	dr.VerbCancel:     {states: append([]dr.State{dr.Draft, dr.Preflight}, openStates...), roles: with(dr.Requester, dr.Approver, dr.Admin)},
	dr.VerbAbort:      {states: liveStates, roles: lead, reason: true, confirm: true},
	dr.VerbRollback:   {states: []dr.State{dr.Running, dr.Paused}, roles: lead, reason: true, confirm: true},
	dr.VerbForce:      {states: []dr.State{dr.Running, dr.Paused}, roles: with(dr.Approver), reason: true, confirm: true},
	dr.VerbSwitchback: {states: []dr.State{dr.AtStandby}, roles: []dr.Role{dr.Requester}, reason: true},
	dr.VerbClose:      {states: []dr.State{dr.AtStandby}, roles: lead, reason: true, confirm: true},
	dr.VerbHandover:   {states: append([]dr.State{dr.AtStandby, dr.RollingBack}, liveStates...), roles: []dr.Role{dr.Commander, dr.Operator}},
	dr.VerbAccept:     {states: append([]dr.State{dr.AtStandby, dr.RollingBack}, liveStates...), roles: []dr.Role{dr.Commander}},
	dr.VerbContinue:   {states: []dr.State{dr.Paused}, roles: lead, step: true},
	dr.VerbRetry:      {states: []dr.State{dr.Paused}, roles: lead, step: true},
	dr.VerbSkip:       {states: []dr.State{dr.Running, dr.Verifying, dr.Paused}, roles: lead, step: true, reason: true},
	dr.VerbDone:       {states: []dr.State{dr.Running, dr.Verifying, dr.Paused, dr.RollingBack}, roles: with(dr.Approver), step: true},
	dr.VerbDecide:     {states: []dr.State{dr.Paused}, roles: with(dr.Approver), step: true, reason: true},
	dr.VerbOverride:   {states: openStates, reason: true},
	dr.VerbPreflight:  {states: openStates, roles: with(dr.Requester, dr.Approver)},
	dr.VerbOrder:      {states: openStates, roles: []dr.Role{dr.Observer}},
	dr.VerbObserve:    {states: append(append([]dr.State{dr.Preflight}, openStates...), afterStates...), roles: []dr.Role{dr.Observer}},
	dr.VerbFinding:    {states: afterStates, roles: with(dr.Observer, dr.Approver, dr.Admin)},
	dr.VerbSignOff:    {states: afterStates, roles: with(dr.Observer, dr.Approver)},
}

func ruleOf(v dr.Verb) (rule, bool) {
	r, ok := rules[v]
	return r, ok
}

// allVerbs lists every verb of a run, in the order buttons are shown.
func allVerbs() []dr.Verb {
	return []dr.Verb{dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbIssue, dr.VerbStart, dr.VerbContinue, dr.VerbDone,
		dr.VerbRetry, dr.VerbDecide, dr.VerbSkip, dr.VerbResume, dr.VerbPause, dr.VerbForce, dr.VerbRollback, dr.VerbAbort,
		dr.VerbSwitchback, dr.VerbClose, dr.VerbHandover, dr.VerbAccept, dr.VerbOverride, dr.VerbPreflight, dr.VerbOrder,
		dr.VerbCancel, dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff}
}

// Verbs lists what the person may do to the run now: the only source for buttons, help and
// completion. Inputs a person would type (reason, words, code, step) are taken as given rightly.
func Verbs(s Situation, person string) []dr.Verb {
	g := AllGuards()
	out := []dr.Verb{}
	for _, v := range allVerbs() {
		if may(g, s, person, v) {
			out = append(out, v)
		}
	}
	return out
}

func may(g Guards, s Situation, person string, v dr.Verb) bool {
	ru, _ := ruleOf(v)
	steps := []string{""}
	if ru.step {
		steps = stepsFor(s, v)
	}
	for _, step := range steps {
		a := Act{Actor: dr.Actor{Person: person}, Verb: v, Args: assumed(s, v, person, step)}
		ok := true
		for _, guard := range g.Life {
			if guard.Check(s, a) != nil {
				ok = false
				break
			}
		}
		if ok && (v == dr.VerbApprove || v == dr.VerbDeny || v == dr.VerbWithdraw || v == dr.VerbIssue || v == dr.VerbStart || v == dr.VerbOverride) {
			ok = approval.MayVerb(s.Case, person, v) == nil
		}
		if ok {
			return true
		}
	}
	return false
}

// assumed are the inputs a person would still have to give.
func assumed(s Situation, v dr.Verb, person, step string) Args {
	a := Args{Reason: "-", Confirmed: true, Step: step, Verdict: "done", Text: "-", Nonce: s.Run.Round.Nonce}
	switch v {
	case dr.VerbHandover:
		for _, p := range s.Roster.People {
			if p.ID != person && p.Has(dr.Commander) && !p.Disabled {
				a.To = p.ID
				break
			}
		}
	}
	return a
}

// stepsFor lists the steps a step verb could be about.
func stepsFor(s Situation, v dr.Verb) []string {
	var ids []string
	for _, r := range s.Steps {
		st, _ := s.Slice.Step(r.Step)
		fits := false
		switch v {
		case dr.VerbRetry:
			fits = r.State == dr.StepFail && s.onTheWay(r.Step)
		case dr.VerbDecide:
			fits = r.State == dr.StepUnknown
		case dr.VerbContinue:
			fits = st.Hold && r.State == dr.StepBlocked && !s.goingBack()
		case dr.VerbDone:
			fits = st.Kind == dr.ManualStep && r.State == dr.StepIntent
		case dr.VerbSkip:
			fits = skippable(st, r)
		}
		if fits {
			ids = append(ids, r.Step)
		}
	}
	return ids
}

func skippable(st dr.Step, r dr.StepRow) bool {
	manual := st.Kind == dr.ManualStep && r.State == dr.StepIntent
	return manual || slices.Contains([]dr.StepState{dr.StepBlocked, dr.StepReady, dr.StepFail}, r.State)
}
