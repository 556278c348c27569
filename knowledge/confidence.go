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

// scaleOf names the scale of a search: by its kind, by what decided, and by the model that the first
// passage was found with, since nearness is another thing to each. Questions in scripts without spaces have
// their own without a model too: their words lie elsewhere.
func (w *view) scaleOf(a ask, all []candidate) string {
	mode, model := Lexical, a.script
	if len(all) > 0 {
		if s := a.sides[w.passages[all[0].passage].script]; s != nil {
			mode, model = Hybrid, s.model
		}
	}
	name := string(a.kind) + " " + string(mode)
	if model == han {
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

// signs are what tells an answer from the nearest thing there is, each about from 0 to 1:
//
//	cosine    how near the nearest passage is in meaning
//	document  how much of the question, weighted by rarity, the first document holds
//	strange   how much of it no document at all holds
//	margin    how far the first document stands before the second
func (w *view) signs(a ask, all []candidate) map[string]float64 {
	out := map[string]float64{}
	if len(all) == 0 {
		return out
	}
	first, s := w.docOf[all[0].passage], w.passages[all[0].passage].script
	second := 0.0
	for _, c := range all {
		if w.passages[c.passage].script == s {
			out["cosine"] = max(out["cosine"], c.cosine)
		}
		if w.docOf[c.passage] != first {
			second = max(second, c.score)
		}
	}
	out["document"] = w.documentHolds(a, first)
	out["strange"] = w.strange(a, s)
	out["margin"] = part(all[0].score-second, all[0].score)
	return out
}

// strange is how much of a question, by rarity, stands in no passage: nothing is told of a thing nobody
// names. Chinese words count only where Chinese was found; names in Latin script stand in any text.
func (w *view) strange(a ask, found script) float64 {
	unknown := float64(a.unknown[latin])
	if found == han {
		unknown += float64(a.unknown[han])
	}
	unknown *= rarity(0, len(w.passages))
	sum := unknown
	for i, e := range a.terms {
		if a.of[i] == latin || found == han {
			sum += w.parts.idf(e.term)
		}
	}
	return part(unknown, sum)
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
	whole := map[term]bool{}
	for p := w.firstOf[document]; p < w.firstOf[document+1]; p++ {
		for _, e := range w.passages[p].terms {
			whole[e.term] = true
		}
	}
	sum := 0.0
	for _, e := range a.terms {
		if whole[e.term] {
			sum += w.parts.idf(e.term)
		}
	}
	return part(sum, w.rarities(a))
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
