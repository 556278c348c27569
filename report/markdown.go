package report

import (
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// Markdown is the report as text: for a ticket, a mail, a terminal. It says what the page says, without
// its pictures and recordings. A model without runs has nothing to say.
func Markdown(m *Model, lang string) []byte {
	p := &page{M: m, Lang: locale.Language(lang), zone: zoneOf(m.TimeZone)}
	for i, run := range m.Runs {
		p.Runs = append(p.Runs, chapter{Run: run, P: p, N: i + 1, Prefix: "r" + strconv.Itoa(i+1)})
	}
	if len(p.Runs) == 0 {
		return nil
	}
	t := &text{page: p}
	t.first(p.Main())
	for _, c := range p.Runs {
		t.chapter(c)
	}
	t.register()
	t.proof()
	return t.b.Bytes()
}

// first is page 1: what, why, who, how it went, and what that does not prove.
func (t *text) first(c chapter) {
	t.line("# %s\n", plain(c.Title))
	t.mark()
	t.line("%s · %s · %s · %s\n", plain(t.M.Name), plain(t.say("kicker", "run", c.ID)), plain(t.say("as_of", "row", t.M.AsOf)), t.stamp(t.M.AsOfTime))
	t.outcome(c)
	t.fact("c_what", t.what(c)+" · "+c.FromName+" → "+c.ToName)
	t.ordered(c)
	t.fact("plan_words", t.planWords(c)+" ("+c.Plan+")")
	if !c.Clocks.Started.IsZero() {
		t.fact("times", t.sentences(t.say("times_line", "total", t.dur(c.Times.Total), "people", t.dur(c.Times.People)),
			t.say("machine_line", "machine", t.dur(c.Times.Machine))))
	}
	t.systems(c)
	for _, back := range t.Backs() {
		t.line("**%s** %s\n", plain(t.say("way_back")), plain(back.ID+" — "+back.Headline()+" — "+back.Lead()))
	}
	t.people(c)
	t.customers(c)
	t.head(2, "not_proven")
	for _, id := range t.M.NotProven {
		t.item(0, plain(locale.Say(t.Lang, id, nil)))
	}
	t.head(2, "not_captured")
	for _, id := range t.M.NotCaptured {
		t.item(0, plain(locale.Say(t.Lang, id, nil)))
	}
}

// outcome is the verdict and what was not met.
func (t *text) outcome(c chapter) {
	reason := ""
	if c.EndReason != "" {
		reason = t.say("end_reason", "reason", c.EndReason)
	}
	t.line("**%s** %s\n", plain(c.Headline()), plain(t.sentences(c.Lead(), reason)))
	if c.Clocks.Started.IsZero() {
		return
	}
	for _, l := range c.LeftPaused {
		t.item(0, mark("no"), plain(t.say("left_paused", "system", l.Name, "nodes", t.list(l.Nodes))), code("patronictl resume"))
	}
	for _, o := range c.Unmet() {
		how := t.say("wanted_got", "goal", t.goal(o), "got", t.value(o.Metric, o.Got))
		if o.Result == "not_measured" {
			how = t.say("wanted", "goal", t.goal(o))
		}
		t.item(0, mark(o.Result), plain(c.CriterionName(o)+t.colon()+how+" — "+t.word("result", o.Result)))
	}
}

func (t *text) what(c chapter) string {
	return t.list([]string{locale.Term(t.Lang, "kind", string(c.Kind)), locale.Term(t.Lang, "mode", string(c.Mode))})
}

// ordered is why the run was, and who wanted it.
func (t *text) ordered(c chapter) {
	t.fact("why", c.Reason)
	t.fact("requested_by", c.Requester.Name+" · "+t.stamp(c.Clocks.Requested))
	if c.OrderedBy != nil {
		t.fact("ordered_by", c.OrderedBy.Name+" · "+t.stamp(c.Clocks.Ordered))
	}
	if !c.Clocks.Declared.IsZero() {
		t.fact("declared_at", t.stamp(c.Clocks.Declared))
	}
	if !c.Clocks.Impact.IsZero() {
		t.fact("impact_at", t.stamp(c.Clocks.Impact))
	}
	t.fact("challenge", orNone(c.Challenge, t.say("challenge_none")))
}

func (t *text) planWords(c chapter) string {
	var words []string
	for _, w := range c.Words {
		words = append(words, w.Word)
	}
	return strings.Join(words, " · ")
}

// systems is what each system achieved against what was wanted of it.
func (t *text) systems(c chapter) {
	if len(c.Systems) == 0 {
		return
	}
	t.line("\n%s (%s)\n", plain(t.say("systems_caption", "origin", t.word("rto_from", c.RTOFrom))), t.stamp(c.Origin()))
	var rows [][]string
	for _, s := range c.Systems {
		name := s.Name
		if s.Forced {
			name += " (" + t.say("forced") + ")"
		}
		rows = append(rows, []string{name, t.restored(c, s), t.bar(s), t.lost(s), t.num(s.Lost), t.num(s.Served), t.verdict(c, s)})
	}
	t.table("", []string{"system", "rto", "rto_bar", "rpo", "lost", "served", "verdict"}, rows)
}

// restored is how long it took until business worked again. A system that was to move and did not has
// no such time, which is not the same as nobody having measured it.
func (t *text) restored(c chapter, s System) string {
	switch {
	case !s.Restored.IsZero() && c.Mode != dr.Rehearsal:
		return mark(s.RTOMet) + " " + t.dur(s.RTO)
	case !c.Clocks.Started.IsZero() && c.State.Ended() && c.Mode != dr.Rehearsal:
		return mark("no") + " " + t.say("not_restored")
	}
	return t.say("not_measured")
}

func (t *text) bar(s System) string {
	bar := t.say("target_limit", "target", t.dur(s.RTOTarget), "limit", t.dur(s.Limit))
	if s.Within == "no" {
		bar += ", " + t.say("over_limit")
	}
	return bar
}

func (t *text) lost(s System) string {
	return mark(s.RPOMet) + " " + t.dur(s.RPO) + " (" + t.say("target", "target", t.dur(s.RPOTarget)) + ")"
}

func (t *text) verdict(c chapter, s System) string {
	if s.Verdict == "" {
		return t.word("system_state", c.StateOf(s))
	}
	return mark(s.Verdict) + " " + t.word("system_verdict", s.Verdict)
}

// people is who acted, under which staffing, and past which checks.
func (t *text) people(c chapter) {
	acted := c.Acted()
	t.said("people_profile", "n", len(acted), "profile", t.word("profile", c.Profile))
	if c.Profile == "small_site" {
		t.said("small_site_note")
	}
	for _, a := range acted {
		t.item(0, plain(t.stood(a.Who.Name, a.For)+t.colon()+t.words("did", a.Did)))
	}
	t.line("")
	t.overrides(c)
}

func (t *text) stood(name, instead string) string {
	if instead == "" {
		return name
	}
	return name + " (" + t.say("stood_in", "person", instead) + ")"
}

func (t *text) overrides(c chapter) {
	if len(c.Overrides) == 0 {
		t.said("overrides_none")
		return
	}
	t.said("risks_line")
	for _, o := range c.Overrides {
		foreseen := ""
		if o.Foreseen {
			foreseen = " (" + t.say("foreseen") + ")"
		}
		t.item(0, "**"+plain(o.Check)+"**", plain(o.Who.Name+t.colon()+o.Reason+foreseen))
	}
	t.line("")
}

// customers is what the move meant for their bookings.
func (t *text) customers(c chapter) {
	if c.Mode == dr.Rehearsal || c.Clocks.Started.IsZero() {
		return
	}
	t.line("**%s**\n", plain(t.say("customers")))
	t.item(0, plain(t.say("served_there", "systems", c.ServedThere())))
	if c.Soak != nil {
		t.item(0, plain(t.say("soak_line", "took", t.dur(c.Soak.Took), "wanted", t.dur(c.Soak.Wanted), "served", t.num(c.Soak.Served))))
	}
	open, compared := 0, 0
	for _, s := range c.Steps {
		switch {
		case s.Kind != dr.ReconcileStep:
		case s.State == dr.StepOK:
			compared++
		default:
			open++
			t.item(0, mark("no"), plain(t.say("not_compared", "system", t.systemName(c, s.System), "step", s.ID, "state", locale.Term(t.Lang, "state", string(s.State)))))
		}
	}
	for _, e := range c.Reentry {
		t.item(0, plain(t.systemName(c, e.System)+t.colon()+t.say("reentry_n", "n", t.num(e.Count))+" — "+e.Text))
		for _, row := range e.Rows {
			t.item(1, code(row))
		}
	}
	switch {
	case len(c.Reentry) > 0 || open > 0:
	case compared > 0:
		t.item(0, plain(t.say("reentry_clean")))
	default:
		t.item(0, plain(t.say("reentry_none")))
	}
}

func (t *text) systemName(c chapter, id string) string {
	for _, s := range c.Systems {
		if s.ID == id {
			return s.Name
		}
	}
	return orNone(id, t.say("whole_bank"))
}

// by is who did something; nobody did what happened by itself.
func (t *text) by(w *Who) string {
	if w == nil {
		return t.say("itself")
	}
	return w.Name
}

// register is every run on these systems, and how often moves came out well.
func (t *text) register() {
	t.head(2, "h_register")
	t.said("register_line", "n", len(t.M.Register))
	var rows [][]string
	for _, x := range t.M.Register {
		end := t.say("open")
		if x.State != "open" {
			end = locale.Term(t.Lang, "state", string(x.State)) + " · " + t.stamp(x.Ended)
		}
		verdict := ""
		if x.Verdict != "" {
			verdict = t.word("register_verdict", x.Verdict)
		}
		run := x.Run
		if x.Here {
			run += " (" + t.say("here") + ")"
		}
		what := t.list([]string{locale.Term(t.Lang, "kind", string(x.Kind)), locale.Term(t.Lang, "mode", string(x.Mode))})
		rows = append(rows, []string{run, t.stamp(x.Requested), what, t.list(x.Systems), end, verdict})
	}
	t.table("", []string{"run", "requested", "what", "systems", "state", "verdict"}, rows)
	t.said("rate_line", "passed", t.M.Rate.Passed, "runs", t.M.Rate.Runs)
	rows = nil
	for _, m := range t.M.Rate.Months {
		rows = append(rows, []string{m.Month, strconv.Itoa(m.Runs), strconv.Itoa(m.Passed), percent(m.Passed, m.Runs)})
	}
	t.table("", []string{"month", "runs", "passed", "share"}, rows)
}

// proof names what the report was read from.
func (t *text) proof() {
	t.head(2, "h_proof")
	t.said("proof_line", "row", t.M.AsOf)
	t.fact("p_size", t.num(t.M.Checkpoint.Size))
	t.item(0, plain(t.say("p_root")+t.colon()), code(t.M.Checkpoint.Root))
	t.item(0, plain(t.say("p_key")+t.colon()), code(t.M.Checkpoint.Key))
	for _, r := range t.M.Runs {
		t.item(0, plain(t.say("p_plan", "run", r.ID)+t.colon()), code(r.Digest))
	}
	t.line("")
	var rows [][]string
	for _, r := range t.M.Runs {
		for _, a := range r.Anchors {
			rows = append(rows, []string{t.stamp(a.At), r.ID, t.word("anchor", a.Why), t.num(a.Size), a.Root, a.To})
		}
	}
	if len(rows) > 0 {
		t.said("anchors_caption")
	}
	t.table("anchors_none", []string{"time", "run", "why", "size", "root", "to_where"}, rows)
	t.said("zone_line", "zone", t.M.TimeZone)
	if t.M.MadeBy != "" {
		t.said("made_by", "version", t.M.MadeBy)
	}
	t.said("verify_intro")
}
