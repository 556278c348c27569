package main

import (
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// board is the live picture of a run: what is asked at 3 a.m., in the order it is asked. It is a
// function of what it is given, so that it can be held against a picture in a test.
type board struct {
	view    fsm.View
	rtoFrom string // clock the policy counts the RTO from
	now     dr.Time
	voice   voice
	more    details
	wide    int
	high    int
	colour  bool
	recent  []string // newest last
	trouble string   // connection lost and the like
}

// lines draws the board, never wider or higher than the screen.
func (b board) lines() []string {
	v := b.view
	out := []string{b.title(), b.state(), b.progress()}
	if line := b.countdown(); line != "" {
		out = append(out, line)
	}
	if b.trouble != "" {
		out = append(out, b.paint("31", b.trouble))
	}
	out = append(out, "")
	out = append(out, b.systems()...)
	out = append(out, b.steps()...)
	out = append(out, b.waits()...)
	out = append(out, b.news(b.high-len(out)-2)...)
	for i := range out {
		if !strings.Contains(out[i], "\x1b") {
			out[i] = fit(out[i], b.wide)
		}
	}
	if most := max(8, b.high-1); len(out) > most {
		out = append(out[:most-1], fit(b.voice.say("cli_all_of_it", dr.Args{"run": v.ID}), b.wide))
	}
	return out
}

func (b board) paint(code, text string) string { return paint(b.colour, code, fit(text, b.wide)) }

func (b board) title() string {
	right := ""
	if b.view.Environment != dr.Production {
		right = b.voice.badge(b.view.Environment)
	}
	left := fit(b.view.ID+"  "+oneLine(b.view.Title), b.wide-cells(right)-2)
	return paint(b.colour, "1", left) + strings.Repeat(" ", max(1, b.wide-cells(left)-cells(right))) + right
}

func (b board) state() string {
	v := b.view
	o := b.voice
	said := []string{o.term("mode", string(v.Mode)), o.way(v.From, v.To)}
	if v.Commander != "" {
		said = append(said, o.say("cli_led_by", dr.Args{"person": v.Commander}))
	}
	state := strings.ToUpper(o.state(v))
	text := fit(o.parts(said), b.wide-cells(state)-2)
	return text + strings.Repeat(" ", max(2, b.wide-cells(text)-cells(state))) + paint(b.colour, stateColour(v.State), state)
}

func stateColour(s dr.State) string {
	switch s {
	case dr.Closed, dr.AtStandby:
		return "32"
	case dr.Paused, dr.AwaitingApproval, dr.AwaitingCode, dr.ClosedWithExceptions:
		return "33"
	case dr.Failed, dr.Denied, dr.Expired, dr.RolledBack, dr.RollingBack:
		return "31"
	}
	return "36"
}

func (b board) progress() string {
	p := b.view.Progress
	text := "  " + b.voice.parts(append([]string{b.voice.say("cli_steps_of", dr.Args{"done": fmt.Sprint(p.Done), "of": fmt.Sprint(p.Total)})}, b.voice.trouble(p)...))
	return bar(p.Done, p.Total, max(10, b.wide-cells(text)-2)) + text
}

// bar is a progress bar n columns wide, brackets included.
func bar(done, total, n int) string {
	inner := n - 2
	full := 0
	if total > 0 {
		full = inner * done / total
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", inner-full) + "]"
}

// countdown says how much is left of the shortest RTO and limit among systems not yet back.
func (b board) countdown() string {
	begin := clockNamed(b.view.Clocks, b.rtoFrom)
	if begin.IsZero() || !b.view.Clocks.Restored.IsZero() || b.view.State.Ended() || b.view.Mode == dr.Rehearsal {
		return ""
	}
	if b.view.State == dr.AtStandby || b.view.Clocks.Started.IsZero() && b.rtoFrom == "started" {
		return ""
	}
	var rto, limit dr.Millis
	for _, s := range b.view.Systems {
		if !s.Restored.IsZero() {
			continue
		}
		if s.RTOTarget > 0 && (rto == 0 || s.RTOTarget < rto) {
			rto = s.RTOTarget
		}
		if s.Limit > 0 && (limit == 0 || s.Limit < limit) {
			limit = s.Limit
		}
	}
	gone := b.now.Since(begin)
	var parts []string
	if rto > 0 {
		parts = append(parts, b.left("rto", rto, gone))
	}
	if limit > 0 {
		parts = append(parts, b.left("limit", limit, gone))
	}
	return strings.Join(parts, "    ")
}

func (b board) left(name string, whole, gone dr.Millis) string {
	if gone > whole {
		return paint(b.colour, "31", b.voice.say("cli_target_missed", dr.Args{"target": b.voice.label(name), "whole": span(whole), "by": span(gone - whole)}))
	}
	text := b.voice.say("cli_target_left", dr.Args{"target": b.voice.label(name), "whole": span(whole), "left": span(whole - gone)})
	if gone*4 > whole*3 {
		return paint(b.colour, "33", text)
	}
	return text
}

// clockNamed is the moment a policy's rto_from means; the request where it is not known.
func clockNamed(c dr.Clocks, name string) dr.Time {
	at := map[string]dr.Time{"impact": c.Impact, "declared": c.Declared, "ordered": c.Ordered, "requested": c.Requested, "started": c.Started}[name]
	if at.IsZero() {
		return c.Requested
	}
	return at
}

func (b board) systems() []string {
	t := table{head: b.voice.heads("system", "at", "state", "steps", "", "rto", "lost")}
	for _, s := range b.view.Systems {
		rto := "-"
		if !s.Restored.IsZero() {
			rto = b.voice.say("cli_span_of", dr.Args{"took": span(s.RTO), "target": span(s.RTOTarget)})
		}
		t.add(s.ID, s.Site, b.voice.systemState(s, " "), fmt.Sprintf("%d/%d", s.Done, s.Total), bar(s.Done, s.Total, 12), rto, measuredCount(s.Lost))
	}
	var out strings.Builder
	t.print(&out, b.wide)
	return strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
}

// steps lists what flies and what went wrong; what is done or waits is in the numbers above.
func (b board) steps() []string {
	t := table{head: b.voice.heads("step", "state", "for", "of", "what")}
	for _, s := range b.view.Steps {
		switch s.State {
		case dr.StepIntent, dr.StepFail, dr.StepUnknown:
			expect := s.Expect
			if s.Last > 0 {
				expect = s.Last
			}
			state := b.voice.term("state", string(s.State))
			if s.State == dr.StepIntent {
				state = b.voice.say("cli_in_flight", nil)
				if s.Kind == dr.ManualStep {
					state = b.voice.say("cli_by_hand", nil)
				}
			}
			t.add(s.ID, state, tookText(s, b.now), span(expect), firstText(s.Text, s.Title))
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	const most = 12
	rest := len(t.rows) - most
	if rest > 0 {
		t.rows = t.rows[:most]
	}
	var out strings.Builder
	fmt.Fprintln(&out)
	t.print(&out, b.wide)
	if rest > 0 {
		fmt.Fprintln(&out, b.voice.say("cli_more", dr.Args{"n": fmt.Sprint(rest)}))
	}
	return strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
}

// waits says whom and what the run waits for.
func (b board) waits() []string {
	v := b.view
	out := []string{""}
	add := func(text string) {
		var w strings.Builder
		wrap(&w, "  ", text, b.wide)
		out = append(out, strings.Split(strings.TrimRight(w.String(), "\n"), "\n")...)
	}
	if v.State == dr.AwaitingApproval || v.State == dr.AwaitingCode {
		add(b.voice.label("votes") + b.voice.colon() + b.voice.votes(v))
		add(b.voice.label("words") + b.voice.colon() + wordsText(v.Words))
		if !v.Round.Expires.IsZero() {
			add(b.voice.say("cli_round_ends", dr.Args{"left": span(v.Round.Expires.Since(b.now))}))
		}
	}
	for _, c := range v.Checks {
		if !c.OK && !v.State.Started() {
			add(b.voice.label("check") + " " + b.voice.check(c))
		}
	}
	for _, line := range next(v, b.voice, b.more) {
		add(line)
	}
	if len(out) == 1 {
		return nil
	}
	return out
}

// news are the newest journal rows that still fit.
func (b board) news(room int) []string {
	recent := b.recent
	if room = min(room-1, 6); room < 1 || len(recent) == 0 {
		return nil
	}
	if len(recent) > room {
		recent = recent[len(recent)-room:]
	}
	return append([]string{"", b.voice.say("cli_news", dr.Args{"zone": b.voice.zone.String()})}, recent...)
}
