package knowledge

import (
	"context"
	"slices"
	"time"
)

// Verdict says whether the runbooks answer.
type Verdict string

// The two verdicts; there is nothing between them, a person reads either at a glance.
const (
	Answered      Verdict = "answered"
	NotInRunbooks Verdict = "not_in_runbooks"
)

// Answer is what a person is told. Its parts are the words of the runbooks themselves.
type Answer struct {
	Verdict    Verdict  `json:"verdict"`
	Lang       string   `json:"lang"` // of the person; quotes stay in the runbook's own
	Parts      []Part   `json:"answer"`
	Sources    []Cited  `json:"sources"` // what the parts come from; of NotInRunbooks the nearest passages
	Confidence float64  `json:"confidence"`
	Mode       string   `json:"mode"`    // extractive here; model where a model wrote the sentences
	Ranking    Mode     `json:"ranking"` // what the search rested on
	TookMS     float64  `json:"took_ms"`
	Results    []Result `json:"-"` // everything that was found, for whoever asks a model
}

// Part is a statement with the quote that carries it.
type Part struct {
	Text   string `json:"text"`
	Source int    `json:"source"` // place in Sources, from 0
	Quote  string `json:"quote"`  // word for word
	Kind   string `json:"kind"`   // text, steps, code or table
	Start  int    `json:"start"`  // lines of the document
	End    int    `json:"end"`
}

// Cited is a passage as it is cited.
type Cited struct {
	Doc      string   `json:"doc"`
	Title    string   `json:"title"`
	Heading  string   `json:"heading"` // the way to the passage, title first
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Score    float64  `json:"score"`
	Reviewed string   `json:"reviewed"`
	Owner    string   `json:"owner,omitempty"`
	Commit   string   `json:"commit,omitempty"`
	Digest   string   `json:"digest"` // of the document
	Passage  string   `json:"passage"`
	URL      string   `json:"url"`
	Stale    []string `json:"stale,omitempty"`
}

const (
	mostParts   = 6   // of an answer, but for steps that have begun
	mostCited   = 3   // passages an answer is made of
	nearestOnes = 3   // shown where there is no answer
	nearEnough  = 0.8 // of the best score: a passage below it is another topic
)

// Answer searches and makes the answer of the best passages themselves, their answering lines marked.
func (x *Index) Answer(ctx context.Context, q Query, lang string, fresh Freshness) (Answer, error) {
	found, err := x.Search(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	return Extract(found, lang, fresh), nil
}

// Extract makes an answer of what was found.
func Extract(found Found, lang string, fresh Freshness) Answer {
	a := Answer{Verdict: Answered, Lang: lang, Parts: []Part{}, Sources: []Cited{}, Confidence: found.Confidence, Mode: "extractive", Ranking: found.Mode, Results: found.Results}
	if found.Abstain() {
		a.Verdict = NotInRunbooks
		for _, r := range found.Results[:min(nearestOnes, len(found.Results))] {
			a.Sources = append(a.Sources, fresh.Cite(r))
		}
		return a
	}
	for _, r := range found.Results[:min(mostCited, len(found.Results))] {
		if r.Score < nearEnough*found.Results[0].Score {
			break
		}
		a.Sources = append(a.Sources, fresh.Cite(r))
		for i, s := range r.Marks {
			if len(a.Parts) >= mostParts && (i == 0 || !r.Marks[i-1].goesOn(s)) {
				break
			}
			a.Parts = append(a.Parts, Part{Text: s.Text, Source: len(a.Sources) - 1, Quote: s.Text, Kind: s.Kind, Start: s.Start, End: s.End})
		}
	}
	return a
}

// Freshness is what is known about how far documents can be trusted today.
type Freshness struct {
	Now     time.Time
	MaxAge  time.Duration        // a review older than this is stale; 0: age does not matter
	Changed map[string]time.Time // document → when its text was last seen to change
	Drilled map[string]time.Time // system → when it was last moved successfully
}

// Why a document is stale.
const (
	StaleReview = "review" // last reviewed too long ago
	StaleNever  = "never"  // nobody says when it was reviewed
	StaleDrill  = "drill"  // changed since the last successful drill of its systems
)

// Stale lists what speaks against trusting a document as it is.
func (f Freshness) Stale(d *Document) []string {
	var out []string
	if f.MaxAge > 0 {
		day, err := time.Parse(time.DateOnly, d.Reviewed)
		switch {
		case err != nil:
			out = append(out, StaleNever)
		case f.Now.Sub(day) > f.MaxAge:
			out = append(out, StaleReview)
		}
	}
	changed, known := f.Changed[d.Path]
	if known && slices.ContainsFunc(d.Systems, func(s string) bool { at, ok := f.Drilled[s]; return ok && changed.After(at) }) {
		out = append(out, StaleDrill)
	}
	return out
}

// Cite is a result as it is cited; whoever shows it adds the link.
func (f Freshness) Cite(r Result) Cited {
	p, d := r.Passage, r.Passage.Doc
	return Cited{Doc: d.Path, Title: d.Title, Heading: p.Heading(), Start: p.Start, End: p.End, Score: r.Score, Reviewed: d.Reviewed, Owner: d.Owner,
		Commit: d.Commit, Digest: d.Digest, Passage: p.ID, Stale: f.Stale(d)}
}
