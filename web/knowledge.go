package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// library is the runbooks, where there are some.
func (s *Server) library() (*bot.Library, error) {
	if s.cfg.Library == nil {
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "knowledge_off"}
	}
	return s.cfg.Library, nil
}

// alone is a question whose answer only the caller reads.
func (s *Server) alone(r *http.Request, c caller) bot.Question {
	return bot.Question{Person: c.actor.Person, Company: bot.Alone, Lang: s.language(r)}
}

// about narrows a question to a system, and to what may be seen in a channel.
func (s *Server) about(q *bot.Question, system, channel string) error {
	c, err := s.files()
	if err != nil {
		return err
	}
	org := c.Organisation()
	if _, ok := org.System(system); system != "" && !ok {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_system", Args: dr.Args{"system": printable(system)}}
	}
	if channel != "" && !slices.ContainsFunc(org.Channels, func(ch dr.Channel) bool { return ch.ID == channel }) {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_channel", Args: dr.Args{"channel": printable(channel)}}
	}
	q.System, q.Channel = system, channel
	return nil
}

// asking is the body of POST /api/ask; GET takes the same as parameters.
type asking struct {
	Question string `json:"question"`
	System   string `json:"system,omitempty"`
	Channel  string `json:"channel,omitempty"`
	Talk     string `json:"talk,omitempty"`
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request, c caller) error {
	p := r.URL.Query()
	in := asking{Question: p.Get("question"), System: p.Get("system"), Channel: p.Get("channel"), Talk: p.Get("talk")}
	if r.Method == http.MethodPost {
		if err := read(w, r, &in); err != nil {
			return err
		}
	}
	library, err := s.library()
	if err != nil {
		return err
	}
	q := s.alone(r, c)
	q.Text = in.Question
	if err := s.about(&q, in.System, in.Channel); err != nil {
		return err
	}
	if in.Talk != "" {
		q.Talk = "api/" + c.actor.Person + "/" + in.Talk
	}
	return s.tell(w, r, func(ctx context.Context, show func(bot.Told)) (bot.Told, error) { return library.Tell(ctx, q, show) })
}

// foundPassage is one result of a search.
type foundPassage struct {
	knowledge.Cited
	Text  string           `json:"text"`
	Marks []knowledge.Span `json:"marks"` // in lines of the document
}

func (s *Server) search(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	p := r.URL.Query()
	limit, err := number(p.Get("limit"), "limit", 10, 1, 50)
	if err != nil {
		return err
	}
	q := s.alone(r, c)
	q.Text = p.Get("query")
	if err := s.about(&q, p.Get("system"), p.Get("channel")); err != nil {
		return err
	}
	found, fresh, err := library.Search(r.Context(), q, int(limit))
	if err != nil {
		return err
	}
	out := []foundPassage{}
	for _, one := range found.Results {
		out = append(out, foundPassage{Cited: library.Cite(fresh, one), Text: one.Passage.Text, Marks: append([]knowledge.Span{}, one.Marks...)})
	}
	answer(w, http.StatusOK, map[string]any{"results": out, "confidence": found.Confidence, "ranking": found.Mode, "abstained": found.Abstain()})
	return nil
}

// runbookView is a document as it is listed.
type runbookView struct {
	knowledge.Document
	Stale []string `json:"stale,omitempty"`
}

// shelves is the body of GET /api/runbooks.
type shelves struct {
	bot.Shelves
	Runbooks []runbookView `json:"runbooks"`
}

// listRunbooks answers what there is to read, what is stale first, and how the reading of it fares.
func (s *Server) listRunbooks(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	out := shelves{Runbooks: []runbookView{}}
	if out.Shelves, err = library.State(c.actor.Person); err != nil {
		return err
	}
	docs, fresh, err := library.Documents(r.Context(), s.alone(r, c))
	if err != nil {
		return err
	}
	for _, d := range docs {
		out.Runbooks = append(out.Runbooks, runbookView{Document: *d, Stale: fresh.Stale(d)})
	}
	out.Documents = len(docs) // what somebody may not see is not counted either
	slices.SortStableFunc(out.Runbooks, func(a, b runbookView) int { return len(b.Stale) - len(a.Stale) })
	answer(w, http.StatusOK, out)
	return nil
}

