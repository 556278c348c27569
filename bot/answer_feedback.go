package bot

import (
	"context"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// MaxNote bounds what somebody may write to the owner of a runbook, in characters.
const MaxNote = 500

// Verdicts are what can be said of an answer.
func Verdicts() []string { return []string{"helped", "wrong", "outdated"} }

// Judge keeps what somebody says of an answer. docs are what it was made of, for the time after the
// question is forgotten; those this person may not see are left out.
func (l *Library) Judge(ctx context.Context, person, asked, verdict, note string, docs []string) error {
	if !slices.Contains(Verdicts(), verdict) {
		return &dr.Error{Kind: dr.Invalid, ID: "feedback_verdict", Args: dr.Args{"given": clipLine(verdict, 30)}}
	}
	if r, ok := l.lately(asked); ok {
		docs = r.docs
	}
	labels, err := l.Reads(Question{Person: person, Company: Alone})
	if err != nil {
		return err
	}
	docs = slices.DeleteFunc(slices.Clone(docs), func(doc string) bool { _, _, ok := l.cfg.Index().Document(labels, doc); return !ok })
	if len(docs) == 0 {
		return &dr.Error{Kind: dr.NotFound, ID: "answer_forgotten"}
	}
	recent, _ := l.lately(asked)
	masked, _ := l.cfg.Mask.Text(clip(strings.TrimSpace(clean(note)), MaxNote))
	f := store.Feedback{ID: dr.Digest([]byte(asked + "\x00" + person))[7:39], At: l.cfg.Clock.Time(), Person: person, Verdict: verdict, Note: masked, Question: recent.masked, Docs: docs}
	return l.cfg.Store.Write(ctx, func(tx *store.Tx) error { return tx.PutFeedback(ctx, f) })
}

// Opinion is a feedback as it is listed, with who looks after the runbook.
type Opinion struct {
	store.Feedback
	Owners []string
}

// Opinions lists what was said of answers, newest first, about runbooks this person may see.
func (l *Library) Opinions(ctx context.Context, person string, limit int) (out []Opinion, err error) {
	labels, err := l.Reads(Question{Person: person, Company: Alone})
	if err != nil {
		return nil, err
	}
	var all []store.Feedback
	err = l.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		all, err = r.Feedback(ctx, limit)
		return err
	})
	for _, f := range all {
		o := Opinion{Feedback: f}
		hidden := false
		for _, doc := range f.Docs {
			d, _, ok := l.cfg.Index().Document(labels, doc)
			switch {
			case !ok:
				hidden = true
			case d.Owner != "" && !slices.Contains(o.Owners, d.Owner):
				o.Owners = append(o.Owners, d.Owner)
			}
		}
		if !hidden {
			out = append(out, o)
		}
	}
	return out, err
}

// Vain lists what was asked and not answered, newest first.
func (l *Library) Vain(ctx context.Context, limit int) (out []store.Unanswered, err error) {
	err = l.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		out, err = r.Unanswered(ctx, limit)
		return err
	})
	return out, err
}

// pressedAnswer answers a button below an answer.
func (t *turn) pressedAnswer(ctx context.Context, p press) (Reply, error) {
	library := t.bot.cfg.Library
	if library == nil {
		return Reply{}, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	}
	switch p.Command {
	case "nearest":
		return t.nearest(ctx, p)
	case "share":
		return t.share(ctx, p)
	case "runbook":
		return t.stepRunbook(ctx, p)
	}
	if p.Act == fillIn {
		f := t.judgeForm(p)
		return Reply{Form: &f, Own: true, Card: t.each(func(e easel) Card {
			open := p
			open.Person = e.person
			a := Action{ID: p.Command, Kind: ActButton, Label: e.say("answer_b_"+p.Command, nil), Form: true, Nonce: e.nonces.nonce(open)}
			return e.said("form", "", Calm, e.say("answer_f_"+p.Command, nil), buttons(a))
		})}, nil
	}
	note := ""
	if t.in.Kind == Submit {
		note = t.in.Values["note"]
	}
	if err := library.Judge(ctx, t.person, p.About.Asked, p.Command, note, p.About.Docs); err != nil {
		return Reply{}, err
	}
	return Reply{Own: true, Done: true, Card: t.each(func(e easel) Card { return e.said("done", "", Good, e.say("answer_judged_"+p.Command, nil)) })}, nil
}

