//go:build !race

package evals

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/knowledge"
)

// A row is one search with what spoke for it, and whether the runbooks answer.
type row struct {
	id       string // of the question; it may have been asked of several indexes
	library  string // it was asked of
	group    string
	signs    map[string]float64
	answered bool
	first    bool // a right document came first
}

const (
	folds  = 5
	draws  = 4
	pull   = 0.001 // of the weights towards zero, which keeps few cases from making large ones
	rounds = 30    // of Newton's method; it stands still long before
)

// fit finds the logistic function that tells answered rows from others: each library counts alike, and in it
// both kinds, however many there are of each.
func fit(rows []row, signs []string) (bias float64, weights []float64) {
	count := countsOf(rows)
	at := make([]float64, len(signs)+1)
	for range rounds {
		slope, bend := make([]float64, len(at)), make([][]float64, len(at))
		for i := range bend {
			bend[i] = make([]float64, len(at))
		}
		for _, r := range rows {
			x := append([]float64{1}, values(r, signs)...)
			p, weight := logistic(at, x), count.weight(r)
			for i := range x {
				slope[i] += weight * (p - float64(side(r))) * x[i]
				for j := range x {
					bend[i][j] += weight * p * (1 - p) * x[i] * x[j]
				}
			}
		}
		for i := 1; i < len(at); i++ {
			slope[i] += pull * at[i]
			bend[i][i] += pull
		}
		for i, step := range solve(bend, slope) {
			at[i] -= step
		}
	}
	return at[0], at[1:]
}

// counts are the rows of each library and kind, and the libraries there are of a kind.
type counts struct {
	rows      map[string]*[2]float64
	libraries [2]float64
}

func countsOf(rows []row) counts {
	c := counts{rows: map[string]*[2]float64{}}
	for _, r := range rows {
		if c.rows[r.library] == nil {
			c.rows[r.library] = &[2]float64{}
		}
		n := &c.rows[r.library][side(r)]
		if *n == 0 {
			c.libraries[side(r)]++
		}
		*n++
	}
	return c
}

// weight is what a row counts; those of either kind count a half together.
func (c counts) weight(r row) float64 {
	return 0.5 / c.libraries[side(r)] / c.rows[r.library][side(r)]
}

func side(r row) int {
	if r.answered {
		return 1
	}
	return 0
}

func values(r row, signs []string) []float64 {
	out := make([]float64, len(signs))
	for i, s := range signs {
		out[i] = r.signs[s]
	}
	return out
}

func logistic(at, x []float64) float64 {
	z := 0.0
	for i := range x {
		z += at[i] * x[i]
	}
	return 1 / (1 + math.Exp(-z))
}

// solve finds x with a·x = b by elimination. a is changed.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for i := range n {
		top := i
		for j := i; j < n; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[top][i]) {
				top = j
			}
		}
		a[i], a[top], b[i], b[top] = a[top], a[i], b[top], b[i]
		for j := range n {
			if f := a[j][i] / a[i][i]; j != i {
				for k := i; k < n; k++ {
					a[j][k] -= f * a[i][k]
				}
				b[j] -= f * b[i]
			}
		}
	}
	for i := range b {
		b[i] /= a[i][i]
	}
	return b
}

// leftOut gives every row the score of functions that were fitted without its question: over five folds,
// each with its part of every group, drawn four times.
func leftOut(rows []row, signs []string) []float64 {
	out := make([]float64, len(rows))
	for d := range draws {
		fold := foldsOf(rows, rand.New(rand.NewPCG(uint64(d), 1)))
		for f := range folds {
			var kept []row
			for _, r := range rows {
				if fold[r.id] != f {
					kept = append(kept, r)
				}
			}
			bias, weights := fit(kept, signs)
			at := append([]float64{bias}, weights...)
			for i, r := range rows {
				if fold[r.id] == f {
					out[i] += logistic(at, append([]float64{1}, values(r, signs)...)) / draws
				}
			}
		}
	}
	return out
}

