package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
)

// runText shows a run to a person on one screen.
func runText(w io.Writer, v fsm.View, lang string) {
	fmt.Fprintf(w, "%s  %s\n", v.ID, oneLine(v.Title))
	if v.Environment != dr.Production {
		fmt.Fprintf(w, "  %s: nothing here is a real bank\n", strings.ToUpper(string(v.Environment)))
	}
	field(w, "state", stateText(v))
	field(w, "plan", fmt.Sprintf("%s: %s, %s to %s, %s", v.Plan, v.Kind, v.From, v.To, strings.ReplaceAll(string(v.Mode), "_", " ")))
	field(w, "reason", v.Reason)
	field(w, "people", peopleText(v))
	field(w, "digest", v.Digest)
	field(w, "words", wordsText(v.Words))
	if v.Challenge != "" {
		field(w, "challenge", v.Challenge)
	}
	if v.Round.Number > 0 {
		field(w, "votes", votesText(v))
	}
	field(w, "steps", progressText(v.Progress))
	field(w, "time", timesText(v.Times))
	field(w, "parent", v.Parent)
	field(w, "way back", v.Child)
	field(w, "verdict", v.Verdict)
	for _, c := range v.Checks {
		if !c.OK {
			field(w, "check", fmt.Sprintf("%s (%s): %s", c.ID, c.Level, c.Text))
		}
	}
	for _, o := range v.Overrides {
		field(w, "override", fmt.Sprintf("%s by %s: %s", o.Check, o.Person, o.Reason))
	}
	if v.Force != nil {
		field(w, "force", fmt.Sprintf("%s asks to force %s: %s; a second person makes it so", v.Force.By, strings.Join(v.Force.Systems, ", "), v.Force.Reason))
	}
	fmt.Fprintln(w)
	systemTable(w, v)
	fmt.Fprintln(w)
	for _, line := range next(v, lang) {
		wrap(w, "  ", line, narrow)
	}
}

func wordsText(words []fsm.Word) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%s (%d)", w.Word, w.Number)
	}
	return strings.Join(out, "  ")
}

func peopleText(v fsm.View) string {
	out := "asked by " + v.Requester
	if v.Commander != "" {
		out += ", led by " + v.Commander
	}
	if v.Handover != "" {
		out += ", command offered to " + v.Handover
	}
	return out
}

func votesText(v fsm.View) string {
	out := fmt.Sprintf("%d of %d in round %d", v.Round.Have, v.Round.Need, v.Round.Number)
	for _, vote := range v.Round.Votes {
		out += "; " + vote.Person
		if vote.For != "" {
			out += " for " + vote.For
		}
		out += " " + map[string]string{"approve": "yes", "deny": "no", "withdrawn": "withdrawn"}[vote.Verdict]
	}
	if v.CodeLive {
		out += "; a code is out"
	}
	return out
}

func progressText(p fsm.Progress) string {
	out := fmt.Sprintf("%d of %d done", p.Done, p.Total)
	for _, part := range []struct {
		n    int
		word string
	}{{p.Flying, "in flight"}, {p.Failed, "failed"}, {p.Unknown, "unknown"}} {
		if part.n > 0 {
			out += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	return out
}

func timesText(t dr.Times) string {
	return fmt.Sprintf("%s in all; machines %s (longest path %s), people %s, proof %s", span(t.Total), span(t.Machine), span(t.CriticalPath), span(t.People), span(t.Verification))
}

func systemTable(w io.Writer, v fsm.View) {
	t := table{head: []string{"SYSTEM", "AT", "STATE", "STEPS", "RTO", "TARGET", "RPO", "LOST", "VERDICT"}}
	for _, s := range v.Systems {
		state := s.State
		if s.Forced {
			state += ", forced"
		}
		t.add(s.ID, s.Site, state, fmt.Sprintf("%d/%d", s.Done, s.Total), measuredSpan(s.RTO, !s.Restored.IsZero()), span(s.RTOTarget),
			measuredSpan(s.RPO, s.RPO >= 0 && !s.Restored.IsZero()), measuredCount(s.Lost), s.Verdict)
	}
	t.print(w, narrow)
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

func stepTable(w io.Writer, v fsm.View) {
	t := table{head: []string{"STEP", "STATE", "TRY", "TOOK", "WHAT"}}
	for _, s := range v.Steps {
		t.add(s.ID, string(s.State), fmt.Sprint(s.Attempt), tookText(s, v.Now), firstText(s.Text, s.Reason, s.Title))
	}
	t.print(w, narrow)
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

// next says what the run waits for and what this person may do about it.
func next(v fsm.View, lang string) []string {
	var out []string
	for _, id := range v.Waiting {
		out = append(out, "waits: "+locale.Say(lang, id, nil))
	}
	var verbs []string
	for _, verb := range v.Verbs {
		if name := commandOf(verb); name != "" {
			verbs = append(verbs, name)
		}
	}
	if len(verbs) > 0 {
		out = append(out, "you may: "+strings.Join(verbs, ", "))
	}
	if what := nextCommand(v); what != "" {
		out = append(out, "then: "+what)
	}
	return out
}

// nextCommand is what somebody types to move the run along, so that nobody has to know the order.
func nextCommand(v fsm.View) string {
	switch v.State {
	case dr.Draft, dr.Preflight, dr.Running, dr.Verifying, dr.RollingBack:
		return "switchman run watch " + v.ID
	case dr.AwaitingApproval:
		return "switchman run approve " + v.ID + ", by approvers (switchman person list)"
	case dr.AwaitingCode:
		if v.CodeLive {
			return "switchman run start " + v.ID + ", not by whoever was shown the code"
		}
		return "switchman code issue " + v.ID + ", by a code issuer (switchman person list)"
	case dr.AtStandby:
		return "switchman run switchback " + v.ID + " --reason TEXT, or run close"
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
