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

// TestSearchByWords holds what an index without any model reaches, across languages by the glossary.
func TestSearchByWords(t *testing.T) {
	x, _ := indexed(t)
	questions, _ := measure(t, x, cases(t, questionsFile), func(c Case) string { return languages(t, c) })
	alerts, _ := measure(t, x, cases(t, alertsFile), func(c Case) string { return "alert " + c.Variant })
	maps.Copy(questions, alerts)
	floors{
		"en→en":          {first: .55, five: .88, section: .62},
		"zh→zh":          {first: .72, five: .92, section: .70},
		"zh→en":          {first: .16, five: .66, section: .24},
		"en→zh":          {first: .26, five: .69, section: .48},
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
		"en→en":          {first: .66, five: .93, section: .72},
		"zh→zh":          {first: .74, five: .90, section: .68},
		"zh→en":          {first: .40, five: .83, section: .53},
		"en→zh":          {first: .30, five: .71, section: .40},
		"alert named":    {first: .97, five: .97},
		"alert nameless": {first: .76, five: .94},
	}.hold(t, reached)
	_, near := measure(t, x, cases(t, nearMissesFile), func(c Case) string { return "" })
	for lang, bound := range map[string]struct{ answered, unanswerable, sure float64 }{"en": {.10, .74, .15}, "zh": {.12, .60, .17}} {
		below := func(confidence float64) func(asked) bool {
			return func(a asked) bool { return a.confidence < confidence }
		}
		answered, not := shareOf(confidence, lang, true, asked.isRefused), shareOf(confidence, lang, false, asked.isRefused)
		sure := 1 - shareOf(confidence, lang, false, below(unsure))
		t.Logf("%s: tells answered from unanswered %.3f, refused %.3f of what is answered, %.3f of what is not, and %.3f of that is answered as if it were; of what is answered %.3f",
			lang, auroc(confidence, lang), answered, not, sure, 1-shareOf(confidence, lang, true, below(unsure)))
		t.Logf("%s: refused %.3f of the near misses, and %.3f of them are answered as if it were", lang,
			shareOf(near, lang, false, asked.isRefused), 1-shareOf(near, lang, false, below(unsure)))
		if answered > bound.answered || not < bound.unanswerable || sure > bound.sure {
			t.Errorf("%s: refuses more than %.2f of what is answered, or less than %.2f of what is not, or is sure of more than %.2f of that",
				lang, bound.answered, bound.unanswerable, bound.sure)
		}
	}
}

// unsure is the confidence below which an answer says that it is not sure.
const unsure = 0.6

// shareOf is the share of the answerable, or of the other, cases of a language that something is true of.
func shareOf(all []asked, lang string, answerable bool, is func(asked) bool) float64 {
	yes, n := 0, 0
	for _, a := range all {
		if a.Lang == lang && a.Answerable == answerable {
			n++
			if is(a) {
				yes++
			}
		}
	}
	return share(yes, n)
}

func (a asked) isRefused() bool { return a.refused }

// auroc is how often an answerable question of a language has more confidence than one nobody can answer.
func auroc(all []asked, lang string) float64 {
	var scores [2][]float64
	for _, a := range all {
		if a.Lang != lang {
			continue
		}
		scores[side(row{answered: a.Answerable})] = append(scores[side(row{answered: a.Answerable})], a.confidence)
	}
	return areaOf(scores[1], scores[0])
}