// judgeForm asks what is wrong, which may be left out.
func (e easel) judgeForm(p press) Form {
	p.Act, p.Person, p.Surface, p.Dest = sendIt, e.person, e.surface, e.dest
	f := Form{Lang: e.lang, Title: e.say("answer_f_"+p.Command, nil), Submit: e.say("answer_f_send", nil), Cancel: e.say("bot_no", nil),
		Fields: []Field{{Name: "note", Kind: FieldLong, Label: e.say("answer_f_note", nil), Hint: e.say("answer_f_note_hint", nil), Optional: true, Max: MaxNote}}}
	f.Nonce = e.nonces.nonce(p)
	return f.Fit()
}

// nearest shows the passages that came nearest, if they may still be seen here.
func (t *turn) nearest(ctx context.Context, p press) (Reply, error) {
	library := t.bot.cfg.Library
	q := t.question("", "")
	labels, err := library.Reads(q)
	if err != nil {
		return Reply{}, err
	}
	fresh, err := library.fresh(ctx)
	if err != nil {
		return Reply{}, err
	}
	var found []knowledge.Cited
	var texts []string
	for _, id := range p.About.Passages {
		if passage, ok := library.cfg.Index().Passage(labels, id); ok {
			found = append(found, library.Cite(fresh, knowledge.Result{Passage: passage}))
			texts = append(texts, clip(passage.Text, 400))
		}
	}
	return Reply{Own: true, Card: t.each(func(e easel) Card {
		c := e.card("nearest", "", e.org.Environment)
		c.add(title(Warn, e.say("answer_nearest", nil)))
		for i, s := range found {
			c.add(text("["+number(i+1)+"] "+s.Heading), Part{Kind: PartCode, Text: texts[i]})
		}
		c.add(e.citations(found))
		var open []Action
		for i, s := range found {
			open = append(open, Action{ID: "answer-open-" + number(i+1), Kind: ActLink, Label: e.say("answer_b_open", dr.Args{"n": number(i + 1)}), URL: s.URL})
		}
		c.add(buttons(open...))
		return c.Fit()
	})}, nil
}

// share puts an answer where everybody in the place sees it: asked again on their behalf, so that it holds
// nothing they may not see.
func (t *turn) share(ctx context.Context, p press) (Reply, error) {
	r, ok := t.bot.cfg.Library.lately(p.About.Asked)
	if !ok {
		return Reply{}, &dr.Error{Kind: dr.NotFound, ID: "answer_forgotten"}
	}
	if t.in.Company == Alone { // it reached them here because the bot is not where they asked
		return Reply{}, &dr.Error{Kind: dr.Refused, ID: "answer_share_elsewhere"}
	}
	q := r.question
	q.Talk, q.Company, q.Channel = "", InChannel, t.dest
	if t.in.Company == InHouse {
		q.Channel = House
	}
	told, err := t.bot.cfg.Library.Ask(ctx, q)
	if err != nil {
		return Reply{}, err
	}
	if told.Verdict == knowledge.NotInRunbooks {
		return Reply{}, &dr.Error{Kind: dr.Refused, ID: "answer_not_for_all"}
	}
	post := t.each(func(e easel) Card {
		everybody := e
		everybody.person = ""
		c := everybody.answer(told, Alone)
		c.Parts = append([]Part{text(e.say("answer_shared_by", dr.Args{"person": e.voice.person(t.person), "question": r.masked}))}, c.Parts...)
		return c.Fit()
	})
	return Reply{Own: true, Done: true, Post: &post, Card: t.each(func(e easel) Card { return e.said("done", "", Good, e.say("answer_shared", nil)) })}, nil
}

// stepRunbook shows what the runbooks say of a step that stands.
func (t *turn) stepRunbook(ctx context.Context, p press) (Reply, error) {
	r, _, err := t.look(ctx, p.Run)
	if err != nil {
		return Reply{}, err
	}
	q := t.question("", "")
	reply := func(told Told) Reply {
		return Reply{Own: true, Card: t.each(func(e easel) Card { return e.answer(told, Alone) })}
	}
	told, err := t.bot.cfg.Library.ForStep(ctx, q, r, p.Step, t.live(reply))
	if err != nil {
		return Reply{}, err
	}
	return reply(told), nil
}

// Settle takes a question off the list of those without an answer. One that is not there is settled.
func (l *Library) Settle(ctx context.Context, id string) error {
	return l.cfg.Store.Write(ctx, func(tx *store.Tx) error { return tx.DropUnanswered(ctx, id) })
}
