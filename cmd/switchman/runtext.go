package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// runText shows a run to a person on one screen.
func runText(w io.Writer, v fsm.View, o voice, more details) {
	fmt.Fprintf(w, "%s  %s\n", v.ID, oneLine(v.Title))
	if v.Environment != dr.Production {
		fmt.Fprintf(w, "  %s\n", o.say("cli_not_real", dr.Args{"environment": o.badge(v.Environment)}))
	}
	o.field(w, "state", o.state(v))
	o.field(w, "plan", v.Plan+o.colon()+o.parts([]string{o.term("kind", string(v.Kind)), o.way(v.From, v.To), o.term("mode", string(v.Mode))}))
	o.field(w, "reason", v.Reason)
	o.field(w, "people", o.people(v))
	o.field(w, "digest", v.Digest)
	o.field(w, "words", wordsText(v.Words))
	o.field(w, "challenge", v.Challenge)
	if v.Round.Number > 0 {
		o.field(w, "votes", o.votes(v))
	}
	o.field(w, "steps", o.progress(v.Progress))
	o.field(w, "requested", o.at(v.Clocks.Requested))
	o.field(w, "time", o.times(v.Times))
	o.field(w, "parent", v.Parent)
	o.field(w, "way_back", v.Child)
	o.field(w, "verdict", o.worded("page_register_verdict_"+v.Verdict, v.Verdict))
	for _, c := range v.Checks {
		if !c.OK {
			o.field(w, "check", o.check(c))
		}
	}
	for _, x := range v.Overrides {
		o.field(w, "override", o.say("cli_overridden", dr.Args{"check": x.Check, "person": x.Person, "why": x.Reason}))
	}
	if v.Force != nil {
		o.field(w, "force", o.say("cli_force", dr.Args{"person": v.Force.By, "systems": o.list(v.Force.Systems), "why": v.Force.Reason}))
	}
	fmt.Fprintln(w)
	systemTable(w, v, o)
	fmt.Fprintln(w)
	for _, line := range next(v, o, more) {
		wrap(w, "  ", line, narrow)
	}
}

// badge names what is not production, so that nobody takes it for that.
func (o voice) badge(e dr.Environment) string {
	return strings.ToUpper(o.term("environment", string(e)))
}

func (o voice) colon() string {
	if o.chinese() {
		return "："
	}
	return ": "
}

func (o voice) way(from, to string) string {
	return o.say("cli_way", dr.Args{"from": from, "to": to})
}

// state is a run's state, and why it is paused.
func (o voice) state(v fsm.View) string {
	text := o.term("state", string(v.State))
	if v.Pause != "" {
		text += " (" + o.worded("ui_pause_"+string(v.Pause), string(v.Pause)) + ")"
	}
	return text
}

func (o voice) check(c dr.Check) string {
	return o.say("cli_check", dr.Args{"check": c.ID, "level": o.say("cli_level_"+c.Level, nil), "text": c.Text})
}

func wordsText(words []fsm.Word) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%s (%d)", w.Word, w.Number)
	}
	return strings.Join(out, "  ")
}

func (o voice) people(v fsm.View) string {
	out := []string{o.say("cli_asked_by", dr.Args{"person": v.Requester})}
	if v.Commander != "" {
		out = append(out, o.say("cli_led_by", dr.Args{"person": v.Commander}))
	}
	if v.Handover != "" {
		out = append(out, o.say("cli_offered_to", dr.Args{"person": v.Handover}))
	}
	return o.parts(out)
}

func (o voice) votes(v fsm.View) string {
	out := []string{o.say("cli_votes", dr.Args{"have": fmt.Sprint(v.Round.Have), "need": fmt.Sprint(v.Round.Need), "n": fmt.Sprint(v.Round.Number)})}
	for _, vote := range v.Round.Votes {
		args := dr.Args{"person": vote.Person, "for": vote.For, "vote": o.say("cli_vote_"+vote.Verdict, nil)}
		if vote.For != "" {
			out = append(out, o.say("cli_voted_for", args))
			continue
		}
		out = append(out, o.say("cli_voted", args))
	}
	if v.CodeLive {
		out = append(out, o.say("cli_code_out", nil))
	}
	return strings.Join(out, o.semicolon())
}

func (o voice) comma() string {
	if o.chinese() {
		return "，"
	}
	return ", "
}

func (o voice) semicolon() string {
	if o.chinese() {
		return "；"
	}
	return "; "
}

func (o voice) progress(p fsm.Progress) string {
	return o.parts(append([]string{o.say("cli_done_of", dr.Args{"done": fmt.Sprint(p.Done), "of": fmt.Sprint(p.Total)})}, o.trouble(p)...))
}

// trouble is what flies and what went wrong.
func (o voice) trouble(p fsm.Progress) (out []string) {
	for _, part := range []struct {
		n  int
		id string
	}{{p.Flying, "cli_flying"}, {p.Failed, "cli_failed"}, {p.Unknown, "cli_unknown"}} {
		if part.n > 0 {
			out = append(out, o.say(part.id, dr.Args{"n": fmt.Sprint(part.n)}))
		}
	}
	return out
}

func (o voice) times(t dr.Times) string {
	return o.say("cli_times", dr.Args{"total": span(t.Total), "machine": span(t.Machine), "path": span(t.CriticalPath), "people": span(t.People), "proof": span(t.Verification)})
}

