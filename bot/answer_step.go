package bot

import (
	"context"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/knowledge"
)

// runbookButton shows what the runbooks say of a step that stands.
func (e easel) runbookButton(r fsm.View, st fsm.StepView) Action {
	p := press{Act: showIt, Command: "runbook", Surface: e.surface, Dest: e.dest, Person: e.person, Run: r.ID, Step: st.ID, About: &about{}}
	return Action{ID: "runbook:" + st.ID, Kind: ActButton, Label: e.say("answer_b_step", dr.Args{"step": st.Title}), Nonce: e.nonces.nonce(p)}
}

// mostOfStep is how much of a step's own words is searched for: the end of an output says what went wrong.
const mostOfStep = 600

// ForStep answers what the runbooks say of a step of a run: the runbook the plan names for it first, then
// what is found by its title, its system and what it said when it failed. show is as for [Library.Tell].
func (l *Library) ForStep(ctx context.Context, q Question, r fsm.View, step string, show func(Told)) (Told, error) {
	began := l.cfg.Clock.Now()
	var st fsm.StepView
	for _, one := range r.Steps {
		if one.ID == step {
			st = one
		}
	}
	if st.ID == "" {
		return Told{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_step", Args: dr.Args{"step": clipLine(step, 60), "run": r.ID}}
	}
	if err := l.unread(); err != nil {
		return Told{}, err
	}
	labels, err := l.Reads(q)
	if err != nil {
		return Told{}, err
	}
	c, err := l.cfg.Catalog()
	if err != nil {
		return Told{}, &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	said := st.Text
	if len(said) > mostOfStep {
		said = strings.ToValidUTF8(said[len(said)-mostOfStep:], "")
	}
	q.Text, q.System = strings.TrimSpace(strings.Join([]string{st.Title, said}, "\n")), st.System
	// What a step says when it stands is like what an alert says: names and outputs, no question.
	found, err := l.cfg.Index().Search(ctx, knowledge.Query{Kind: knowledge.Alert, Signal: knowledge.Signal{Texts: []string{st.Title, said}}, Audience: labels, System: st.System, Limit: 30})
	if err != nil {
		return Told{}, err
	}
	if doc := c.Runbook(r.Plan, st.ID); doc != "" {
		found = l.first(found, labels, OrganisationSource+"/"+doc)
	}
	fresh, err := l.fresh(ctx)
	if err != nil {
		return Told{}, err
	}
	t, told := telling{l: l, q: q, labels: labels, fresh: fresh, show: show}, newTold(true)
	told.Answer = t.linked(knowledge.Extract(found, q.Lang, fresh))
	if told, err = t.word(ctx, told, q.Text, found); err != nil {
		return Told{}, err
	}
	told.TookMS = float64(l.cfg.Clock.Now().Sub(began)) / float64(time.Millisecond)
	return told, nil
}

// OrganisationSource is the name of the source that the organisation's own folder of runbooks is.
const OrganisationSource = "runbooks"

// first puts a document the plan's author chose before what a search found.
func (l *Library) first(found knowledge.Found, labels []string, doc string) knowledge.Found {
	d, passages, ok := l.cfg.Index().Document(labels, doc)
	if !ok || len(passages) == 0 {
		return found
	}
	var own []knowledge.Result
	for _, r := range found.Results {
		if r.Passage.Doc.Path == d.Path {
			own = append(own, r)
		}
	}
	if len(own) == 0 {
		p := passages[0]
		own = []knowledge.Result{{Passage: p, Score: 1, Named: true, Marks: []knowledge.Span{{Start: p.Start, End: p.End, Kind: knowledge.Prose, Text: p.Text}}}}
	}
	found.Results, found.Confidence = own, max(found.Confidence, 0.9)
	return found
}
