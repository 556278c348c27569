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

// What brings signs to a range of about 0 to 1: a large library has five digits of passages, and a model whose
// vectors are centred gives cosines of about half.
const (
	digits = 5
	halved = 2
)

// signs are what tells an answer from the nearest thing there is, each about from 0 to 1:
//
//	near      how near the nearest passage is in meaning
//	across    1 where the first passage is in the other script than the question
//	document  how much of the question, weighted by rarity, the first document holds
//	margin    how far the first document stands before the second
//	size      of the library: of many passages one is near by chance
//
// and these, of the question's words in Latin script and of those in Chinese, since names of products are
// Latin in both languages and stand in runbooks of either:
//
//	latin, han                    1 where there are any
//	latin document, han document  how much of them the first document holds
//	latin strange, han strange    how much of them no document at all holds
func (w *view) signs(a ask, all []candidate) map[string]float64 {
	out := map[string]float64{}
	if len(all) == 0 {
		return out
	}
	first, second, near := w.docOf[all[0].passage], 0.0, 0.0
	for _, c := range all {
		cosine := c.cosine
		if side := a.sides[w.passages[c.passage].script]; side != nil && side.e.Centre {
			cosine *= halved
		}
		near = max(near, cosine)
		if w.docOf[c.passage] != first {
			second = max(second, c.score)
		}
	}
	out["near"] = near
	if w.passages[all[0].passage].script != a.script {
		out["across"] = 1
	}
	out["document"] = w.documentHolds(a, first)
	out["margin"] = part(all[0].score-second, all[0].score)
	out["size"] = math.Log10(float64(len(w.passages))) / digits
	w.wordSigns(a, first, out)
	return out
}

// wordSigns adds what the words of either script say.
func (w *view) wordSigns(a ask, first uint32, out map[string]float64) {
	whole := w.termsOf(first)
	for s, name := range map[script]string{latin: "latin", han: "han"} {
		unknown := float64(a.unknown[s]) * rarity(0, len(w.passages))
		sum, held := unknown, 0.0
		for i, e := range a.terms {
			if a.of[i] != s {
				continue
			}
			sum += w.parts.idf(e.term)
			if whole[e.term] {
				held += w.parts.idf(e.term)
			}
		}
		if sum > 0 {
			out[name] = 1
		}
		out[name+" document"], out[name+" strange"] = part(held, sum), part(unknown, sum)
	}
}

// rarities is what all terms of a question are worth together, those of no passage among them.
func (w *view) rarities(a ask) float64 {
	sum := float64(a.unknown[latin]+a.unknown[han]) * rarity(0, len(w.passages))
	for _, e := range a.terms {
		sum += w.parts.idf(e.term)
	}
	return sum
}

// documentHolds is how much of a question, by rarity, a document holds in any of its passages.
func (w *view) documentHolds(a ask, document uint32) float64 {
	whole, sum := w.termsOf(document), 0.0
	for _, e := range a.terms {
		if whole[e.term] {
			sum += w.parts.idf(e.term)
		}
	}
	return part(sum, w.rarities(a))
}

// termsOf are the terms of all passages of a document.
func (w *view) termsOf(document uint32) map[term]bool {
	whole := map[term]bool{}
	for p := w.firstOf[document]; p < w.firstOf[document+1]; p++ {
		for _, e := range w.passages[p].terms {
			whole[e.term] = true
		}
	}
	return whole
}

// held is the rarity of the question's terms a passage holds.
func (w *view) held(a ask, terms []entry) float64 {
	sum := 0.0
	for _, e := range a.terms {
		if _, ok := slices.BinarySearchFunc(terms, e.term, func(x entry, t term) int { return int(x.term) - int(t) }); ok {
			sum += w.parts.idf(e.term)
		}
	}
	return sum
}