func systemTable(w io.Writer, v fsm.View, o voice) {
	t := table{head: o.heads("system", "at", "state", "steps", "rto", "target", "rpo", "lost", "verdict")}
	for _, s := range v.Systems {
		t.add(s.ID, s.Site, o.systemState(s, o.comma()), fmt.Sprintf("%d/%d", s.Done, s.Total), measuredSpan(s.RTO, !s.Restored.IsZero()), span(s.RTOTarget),
			measuredSpan(s.RPO, s.RPO >= 0 && !s.Restored.IsZero()), measuredCount(s.Lost), o.worded("page_system_verdict_"+s.Verdict, s.Verdict))
	}
	t.print(w, narrow)
}

func (o voice) systemState(s fsm.SystemView, before string) string {
	text := o.worded("page_system_state_"+s.State, s.State)
	if s.Forced {
		text += before + o.say("cli_forced", nil)
	}
	return text
}

func measuredSpan(m dr.Millis, known bool) string {
	if !known {
		return "-"
	}
	return span(m)
}

func measuredCount(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// stepTable lists every step, on a screen as wide as that is; where nobody looks at a screen nothing is cut.
func stepTable(w io.Writer, v fsm.View, o voice, wide int) {
	t := table{head: o.heads("step", "state", "try", "took", "what"), whole: true}
	for _, s := range v.Steps {
		t.add(s.ID, o.term("state", string(s.State)), fmt.Sprint(s.Attempt), tookText(s, v.Now), firstText(s.Text, s.Reason, s.Title))
	}
	t.print(w, wide)
}

func tookText(s fsm.StepView, now dr.Time) string {
	switch {
	case s.Started.IsZero():
		return "-"
	case s.Ended.IsZero():
		return span(now.Since(s.Started))
	}
	return span(s.Ended.Since(s.Started))
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// byHand are the steps a person is carrying out.
func byHand(v fsm.View) (out []fsm.StepView) {
	for _, s := range v.Steps {
		if s.Kind == dr.ManualStep && s.State == dr.StepIntent && !v.State.Ended() {
			out = append(out, s)
		}
	}
	return out
}

// next says what the run waits for and what this person may do about it.
func next(v fsm.View, o voice, more details) []string {
	var out []string
	waits := func(text string) { out = append(out, o.say("cli_waits", dr.Args{"what": text})) }
	for _, id := range v.Waiting {
		switch {
		case id == "waiting_votes" && len(more.missing) > 0:
			waits(o.missing(more.missing))
		case id == "waiting_manual" && len(byHand(v)) > 0:
			for _, s := range byHand(v) {
				waits(o.manual(s, more.steps[s.ID]))
			}
		default:
			waits(o.say(id, nil))
		}
	}
	var verbs []string
	for _, verb := range v.Verbs {
		name := commandOf(verb)
		if name != "" && o.chinese() {
			name += "（" + o.term("verb", string(verb)) + "）"
		}
		if name != "" {
			verbs = append(verbs, name)
		}
	}
	if len(verbs) > 0 {
		out = append(out, o.say("cli_may", dr.Args{"verbs": o.list(verbs)}))
	}
	for _, s := range byHand(v) {
		out = append(out, o.say("cli_then", dr.Args{"what": o.say("cli_then_done", dr.Args{"run": v.ID, "step": s.ID})}))
	}
	if what := nextCommand(v, o); what != "" && (len(byHand(v)) == 0 || v.State == dr.Paused) {
		out = append(out, o.say("cli_then", dr.Args{"what": what}))
	}
	return out
}

// missing names the groups whose votes are still missing.
func (o voice) missing(groups []dr.Group) string {
	var out []string
	for _, g := range groups {
		args := dr.Args{"n": fmt.Sprint(g.N), "group": g.Name, "roles": rolesOf(g.Roles), "teams": strings.Join(g.Teams, o.or())}
		if len(g.Teams) > 0 {
			out = append(out, o.say("cli_missing_team", args))
			continue
		}
		out = append(out, o.say("cli_missing", args))
	}
	return o.say("cli_votes_missing", dr.Args{"groups": o.list(out)})
}

func (o voice) or() string {
	if o.chinese() {
		return " 或 "
	}
	return " or "
}

// manual names a step done by hand and what is to be done.
func (o voice) manual(s fsm.StepView, step dr.Step) string {
	text, _ := step.Call.Params["text"].(string)
	args := dr.Args{"step": s.ID, "title": s.Title, "text": text}
	if text == "" {
		return o.say("cli_manual", args)
	}
	return o.say("cli_manual_text", args)
}

// nextCommand is what somebody types to move the run along, so that nobody has to know the order.
func nextCommand(v fsm.View, o voice) string {
	who := func(id string) string { return o.say(id, dr.Args{"run": v.ID}) }
	switch {
	case v.State == dr.AwaitingApproval:
		return who("cli_then_approve")
	case slices.Contains(v.Waiting, "waiting_code_entry"):
		return who("cli_then_start")
	case v.State == dr.AwaitingCode:
		return who("cli_then_code")
	case v.State == dr.AtStandby:
		return who("cli_then_back")
	}
	switch v.State {
	case dr.Draft, dr.Preflight, dr.Running, dr.Verifying, dr.RollingBack:
		return "switchman run watch " + v.ID
	case dr.Paused:
		return "switchman run show " + v.ID + " --steps"
	case dr.Closed, dr.ClosedWithExceptions, dr.Failed, dr.RolledBack:
		return "switchman report " + v.ID
	}
	return ""
}

// commandOf is how a verb is typed.
func commandOf(verb dr.Verb) string {
	if verb == dr.VerbIssue {
		return "code issue"
	}
	for _, v := range verbTable() {
		if v.verb == verb {
			return v.name
		}
	}
	return ""
}
