package bot

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// sharedVerbs are the verbs a board everybody reads offers: those that somebody could use in this state.
// Who may is found out by the engine when one is pressed; a card for one person offers what the engine
// says they may.
func sharedVerbs(r fsm.View) []dr.Verb {
	rehearsal := r.Mode == dr.Rehearsal
	switch r.State {
	case dr.Draft, dr.Preflight:
		return []dr.Verb{dr.VerbCancel}
	case dr.AwaitingApproval:
		if rehearsal {
			return []dr.Verb{dr.VerbStart, dr.VerbCancel}
		}
		verbs := []dr.Verb{dr.VerbApprove, dr.VerbDeny}
		if len(r.Round.Votes) > 0 {
			verbs = append(verbs, dr.VerbWithdraw)
		}
		return append(verbs, dr.VerbPreflight, dr.VerbCancel)
	case dr.AwaitingCode:
		if rehearsal {
			return []dr.Verb{dr.VerbStart, dr.VerbCancel}
		}
		return []dr.Verb{dr.VerbIssue, dr.VerbStart, dr.VerbDeny, dr.VerbWithdraw, dr.VerbPreflight, dr.VerbCancel}
	case dr.Running:
		return []dr.Verb{dr.VerbPause, dr.VerbDone, dr.VerbForce, dr.VerbAbort}
	case dr.Verifying:
		return []dr.Verb{dr.VerbPause, dr.VerbDone, dr.VerbAbort}
	case dr.RollingBack:
		return []dr.Verb{dr.VerbPause, dr.VerbDone}
	case dr.Paused:
		return []dr.Verb{dr.VerbContinue, dr.VerbDone, dr.VerbRetry, dr.VerbDecide, dr.VerbSkip, dr.VerbResume, dr.VerbForce, dr.VerbRollback, dr.VerbAbort}
	case dr.AtStandby:
		return []dr.Verb{dr.VerbSwitchback, dr.VerbClose, dr.VerbHandover}
	}
	return nil
}

// verbs are the buttons about the whole run. A pause by the plan's own hold is passed by its step, and
// what is stuck is not resumed: no button is drawn that could only be refused.
func (e easel) verbs(r fsm.View, s *dr.Slice, verbs []dr.Verb) []Action {
	var out []Action
	for _, verb := range verbs {
		if ofStep(verb) || verb == dr.VerbObserve || verb == dr.VerbFinding || verb == dr.VerbSignOff {
			continue // notes are typed, see help
		}
		if verb == dr.VerbResume && (r.Progress.Failed+r.Progress.Unknown > 0 || r.Pause == dr.HoldPoint) {
			continue
		}
		if verb == dr.VerbOverride && !slices.ContainsFunc(r.Checks, func(c dr.Check) bool { return !c.OK && c.Level == "block" }) {
			continue
		}
		out = append(out, e.verbButton(verb, r, s, ""))
	}
	return out
}

func ofStep(v dr.Verb) bool {
	switch v {
	case dr.VerbContinue, dr.VerbRetry, dr.VerbSkip, dr.VerbDone, dr.VerbDecide:
		return true
	}
	return false
}

// stepButtons are for the steps that keep the run, the first few of them.
func (e easel) stepButtons(r fsm.View, s *dr.Slice, verbs []dr.Verb) []Action {
	var out []Action
	offer := func(step string, some ...dr.Verb) {
		for _, verb := range some {
			if slices.Contains(verbs, verb) {
				out = append(out, e.verbButton(verb, r, s, step))
			}
		}
	}
	steps := 0
	for _, st := range r.Steps {
		var some []dr.Verb
		switch {
		case st.State == dr.StepFail && r.State == dr.Paused:
			some = []dr.Verb{dr.VerbRetry, dr.VerbSkip}
		case st.State == dr.StepUnknown && r.State == dr.Paused:
			some = []dr.Verb{dr.VerbDecide}
		case st.State == dr.StepIntent && st.Kind == dr.ManualStep:
			some = []dr.Verb{dr.VerbDone}
		case st.Hold && st.State == dr.StepBlocked && r.Pause == dr.HoldPoint && e.reached(r, st):
			some = []dr.Verb{dr.VerbContinue}
		}
		if len(some) == 0 {
			continue
		}
		if steps++; steps > boardButtons {
			break
		}
		offer(st.ID, some...)
		if e.books && (st.State == dr.StepFail || st.State == dr.StepUnknown) {
			out = append(out, e.runbookButton(r, st))
		}
	}
	return out
}

// reached says whether all a step needs is settled.
func (e easel) reached(r fsm.View, st fsm.StepView) bool {
	for _, o := range r.Steps {
		if slices.Contains(st.Needs, o.ID) && !o.State.Settled() {
			return false
		}
	}
	return true
}

// verbButton draws one verb as what it takes: a press, a press with a question, or a form.
func (e easel) verbButton(verb dr.Verb, r fsm.View, s *dr.Slice, step string) Action {
	name := commandOf(verb)
	p := press{Act: doIt, Command: name, Verb: verb, Surface: e.surface, Dest: e.dest, Person: e.person, Step: step}.at(r)
	a := Action{ID: name, Kind: ActButton, Label: e.label(verb), Command: "/dr " + name + " " + r.ID}
	if step != "" {
		a.ID += ":" + step
		a.Label = e.say("bot_step_button", dr.Args{"what": e.label(verb), "step": stepTitle(r, step)})
		a.Command += " " + step
	}
	switch verb {
	case dr.VerbApprove:
		a.Style = Primary
		a.Command = ""
	case dr.VerbStart, dr.VerbResume, dr.VerbContinue, dr.VerbRetry, dr.VerbDone, dr.VerbAccept:
		a.Style = Primary
	case dr.VerbDeny, dr.VerbAbort, dr.VerbForce, dr.VerbRollback:
		a.Style = Danger
	case dr.VerbIssue:
		return e.link(name, a.Label, "code/"+r.ID)
	}
	switch {
	case needsForm(verb, r, s):
		p.Act, a.Form = fillIn, true
	case verb != dr.VerbPause && verb != dr.VerbPreflight:
		a.Confirm = e.confirm(verb, r, s, step)
	}
	a.Nonce = e.nonces.nonce(p)
	return a
}

// needsForm says which verbs ask for more than a yes.
func needsForm(verb dr.Verb, r fsm.View, s *dr.Slice) bool {
	switch verb {
	case dr.VerbApprove:
		return s == nil || wordsWanted(r, s)
	case dr.VerbStart:
		return r.Mode != dr.Rehearsal
	case dr.VerbDeny, dr.VerbAbort, dr.VerbRollback, dr.VerbForce, dr.VerbSwitchback, dr.VerbClose, dr.VerbHandover, dr.VerbSkip, dr.VerbDecide,
		dr.VerbOverride, dr.VerbOrder, dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff:
		return true
	}
	return false
}

// wordsWanted says whether an approver types the three words of the digest.
func wordsWanted(r fsm.View, s *dr.Slice) bool {
	return approval.WordsNeeded(approval.Case{Run: dr.Run{Mode: r.Mode}, Slice: s})
}

func commandOf(verb dr.Verb) string {
	for _, c := range commands() {
		if c.verb == verb {
			return c.name
		}
	}
	return strings.ReplaceAll(string(verb), "_", "-")
}

func stepTitle(r fsm.View, id string) string {
	for _, s := range r.Steps {
		if s.ID == id {
			return s.Title
		}
	}
	return id
}
