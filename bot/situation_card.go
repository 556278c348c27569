package bot

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/locale"
)

// States of a situation.
const (
	sitOpen   = "open"
	sitQuiet  = "quiet"
	sitClosed = "closed"
	sitMerged = "merged"
)

const (
	sitClues   = 5 // pieces of evidence shown on a card; the console shows all
	sitChanges = 3
	sitBooks   = 3
)

// seenSituation is a situation with what a card needs besides: the runbooks its readers may see, the plan
// the advice names, and whether this place is reminded of it.
type seenSituation struct {
	dr.Situation
	books []knowledge.Cited
	plan  catalog.PlanInfo // the one that is advised, or the nearest
	run   *dr.Run          // that carries it out already
	muted bool
	now   dr.Time
}

// over says whether a situation has ended.
func over(s dr.Situation) bool { return s.State == sitClosed || s.State == sitMerged }

// advised is the plan there is something to press for: recommended, or possible, and nobody said it is not it.
func advised(s dr.Situation) bool {
	return s.State == sitOpen && s.Answer == "" && s.Advice.Plan != "" && (s.Advice.Verdict == dr.Recommend || s.Advice.Verdict == dr.Possible)
}

// urgency is how loudly a situation asks to be looked at.
func urgency(s dr.Situation) Severity {
	switch {
	case s.State == sitClosed:
		return Good
	case s.State == sitMerged, s.State == sitQuiet:
		return Calm
	case s.Advice.Verdict == dr.Recommend && s.Answer == "":
		return Urgent
	}
	return Warn
}

// situation is the living card of what is going on.
func (e easel) situation(s seenSituation) Card {
	c := e.card("situation", "", e.org.Environment)
	c.add(title(urgency(s.Situation), e.wrong(s.Situation)), text(e.counsel(s)))
	c.add(e.situationFacts(s))
	c.add(text(e.clues("situation_for", s.For)), text(e.clues("situation_against", slices.DeleteFunc(slices.Clone(s.Against), announced))), text(e.changes(s.Changes, s.now)), text(e.looked(s.Situation, s.now)))
	c.add(text(e.reasons(s.Situation)))
	c.add(buttons(e.bookLinks(s.books)...))
	c.add(buttons(e.situationButtons(s)...))
	c.add(footnote(e.situationNotes(s)...))
	return c.Fit()
}

// broken says what is wrong with what, in words.
func (v voice) broken(what dr.Entity, fault dr.Fault) string {
	return v.say("situation_fault_"+string(fault), dr.Args{"what": v.entity(what)})
}

// wrong says what is wrong with what; of what is over, what was.
func (v voice) wrong(s dr.Situation) string {
	if s.State == sitClosed || s.State == sitQuiet {
		return v.wasBroken(s.Entity, s.Fault)
	}
	return v.broken(s.Entity, s.Fault)
}

func (v voice) wasBroken(what dr.Entity, fault dr.Fault) string {
	return v.say("situation_was_"+string(fault), dr.Args{"what": v.entity(what)})
}

// entity is a thing of the organisation by the name people use.
func (v voice) entity(what dr.Entity) string {
	switch what.Scope {
	case "":
		return v.say("situation_something", nil)
	case "site":
		return v.site(what.ID)
	case "system":
		return v.system(what.ID)
	}
	id := "situation_of_" + what.Scope
	if !locale.Has(id) {
		id = "situation_of_other"
	}
	return v.say(id, dr.Args{"id": what.ID})
}

// counsel is the answer to "which plan?", in one sentence or two.
func (e easel) counsel(s seenSituation) string {
	a := s.Advice
	args := dr.Args{"plan": a.Plan, "nearest": a.Nearest, "percent": percent(a.Confidence), "into": s.Into}
	switch {
	case s.State == sitClosed:
		return e.say("situation_closed", args)
	case s.State == sitMerged:
		return e.say("situation_merged", args)
	case s.Answer == NotThis:
		return e.say("situation_not_this", args)
	case s.State == sitQuiet:
		return first(e.settled(s.Situation), e.say("situation_quiet", nil))
	case e.settled(s.Situation) != "":
		return e.settled(s.Situation)
	case s.run != nil:
		return join("\n", e.clue(a.Headline), e.say("situation_running", dr.Args{"plan": a.Plan, "run": s.run.ID, "state": string(s.run.State)}))
	}
	id := "situation_none"
	switch a.Verdict {
	case dr.Recommend:
		id = "situation_recommend"
	case dr.Possible:
		id = "situation_possible"
	}
	return join("\n", e.clue(a.Headline), e.say(id, args))
}

// settled is the headline that says all there is to say: what is over, or only follows from what was done, needs no
// plan, and nobody is to be kept from the way back.
func (e easel) settled(s dr.Situation) string {
	if !dr.Settled(s.Advice) {
		return ""
	}
	return e.clue(s.Advice.Headline)
}

