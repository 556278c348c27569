package knowledge

import (
	"iter"
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

// lexical is BM25F over the passages of a view: for each term the passages that hold it, in one array.
type lexical struct {
	starts []uint32 // of each term's postings; one more than there are terms
	all    []posting
	norms  []float32 // of each passage
}

// posting is a unit of a term (a passage, or a document as a whole), with how often it stands there.
type posting struct {
	unit uint32
	tf   float32
}

// newLexical indexes passages.
func newLexical(terms int, passages []*Passage) *lexical {
	x := &lexical{starts: make([]uint32, terms+1), norms: make([]float32, len(passages))}
	for i, p := range passages {
		x.norms[i] = p.size
		for _, e := range p.terms {
			if int(e.term) < terms {
				x.starts[e.term+1]++
			}
		}
	}
	normalise(x.norms)
	for t := range terms {
		x.starts[t+1] += x.starts[t]
	}
	x.all = make([]posting, x.starts[terms])
	next := slices.Clone(x.starts[:terms])
	for i, p := range passages {
		for _, e := range p.terms {
			if int(e.term) < terms {
				x.all[next[e.term]] = posting{uint32(i), e.tf}
				next[e.term]++
			}
		}
	}
	return x
}

// normalise turns sizes of units into what their length takes away from their words:
// k1·(1-b+b·length/average).
func normalise(sizes []float32) {
	var total float64
	for _, size := range sizes {
		total += float64(size)
	}
	average := max(total/float64(max(len(sizes), 1)), 1)
	for i, size := range sizes {
		sizes[i] = float32(k1 * (1 - lengthShare + lengthShare*float64(size)/average))
	}
}

// postings are the passages of a term.
func (x *lexical) postings(t term) []posting {
	if int(t) >= len(x.starts)-1 {
		return nil
	}
	return x.all[x.starts[t]:x.starts[t+1]]
}

// idf is what finding a term is worth: much where few passages hold it. A term of no passage is the rarest.
func (x *lexical) idf(t term) float64 {
	return rarity(len(x.postings(t)), len(x.norms))
}

func rarity(holders, of int) float64 {
	return math.Log(1 + (float64(of)-float64(holders)+0.5)/(float64(holders)+0.5))
}

// score adds up what the terms of a question are worth in every passage. scores must be empty and as long
// as there are passages.
func (x *lexical) score(ask []entry, scores []float32) {
	for _, q := range ask {
		worth := float32(x.idf(q.term)) * q.tf * (k1 + 1)
		for _, p := range x.postings(q.term) {
			scores[p.unit] += worth * p.tf / (p.tf + x.norms[p.unit])
		}
	}
}

// wholes is the same over documents. Their postings are those of their passages, which stand side by side, so
// that nothing is kept twice.
type wholes struct {
	parts *lexical
	docOf []uint32  // of each passage
	norms []float32 // of each document
}

// newWholes takes documents together that are the passages from first[i] up to first[i+1].
func newWholes(parts *lexical, passages []*Passage, docOf, first []uint32) *wholes {
	x := &wholes{parts: parts, docOf: docOf, norms: make([]float32, len(first)-1)}
	for i := range x.norms {
		for _, p := range passages[first[i]:first[i+1]] {
			x.norms[i] += p.size
		}
	}
	normalise(x.norms)
	return x
}

// postings are the documents of a term.
func (x *wholes) postings(t term) iter.Seq2[int, posting] {
	return func(yield func(int, posting) bool) {
		all := x.parts.postings(t)
		for i, n := 0, 0; i < len(all); n++ {
			whole := posting{unit: x.docOf[all[i].unit]}
			for ; i < len(all) && x.docOf[all[i].unit] == whole.unit; i++ {
				whole.tf += all[i].tf
			}
			if !yield(n, whole) {
				return
			}
		}
	}
}

// score is that of documents.
func (x *wholes) score(ask []entry, scores []float32) {
	for _, q := range ask {
		holders := 0
		for range x.postings(q.term) {
			holders++
		}
		worth := float32(rarity(holders, len(x.norms))) * q.tf * (k1 + 1)
		for _, p := range x.postings(q.term) {
			scores[p.unit] += worth * p.tf / (p.tf + x.norms[p.unit])
		}
	}
}
