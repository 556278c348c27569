//go:build !race

package evals

import (
	"maps"
	"slices"
	"testing"
)

// floors are what each group must reach: what it had when it was last measured, less about two
// standard errors. A change that goes below one has made the search worse.
type floors map[string]struct{ first, five, section float64 }

// TestSearchByWords holds what an index without any model reaches. Words cannot cross from one language
// to the other, so those groups are not here.
func TestSearchByWords(t *testing.T) {
	x, _ := indexed(t)
	questions, _ := measure(t, x, cases(t, questionsFile), func(c Case) string { return languages(t, c) })
	alerts, _ := measure(t, x, cases(t, alertsFile), func(c Case) string { return "alert " + c.Variant })
	maps.Copy(questions, alerts)
	floors{
		"en→en":          {first: .55, five: .88, section: .62},
		"zh→zh":          {first: .70, five: .92, section: .69},
		"alert named":    {first: .95, five: .97},
		"alert nameless": {first: .76, five: .94},
	}.hold(t, questions)
}

// hold compares what was reached with the floors and tells every figure.
func (f floors) hold(t *testing.T, reached map[string]*figure) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(reached)) {
		r, least := reached[name], f[name]
		first, five, section := share(r.first, r.cases), share(r.five, r.cases), share(r.sectionHit, r.sections)
		t.Logf("%-14s %3d cases: first %.3f, among five %.3f, section %.3f", name, r.cases, first, five, section)
		if first < least.first || five < least.five || section < least.section {
			t.Errorf("%s fell below first %.2f, among five %.2f, section %.2f", name, least.first, least.five, least.section)
		}
	}
	for name := range f {
		if reached[name] == nil {
			t.Errorf("there are no cases of %s", name)
		}
	}
}

func share(part, whole int) float64 { return float64(part) / float64(max(1, whole)) }

// TestSearchWithModels holds what the same index reaches with the built-in encoders, and how well its
// confidence tells what is answered from what is not.
func TestSearchWithModels(t *testing.T) {
	x := withModels(t)
	reached, confidence := measure(t, x, cases(t, questionsFile, unanswerableFile), func(c Case) string { return languages(t, c) })
	alerts, _ := measure(t, x, cases(t, alertsFile), func(c Case) string { return "alert " + c.Variant })
	maps.Copy(reached, alerts)
	floors{
		"en→en":          {first: .68, five: .93, section: .70},
		"zh→zh":          {first: .70, five: .93, section: .60},
		"zh→en":          {first: .20, five: .63, section: .38},
		"en→zh":          {first: .17, five: .62, section: .21},
		"alert named":    {first: .95, five: .97},
		"alert nameless": {first: .72, five: .92},
	}.hold(t, reached)
	t.Logf("answered from unanswered: %.3f", auroc(confidence))
	for lang, bound := range map[string]struct{ answered, unanswerable float64 }{"en": {.33, .80}, "zh": {.15, .30}} {
		answered, not := refusedOf(confidence, lang, true), refusedOf(confidence, lang, false)
		t.Logf("%s: refused %.3f of what is answered, %.3f of what is not", lang, answered, not)
		if answered > bound.answered || not < bound.unanswerable {
			t.Errorf("%s: refuses more than %.2f of what is answered, or less than %.2f of what is not", lang, bound.answered, bound.unanswerable)
		}
	}
}

// refusedOf is the share of the answerable, or of the other, cases of a language that were refused.
func refusedOf(all []asked, lang string, answerable bool) float64 {
	refused, n := 0, 0
	for _, a := range all {
		if a.Lang == lang && a.Answerable == answerable {
			n++
			if a.refused {
				refused++
			}
		}
	}
	return share(refused, n)
}

// auroc is how often an answerable question has more confidence than one nobody can answer.
func auroc(all []asked) float64 {
	var scores [2][]float64
	for _, a := range all {
		scores[side(row{answered: a.Answerable})] = append(scores[side(row{answered: a.Answerable})], a.confidence)
	}
	return areaOf(scores[1], scores[0])
}
