package bot

import (
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
)

// refusal tells why not, and what to do next. The engine words its hints for the command line; people in
// a conversation are told what to type there.
func (v voice) refusal(err error) Card {
	message, hint := locale.Error(v.lang, err)
	c := v.card("refusal", "", v.org.Environment)
	c.add(title(Warn, v.say("bot_refused", nil)), text(message), text(InChat(hint)))
	return c.Fit()
}

// InChat turns commands of the command line into those of the conversation, where there are such. The
// console's pages say their refusals by it too: its channel takes the same words.
func InChat(hint string) string {
	return strings.NewReplacer("switchman situation list", "/dr situation", "switchman ask", "/dr ask", "switchman site list", "/dr site", "switchman site", "/dr site", "switchman run list", "/dr status", "switchman run show", "/dr status", "switchman run watch", "/dr status",
		"switchman run --help", "/dr help", "switchman run order {run} --text WORD", "/dr order", "switchman run", "/dr",
		"switchman plan list", "/dr plans", "switchman code issue", "/dr code").Replace(hint)
}

// said is a short card with one sentence and what is there to do next.
func (v voice) said(kind, run string, severity Severity, head string, parts ...Part) Card {
	c := v.card(kind, run, v.org.Environment)
	c.add(title(severity, head))
	c.add(parts...)
	return c.Fit()
}

// plans lists what could be run.
func (e easel) plans(all []catalog.PlanInfo) Card {
	c := e.card("plans", "", e.org.Environment)
	c.add(title(Calm, e.say("bot_plans_title", dr.Args{"n": number(len(all))})))
	var rows [][]string
	for _, p := range all {
		rows = append(rows, []string{p.ID, p.Title, e.word("kind", string(p.Kind)), e.site(p.From) + " → " + e.site(p.To), number(p.Steps)})
	}
	c.add(table([]string{e.say("bot_c_plan", nil), e.say("bot_c_title", nil), e.say("bot_f_kind", nil), e.say("bot_f_way", nil), e.say("bot_c_steps", nil)}, rows))
	if len(all) == 0 {
		c.add(text(e.say("bot_plans_none", nil)))
	}
	c.add(footnote(e.say("bot_plans_next", nil)))
	return c.Fit()
}

// plan shows one compiled plan.
func (e easel) plan(s *dr.Slice, digest string, may bool) Card {
	c := e.card("plan", "", s.Environment)
	expect := map[string]dr.Millis{}
	var ids []string
	nodes := map[string]bool{}
	for _, st := range s.Steps {
		expect[st.ID] = st.Expect
		if st.Node != "" {
			nodes[st.Node] = true
		}
	}
	for _, sys := range s.Systems {
		ids = append(ids, sys.ID)
	}
	path, _ := dr.CriticalPath(s.Steps, func(id string) dr.Millis { return expect[id] })
	r := fsm.View{Mode: s.Mode, From: s.From, To: s.To}
	for _, sys := range s.Systems {
		r.Systems = append(r.Systems, fsm.SystemView{RunSystem: dr.RunSystem{ID: sys.ID}})
	}
	who := ""
	if s.Mode != dr.Rehearsal {
		who = e.say("bot_plan_people", dr.Args{"need": number(s.Rule.Quorum()), "people": number(s.Rule.MinPeople), "codes": number(s.Rule.Codes)})
	}
	found, numbers := approval.Words(digest)
	for i := range found {
		r.Words = append(r.Words, fsm.Word{Word: found[i], Number: numbers[i]})
	}
	c.add(title(Calm, s.Title), text(e.means(dr.VerbStart, r, s, "")))
	c.add(facts(Fact{e.say("bot_c_plan", nil), s.Plan}, Fact{e.say("bot_f_kind", nil), e.word("kind", string(s.Kind)) + " · " + e.word("mode", string(s.Mode))},
		Fact{e.say("bot_f_way", nil), e.site(s.From) + " → " + e.site(s.To)}, Fact{e.say("bot_f_systems", nil), e.systems(ids)},
		Fact{e.say("bot_c_steps", nil), e.say("bot_plan_steps", dr.Args{"steps": number(len(s.Steps)), "nodes": number(len(nodes))})},
		Fact{e.say("bot_f_longest", nil), e.took(path)}, Fact{e.say("bot_f_people", nil), who}, Fact{e.say("bot_f_pair", nil), s.Pair}))
	c.add(Part{Kind: PartPlan, Steps: planLines(e.voice, s)})
	if may {
		var acts []Action
		for _, m := range []dr.Mode{dr.Rehearsal, dr.Drill} {
			p := press{Act: fillIn, Command: "request", Verb: dr.VerbRequest, Surface: e.surface, Dest: e.dest, Person: e.person, Plan: s.Plan, Mode: m}
			id := map[dr.Mode]string{dr.Rehearsal: "bot_rehearse", dr.Drill: "bot_request"}[m]
			acts = append(acts, Action{ID: string(m), Kind: ActButton, Label: e.say(id, nil), Form: true, Nonce: e.nonces.nonce(p),
				Command: "/dr request " + s.Plan + " " + string(m) + " …"})
		}
		c.add(buttons(acts...))
	}
	c.add(footnote(e.planMark(digest)))
	return c.Fit()
}

