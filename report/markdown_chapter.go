package report

import (
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/locale"
)

// chapter is everything about one run, in the order in which it happened.
func (t *text) chapter(c chapter) {
	id := "chapter_run"
	if c.N > 1 {
		id = "chapter_back"
	}
	t.head(2, id, "run", c.ID)
	t.line("%s · %s · %s → %s · %s\n", plain(c.Title), plain(t.what(c)), plain(c.FromName), plain(c.ToName), plain(locale.Term(t.Lang, "state", string(c.State))))
	if c.N > 1 {
		t.outcome(c)
		t.ordered(c)
		t.systems(c)
		t.people(c)
		t.customers(c)
	}
	t.criteria(c)
	t.rounds(c)
	t.attendance(c)
	t.codes(c)
	t.facts(c)
	t.steps(c)
	t.stops(c)
	t.notices(c)
	t.soak(c)
	t.findings(c)
	t.refusals(c)
}

func (t *text) criteria(c chapter) {
	t.head(3, "h_criteria")
	var rows [][]string
	for _, o := range c.Criteria {
		got := t.say("not_measured")
		if o.Result != "not_measured" {
			got = t.value(o.Metric, o.Got)
		}
		rows = append(rows, []string{c.CriterionName(o), t.goal(o), got, mark(o.Result) + " " + t.word("result", o.Result)})
	}
	none := "criteria_none"
	if c.Rehearsed() {
		none = "criteria_rehearsal"
	} else if len(rows) > 0 {
		t.said("criteria_caption")
	}
	t.table(none, []string{"criterion", "wanted", "got", "result"}, rows)
	t.said("times_caption")
	t.fact("t_total", t.dur(c.Times.Total))
	t.fact("t_people", t.dur(c.Times.People))
	t.fact("t_machine", t.dur(c.Times.Machine))
	t.fact("t_verification", t.dur(c.Times.Verification))
	t.fact("t_critical", t.dur(c.Times.CriticalPath))
}

func (t *text) rounds(c chapter) {
	t.head(3, "h_votes")
	if len(c.Rounds) == 0 {
		t.said("rounds_none")
	}
	for _, o := range c.Rounds {
		ended := ""
		if !o.Ended.IsZero() {
			ended = " · " + t.say("ended") + " " + t.stamp(o.Ended)
		}
		if o.Reason != "" {
			ended += " · " + o.Reason
		}
		t.line("**%s**\n", plain(t.say("round", "n", o.Number, "state", t.word("round", o.State))))
		t.line("%s\n", plain(t.say("round_line", "have", o.Have, "need", o.Need)+" "+t.say("opened")+" "+t.stamp(o.Opened)+" · "+t.say("expires")+" "+t.stamp(o.Expires)+ended))
		t.line("%s %s\n", plain(t.say("plan_digest")), code(o.Digest))
		if len(o.Changed) > 0 {
			t.said("changed")
		}
		for _, change := range o.Changed {
			t.item(0, plain(change))
		}
		var rows [][]string
		for _, v := range o.Votes {
			instead := ""
			if v.For != nil {
				instead = v.For.Name
			}
			rows = append(rows, []string{t.stood(v.Who.Name, instead), mark(v.Verdict) + " " + t.word("vote", v.Verdict), t.stamp(v.At), t.dur(v.After),
				t.word("via", v.Via), v.Reason, strconv.FormatInt(v.Row, 10)})
		}
		t.line("")
		t.table("votes_none", []string{"person", "vote", "time", "after", "via", "reason", "row"}, rows)
	}
}

func (t *text) attendance(c chapter) {
	t.head(3, "h_people")
	t.said("people_caption", "planned", len(c.People), "acted", len(c.Acted()), "profile", t.word("profile", c.Profile))
	var rows [][]string
	for _, a := range c.People {
		did, duty, answered := t.say("planned_only"), t.say("off_duty"), t.say("none")
		if len(a.Did) > 0 {
			did = t.words("did", a.Did)
		}
		if a.OnDuty {
			duty = t.say("on_duty")
		}
		if a.Late > 0 {
			answered = t.dur(a.Late)
		}
		roles := t.words("role", a.Roles)
		if len(a.Teams) > 0 {
			roles += " (" + t.list(a.Teams) + ")"
		}
		rows = append(rows, []string{t.stood(a.Who.Name, a.For), roles, did, t.stamp(a.First), answered, t.words("via", a.Via), duty})
	}
	t.table("nobody", []string{"person", "roles", "did", "first", "answered", "via", "duty"}, rows)
	for _, x := range c.Commanders {
		t.item(0, plain(t.say("command")+" "+x.Who.Name+" ("+t.say("since")+" "+t.stamp(x.From)+")"))
	}
}

