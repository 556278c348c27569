package bot

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// about is what the buttons below an answer are about. It holds no word of the question: that is
// remembered for an hour, and afterwards the buttons say so.
type about struct {
	Asked    string   `json:"asked,omitempty"`
	Docs     []string `json:"docs,omitempty"`
	Passages []string `json:"passages,omitempty"` // the nearest, of an answer that is none
	Own      bool     `json:"own,omitempty"`
}

// asks is what an intent wants to know.
func (t *turn) question(text, system string) Question {
	q := Question{Text: text, Person: t.person, Lang: t.lang, System: system, Company: t.in.Company, Talk: t.surface + "/" + t.dest + "/" + first(string(t.in.Thread), t.person)}
	if q.Company == InChannel {
		q.Channel = t.dest
	}
	return q
}

// ask answers from the runbooks.
func (t *turn) ask(ctx context.Context, question, system string) (Reply, error) {
	if strings.TrimSpace(question) == "" {
		return Reply{}, &dr.Error{Kind: dr.Usage, ID: "bot_ask_what"}
	}
	if t.bot.cfg.Library == nil {
		return Reply{Card: t.each(func(e easel) Card {
			return e.said("answer", "", Warn, e.say("bot_no_knowledge", nil), text(e.say("bot_no_knowledge_next", nil)))
		})}, nil
	}
	q := t.question(question, system)
	q.aside = t.in.Kind == Aside
	reply := func(told Told) Reply {
		return Reply{Card: t.each(func(e easel) Card { return t.readers(e).answer(told, q.Company) }), Public: !told.Own, Own: told.Own}
	}
	if t.in.Live != nil && q.Company != InHouse { // there it is not known yet who may see what it will be
		t.in.Live(Reply{Card: t.each(func(e easel) Card { return e.said("answer", "", Calm, e.say("answer_looking", nil)) }), Public: q.Company != Alone, Own: q.Company == Alone})
	}
	told, err := t.bot.cfg.Library.Tell(ctx, q, t.live(reply))
	if err != nil {
		return Reply{}, err
	}
	if t.in.Kind == Aside && told.Verdict == knowledge.NotInRunbooks {
		return Reply{}, nil
	}
	return reply(told), nil
}

// readers draws what is pressed below an answer for whoever reads it: everybody, or whoever asked alone.
func (t *turn) readers(e easel) easel {
	if t.overheard() {
		e.person = ""
	}
	return e
}

// overheard says whether a question was put to the bot before a whole channel, which reads its answer too.
func (t *turn) overheard() bool {
	return t.in.Company == InChannel && (t.in.Kind == Mention || t.in.Kind == Aside)
}

// aside answers what people say to each other below an answer, if the runbooks know. Nobody spoke to the bot:
// where they don't, or something is down, it keeps silent.
func (t *turn) aside(ctx context.Context, known bool) (Reply, error) {
	if !known || t.bot.cfg.Library == nil {
		return Reply{}, nil
	}
	r, err := t.ask(ctx, t.in.Args, "")
	if err != nil {
		t.bot.cfg.Log.InfoContext(ctx, "a question between people was not answered", "error", err)
		return Reply{}, nil
	}
	return r, nil
}

// live draws an answer on its way for a surface that shows those; nil for the others.
func (t *turn) live(reply func(Told) Reply) func(Told) {
	if t.in.Live == nil {
		return nil
	}
	return func(told Told) { t.in.Live(reply(told)) }
}

// answer draws what the runbooks say, or that they don't.
func (e easel) answer(told Told, company Company) Card {
	c := e.card("answer", "", e.org.Environment)
	if told.Verdict == knowledge.NotInRunbooks {
		c.add(title(Warn, e.say("answer_none", nil)))
		c.add(e.understood(told)...)
		c.add(text(e.say("answer_none_next", nil)))
		c.add(buttons(e.answerButtons(told, company)...))
		c.add(footnote(e.searched(told)...))
		return c.Fit()
	}
	c.add(title(Calm, e.say("answer_title", dr.Args{"runbook": told.Sources[0].Title})))
	c.add(e.understood(told)...)
	c.add(e.quotes(told)...)
	if told.LeftOut > 0 {
		c.add(text(e.say("answer_left_out", nil)))
	}
	c.add(e.citations(told.Sources))
	for _, s := range told.Sources {
		c.add(text(e.staleness(s)))
	}
	c.add(text(e.say("answer_trust_"+Trust(told.Confidence), nil)))
	if !told.Going { // what is pressed is about the answer that takes this one's place
		c.add(buttons(e.answerButtons(told, company)...))
	}
	c.add(footnote(e.searched(told)...))
	return c.Fit()
}

// understood says how a follow-up was taken.
func (v voice) understood(told Told) []Part {
	switch {
	case told.Understood != "":
		return []Part{footnote(v.say("answer_understood", dr.Args{"question": told.Understood}))}
	case told.Carried != "":
		return []Part{footnote(v.say("answer_carried", dr.Args{"question": clipLine(told.Carried, 200)}))}
	}
	return nil
}

