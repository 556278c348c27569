package knowledge

import (
	"math"
	"slices"
)

// What a word counts for where it stands, and the two numbers of BM25: how soon repeating a word
// stops to help (k1), and how much a long passage has to hold more of it (b).
const (
	titleWeight   = 2
	headingWeight = 1.5
	bodyWeight    = 1
	k1            = 1.2
	lengthShare   = 0.75
)

// entry is a term of a passage with how often it stands there, each time weighted by its place.
type entry struct {
	term term
	tf   float32
}

// weigh counts the words of a passage.
func (r *wordReader) weigh(p *Passage) {
	add := func(text string, weight float32) {
		wordsOf(text, func(w string) {
			for _, t := range r.learn(w) {
				r.count(t, weight)
				p.size += weight
			}
		})
	}
	add(p.Doc.Title, titleWeight)
	for _, h := range p.Headings {
		add(h, headingWeight)
	}
	add(p.Text, bodyWeight)
	slices.Sort(r.counted)
	p.terms = make([]entry, len(r.counted))
	for i, t := range r.counted {
		p.terms[i] = entry{t, r.counts[t]}
		r.counts[t] = 0
	}
	r.counted = r.counted[:0]
}

// count adds to what a term weighs in the passage at hand.
func (r *wordReader) count(t term, weight float32) {
	if int(t) >= len(r.counts) {
		r.counts = append(r.counts, make([]float32, int(t)+1-len(r.counts))...)
	}
	if r.counts[t] == 0 {
		r.counted = append(r.counted, t)
	}
	r.counts[t] += weight
}

// lexical is BM25F over the units of a view (its passages, or its documents as wholes): for each term
// the units that hold it, in one array.
type lexical struct {
	starts []uint32 // of each term's postings; one more than there are terms
	units  []uint32
	tfs    []float32
	norms  []float32 // of each unit: k1·(1-b+b·length/average)
}

// newLexical indexes units given by their entries and sizes.
func newLexical(terms, n int, entries func(int) []entry, size func(int) float32) *lexical {
	x := &lexical{starts: make([]uint32, terms+1), norms: make([]float32, n)}
	var total float64
	for i := range n {
		total += float64(size(i))
		for _, e := range entries(i) {
			if int(e.term) < terms {
				x.starts[e.term+1]++
			}
		}
	}
	for t := range terms {
		x.starts[t+1] += x.starts[t]
	}
	x.units, x.tfs = make([]uint32, x.starts[terms]), make([]float32, x.starts[terms])
	next := slices.Clone(x.starts[:terms])
	average := max(total/float64(max(n, 1)), 1)
	for i := range n {
		for _, e := range entries(i) {
			if int(e.term) < terms {
				x.units[next[e.term]], x.tfs[next[e.term]] = uint32(i), e.tf
				next[e.term]++
			}
		}
		x.norms[i] = float32(k1 * (1 - lengthShare + lengthShare*float64(size(i))/average))
	}
	return x
}

// postings are the units of a term.
func (x *lexical) postings(t term) (units []uint32, tfs []float32) {
	if int(t) >= len(x.starts)-1 {
		return nil, nil
	}
	from, to := x.starts[t], x.starts[t+1]
	return x.units[from:to], x.tfs[from:to]
}

// idf is what finding a term is worth: much where few units hold it. A term of no unit is the rarest.
func (x *lexical) idf(t term) float64 {
	units, _ := x.postings(t)
	return rarity(len(units), len(x.norms))
}

func rarity(holders, of int) float64 {
	return math.Log(1 + (float64(of)-float64(holders)+0.5)/(float64(holders)+0.5))
}

// score adds up what the terms of a question are worth in every unit. scores must be empty and as long
// as there are units.
func (x *lexical) score(ask []entry, scores []float32) {
	for _, q := range ask {
		units, tfs := x.postings(q.term)
		worth := float32(x.idf(q.term)) * q.tf * (k1 + 1)
		for i, u := range units {
			scores[u] += worth * tfs[i] / (tfs[i] + x.norms[u])
		}
	}
}