// percent is how sure something is; nothing that is guessed is certain.
func percent(p float64) string { return number(min(99, int(p*100+.5))) }

func (e easel) clues(head string, all []dr.Clue) string {
	all = slices.DeleteFunc(slices.Clone(all), func(c dr.Clue) bool { return strings.HasPrefix(c.ID, "alert_look") }) // told by themselves
	if len(all) == 0 {
		return ""
	}
	lines := []string{e.say(head, nil)}
	for _, c := range all[:min(len(all), sitClues)] {
		lines = append(lines, "· "+line(e.clue(c)))
	}
	if more := len(all) - sitClues; more > 0 {
		lines = append(lines, "· "+e.say("situation_more", dr.Args{"n": number(more)}))
	}
	return strings.Join(lines, "\n")
}

// reasons are what the advice rests on, what it lacks, and what forbids the nearest plan.
func (e easel) reasons(s dr.Situation) string {
	if over(s) {
		return ""
	}
	a := s.Advice
	forbids := ""
	if a.Verdict == dr.NoneFits && a.Nearest != "" {
		forbids = e.say("situation_nearest", dr.Args{"nearest": a.Nearest})
	}
	why := e.clues("situation_why", slices.DeleteFunc(slices.Clone(a.Why), func(c dr.Clue) bool { return announced(c) || said(s.For, c) }))
	if short := s.Short[e.lang]; short != "" {
		why = e.say("situation_short", dr.Args{"text": clipLine(short, 300)})
	}
	return join("\n", why, e.clues("situation_needs", a.Needs), join("\n", forbids, e.clues("situation_forbids", a.Forbids)))
}

// announced tells planned work from other doubts: it stands with the facts, where nobody reads past it.
func announced(c dr.Clue) bool { return c.ID == "alert_but_maintenance" }

// said says whether a card tells a clue already.
func said(all []dr.Clue, c dr.Clue) bool {
	return slices.ContainsFunc(all[:min(len(all), sitClues)], func(o dr.Clue) bool { return o.ID == c.ID && maps.Equal(o.Args, c.Args) })
}

func (e easel) situationFacts(s seenSituation) Part {
	state := e.word("situation", s.State)
	if s.Times > 1 {
		state = e.say("situation_again", dr.Args{"state": state, "times": number(s.Times)})
	}
	signals := e.say("situation_signals", dr.Args{"n": number(s.Signals), "firing": number(s.Firing)})
	customers := e.noticed(s.Situation)
	noise := ""
	if s.Noise > 0 {
		noise = e.say("situation_noise", dr.Args{"n": number(s.Noise)})
	}
	plan := ""
	if advised(s.Situation) && s.plan.ID != "" {
		plan = s.plan.Title + " · " + e.word("kind", string(s.plan.Kind)) + " · " + e.site(s.plan.From) + " → " + e.site(s.plan.To)
	}
	ended := ""
	if over(s.Situation) {
		ended = e.clock(s.EndedAt, s.now)
		signals, customers = number(s.Signals), "" // what fired and failed last is no news of now
	}
	work := ""
	if i := slices.IndexFunc(s.Against, announced); i >= 0 {
		work = line(e.clue(s.Against[i]))
	}
	return facts(Fact{e.say("situation_f_since", nil), e.clock(s.FirstAt, s.now)}, Fact{e.say("situation_f_ended", nil), ended}, Fact{e.say("situation_f_state", nil), state}, Fact{e.say("situation_f_work", nil), work},
		Fact{e.say("bot_c_plan", nil), plan}, Fact{e.say("situation_f_customers", nil), customers}, Fact{e.say("situation_f_systems", nil), e.systems(s.Systems)},
		Fact{e.say("situation_f_signals", nil), signals}, Fact{e.say("situation_f_noise", nil), noise})
}

// noticed is what customers notice, as the business probes found it.
func (e easel) noticed(s dr.Situation) string {
	var out []string
	for _, told := range []struct{ found, id string }{{"no", "situation_cannot"}, {"unknown", "situation_unsure"}, {"yes", "situation_can"}} {
		var all []string
		for _, l := range s.Looks {
			if l.Proves == "business" && l.Found == told.found {
				all = append(all, e.probe(l.Probe))
			}
		}
		if len(all) > 0 {
			out = append(out, e.say(told.id, dr.Args{"what": e.list(all)}))
		}
	}
	if len(out) == 0 {
		return e.say("situation_unmeasured", nil)
	}
	return strings.Join(out, "\n")
}