// syncRunbooks has them read again now.
func (s *Server) syncRunbooks(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	state, err := library.Sync(r.Context(), c.actor.Person)
	if err != nil {
		return err
	}
	docs, _, err := library.Documents(r.Context(), s.alone(r, c))
	if err != nil {
		return err
	}
	state.Documents = len(docs)
	answer(w, http.StatusOK, shelves{Shelves: state, Runbooks: []runbookView{}})
	return nil
}

// openRunbook is a document in full.
type openRunbook struct {
	runbookView
	Text     string        `json:"text"`
	Passages []passageView `json:"passages"`
}

type passageView struct {
	ID      string `json:"id"`
	Heading string `json:"heading"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
}

func (s *Server) showRunbook(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	d, passages, fresh, err := library.Document(r.Context(), s.alone(r, c), r.PathValue("runbook"))
	if err != nil {
		return err
	}
	out := openRunbook{runbookView: runbookView{Document: *d, Stale: fresh.Stale(d)}, Text: d.Text, Passages: []passageView{}}
	for _, p := range passages {
		out.Passages = append(out.Passages, passageView{ID: p.ID, Heading: p.Heading(), Start: p.Start, End: p.End})
	}
	answer(w, http.StatusOK, out)
	return nil
}

// stepRunbook answers what the runbooks say of a step.
func (s *Server) stepRunbook(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	v, err := s.cfg.Engine.View(r.Context(), c.actor, r.PathValue("run"))
	if err != nil {
		return err
	}
	return s.tell(w, r, func(ctx context.Context, show func(bot.Told)) (bot.Told, error) {
		return library.ForStep(ctx, s.alone(r, c), v, r.PathValue("step"), show)
	})
}

// judging is the body of POST /api/feedback.
type judging struct {
	Asked   string   `json:"asked"`
	Verdict string   `json:"verdict"`
	Note    string   `json:"note,omitempty"`
	Docs    []string `json:"docs,omitempty"`
}

func (s *Server) judge(w http.ResponseWriter, r *http.Request, c caller) error {
	var in judging
	if err := read(w, r, &in); err != nil {
		return err
	}
	library, err := s.library()
	if err != nil {
		return err
	}
	if err := library.Judge(r.Context(), c.actor.Person, in.Asked, in.Verdict, in.Note, in.Docs); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type opinionView struct {
	At       dr.Time  `json:"at"`
	Person   string   `json:"person"`
	Verdict  string   `json:"verdict"`
	Note     string   `json:"note,omitempty"`
	Question string   `json:"question,omitempty"`
	Docs     []string `json:"docs"`
	Owners   []string `json:"owners"`
}

type vainView struct {
	ID       string  `json:"id"`
	Question string  `json:"question"`
	Lang     string  `json:"lang"`
	Times    int64   `json:"times"`
	First    dr.Time `json:"first_at"`
	Last     dr.Time `json:"last_at"`
}

// opinionsMost is how much of each list is answered.
const opinionsMost = 500

// listFeedback answers what was said of answers, and what was asked and not answered.
func (s *Server) listFeedback(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	said, err := library.Opinions(r.Context(), c.actor.Person, opinionsMost)
	if err != nil {
		return err
	}
	vain, err := library.Vain(r.Context(), opinionsMost)
	if err != nil {
		return err
	}
	opinions, questions := []opinionView{}, []vainView{}
	for _, o := range said {
		opinions = append(opinions, opinionView{At: o.At, Person: o.Person, Verdict: o.Verdict, Note: o.Note, Question: o.Question, Docs: o.Docs, Owners: append([]string{}, o.Owners...)})
	}
	for _, v := range vain {
		questions = append(questions, vainView{ID: v.ID, Question: v.Question, Lang: v.Lang, Times: v.Times, First: v.First, Last: v.Last})
	}
	answer(w, http.StatusOK, map[string]any{"feedback": opinions, "unanswered": questions})
	return nil
}

// settle takes a question off the list of those without an answer.
func (s *Server) settle(w http.ResponseWriter, r *http.Request, c caller) error {
	library, err := s.library()
	if err != nil {
		return err
	}
	if err := library.Settle(r.Context(), r.PathValue("question")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