// planLines is one line for all steps a plan line makes, in the order of the plan.
func planLines(v voice, s *dr.Slice) []PlanStep {
	var out []PlanStep
	at, first, more := map[string]int{}, map[string]string{}, map[string]int{}
	for _, st := range s.Steps {
		if i, ok := at[st.Base]; ok {
			more[st.Base]++
			out[i].Title = v.say("bot_plan_more", dr.Args{"title": first[st.Base], "n": number(more[st.Base])})
			continue
		}
		at[st.Base], first[st.Base] = len(out), st.Title
		var notes []string
		if st.NoReturn {
			notes = append(notes, v.say("bot_note_no_return", nil))
		}
		if st.Hold {
			notes = append(notes, v.say("bot_note_hold", nil))
		}
		if st.Kind == dr.ManualStep {
			notes = append(notes, v.say("bot_note_manual", nil))
		}
		out = append(out, PlanStep{ID: st.Base, Title: st.Title, Note: strings.Join(notes, " · ")})
	}
	return out
}

// status is everything at a glance: open runs, and where each system lives.
func (e easel) status(runs []fsm.View, places []dr.Placement, now dr.Time) Card {
	c := e.card("status", "", e.org.Environment)
	mood := Good
	if len(runs) > 0 {
		mood = Warn
	}
	c.add(title(mood, e.say("bot_status_title", dr.Args{"n": number(len(runs))})))
	var rows [][]string
	for _, r := range runs {
		state := e.word("state", string(r.State))
		if r.Pause != "" {
			state += " · " + e.say("waiting_paused_"+string(r.Pause), nil)
		}
		rows = append(rows, []string{r.ID, r.Title, e.word("mode", string(r.Mode)), state, number(r.Progress.Done) + "/" + number(r.Progress.Total)})
	}
	c.add(table([]string{e.say("bot_c_run", nil), e.say("bot_c_title", nil), e.say("bot_c_mode", nil), e.say("bot_c_state", nil), e.say("bot_c_steps", nil)}, rows))
	if len(runs) == 0 {
		c.add(text(e.say("bot_status_none", nil)))
	}
	c.add(e.placeTable(places, now))
	c.add(buttons(e.link("now", e.say("bot_open", nil), "now")))
	c.add(footnote(e.say("bot_as_of", dr.Args{"time": e.clock(now, dr.Time{}), "zone": e.zone.String()})))
	return c.Fit()
}

// placeTable says where each system lives.
func (e easel) placeTable(places []dr.Placement, now dr.Time) Part {
	var rows [][]string
	for _, p := range places {
		since := e.say("bot_at_home", nil)
		if p.Run != "" {
			since = e.say("bot_since", dr.Args{"time": e.clock(p.Since, now), "run": p.Run})
		}
		rows = append(rows, []string{e.system(p.System), e.site(p.Site), since, e.clock(p.Proven, now)})
	}
	return table([]string{e.say("bot_c_system", nil), e.say("bot_c_at", nil), e.say("bot_c_since", nil), e.say("bot_c_proven", nil)}, rows)
}

// help shows what can be typed; verbs, where given, leave out what this person may not do now.
func (v voice) help(may map[dr.Verb]bool, about string) Card {
	c := v.card("help", "", v.org.Environment)
	if one, ok := find(about); ok && about != "" {
		c.add(title(Calm, "/dr "+one.name), text(v.helpOf(one)), facts(Fact{v.say("bot_f_usage", nil), usage(one)}, Fact{v.say("bot_f_example", nil), "/dr " + one.example},
			Fact{v.say("bot_f_also", nil), strings.Join(one.aliases, " ")}))
		return c.Fit()
	}
	c.add(title(Calm, v.say("bot_help_title", nil)), text(v.say("bot_help_text", nil)))
	var rows [][]string
	for _, one := range commands() {
		if one.verb != "" && may != nil && !may[one.verb] {
			continue
		}
		rows = append(rows, []string{usage(one), v.helpOf(one)})
	}
	c.add(table([]string{v.say("bot_c_command", nil), v.say("bot_c_does", nil)}, rows))
	c.add(footnote(v.say("bot_help_more", nil), v.say("bot_help_secret", nil)))
	return c.Fit()
}

func (v voice) helpOf(c command) string { return v.say("bot_help_"+c.name, nil) }

func usage(c command) string {
	parts := []string{"/dr", c.name}
	for _, w := range c.wants {
		parts = append(parts, strings.ToUpper(w))
	}
	return strings.Join(parts, " ")
}

// codeCard says where a code is shown and typed. It never holds one.
func (e easel) codeCard(r fsm.View) Card {
	return e.said("code", r.ID, Warn, e.say("bot_code_title", dr.Args{"run": r.ID}), text(e.say("bot_code_text", dr.Args{"run": r.ID})),
		buttons(e.link("code", e.label(dr.VerbIssue), "code/"+r.ID)))
}

func (e easel) startElsewhere(r fsm.View) Card {
	return e.said("start", r.ID, Warn, e.say("bot_start_elsewhere_title", dr.Args{"run": r.ID}), text(e.say("bot_start_elsewhere", dr.Args{"run": r.ID})),
		buttons(e.link("code", e.label(dr.VerbStart), "code/"+r.ID)))
}

// report says where to find a run's report.
func (v voice) report(r fsm.View, file *FileLink) Card {
	id := "bot_report_so_far"
	severity := Calm
	if r.State.Ended() {
		id, severity = "bot_report_ready", Good
	}
	c := v.card("report", r.ID, r.Environment)
	c.add(title(severity, v.say(id, dr.Args{"title": r.Title, "run": r.ID})), text(v.verdict(r.Verdict)))
	if file != nil {
		c.add(Part{Kind: PartFile, File: file})
	}
	c.add(buttons(v.link("report", v.say("bot_open_report", nil), "reports/"+r.ID)), footnote(v.say("bot_report_next", dr.Args{"run": r.ID})))
	return c.Fit()
}