// probe is what a probe is called: its title, or its id where it has none.
func (v voice) probe(id string) string {
	system, name, _ := strings.Cut(id, "/")
	s, ok := v.org.System(system)
	i := slices.IndexFunc(s.Probes, func(p dr.Probe) bool { return p.ID == name })
	if !ok || i < 0 || s.Probes[i].Title == "" {
		return id
	}
	return s.Probes[i].Title
}

// looked is what Switchman's own probes found, and when.
func (e easel) looked(s dr.Situation, now dr.Time) string {
	var lines []string
	for _, l := range s.Looks {
		name := e.probe(l.Probe)
		if l.Site != "" {
			name += " (" + e.site(l.Site) + ")"
		}
		lines = append(lines, "· "+e.say("situation_look", dr.Args{"probe": name, "looked": e.word("looked", l.Found), "time": e.clock(l.At, now), "age": e.took(max(0, now.Since(l.At)))}))
	}
	for _, w := range s.Wants {
		if !over(s) && !slices.ContainsFunc(s.Looks, func(l dr.Look) bool { return l.Probe == w }) {
			lines = append(lines, "· "+e.say("situation_looking", dr.Args{"probe": e.probe(w)}))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return e.say("situation_looks", nil) + "\n" + strings.Join(lines, "\n")
}

// changes are what changed just before, the likeliest first.
func (e easel) changes(all []dr.Suspect, now dr.Time) string {
	if len(all) == 0 {
		return ""
	}
	lines := []string{e.say("situation_changes", nil)}
	for _, c := range all[:min(len(all), sitChanges)] {
		by := ""
		if c.By != "" {
			by = e.voice.person(line(c.By))
		}
		lines = append(lines, "· "+join(" · ", e.clock(c.At, now), e.entity(c.Entity), line(c.Name), clipLine(c.Text, 160), by))
	}
	return strings.Join(lines, "\n")
}

// bookLinks lead to the runbooks that fit.
func (e easel) bookLinks(all []knowledge.Cited) (out []Action) {
	for i, b := range all[:min(len(all), sitBooks)] {
		out = append(out, Action{ID: "book-" + number(i+1), Kind: ActLink, Label: e.say("situation_book", dr.Args{"runbook": clipLine(b.Title, 60)}), URL: b.URL})
	}
	return out
}

// situationButtons are what can be done about a situation.
func (e easel) situationButtons(s seenSituation) []Action {
	p := press{Surface: e.surface, Dest: e.dest, Person: e.person, Situation: s.ID}
	var out []Action
	button := func(id, act, command string, style Style, change func(*press)) *Action {
		q := p
		q.Act, q.Command = act, command
		if change != nil {
			change(&q)
		}
		out = append(out, Action{ID: "situation-" + id, Kind: ActButton, Label: e.say("situation_b_"+id, nil), Style: style, Form: act == fillIn, Nonce: e.nonces.nonce(q)})
		return &out[len(out)-1]
	}
	if s.run != nil {
		out = append(out, e.link("situation-run", e.say("situation_b_run", nil), "runs/"+url.PathEscape(s.run.ID)))
	} else if advised(s.Situation) {
		request := func(m dr.Mode) func(*press) {
			return func(q *press) { q.Verb, q.Plan, q.Mode = dr.VerbRequest, s.Advice.Plan, m }
		}
		first := Plain
		if s.Advice.Verdict == dr.Recommend {
			first = Primary
		}
		button("rehearse", fillIn, "request", Plain, request(dr.Rehearsal)).Command = "/dr request " + s.Advice.Plan + " rehearsal …"
		id := "request"
		if s.plan.Kind == dr.Failover {
			id = "request_failover"
		}
		button(id, fillIn, "request", first, request(dr.Emergency)).Command = "/dr request " + s.Advice.Plan + " emergency …"
		button("not_this", doIt, "not_this", Plain, nil).Confirm = &Confirm{Title: e.say("situation_not_this_title", dr.Args{"plan": s.Advice.Plan}), Text: e.say("situation_not_this_text", dr.Args{"plan": s.Advice.Plan}),
			Yes: e.say("situation_b_not_this", nil), No: e.say("bot_no", nil)}
	}
	if !over(s.Situation) && s.Answer == NotThis {
		button("take_back", doIt, "take_back", Plain, nil)
	}
	if s.Noise > 0 {
		button("noise", showIt, "noise", Plain, nil).Command = "/dr situation " + s.ID + " noise"
	}
	if !over(s.Situation) && s.muted {
		button("unmute", doIt, "unmute", Plain, nil)
	} else if advised(s.Situation) {
		button("mute", doIt, "mute", Plain, nil)
	}
	return append(out, e.link("situation-open", e.say("bot_open", nil), "situations/"+url.PathEscape(s.ID)))
}

func (e easel) situationNotes(s seenSituation) []string {
	notes := []string{s.ID, e.say("bot_as_of", dr.Args{"time": e.clock(s.now, dr.Time{}), "zone": e.zone.String()})}
	if len(s.From) > 0 {
		notes = append(notes, e.say("situation_from", dr.Args{"others": e.list(s.From)}))
	}
	if s.muted {
		notes = append(notes, e.say("situation_muted", nil))
	}
	if !over(s.Situation) {
		notes = append(notes, e.say("situation_starts_nothing", nil))
	}
	return notes
}

// situations lists what is going on.
func (e easel) situations(all []dr.Situation, lost []dr.Signal, now dr.Time) Card {
	c := e.card("situations", "", e.org.Environment)
	open := slices.DeleteFunc(slices.Clone(all), over)
	mood := Good
	for _, s := range open {
		if u := urgency(s); u == Urgent || mood == Good && u == Warn {
			mood = u
		}
	}
	c.add(title(mood, e.say("situation_list_title", dr.Args{"n": number(len(open))})))
	if len(open) == 0 {
		c.add(text(e.say("situation_list_none", nil)))
	}
	var rows [][]string
	var show []Action
	for _, s := range all[:min(len(all), 12)] {
		rows = append(rows, []string{s.ID, e.clock(s.FirstAt, now), e.wrong(s), e.short(s)})
		if !over(s) && len(show) < 5 {
			p := press{Act: showIt, Command: "situation", Surface: e.surface, Dest: e.dest, Person: e.person, Situation: s.ID}
			show = append(show, Action{ID: "situation@" + s.ID, Kind: ActButton, Label: clip(e.wrong(s), maxLabel), Nonce: e.nonces.nonce(p), Command: "/dr situation " + s.ID})
		}
	}
	c.add(table([]string{e.say("situation_c_id", nil), e.say("situation_f_since", nil), e.say("situation_c_what", nil), e.say("situation_c_advice", nil)}, rows))
	if len(lost) > 0 {
		c.add(text(e.say("situation_unresolved", dr.Args{"n": number(len(lost)), "alerts": e.alertNames(lost)})))
	}
	c.add(buttons(append(show, e.link("situations", e.say("bot_open", nil), "situations"))...))
	c.add(footnote(e.say("bot_as_of", dr.Args{"time": e.clock(now, dr.Time{}), "zone": e.zone.String()})))
	return c.Fit()
}

// alertNames are some of what alerts are called, each once.
func (v voice) alertNames(all []dr.Signal) string {
	var names []string
	for _, one := range all {
		if name := clipLine(one.Name, 40); len(names) < 5 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return v.list(names)
}

// short is the advice in a few words.
func (v voice) short(s dr.Situation) string {
	switch {
	case s.State != sitOpen:
		return v.word("situation", s.State)
	case dr.Settled(s.Advice):
		return v.say("situation_short_settled", nil)
	case s.Answer == NotThis:
		return v.say("situation_short_not_this", nil)
	case s.Advice.Verdict == dr.Recommend:
		return s.Advice.Plan
	case s.Advice.Verdict == dr.Possible:
		return v.say("situation_short_possible", dr.Args{"plan": s.Advice.Plan})
	}
	return v.say("situation_short_none", nil)
}

// unwatched says that nothing comes in here, and how to begin.
func (v voice) unwatched() Card {
	return v.said("situations", "", Warn, v.say("situation_unwatched", nil), text(v.say("situation_unwatched_next", nil)), buttons(v.link("situations", v.say("bot_open", nil), "situations")))
}

// noise lists what came in meanwhile and was left out.
func (e easel) noise(s dr.Situation, all []dr.Signal, now dr.Time) Card {
	c := e.card("noise", "", e.org.Environment)
	c.add(title(Calm, e.say("situation_noise_title", dr.Args{"n": number(s.Noise), "situation": s.ID})), text(e.say("situation_noise_text", nil)))
	var rows [][]string
	for _, one := range all[:min(len(all), maxRows)] {
		rows = append(rows, []string{e.clock(one.StartsAt, now), one.Severity, one.Name, signalAbout(one)})
	}
	c.add(table([]string{e.say("situation_f_since", nil), e.say("situation_c_severity", nil), e.say("situation_c_alert", nil), e.say("situation_c_about", nil)}, rows))
	c.add(buttons(e.link("situation-open", e.say("bot_open", nil), "situations/"+url.PathEscape(s.ID))))
	return c.Fit()
}

// signalAbout is what a signal names, as its source does.
func signalAbout(s dr.Signal) string {
	for _, name := range []string{"node", "instance", "host", "system", "site", "link", "array"} {
		if v := s.Labels[name]; v != "" {
			return v
		}
	}
	return s.Source
}

// homeSituation is one line about what is going on.
func (v voice) homeSituation(s dr.Situation) string {
	return v.say("bot_home_situation", dr.Args{"broken": v.wrong(s), "advice": v.short(s)})
}
