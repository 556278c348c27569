package bot

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// means says what a verb does to this run, computed from its frozen plan and where it stands: the text
// of every confirmation.
func (v voice) means(verb dr.Verb, r fsm.View, s *dr.Slice, step string) string {
	args := dr.Args{"run": r.ID, "from": v.site(r.From), "to": v.site(r.To), "systems": v.few(systemIDs(r)), "step": step}
	switch verb {
	case dr.VerbApprove, dr.VerbStart:
		return v.moves(verb, r, s, args)
	case dr.VerbDeny:
		return v.say("bot_means_deny", args)
	case dr.VerbWithdraw:
		return v.say("bot_means_withdraw", args)
	case dr.VerbCancel:
		return v.say("bot_means_cancel", args)
	case dr.VerbResume:
		return v.say("bot_means_resume", dr.Args{"left": number(r.Progress.Total - r.Progress.Done)})
	case dr.VerbPause:
		return v.say("bot_means_pause", dr.Args{"flying": number(r.Progress.Flying)})
	case dr.VerbAbort:
		return v.abortMeans(r)
	case dr.VerbRollback:
		return v.say("bot_means_rollback", dr.Args{"undo": number(undoable(r, s)), "systems": args["systems"], "from": args["from"]})
	case dr.VerbForce:
		return v.forceMeans(r, s)
	case dr.VerbSwitchback:
		return v.say("bot_means_switchback", args)
	case dr.VerbClose:
		return v.say("bot_means_close", args)
	}
	return v.stepMeans(verb, s, step)
}

// moves tells what a start will stop and bring up, and what agreeing to it agrees to.
func (v voice) moves(verb dr.Verb, r fsm.View, s *dr.Slice, args dr.Args) string {
	if r.Mode == dr.Rehearsal {
		return v.say("bot_means_rehearsal", args)
	}
	what := v.say("bot_means_brings", dr.Args{"systems": args["systems"], "to": args["to"]})
	if s != nil {
		if stops := stopped(s); len(stops) > 0 {
			what = v.say("bot_means_stops", dr.Args{"stops": v.few(stops), "from": args["from"], "systems": args["systems"], "to": args["to"]})
			if len(stops) == len(r.Systems) {
				what = v.say("bot_means_moves", args)
			}
		}
		if point := noReturn(s); point != "" {
			what += " " + v.say("bot_means_no_return", dr.Args{"step": clipLine(point, 60)})
		}
	}
	if verb == dr.VerbApprove {
		return v.say("bot_means_approve", dr.Args{"what": what})
	}
	return what
}

// few names systems, the first of many only: a question has to fit.
func (v voice) few(ids []string) string {
	const most = 5
	if len(ids) <= most {
		return v.systems(ids)
	}
	return v.say("bot_and_more", dr.Args{"some": v.systems(ids[:most-1]), "n": number(len(ids) - most + 1)})
}

func (v voice) abortMeans(r fsm.View) string {
	var there []string
	for _, s := range r.Systems {
		if s.Site == s.To && s.To != s.From {
			there = append(there, s.ID)
		}
	}
	args := dr.Args{"done": number(r.Progress.Done), "total": number(r.Progress.Total), "moved": v.few(there), "to": v.site(r.To)}
	if len(there) == 0 {
		return v.say("bot_means_abort_none", dr.Args{"done": args["done"], "total": args["total"], "from": v.site(r.From)})
	}
	return v.say("bot_means_abort", args)
}

func (v voice) forceMeans(r fsm.View, s *dr.Slice) string {
	skipped := 0
	if s != nil {
		for _, st := range s.Steps {
			if st.Ungraceful.Do == "skip" || st.Ungraceful.Do == "try" {
				skipped++
			}
		}
	}
	text := v.say("bot_means_force", dr.Args{"from": v.site(r.From), "to": v.site(r.To), "skipped": number(skipped)})
	if r.Force != nil {
		return v.say("bot_means_force_second", dr.Args{"person": v.person(r.Force.By), "systems": v.systems(r.Force.Systems), "reason": r.Force.Reason}) + " " + text
	}
	return text
}

func (v voice) stepMeans(verb dr.Verb, s *dr.Slice, step string) string {
	name := step
	if s != nil {
		if st, ok := s.Step(step); ok {
			name = st.Title
		}
	}
	args := dr.Args{"step": name}
	switch verb {
	case dr.VerbContinue:
		return v.say("bot_means_continue", args)
	case dr.VerbRetry:
		return v.say("bot_means_retry", args)
	case dr.VerbSkip:
		return v.say("bot_means_skip", args)
	case dr.VerbDone:
		return v.say("bot_means_done", args)
	case dr.VerbDecide:
		return v.say("bot_means_decide", args)
	case dr.VerbAccept:
		return v.say("bot_means_accept", nil)
	}
	return ""
}

// confirm asks before an act.
func (v voice) confirm(verb dr.Verb, r fsm.View, s *dr.Slice, step string) *Confirm {
	return &Confirm{Title: v.say("bot_confirm_title", dr.Args{"what": v.label(verb), "title": r.Title}), Text: v.means(verb, r, s, step),
		Yes: v.label(verb), No: v.say("bot_no", nil)}
}

func systemIDs(r fsm.View) []string {
	ids := make([]string, len(r.Systems))
	for i, s := range r.Systems {
		ids[i] = s.ID
	}
	return ids
}

// stopped lists the systems whose nodes at the site left are changed by the plan.
func stopped(s *dr.Slice) (ids []string) {
	for _, st := range s.Steps {
		n, ok := s.Node(st.Node)
		if ok && n.Site == s.From && st.Class != dr.Read && st.Kind == dr.ActionStep && !st.Off && !slices.Contains(ids, st.System) {
			ids = append(ids, st.System)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return placeOf(s, a) - placeOf(s, b) })
	return ids
}

func placeOf(s *dr.Slice, system string) int {
	return slices.IndexFunc(s.Systems, func(x dr.System) bool { return x.ID == system })
}

// noReturn is the title of the first step after which there is no undoing.
func noReturn(s *dr.Slice) string {
	for _, st := range s.Steps {
		if st.NoReturn {
			return st.Title
		}
	}
	return ""
}

func undoable(r fsm.View, s *dr.Slice) (n int) {
	if s == nil {
		return 0
	}
	for _, row := range r.Steps {
		if st, ok := s.Step(row.ID); ok && st.Undo != nil && row.State == dr.StepOK {
			n++
		}
	}
	return n
}
