package bot

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// easel draws cards for one place or person.
type easel struct {
	voice
	nonces  *nonces
	surface string
	dest    string
	person  string // empty: everybody in dest reads it
}

// to draws in another language.
func (e easel) to(lang string) easel { e.lang = lang; return e }

const (
	boardSteps   = 12 // steps shown by name; the console shows all
	boardButtons = 5  // buttons for single steps
)

// board is the living card of a run: where it stands, what is missing, and what can be done.
func (e easel) board(r fsm.View, s *dr.Slice, verbs []dr.Verb) Card {
	c := e.card("board", r.ID, r.Environment)
	state := e.word("state", string(r.State))
	c.add(title(mood(r), e.say("bot_board_title", dr.Args{"title": r.Title, "now": state, "run": r.ID})))
	c.add(text(e.wants(r)), e.head(r, s), progress(e.flight(r), r.Progress.Done, r.Progress.Total), e.systemTable(r), e.checkFacts(r))
	c.add(Part{Kind: PartPlan, Steps: e.notable(r)})
	if !r.State.Ended() {
		c.add(buttons(e.stepButtons(r, s, verbs)...), buttons(e.verbs(r, s, verbs)...)) // what mends it stands before what ends it
	}
	c.add(buttons(e.link("open", e.say("bot_open", nil), "run/"+r.ID)))
	notes := []string{e.say("bot_as_of", dr.Args{"time": e.clock(r.Now, dr.Time{}), "zone": e.zone.String()})}
	if r.Parent != "" {
		notes = append(notes, e.say("bot_child_of", dr.Args{"run": r.Parent}))
	}
	if r.Child != "" {
		notes = append(notes, e.say("bot_parent_of", dr.Args{"run": r.Child}))
	}
	c.add(footnote(append(notes, e.planMark(r.Digest))...))
	return c.Fit()
}

// planMark is the beginning of a frozen plan's digest: enough to tell two plans apart by eye. The console and
// the report have all of it, and voters compare its words.
func (v voice) planMark(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	if hex == "" {
		return ""
	}
	return v.say("bot_plan_mark", dr.Args{"digest": hex[:min(len(hex), 12)]})
}

// mood is how loudly a run asks to be looked at.
func mood(r fsm.View) Severity {
	switch r.State {
	case dr.Paused:
		if r.Pause == dr.ByOperator || r.Pause == dr.HoldPoint {
			return Warn
		}
		return Urgent
	case dr.AwaitingApproval, dr.AwaitingCode, dr.RollingBack, dr.Expired, dr.Denied, dr.ClosedWithExceptions, dr.RolledBack:
		return Warn
	case dr.Failed:
		return Urgent
	case dr.AtStandby, dr.Closed:
		return Good
	}
	return Calm
}

