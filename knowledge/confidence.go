package knowledge

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
)

//go:embed calibration.json
var calibrationFile []byte

// Calibration turns what speaks for a result into how likely the runbooks answer. Its weights are fitted
// on labelled cases and kept in calibration.json, with how far they can be trusted.
type Calibration struct {
	Fitted string           `json:"fitted"` // how and on what
	Scales map[string]Scale `json:"scales"` // by [Found.Scale], such as "question hybrid"
}

// Scale is a logistic function over the features of [signs], and the confidence below which the honest
// answer is that the runbooks don't know.
type Scale struct {
	Bias    float64            `json:"bias"`
	Weights map[string]float64 `json:"weights"`
	Abstain float64            `json:"abstain"`
	AUROC   float64            `json:"auroc"`  // mean over the folds that were left out
	Spread  float64            `json:"spread"` // its standard error
	Cases   int                `json:"cases"`
	Refused string             `json:"refused"` // what the threshold does on the cases
}

// calibration reads the file that is part of the program; a test reads it too.
var calibration = sync.OnceValue(func() Calibration {
	var c Calibration
	if err := json.Unmarshal(calibrationFile, &c); err != nil {
		panic(fmt.Sprintf("knowledge/calibration.json: %v", err))
	}
	return c
})

// scaleOf names the scale of a search: by its kind, by what decided, and by the script it is asked in. The
// models of the two scripts measure nearness differently, and their words speak for an answer differently.
func (w *view) scaleOf(a ask) string {
	mode := Lexical
	if a.sides != [2]*side{} {
		mode = Hybrid
	}
	name := string(a.kind) + " " + string(mode)
	if a.script == han {
		name += " cjk"
	}
	return name
}

// confidence is how likely the runbooks answer, from 0 to 1: the same to the last digit for the same signs,
// since a difference there could tell of what is hidden.
func (s Scale) confidence(signs map[string]float64) float64 {
	z := s.Bias
	for _, name := range slices.Sorted(maps.Keys(s.Weights)) {
		z += s.Weights[name] * signs[name]
	}
	return 1 / (1 + math.Exp(-z))
}

// What brings signs to a range of about 0 to 1: a large library has five digits of passages, a model whose
// vectors are centred gives cosines of about half, and half a dozen rare words are worth thirty.
const (
	digits = 5
	halved = 2
	plenty = 30
)

// A question that is little more than a name, of an alert or an error, has few words for signs to go by; the
// document that carries the name was the runbook of 196 of 229 labelled alerts.
const (
	mostlyName = 0.4 // of a question, by rarity
	nameTells  = 0.86
)

// signs are what tells an answer from the nearest thing there is, each about from 0 to 1:
//
//	near         how near the nearest passage is in meaning
//	near first   the same, of the first document
//	across       1 where the first passage is in the other script than the question
//	near across  near first where it is, for models measure nearness across languages differently
//	document     how much of the question, weighted by rarity, the first document holds, be it in other words
//	both         near first and document at once: words alone stand anywhere, and something is always near
//	held         as document, but not as a share: six words found again say more than one
//	margin       how far the first document stands before the second
//	size         of the library: of many passages one is near by chance
//
// and these, of the question's words in Latin script and of those in Chinese, since names of products are
// Latin in both languages and stand in runbooks of either:
//
//	latin, han                    1 where there are any
//	latin document, han document  how much of them the first document holds
//	latin strange, han strange    how much of them no document at all holds, in no other words either
func (w *view) signs(a ask, all []candidate) map[string]float64 {
	out := map[string]float64{}
	if len(all) == 0 {
		return out
	}
	first, second := w.docOf[all[0].passage], 0.0
	for _, c := range all {
		cosine := c.cosine
		if side := a.sides[w.passages[c.passage].script]; side != nil && side.e.Centre {
			cosine *= halved
		}
		out["near"] = max(out["near"], cosine)
		if w.docOf[c.passage] == first {
			out["near first"] = max(out["near first"], cosine)
		} else {
			second = max(second, c.score)
		}
	}
	if w.passages[all[0].passage].script != a.script {
		out["across"], out["near across"] = 1, out["near first"]
	}
	out["document"] = a.holds[first]
	out["both"] = out["near first"] * out["document"]
	out["held"] = min(1, a.holds[first]*a.rarities()/plenty)
	out["margin"] = part(all[0].score-second, all[0].score)
	out["size"] = math.Log10(float64(len(w.passages))) / digits
	w.wordSigns(a, first, out)
	return out
}

// wordSigns adds what the words of either script say.
func (w *view) wordSigns(a ask, first uint32, out map[string]float64) {
	whole := w.termsOf(first)
	for s, name := range map[script]string{latin: "latin", han: "han"} {
		sum, held, strange := 0.0, 0.0, 0.0
		for _, n := range a.needs {
			if n.script != s {
				continue
			}
			sum += n.worth
			if n.strange() {
				strange += n.worth
			}
			if n.metBy(whole) {
				held += n.worth
			}
		}
		if sum > 0 {
			out[name] = 1
		}
		out[name+" document"], out[name+" strange"] = part(held, sum), part(strange, sum)
	}
}

// termsOf are the terms of all passages of a document.
func (w *view) termsOf(document uint32) map[term]bool {
	return termsOf(w.passages[w.firstOf[document]:w.firstOf[document+1]]...)
}

// rarities is what all a question needs is worth together.
func (a ask) rarities() (sum float64) {
	for _, n := range a.needs {
		sum += n.worth
	}
	return sum
}

// literally is how much of a question, by rarity, a passage holds in its very words.
func (a ask) literally(p *Passage) float64 {
	has, sum := termsOf(p), 0.0
	for _, n := range a.needs {
		if n.known && has[n.term] {
			sum += n.worth
		}
	}
	return part(sum, a.rarities())
}

// holdings are how much of a question, by rarity, each document holds in any of its passages, be it in
// other words.
func (w *view) holdings(a ask) []float64 {
	out, all, met := make([]float64, len(w.docs)), a.rarities(), make([]int, len(w.docs))
	for i, n := range a.needs {
		meet := func(document uint32) {
			if met[document] <= i {
				met[document] = i + 1
				out[document] += part(n.worth, all)
			}
		}
		if n.known {
			for _, p := range w.wholes.postings(n.term) {
				meet(p.unit)
			}
		}
		for _, other := range n.others {
			w.holders(other, meet)
		}
	}
	return out
}

// holders calls each with every document that holds all of some terms.
func (w *view) holders(terms []term, each func(document uint32)) {
	count := map[uint32]int{}
	for i, t := range terms {
		for _, p := range w.wholes.postings(t) {
			switch {
			case len(terms) == 1:
				each(p.unit)
			case i == 0 || count[p.unit] == i:
				if count[p.unit]++; count[p.unit] == len(terms) {
					each(p.unit)
				}
			}
		}
	}
}

// termsOf are the terms of passages.
func termsOf(passages ...*Passage) map[term]bool {
	all := map[term]bool{}
	for _, p := range passages {
		for _, e := range p.terms {
			all[e.term] = true
		}
	}
	return all
}