// foldsOf deals the questions out, group by group.
func foldsOf(rows []row, draw *rand.Rand) map[string]int {
	byGroup, fold := map[string][]string{}, map[string]int{}
	for _, r := range rows {
		if _, dealt := fold[r.id]; !dealt {
			fold[r.id] = 0
			byGroup[r.group] = append(byGroup[r.group], r.id)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(byGroup)) {
		members, first := byGroup[g], draw.IntN(folds)
		draw.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for at, id := range members {
			fold[id] = (first + at) % folds
		}
	}
	return fold
}

// A threshold is a matter of what errors cost. Below it the nearest three passages are still shown, and little
// above it an answer says that it is not sure; so an answer where there is none is taken to cost three refusals
// of what is answered. The nearest runbook to an alert is often about something akin, and a glance tells: half
// of that. The other matter is how many ask in vain, which confidence leaves out.
func policy(scale string) (wrongCosts, inVain float64) {
	if strings.HasPrefix(scale, "alert") {
		return 1.5, 1. / 6
	}
	return 3, 1. / 4
}

// around evens out what single cases do to the cost of a threshold.
const around = 0.04

// threshold is the confidence from which on answering costs least, by rows that had no part in the fit.
func threshold(rows []row, scores []float64, wrongCosts, inVain float64) float64 {
	count, best, least := countsOf(rows), 0.0, math.Inf(1)
	for t := 0.2; t < 0.7; t += 0.01 {
		cost := 0.0
		for i, r := range rows {
			refused := min(1, max(0, (t+around-scores[i])/(2*around)))
			if r.answered {
				cost += 2 * count.weight(r) * (1 - inVain) * refused
			} else {
				cost += 2 * count.weight(r) * inVain * wrongCosts * (1 - refused)
			}
		}
		if cost < least {
			best, least = t, cost
		}
	}
	return round(best, 2)
}

// scale fits one, and tells how far it can be trusted by rows that had no part in it.
func scale(rows []row, signs []string, wrongCosts, inVain float64) (knowledge.Scale, []float64) {
	scores := leftOut(rows, signs)
	var yes, no []float64
	for i, r := range rows {
		if r.answered {
			yes = append(yes, scores[i])
		} else {
			no = append(no, scores[i])
		}
	}
	bias, weights := fit(rows, signs)
	s := knowledge.Scale{Bias: round(bias, 3), Weights: map[string]float64{}, Cases: len(rows), Abstain: threshold(rows, scores, wrongCosts, inVain)}
	for i, name := range signs {
		s.Weights[name] = round(weights[i], 3)
	}
	area := areaOf(yes, no)
	s.AUROC, s.Spread = round(area, 3), round(spread(area, len(yes), len(no)), 3)
	return s, scores
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// areaOf is how often an answered row scores higher than another.
func areaOf(yes, no []float64) float64 {
	won := 0.0
	for _, a := range yes {
		for _, b := range no {
			won += float64(cmp.Compare(a, b)+1) / 2
		}
	}
	return won / float64(len(yes)*len(no))
}

// spread is the standard error of such an area (Hanley and McNeil).
func spread(area float64, yes, no int) float64 {
	a, b := area/(2-area), 2*area*area/(1+area)
	return math.Sqrt((area*(1-area) + float64(yes-1)*(a-area*area) + float64(no-1)*(b-area*area)) / float64(yes*no))
}

// TestFit finds a function again that made the cases.
func TestFit(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	var rows []row
	for i := range 4000 {
		r := row{id: strconv.Itoa(i), group: "all", signs: map[string]float64{"a": draw.Float64(), "b": draw.Float64(), "noise": draw.Float64()}}
		r.answered = draw.Float64() < logistic([]float64{-1, 6, -4}, []float64{1, r.signs["a"], r.signs["b"]})
		rows = append(rows, r)
	}
	s, _ := scale(rows, []string{"a", "b", "noise"}, 3, 1./4)
	if math.Abs(s.Weights["a"]-6) > 1 || math.Abs(s.Weights["b"]+4) > 1 || math.Abs(s.Weights["noise"]) > 1 || s.AUROC < 0.8 {
		t.Errorf("fitted %+v", s)
	}
}