// wants says what the run waits for, and from whom.
func (e easel) wants(r fsm.View) string {
	var lines []string
	if r.State.Ended() {
		lines = append(lines, e.verdict(r.Verdict))
	}
	for _, id := range r.Waiting {
		lines = append(lines, e.say("bot_waits", dr.Args{"what": e.say(id, nil)}))
	}
	if r.Force != nil {
		lines = append(lines, e.say("bot_force_asked", dr.Args{"person": e.voice.person(r.Force.By), "systems": e.systems(r.Force.Systems), "reason": r.Force.Reason}))
	}
	if r.Handover != "" {
		lines = append(lines, e.say("bot_handover_asked", dr.Args{"from": e.voice.person(r.Commander), "to": e.voice.person(r.Handover), "run": r.ID}))
	}
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

func (v voice) verdict(verdict string) string {
	switch verdict {
	case "passed":
		return v.say("bot_verdict_passed", nil)
	case "failed":
		return v.say("bot_verdict_failed", nil)
	case "exceptions":
		return v.say("bot_verdict_exceptions", nil)
	}
	return ""
}

func (e easel) head(r fsm.View, s *dr.Slice) Part {
	kind := e.word("kind", string(r.Kind)) + " · " + e.word("mode", string(r.Mode))
	f := []Fact{{e.say("bot_f_kind", nil), kind}, {e.say("bot_f_way", nil), e.site(r.From) + " → " + e.site(r.To)},
		{e.say("bot_f_reason", nil), r.Reason}, {e.say("bot_f_requester", nil), e.voice.person(r.Requester)}}
	if r.Commander != "" {
		f = append(f, Fact{e.say("bot_f_commander", nil), e.voice.person(r.Commander)})
	}
	if r.Profile != "" && r.Profile != "standard" {
		f = append(f, Fact{e.say("bot_f_profile", nil), e.word("profile", r.Profile)})
	}
	if open := r.State == dr.AwaitingApproval || r.State == dr.AwaitingCode; open && r.Mode != dr.Rehearsal {
		f = append(f, e.votes(r, s)...)
	}
	if r.State.Started() {
		f = append(f, e.times(r)...)
	}
	return facts(f...)
}

// votes tells who has voted, who still may, and until when.
func (e easel) votes(r fsm.View, s *dr.Slice) []Fact {
	var yes []string
	for _, v := range r.Round.Votes {
		if v.Verdict == approval.Approve {
			name := e.voice.person(v.Person)
			if v.For != "" {
				name = e.say("bot_for", dr.Args{"person": name, "for": e.voice.person(v.For)})
			}
			yes = append(yes, name)
		}
	}
	count := e.say("bot_votes", dr.Args{"have": number(r.Round.Have), "need": number(r.Round.Need)})
	if len(yes) > 0 {
		count += ": " + e.list(yes)
	}
	f := []Fact{{e.say("bot_f_votes", nil), count}}
	if s != nil && r.State == dr.AwaitingApproval {
		for _, g := range s.Rule.Groups {
			if who := e.mayVote(r, g); len(who) > 0 {
				f = append(f, Fact{e.say("bot_f_ask", dr.Args{"group": g.Name}), e.list(who)})
			}
		}
	}
	if len(r.Words) > 0 { // typed or not, voters compare them by voice
		f = append(f, Fact{e.say("bot_f_words", nil), words(r)})
	}
	f = append(f, Fact{e.say("bot_f_expires", nil), e.clock(r.Round.Expires, r.Now)})
	if r.State == dr.AwaitingCode {
		code := e.say("bot_code_none", nil)
		if r.CodeLive {
			code = e.say("bot_code_live", nil)
		}
		f = append(f, Fact{e.say("bot_f_code", nil), code}, Fact{e.say("bot_f_tries", nil), number(r.CodeLeft)})
	}
	return f
}

// words are the three words of the digest, each with its number.
func words(r fsm.View) string {
	all := make([]string, len(r.Words))
	for i, w := range r.Words {
		all[i] = w.Word + " (" + number(w.Number) + ")"
	}
	return strings.Join(all, "  ")
}

// mayVote names people on duty who could fill a group that nobody has filled yet.
func (e easel) mayVote(r fsm.View, g dr.Group) []string {
	fits := func(p dr.Person) bool {
		return !p.Disabled && slices.ContainsFunc(g.Roles, p.Has) &&
			(len(g.Teams) == 0 || slices.ContainsFunc(g.Teams, func(t string) bool { return slices.Contains(p.Teams, t) }))
	}
	asked, _ := e.org.Roster.Person(r.Requester)
	filled := 0
	voted := map[string]bool{asked.Human: true}
	for _, v := range r.Round.Votes {
		if v.Verdict != approval.Approve {
			continue
		}
		voted[v.Human] = true
		who := v.Person
		if v.For != "" {
			who = v.For
		}
		if p, ok := e.org.Roster.Person(who); ok && fits(p) {
			filled++
		}
	}
	if filled >= g.N {
		return nil
	}
	var names []string
	for _, p := range e.org.Roster.People {
		if fits(p) && !voted[p.Human] && approval.OnDuty(p, e.zone, r.Now) {
			names = append(names, e.voice.person(p.ID))
		}
	}
	return names
}

func (e easel) times(r fsm.View) []Fact {
	f := []Fact{}
	if by := restoreBy(r); !by.IsZero() && !r.State.Ended() && r.State != dr.AtStandby {
		f = append(f, Fact{e.say("bot_f_restore_by", nil), e.clock(by, r.Now)})
	}
	if r.Mode == dr.Rehearsal {
		return f
	}
	return append(f, Fact{e.say("bot_f_times", nil), e.say("bot_times", dr.Args{"total": e.took(r.Times.Total), "machine": e.took(r.Times.Machine), "people": e.took(r.Times.People)})})
}

// restoreBy is the earliest moment at which a system that is not proven yet misses its target.
func restoreBy(r fsm.View) (by dr.Time) {
	from := map[string]dr.Time{"impact": r.Clocks.Impact, "declared": r.Clocks.Declared, "ordered": r.Clocks.Ordered, "started": r.Clocks.Started}[r.RTOFrom]
	if from.IsZero() {
		from = r.Clocks.Requested
	}
	for _, s := range r.Systems {
		if s.RTOTarget <= 0 || !s.Restored.IsZero() {
			continue
		}
		if t := from.Plus(s.RTOTarget); by.IsZero() || t.Before(by.Time) {
			by = t
		}
	}
	return by
}

func (e easel) flight(r fsm.View) string {
	if !r.State.Started() {
		return e.say("bot_steps", nil)
	}
	parts := []string{e.say("bot_steps", nil)}
	for _, one := range []struct {
		n  int
		id dr.StepState
	}{{r.Progress.Flying, dr.StepIntent}, {r.Progress.Failed, dr.StepFail}, {r.Progress.Unknown, dr.StepUnknown}} {
		if one.n > 0 {
			parts = append(parts, number(one.n)+" "+e.word("state", string(one.id)))
		}
	}
	return strings.Join(parts, " · ")
}

func (e easel) systemTable(r fsm.View) Part {
	columns := []string{e.say("bot_c_system", nil), e.say("bot_c_at", nil), e.say("bot_c_steps", nil), e.say("bot_c_state", nil), e.say("bot_c_rto", nil)}
	var rows [][]string
	for _, s := range r.Systems {
		rto := e.say("bot_rto_target", dr.Args{"target": e.took(s.RTOTarget)})
		if !s.Restored.IsZero() {
			rto = e.took(s.RTO) + " / " + e.took(s.RTOTarget)
		}
		state := e.systemState(s.State)
		if v := e.systemVerdict(s.Verdict); v != "" {
			state += " · " + v
		}
		rows = append(rows, []string{s.Name, e.site(s.Site), number(s.Done) + "/" + number(s.Total), state, rto})
	}
	return table(columns, rows)
}

func (v voice) systemState(state string) string {
	switch state {
	case "waiting", "moving", "moved", "verified", "failed", "rolled_back", "not_moved":
		return v.say("bot_system_"+state, nil)
	}
	return state
}

func (v voice) systemVerdict(verdict string) string {
	switch verdict {
	case "missed_rto", "missed_rpo", "exceptions":
		return v.say("bot_system_verdict_"+verdict, nil)
	}
	return ""
}

// checkFacts shows the checks that say no, before the start.
func (e easel) checkFacts(r fsm.View) Part {
	var f []Fact
	if r.State.Started() || r.State.Ended() {
		return facts()
	}
	for _, c := range r.Checks {
		if c.OK {
			continue
		}
		id := "bot_check_warn"
		if c.Level == "block" {
			id = "bot_check_block"
		}
		if slices.ContainsFunc(r.Overrides, func(o dr.Override) bool { return o.Check == c.ID }) {
			id = "bot_check_overridden"
		}
		f = append(f, Fact{e.say(id, nil), strings.TrimPrefix(c.Title+": "+c.Text, ": ") + " (" + c.ID + ")"})
	}
	if len(f) > 6 {
		more := number(len(f) - 5)
		f = append(f[:5], Fact{"…", e.say("bot_more_checks", dr.Args{"n": more, "run": r.ID})})
	}
	return facts(f...)
}

// notable are the steps a person would look for: what is stuck, what waits for a hand, what is in flight.
func (e easel) notable(r fsm.View) []PlanStep {
	var stuck, hands, flying []PlanStep
	for _, s := range r.Steps {
		one := PlanStep{ID: s.ID, Title: s.Title, State: s.State, Note: join(" · ", e.word("state", string(s.State)), s.Text, s.Reason)}
		switch {
		case s.State == dr.StepFail, s.State == dr.StepUnknown:
			stuck = append(stuck, one)
		case s.State == dr.StepIntent && s.Kind == dr.ManualStep:
			hands = append(hands, one)
		case s.State == dr.StepIntent:
			flying = append(flying, one)
		}
	}
	all := slices.Concat(stuck, hands, flying)
	if len(all) > boardSteps {
		all = append(all[:boardSteps], PlanStep{ID: "more", Title: e.say("bot_more_steps", dr.Args{"n": number(len(all) - boardSteps)})})
	}
	return all
}
