package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// TimesNote says which day and zone the chapter's times of day belong to.
func (c chapter) TimesNote() string {
	day := c.P.M.Runs[0].Clocks.Requested.In(c.P.zone)
	return c.P.say("times_note", "day", day.Format("2006-01-02"), "zone", c.P.M.TimeZone, "offset", day.Format("-07:00"))
}

// Tone is how a verdict looks.
func (c chapter) Tone() string {
	switch {
	case c.Verdict == "passed":
		return "good"
	case c.Verdict == "failed" || c.State == dr.Failed:
		return "bad"
	case c.Verdict == "exceptions" || c.State == dr.ClosedWithExceptions || c.State == dr.RolledBack:
		return "warn"
	}
	return "plain"
}

// Headline is the verdict in a few plain words.
func (c chapter) Headline() string {
	switch {
	case c.Verdict != "" && (c.State.Ended() || c.Verdict == "failed" || c.Verdict == "rehearsed"):
		return c.P.say("verdict_" + c.Verdict)
	case c.State == dr.AtStandby && c.Verdict != "":
		return c.P.say("verdict_so_far_" + c.Verdict)
	case c.State.Ended() && c.Clocks.Started.IsZero():
		return c.P.say("never_started_" + string(c.State))
	case c.State.Ended():
		return c.P.say("ended_" + string(c.State))
	}
	return c.P.say("still_open", "state", string(c.State))
}

// Lead explains the verdict in one or two sentences.
func (c chapter) Lead() string {
	var say []string
	met, failed, unmeasured := c.count("passed"), c.count("failed"), c.count("not_measured")
	switch {
	case c.Mode == dr.Rehearsal:
		say = append(say, c.P.say("lead_rehearsal"))
	case c.Clocks.Started.IsZero():
		say = append(say, c.P.say("lead_never_started"))
	default:
		say = append(say, c.P.say("lead_moved", "n", strconv.Itoa(c.moved()), "total", strconv.Itoa(len(c.Systems)), "from", c.FromName, "to", c.ToName))
	}
	if n := len(c.Criteria); n > 0 && !c.Clocks.Started.IsZero() && c.Mode != dr.Rehearsal {
		say = append(say, c.P.say("lead_criteria", "met", strconv.Itoa(met), "total", strconv.Itoa(n)))
		if failed > 0 {
			say = append(say, c.P.say("lead_failed", "n", strconv.Itoa(failed)))
		}
		if unmeasured > 0 {
			say = append(say, c.P.say("lead_unmeasured", "n", strconv.Itoa(unmeasured)))
		}
	}
	gap := " "
	if c.P.Lang == locale.Chinese {
		gap = ""
	}
	return strings.Join(say, gap)
}

func (c chapter) count(result string) int {
	n := 0
	for _, o := range c.Criteria {
		if o.Result == result {
			n++
		}
	}
	return n
}

// moved counts the systems that live at the other site by this run's doing.
func (c chapter) moved() int {
	n := 0
	for _, s := range c.Systems {
		if s.State == "moved" || s.State == "verified" { // where it is now may be home again
			n++
		}
	}
	return n
}

// Unmet are the criteria that were not met or not measured.
func (c chapter) Unmet() []dr.Outcome {
	var out []dr.Outcome
	for _, o := range c.Criteria {
		if o.Result != "passed" {
			out = append(out, o)
		}
	}
	return out
}

// Origin is the moment the policy measures from.
func (c chapter) Origin() dr.Time {
	switch c.RTOFrom {
	case "impact":
		return c.Clocks.Impact
	case "declared":
		return c.Clocks.Declared
	case "ordered":
		return c.Clocks.Ordered
	case "started":
		return c.Clocks.Started
	}
	return c.Clocks.Requested
}

// ServedThere is what each system served at the standby.
func (c chapter) ServedThere() string {
	var out []string
	for _, s := range c.Systems {
		if s.Served >= 0 {
			out = append(out, s.Name+" "+c.P.num(s.Served))
		}
	}
	if len(out) == 0 {
		return c.P.say("not_measured")
	}
	return c.P.list(out)
}

// Rehearsed reports whether nothing was meant to move.
func (c chapter) Rehearsed() bool { return c.Mode == dr.Rehearsal }

// StateOf is where a system stands; one that still waited when the run ended was not moved.
func (c chapter) StateOf(s System) string {
	if s.State == "waiting" && c.State.Ended() {
		return "not_moved"
	}
	return s.State
}

// Compared reports whether both sides were compared.
func (c chapter) Compared() bool {
	return c.Mode != dr.Rehearsal && slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Kind == dr.ReconcileStep && s.State == dr.StepOK })
}

// CriterionName is what a criterion is called: in the reader's language, unless the plan gave it a title
// of its own.
func (c chapter) CriterionName(o dr.Outcome) string {
	name := o.System
	for _, s := range c.Systems {
		if s.ID == o.System {
			name = s.Name
		}
	}
	switch {
	case o.Title != "" && (o.System == "" || !strings.HasPrefix(o.Title, name+":")):
		return o.Title
	case o.System == "":
		return c.P.word("metric", o.Metric)
	}
	return name + c.P.colon() + c.P.word("metric", o.Metric)
}

// Acted are the people who did something.
func (c chapter) Acted() []Attendance {
	var out []Attendance
	for _, a := range c.People {
		if len(a.Did) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// Sent reports whether any step was.
func (c chapter) Sent() bool {
	for _, s := range c.Steps {
		if len(s.Attempts) > 0 {
			return true
		}
	}
	return false
}

// Skipped are the steps that were left out or never came to be.
func (c chapter) Skipped() []Step {
	var out []Step
	for _, s := range c.Steps {
		switch s.State {
		case dr.StepOK, dr.StepUndone, dr.StepFail, dr.StepUnknown:
		default:
			out = append(out, s)
		}
	}
	return out
}

// FailedFacts are the preflight facts that said no.
func (c chapter) FailedFacts() int {
	n := 0
	for _, f := range c.Facts {
		if !f.OK {
			n++
		}
	}
	return n
}
