package knowledge

import (
	"cmp"
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
	Scales map[string]Scale `json:"scales"` // by kind and mode, such as "question hybrid"
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

// scaleOf finds the scale of a search. Questions in scripts without spaces have their own: their model and
// their words lie elsewhere.
func scaleOf(a ask, m Mode) Scale {
	name := string(a.kind) + " " + string(m)
	if HasCJK(a.text) {
		name += " cjk"
	}
	return calibration().Scales[name]
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

const (
	lookedAt = 3  // results whose words are counted
	around   = 50 // candidates that show how near everything is to such a question
)

// signs are what tells an answer from the nearest thing there is, each about from 0 to 1:
//
//	cosine    how near the nearest passage is in meaning
//	gap       how much nearer than what lies around it
//	coverage  how much of the question, weighted by rarity, one of the first passages holds
//	document  the same of the first document as a whole
//	words     BM25 of the best passage as a share of what it could be
//	named     whether a document carries the name that was searched for
func (w *view) signs(a ask, all []candidate) map[string]float64 {
	if len(all) == 0 {
		return map[string]float64{}
	}
	out := map[string]float64{}
	total, most := float64(a.unknown)*rarity(0, len(w.passages)), 0.0
	for _, e := range a.terms {
		total += w.parts.idf(e.term)
		most += w.parts.idf(e.term) * float64(e.tf) * (k1 + 1)
	}
	most += float64(a.unknown) * rarity(0, len(w.passages)) * (k1 + 1)
	var cosines []float64
	for _, c := range all {
		out["words"] = max(out["words"], part(c.words, most))
		cosines = append(cosines, c.cosine)
		if c.named {
			out["named"] = 1
		}
	}
	for _, c := range all[:min(lookedAt, len(all))] {
		out["coverage"] = max(out["coverage"], part(w.held(a, w.passages[c.passage].terms), total))
	}
	first := w.docOf[all[0].passage]
	whole := map[term]bool{}
	for p := w.firstOf[first]; p < w.firstOf[first+1]; p++ {
		for _, e := range w.passages[p].terms {
			whole[e.term] = true
		}
	}
	for _, e := range a.terms {
		if whole[e.term] {
			out["document"] += part(w.parts.idf(e.term), total)
		}
	}
	slices.SortFunc(cosines, func(x, y float64) int { return cmp.Compare(y, x) })
	mean := 0.0
	near := cosines[:min(around, len(cosines))]
	for _, c := range near {
		mean += c / float64(len(near))
	}
	out["cosine"], out["gap"] = cosines[0], cosines[0]-mean
	return out
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