// quotes are the lines that answer, each with the number of what it comes from.
func (e easel) quotes(told Told) (all []Part) {
	last := -1
	for _, p := range told.Parts {
		mark := ""
		if p.Source != last {
			mark = " [" + number(p.Source+1) + "]"
		}
		verbatim := p.Kind == knowledge.Code || p.Kind == knowledge.Table
		switch {
		case told.Mode == "model":
			all = append(all, text(p.Text+" ["+number(p.Source+1)+"]"), footnote("“"+line(p.Quote)+"”"))
		case verbatim && mark != "":
			all = append(all, text(told.Sources[p.Source].Heading+mark), Part{Kind: PartCode, Text: unfenced(p.Quote)})
		case verbatim:
			all = append(all, Part{Kind: PartCode, Text: unfenced(p.Quote)})
		default:
			all = append(all, text(flowing(p)+mark))
		}
		last = p.Source
	}
	return all
}

// flowing is a paragraph without the line breaks it has in its file. Steps keep theirs.
func flowing(p knowledge.Part) string {
	if p.Kind != knowledge.Prose {
		return p.Quote
	}
	var b strings.Builder
	for i, l := range strings.Split(p.Quote, "\n") {
		l = strings.TrimSpace(l)
		if before := b.String(); i > 0 {
			end, _ := utf8.DecodeLastRuneInString(before)
			begin, _ := utf8.DecodeRuneInString(l)
			if end < 0x2E80 || begin < 0x2E80 { // between Chinese signs there is no blank
				b.WriteByte(' ')
			}
		}
		b.WriteString(l)
	}
	return b.String()
}

// unfenced is a code block without the lines that fence it.
func unfenced(s string) string {
	lines := strings.Split(s, "\n")
	fence := func(l string) bool {
		l = strings.TrimSpace(l)
		return strings.HasPrefix(l, "```") || strings.HasPrefix(l, "~~~")
	}
	if len(lines) > 1 && fence(lines[0]) {
		lines = lines[1:]
		if fence(lines[len(lines)-1]) {
			lines = lines[:len(lines)-1]
		}
	}
	return strings.Join(lines, "\n")
}

// citations number the passages an answer rests on.
func (e easel) citations(all []knowledge.Cited) Part {
	var f []Fact
	for i, s := range all {
		reviewed := e.say("answer_never_reviewed", nil)
		if s.Reviewed != "" {
			reviewed = e.say("answer_reviewed", dr.Args{"day": s.Reviewed})
		}
		owner := ""
		if s.Owner != "" {
			owner = e.say("answer_owner", dr.Args{"owner": e.team(s.Owner)})
		}
		f = append(f, Fact{"[" + number(i+1) + "]", join(" · ", s.Heading, s.Doc+":"+number(s.Start), reviewed, owner)})
	}
	return facts(f...)
}

// staleness says what speaks against trusting a runbook as it is; empty: nothing.
func (v voice) staleness(s knowledge.Cited) string {
	var out []string
	for _, why := range s.Stale {
		out = append(out, v.say("answer_stale_"+why, dr.Args{"runbook": s.Title, "day": s.Reviewed, "owner": v.team(s.Owner)}))
	}
	return strings.Join(out, "\n")
}

// team is the name of a team or person who owns a runbook.
func (v voice) team(id string) string {
	for _, t := range v.org.Roster.Teams {
		if t.ID == id && t.Name != "" {
			return t.Name
		}
	}
	if id == "" {
		return ""
	}
	return v.person(id)
}

// Trust is a calibrated figure as a word: how often out of ten such answers are right.
func Trust(confidence float64) string {
	switch {
	case confidence >= 0.85:
		return "high"
	case confidence >= 0.6:
		return "fair"
	}
	return "low"
}

// searched says what an answer was looked for with, where that is less than it could be, and how it was
// made.
func (v voice) searched(told Told) []string {
	var out []string
	if told.Own {
		out = append(out, v.say("answer_own", nil))
	}
	if told.Mode == "model" {
		out = append(out, v.say("answer_by_model", nil))
	}
	if told.Going {
		out = append(out, v.say("answer_going", nil))
	}
	if told.Ranking == knowledge.Lexical {
		out = append(out, v.say("answer_lexical", nil))
	}
	return out
}

// answerButtons are what can be done about an answer.
func (e easel) answerButtons(told Told, company Company) []Action {
	p := press{Act: showIt, Surface: e.surface, Dest: e.dest, Person: e.person, About: &about{Asked: told.Asked, Own: told.Own}}
	var out []Action
	button := func(command string, form bool) {
		q := p
		q.Command = command
		if form {
			q.Act = fillIn
		}
		out = append(out, Action{ID: "answer-" + command, Kind: ActButton, Label: e.say("answer_b_"+command, nil), Form: form, Nonce: e.nonces.nonce(q)})
	}
	if told.Verdict == knowledge.NotInRunbooks {
		for _, s := range told.Sources {
			p.About.Passages = append(p.About.Passages, s.Passage)
		}
		if len(told.Sources) > 0 {
			button("nearest", false)
		}
		return append(out, e.link("answer-runbooks", e.say("answer_b_runbooks", nil), "runbooks"))
	}
	for i, s := range told.Sources {
		p.About.Docs = append(p.About.Docs, s.Doc)
		out = append(out, Action{ID: "answer-open-" + number(i+1), Kind: ActLink, Label: e.say("answer_b_open", dr.Args{"n": number(i + 1)}), URL: s.URL})
	}
	button("helped", false)
	button("wrong", true)
	button("outdated", true)
	if e.person != "" && (told.Own && company == InHouse || company == InChannel) { // everybody reads the others
		button("share", false)
	}
	return out
}
