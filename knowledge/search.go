package knowledge

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// Kind is what is searched for.
type Kind string

// The two kinds of search; each mixes words and vectors in its own way.
const (
	Question Kind = "question" // asked by a person
	Alert    Kind = "alert"    // the runbook of something that fired
)

// Query is one search.
type Query struct {
	Kind     Kind // empty: Question
	Text     string
	Signal   Signal   // of Kind Alert
	Audience []string // labels of whoever asks or of the channel; none: only what is public
	System   string   // id; its runbooks are preferred
	Limit    int      // most results; 0: 10
}

// Signal is what an alert says of itself.
type Signal struct {
	Name       string
	RunbookURL string
	Texts      []string // summary, description and the like
}

// Result is a passage with what speaks for it.
type Result struct {
	Passage *Passage
	Score   float64 // comparable within one search only
	Words   float64 // share of the best by words, 0 to 1
	Cosine  float64 // nearness of meaning; 0 where vectors took no part
	Named   bool    // the document carries the very name that was searched for
	Marks   []Span  // the lines that answer
}

// Found is the outcome of a search.
type Found struct {
	Results    []Result
	Confidence float64 // how likely the runbooks answer: Scale of the [Calibration] over Signs
	Scale      string
	Signs      map[string]float64
	Mode       Mode
	Model      string // name of the embedder that took part

	threshold float64
}

// Mode is what decided.
type Mode string

// What a ranking can rest on.
const (
	Lexical Mode = "lexical" // words alone: no model, or not all vectors are there yet
	Hybrid  Mode = "hybrid"  // words and vectors
)

const (
	defaultLimit = 10
	pool         = 200    // candidates each side brings
	longestAsk   = 32_768 // bytes of a question that are looked at
)

// Search ranks passages. It never fails for want of a model: words remain.
func (x *Index) Search(ctx context.Context, q Query) (Found, error) {
	w := x.view(x.current.Load(), q.Audience)
	a := w.ask(q)
	f := Found{Mode: Lexical}
	var nearest map[uint32]float64
	if sides, ok := w.sides(a.script, x.opts.Embedders); ok && a.text != "" {
		err := encode(ctx, a.text, sides)
		if ctx.Err() != nil {
			return Found{}, ctx.Err()
		}
		if err == nil {
			if nearest, err = near(ctx, sides, pool); err != nil {
				return Found{}, err
			}
			f.Mode, f.Model, a.sides = Hybrid, cmp.Or(sides[a.script], sides[latin], sides[han]).e.Name, sides
		}
	}
	all := w.rank(a, nearest)
	f.Results = w.spread(a, all, cmp.Or(q.Limit, defaultLimit))
	f.Scale, f.Signs = w.scaleOf(a), w.signs(a, all)
	scale := calibration().Scales[f.Scale]
	f.Confidence, f.threshold = scale.confidence(f.Signs), scale.Abstain
	if len(all) > 0 && all[0].named && a.byName() >= mostlyName {
		f.Confidence = max(f.Confidence, nameTells)
	}
	return f, nil
}

// ask is a query as the index takes it.
type ask struct {
	kind   Kind
	text   string
	script script
	needs  []need
	terms  []entry   // to look for: the words themselves, and after them others that mean the same
	own    int       // how many of them are the words themselves
	holds  []float64 // how much of it each document holds
	names  []string
	codes  []string // of errors
	system string
	sides  [2]*side // by script of the passages; none: words alone
}

// candidate is a passage on its way up.
type candidate struct {
	passage uint32
	words   float64 // BM25
	whole   float64 // BM25 of its document
	cosine  float64
	named   bool
	share   float64 // of the best by words
	score   float64
}

// rank collects the candidates of both sides and mixes what speaks for each.
func (w *view) rank(a ask, near map[uint32]float64) []candidate {
	if len(w.passages) == 0 {
		return nil
	}
	buffer := w.scores.Get().(*[]float32)
	scores := *buffer
	defer func() { clear(scores); w.scores.Put(buffer) }()
	w.parts.score(a.terms, scores)
	wholes := make([]float32, len(w.docs))
	w.wholes.score(a.terms, wholes)
	named := w.carriers(a)
	chosen := map[uint32]bool{}
	for _, p := range best(scores, pool) {
		chosen[p] = true
	}
	for p := range near {
		chosen[p] = true
	}
	for p := range named {
		chosen[p] = true
	}
	out := make([]candidate, 0, len(chosen))
	for _, p := range slices.Sorted(maps.Keys(chosen)) {
		c := candidate{passage: p, words: float64(scores[p]), whole: float64(wholes[w.docOf[p]]), named: named[p]}
		if s := a.sides[w.passages[p].script]; s != nil {
			cosine, ok := near[p]
			if !ok {
				cosine = s.dense.to(p, s.vector)
			}
			c.cosine = max(cosine, 0)
		}
		out = append(out, c)
	}
	w.mix(a, out)
	slices.SortStableFunc(out, func(x, y candidate) int {
		switch {
		case a.kind == Question && x.named && !y.named: // whatever words say
			return -1
		case a.kind == Question && y.named && !x.named:
			return 1
		}
		return cmp.Compare(y.score, x.score)
	})
	return out
}

// best are the n units of the highest score above nothing, in no order.
func best(scores []float32, n int) []uint32 {
	heap := make([]uint32, 0, n+1) // the lowest of the best at its top
	for i, s := range scores {
		if s <= 0 || len(heap) == n && s <= scores[heap[0]] {
			continue
		}
		if len(heap) == n {
			heap[0] = uint32(i)
			sink(heap, scores)
			continue
		}
		heap = append(heap, uint32(i))
		for at := len(heap) - 1; at > 0 && scores[heap[at]] < scores[heap[(at-1)/2]]; at = (at - 1) / 2 {
			heap[at], heap[(at-1)/2] = heap[(at-1)/2], heap[at]
		}
	}
	return heap
}

func sink(heap []uint32, scores []float32) {
	for at := 0; ; {
		low := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if scores[heap[child]] < scores[heap[low]] {
				low = child
			}
		}
		if low == at {
			return
		}
		heap[at], heap[low] = heap[low], heap[at]
		at = low
	}
}

const (
	perDocument = 5 // passages of one document among results for a question
	leading     = 5 // results that go by score alone; each further one is of a document that is not there yet
)

// spread takes the first results, without letting one document fill the list. A question wants the
// passage, and a later one of a good document is often it; whoever has not found it among the first wants
// another document. An alert wants its runbook, and each further passage would keep another away.
func (w *view) spread(a ask, all []candidate, limit int) []Result {
	var out []Result
	taken := map[uint32]int{}
	for _, c := range all {
		most := perDocument
		if a.kind == Alert || len(out) >= leading {
			most = 1
		}
		d := w.docOf[c.passage]
		if taken[d] >= most {
			continue
		}
		taken[d]++
		p := w.passages[c.passage]
		out = append(out, Result{Passage: p, Score: c.score, Words: c.share, Cosine: c.cosine, Named: c.named, Marks: w.mark(a, p)})
		if len(out) == limit {
			break
		}
	}
	return out
}

// Abstain says whether the honest answer is that the runbooks don't know.
func (f Found) Abstain() bool { return len(f.Results) == 0 || f.Confidence < f.threshold }
