package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/draw"
)

// timeline draws what happened in one run.
func (p *page) timeline(c chapter) []byte {
	course := draw.Course{ID: c.Prefix + "-course", Title: p.say("course_title", "run", c.ID), Zone: p.zone, Long: p.dur, Moments: p.moments(c), Words: draw.CourseWords{
		Step: p.say("course_step"), Critical: p.say("course_critical"), Proof: p.say("course_proof"), Person: p.say("course_person"),
		Failed: p.say("course_failed"), Unknown: p.say("course_unknown"), Undo: p.say("course_undo"), Pause: p.say("course_pause"), Cut: p.say("course_cut"),
	}}
	if waits := p.waits(c); len(waits) > 0 {
		course.Lanes = append(course.Lanes, draw.Lane{Name: p.say("course_people"), Bars: waits})
	}
	for _, g := range c.Groups {
		lane := draw.Lane{Name: g.Name}
		for _, s := range g.Steps {
			for _, a := range s.Attempts {
				lane.Bars = append(lane.Bars, bar(s.Step, a))
			}
		}
		if len(lane.Bars) > 0 {
			course.Lanes = append(course.Lanes, lane)
		}
	}
	for _, pause := range c.Pauses {
		if pause.Why != dr.HoldPoint {
			course.Pauses = append(course.Pauses, draw.Bar{Name: p.word("pause", pause.Why), From: pause.From, To: pause.To})
		}
	}
	return draw.Timeline(course)
}

func bar(s Step, a Attempt) draw.Bar {
	row, _, _ := strings.Cut(s.ID, "@")
	b := draw.Bar{Row: row, Name: s.ID, From: a.Intent, To: a.Outcome, Mark: draw.MarkStep, Critical: s.Critical}
	switch {
	case a.Purpose == "undo":
		b.Mark = draw.MarkUndo
	case a.State == dr.StepFail:
		b.Mark = draw.MarkFailed
	case a.State == dr.StepUnknown:
		b.Mark = draw.MarkUnknown
	case s.Kind == dr.ManualStep:
		b.Mark = draw.MarkPerson
	case s.Kind == dr.CheckStep || s.Phase == "verify":
		b.Mark = draw.MarkProof
	}
	return b
}

// waits are the stretches in which the run waited for people.
func (p *page) waits(c chapter) []draw.Bar {
	var out []draw.Bar
	wait := func(id string, from, to dr.Time) {
		if !from.IsZero() {
			out = append(out, draw.Bar{Row: p.say(id), Name: p.say(id), From: from, To: to, Mark: draw.MarkPerson})
		}
	}
	for _, r := range c.Rounds {
		to := r.Ended
		if full := quorumAt(r); !full.IsZero() {
			to = full
		}
		wait("course_votes", r.Opened, to)
	}
	if n := len(c.Rounds); c.Start != nil && n > 0 {
		wait("course_code", quorumAt(c.Rounds[n-1]), c.Start.At)
	}
	for _, pause := range c.Pauses {
		if pause.Why == dr.HoldPoint {
			wait("course_hold", pause.From, pause.To)
		}
	}
	return out
}

// quorumAt is the moment the last vote that was needed came, zero when it never did.
func quorumAt(r Round) dr.Time {
	if r.Need == 0 || r.Have < r.Need {
		return dr.Time{}
	}
	var last dr.Time
	for _, v := range r.Votes {
		if v.Verdict == "approve" && v.At.After(last.Time) {
			last = v.At
		}
	}
	return last
}

func (p *page) moments(c chapter) []draw.Moment {
	var approved, code dr.Time
	if n := len(c.Rounds); n > 0 {
		approved = quorumAt(c.Rounds[n-1])
	}
	if n := len(c.Codes); n > 0 {
		code = c.Codes[n-1].Issued
	}
	var out []draw.Moment
	for _, m := range []struct {
		id string
		at dr.Time
	}{
		{"impact", c.Clocks.Impact}, {"declared", c.Clocks.Declared}, {"ordered", c.Clocks.Ordered}, {"requested", c.Clocks.Requested},
		{"approved", approved}, {"code", code}, {"started", c.Clocks.Started}, {"first_effect", c.Clocks.FirstEffect}, {"restored", c.Clocks.Restored},
	} {
		out = append(out, draw.Moment{Name: p.say("moment_" + m.id), At: m.at})
	}
	return out
}

// rtoBar sets a time against its target and the regulator's limit.
func rtoBar(s System) template.HTML {
	const wide = 150.0
	most := float64(max(s.RTO, s.RTOTarget, s.Limit, 1)) * 1.04
	at := func(m dr.Millis) float64 { return float64(m) / most * wide }
	class := "bar-good"
	if s.RTOMet == "no" {
		class = "bar-warn"
	}
	if s.Within == "no" {
		class = "bar-bad"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="bar" viewBox="0 0 %.0f 14" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="bar-back" y="4" width="%.0f" height="6"/>`, wide, wide)
	if s.RTOMet != "not_measured" {
		fmt.Fprintf(&b, `<rect class="%s" y="3" width="%.1f" height="8"/>`, class, max(at(s.RTO), 2))
	}
	if s.RTOTarget > 0 {
		fmt.Fprintf(&b, `<path class="bar-target" d="M%.1f 0V14"/>`, at(s.RTOTarget))
	}
	if s.Limit > 0 {
		fmt.Fprintf(&b, `<path class="bar-limit" d="M%.1f 0V14"/>`, at(s.Limit))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// rateChart draws how many runs of each month succeeded.
func (p *page) rateChart() template.HTML {
	months := p.M.Rate.Months
	if len(months) == 0 {
		return ""
	}
	if len(months) > 24 {
		months = months[len(months)-24:]
	}
	const each, high = 34.0, 70.0
	most := 1
	for _, m := range months {
		most = max(most, m.Runs)
	}
	wide := each*float64(len(months)) + 10
	title := html.EscapeString(p.say("rate_title", "passed", p.M.Rate.Passed, "runs", p.M.Rate.Runs))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="rate" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s"><title>%s</title>`, wide, high+32, wide, high+32, title, title)
	for i, m := range months {
		x := 5 + each*float64(i)
		all, good := high*float64(m.Runs)/float64(most), high*float64(m.Passed)/float64(most)
		fmt.Fprintf(&b, `<rect class="rate-all" x="%.1f" y="%.1f" width="22" height="%.1f"/><rect class="rate-good" x="%.1f" y="%.1f" width="22" height="%.1f"/>`, x, 14+high-all, all, x, 14+high-good, good)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%d/%d</text><text x="%.1f" y="%.1f">%s</text>`, x+11, 10+high-all, m.Passed, m.Runs, x+11, high+27, html.EscapeString(strings.TrimPrefix(m.Month, "20")))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
