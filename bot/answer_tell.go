package bot

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// Ask answers a question.
func (l *Library) Ask(ctx context.Context, q Question) (Told, error) { return l.Tell(ctx, q, nil) }

// Tell answers a question, and shows what there is as soon as it is there: the passages themselves at once,
// then the sentences of a model, each after its quote was found. Every showing is whole and takes the place
// of the one before; the answer that is returned takes the place of all. Without a model nothing is shown
// before it. show may be nil and must not take long: the model's server waits meanwhile.
func (l *Library) Tell(ctx context.Context, q Question, show func(Told)) (Told, error) {
	began := l.cfg.Clock.Now()
	if utf8.RuneCountInString(q.Text) > MaxQuestion {
		return Told{}, &dr.Error{Kind: dr.Usage, ID: "ask_too_long", Args: dr.Args{"most": number(MaxQuestion)}}
	}
	if q.Text = strings.TrimSpace(clean(q.Text)); q.Text == "" {
		return Told{}, &dr.Error{Kind: dr.Usage, ID: "bot_ask_what"}
	}
	if err := l.unread(); err != nil {
		return Told{}, err
	}
	labels, err := l.Reads(q)
	if err != nil {
		return Told{}, err
	}
	fresh, err := l.fresh(ctx)
	if err != nil {
		return Told{}, err
	}
	t := telling{l: l, q: q, labels: labels, fresh: fresh, show: show}
	told, err := t.tell(ctx)
	if err != nil {
		return Told{}, err
	}
	told.TookMS = float64(l.cfg.Clock.Now().Sub(began)) / float64(time.Millisecond)
	l.remember(ctx, q, told)
	return told, nil
}

// newTold is an answer that has a name and nothing else yet.
func newTold(own bool) Told { return Told{Asked: strings.ToLower(rand.Text()[:16]), Own: own} }

// telling is one question on its way to its answer.
type telling struct {
	l      *Library
	q      Question
	labels []string
	fresh  knowledge.Freshness
	show   func(Told)
}

// tell looks for what was asked, for a follow-up together with what it leans on, and has it worded.
func (t telling) tell(ctx context.Context) (Told, error) {
	lean := t.l.lean(t.q)
	told, found, err := t.find(ctx, newTold(t.q.Company == Alone), lean.text())
	if err != nil {
		return Told{}, err
	}
	told.before, told.Carried = lean.before, strings.Join(lean.before, " · ")
	question := lean.whole()
	if t.l.cfg.Rewrite != nil && len(lean.before) > 0 {
		if t.q.Company != InHouse { // there it is not known yet who may see what it will be
			t.going(told)
		}
		alone, err := t.l.cfg.Rewrite(ctx, t.q.Lang, t.q.Text, lean.before)
		switch {
		case ctx.Err() != nil:
			return Told{}, ctx.Err()
		case err == nil && alone != "": // else the words that were carried over have to do
			if told, found, err = t.find(ctx, told, alone); err != nil {
				return Told{}, err
			}
			told.Understood, told.before, told.Carried, question = alone, nil, "", alone
		}
	}
	return t.word(ctx, told, question, found)
}

// find searches, decides who may see the outcome, and makes the answer of the passages themselves.
func (t telling) find(ctx context.Context, told Told, text string) (Told, knowledge.Found, error) {
	query := knowledge.Query{Text: text, Audience: t.labels, System: t.q.System}
	found, err := t.l.cfg.Index().Search(ctx, query)
	if err != nil {
		return told, found, err
	}
	if t.q.Company == InHouse { // what everybody here may see is for everybody here
		query.Audience = labelsOf(dr.Organisation{}, House)
		all, err := t.l.cfg.Index().Search(ctx, query)
		if err != nil {
			return told, found, err
		}
		if told.Own = !alike(found, all); !told.Own {
			found = all
		}
	}
	told.Answer = t.linked(knowledge.Extract(found, t.q.Lang, t.fresh))
	return told, found, nil
}

// alike says whether two searches come to the same answer.
func alike(a, b knowledge.Found) bool {
	if a.Abstain() || b.Abstain() {
		return a.Abstain() == b.Abstain() && slices.EqualFunc(a.Results, b.Results, same)
	}
	x, y := knowledge.Extract(a, "", knowledge.Freshness{}), knowledge.Extract(b, "", knowledge.Freshness{})
	return slices.EqualFunc(x.Sources, y.Sources, func(x, y knowledge.Cited) bool { return x.Passage == y.Passage })
}

func same(a, b knowledge.Result) bool { return a.Passage.ID == b.Passage.ID }

// going shows an answer that is not the last one.
func (t telling) going(told Told) {
	if t.show != nil && told.Verdict == knowledge.Answered {
		told.Going = true
		t.show(told)
	}
}

// word has a model word what was found, where there is one. Whatever it does, there is an answer.
func (t telling) word(ctx context.Context, told Told, question string, found knowledge.Found) (Told, error) {
	if t.l.cfg.Word == nil || told.Verdict != knowledge.Answered {
		return told, nil
	}
	t.going(told)
	in := func(said []Sentence) Told {
		worded := told
		worded.Answer = t.linked(worded.worded(said, found, t.fresh))
		return worded
	}
	said, left, err := t.l.cfg.Word(ctx, t.q.Lang, question, found.Results, func(soFar []Sentence) { t.going(in(soFar)) })
	switch {
	case ctx.Err() != nil:
		return Told{}, ctx.Err()
	case err == nil && len(said) > 0: // else the passages speak for themselves; why is logged where it was asked
		told = in(said)
		told.LeftOut = left
	}
	return told, nil
}

// worded is an answer in a model's sentences.
func (t Told) worded(said []Sentence, found knowledge.Found, fresh knowledge.Freshness) knowledge.Answer {
	a := t.Answer
	a.Mode, a.Parts, a.Sources = "model", []knowledge.Part{}, []knowledge.Cited{}
	place := map[string]int{}
	for _, s := range said {
		at := slices.IndexFunc(found.Results, func(r knowledge.Result) bool { return r.Passage.ID == s.Passage })
		if at < 0 {
			continue
		}
		p := found.Results[at].Passage
		n, known := place[p.ID]
		if !known {
			n = len(a.Sources)
			place[p.ID], a.Sources = n, append(a.Sources, fresh.Cite(found.Results[at]))
		}
		start := p.End - strings.Count(p.Text[min(s.At, len(p.Text)):], "\n")
		a.Parts = append(a.Parts, knowledge.Part{Text: s.Text, Source: n, Quote: s.Quote, Kind: knowledge.Prose, Start: start, End: start + strings.Count(s.Quote, "\n")})
	}
	return a
}

// linked gives every citation its link.
func (t telling) linked(a knowledge.Answer) knowledge.Answer {
	for i := range a.Sources {
		a.Sources[i].URL = t.l.link(a.Sources[i])
	}
	return a
}