func (t *text) codes(c chapter) {
	t.head(3, "h_code")
	var rows [][]string
	for _, x := range c.Codes {
		used := t.say("unused")
		switch {
		case !x.Used.IsZero():
			used = t.stamp(x.Used) + " · " + t.by(x.UsedBy)
		case !x.Revoked.IsZero():
			used = t.say("revoked") + " " + t.stamp(x.Revoked)
		}
		rows = append(rows, []string{x.ID + " (" + t.say("of_round", "n", x.Round) + ")", t.word("source", x.Source), orNone(x.Issuer.Name, t.say("none")), t.stamp(x.Issued),
			t.stamp(x.Expires), used, strconv.Itoa(x.Tries)})
	}
	if len(rows) > 0 {
		t.said("codes_caption")
	}
	t.table("codes_none", []string{"code", "source", "issuer", "issued", "expires", "used", "tries"}, rows)
	if s := c.Start; s != nil {
		t.line("%s\n", plain(t.say("start_line", "person", s.Submitter.Name, "people", s.People, "row", s.Row)+" "+t.stamp(s.At)))
		t.item(0, plain(t.say("start_voters")+" "+t.names(s.Voters)))
		t.item(0, plain(t.say("start_issuers")+" "+t.names(s.Issuers)))
	}
}

func (t *text) facts(c chapter) {
	t.head(3, "h_facts")
	var rows [][]string
	for _, f := range c.Facts {
		found := mark(f.OK) + " " + f.Text
		if f.Overridden {
			found += " (" + t.say("overridden") + ")"
		}
		name := f.ID
		if f.Title != "" && f.Title != f.ID {
			name = f.Title + " (" + f.ID + ")"
		}
		rows = append(rows, []string{name, found, t.word("level", f.Level), t.dur(f.Age)})
	}
	if len(rows) > 0 {
		t.said("facts_line", "n", len(rows), "no", c.FailedFacts())
	}
	t.table("facts_none", []string{"fact", "found", "weight", "age"}, rows)
}

func (t *text) steps(c chapter) {
	t.head(3, "h_steps")
	if c.Rehearsed() {
		t.said("steps_rehearsal")
	}
	if len(c.Critical) > 0 {
		t.said("critical_line", "n", len(c.Critical), "long", t.dur(c.Times.CriticalPath))
		for i, id := range c.Critical {
			t.line("%d. %s", i+1, code(id))
		}
		t.line("")
	}
	for _, s := range c.Steps {
		t.item(0, "**"+plain(s.Title)+"**", code(s.ID), mark(s.State), plain(t.about(s)))
		t.item(1, plain(t.word("step_kind", s.Kind)+" · "+t.word("phase", s.Phase)+" · "+t.word("class", s.Class)))
		t.item(1, plain(t.say("s_params")+t.colon()+s.Action), code(s.Params))
		if s.Reason != "" && len(s.Decided) == 0 {
			t.item(1, plain(t.by(s.By)+t.colon()+s.Reason))
		}
		for _, a := range s.Attempts {
			t.attempt(a)
		}
		for _, d := range s.Decided {
			t.decision(d)
		}
	}
}

// about is how a step stands, in one line.
func (t *text) about(s Step) string {
	parts := []string{locale.Term(t.Lang, "state", string(s.State)), t.say("s_took") + " " + t.dur(s.Took)}
	if len(s.Attempts) == 0 {
		parts[1] = t.say("never_sent")
	}
	if s.Expect > 0 {
		parts = append(parts, t.say("s_expected")+" "+t.dur(s.Expect))
	}
	if s.Node != "" {
		parts = append(parts, t.say("s_node")+" "+s.Node)
	}
	if s.Critical {
		parts = append(parts, t.say("flag_critical"))
	}
	if s.NoReturn {
		parts = append(parts, t.say("flag_noreturn"))
	}
	if s.Hold {
		parts = append(parts, t.say("flag_hold"))
	}
	return strings.Join(parts, " · ")
}

func (t *text) attempt(a Attempt) {
	id := "attempt"
	if a.Purpose == "undo" {
		id = "attempt_undo"
	}
	parts := []string{t.stamp(a.Intent), t.dur(a.Took), mark(a.State) + " " + locale.Term(t.Lang, "state", string(a.State))}
	if a.Code != 0 {
		parts = append(parts, t.say("exit", "code", a.Code))
	}
	if a.Probe != "" {
		parts = append(parts, t.say("probe")+" "+t.word("found", a.Probe))
	}
	var rows []string
	for _, n := range a.Rows {
		rows = append(rows, strconv.FormatInt(n, 10))
	}
	parts = append(parts, t.say("rows")+" "+t.list(rows))
	t.item(1, plain(t.say(id, "n", a.N)+t.colon()+strings.Join(parts, " · ")))
	if a.Text != "" {
		t.item(2, code(a.Text))
	}
	if a.Masked > 0 {
		t.item(2, plain(t.say("masked_line", "n", a.Masked, "rules", t.list(a.MaskRules))))
	}
	for _, e := range a.Evidence {
		state := size(e.Size)
		if e.Erased {
			state += ", " + t.say("erased")
		}
		name := ""
		if e.Name != "" {
			name = e.Name + " "
		}
		t.item(2, plain(t.word("evidence", e.Kind)+t.colon()+name), code(e.File), plain("("+state+")"))
	}
}

func (t *text) decision(d Decision) {
	moved := locale.Term(t.Lang, "state", string(d.From)) + " → " + locale.Term(t.Lang, "state", string(d.To))
	why := ""
	if d.Reason != "" {
		why = t.colon() + d.Reason
	}
	t.item(1, plain(t.stamp(d.At)+" · "+t.by(d.Who)+" · "+moved+" · "+t.word("how", d.How)+why+" · "+t.say("row_n", "n", d.Row)))
}

// stops are standstills, what was left out, and every move of the run.
func (t *text) stops(c chapter) {
	t.head(3, "h_moves")
	var rows [][]string
	for _, x := range c.Pauses {
		long := ""
		if !x.To.IsZero() {
			long = " (" + t.dur(x.To.Since(x.From)) + ")"
		}
		rows = append(rows, []string{t.word("pause", x.Why), t.stamp(x.From), t.stamp(x.To) + long, t.by(x.By), x.Reason})
	}
	t.table("pauses_none", []string{"why", "from", "to", "by", "reason"}, rows)
	for _, f := range c.Forced {
		t.item(0, "**"+plain(t.say("forced_line", "person", f.By.Name, "systems", t.list(f.Systems)))+"**", t.stamp(f.At), plain(f.Reason))
	}
	t.line("")
	rows = nil
	for _, s := range c.Skipped() {
		rows = append(rows, []string{s.ID, locale.Term(t.Lang, "state", string(s.State)), t.by(s.By), s.Reason})
	}
	if len(rows) > 0 {
		t.said("skipped_caption", "n", len(rows))
	}
	t.table("skipped_none", []string{"step", "state", "by", "reason"}, rows)
	rows = nil
	for _, m := range c.States {
		to := locale.Term(t.Lang, "state", string(m.To))
		if m.Pause != "" {
			to += " (" + t.word("pause", m.Pause) + ")"
		}
		rows = append(rows, []string{t.stamp(m.At), locale.Term(t.Lang, "state", string(m.From)), to, t.by(m.Who), m.Reason, strconv.FormatInt(m.Row, 10)})
	}
	if len(rows) > 0 {
		t.said("moves_caption")
	}
	t.table("", []string{"time", "from", "to", "by", "reason", "row"}, rows)
}

func (t *text) notices(c chapter) {
	t.head(3, "h_notices")
	var rows [][]string
	for _, n := range c.Notices {
		state := mark(n.State) + " " + t.word("notice", n.State)
		if n.Late {
			state += ", " + t.say("late")
		}
		rows = append(rows, []string{t.stamp(n.At), n.To, t.word("via", n.Via), n.Text, t.stamp(n.Due), state, n.Proof})
	}
	t.table("notices_none", []string{"time", "to_whom", "via", "text", "due", "state", "receipt"}, rows)
}

func (t *text) soak(c chapter) {
	t.head(3, "h_soak")
	if c.Soak == nil {
		t.said("soak_none")
		return
	}
	t.said("soak_line", "took", t.dur(c.Soak.Took), "wanted", t.dur(c.Soak.Wanted), "served", t.num(c.Soak.Served))
	t.line("%s – %s\n", t.stamp(c.Soak.From), t.stamp(c.Soak.To))
}

func (t *text) findings(c chapter) {
	t.head(3, "h_findings")
	rows := func(all []Finding) (out [][]string) {
		for _, f := range all {
			out = append(out, []string{f.ID, f.Text, orNone(f.Owner, t.say("none")), orNone(f.Due, t.say("none")), orNone(f.Retest, t.say("none")),
				f.Who.Name, t.stamp(f.At), strconv.FormatInt(f.Row, 10)})
		}
		return out
	}
	columns := []string{"finding", "text", "owner", "due", "retest", "by", "time", "row"}
	t.table("findings_none", columns, rows(c.Findings))
	t.head(4, "h_observations")
	t.table("observations_none", columns, rows(c.Observed))
	t.head(4, "h_risks")
	t.overrides(c)
	t.head(4, "h_signoffs")
	var signed [][]string
	for _, s := range c.SignOffs {
		signed = append(signed, []string{s.Who.Name, s.Text, t.stamp(s.At), strconv.FormatInt(s.Row, 10)})
	}
	t.table("signoffs_none", []string{"person", "text", "time", "row"}, signed)
}

func (t *text) refusals(c chapter) {
	t.head(3, "h_refusals")
	var rows [][]string
	for _, x := range c.Refusals {
		who := orNone(x.Who.Name, t.say("nobody"))
		rows = append(rows, []string{t.stamp(x.At), who, locale.Term(t.Lang, "verb", string(x.Verb)), locale.Say(t.Lang, x.ID, x.Args), x.Rule, strconv.Itoa(x.Times),
			strconv.FormatInt(x.Row, 10)})
	}
	if len(rows) > 0 {
		t.said("refusals_caption")
	}
	t.table("refusals_none", []string{"time", "person", "wanted_to", "refused", "rule", "times", "row"}, rows)
}
