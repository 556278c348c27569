package storms

import (
	"math"
	"slices"

	"github.com/switchman-dr/switchman/alerts"
)

// Sample is one situation a plan could be the answer to, and whether it was.
type Sample struct {
	Features alerts.Features
	Right    bool
	Seed     uint64 // of its day
}

// Fit finds the weights of the logistic formula that make the samples likeliest. penalty keeps weights
// small, so that a handful of days cannot make one feature decide everything. It is Newton's method on
// scaled features, so the result does not depend on a rate of learning or on chance.
func Fit(samples []Sample, penalty float64) alerts.Weights {
	names := alerts.FeatureNames()
	n := len(names)
	mean, scale := make([]float64, n), make([]float64, n)
	for _, s := range samples {
		for i, v := range s.Features.Vector() {
			mean[i] += v / float64(len(samples))
		}
	}
	for _, s := range samples {
		for i, v := range s.Features.Vector() {
			scale[i] += (v - mean[i]) * (v - mean[i]) / float64(len(samples))
		}
	}
	for i := range scale {
		scale[i] = math.Max(1e-6, math.Sqrt(scale[i]))
	}
	used := make([]bool, n)
	for i := range used {
		used[i] = !slices.Contains(unfitted, names[i])
	}
	w := newton(samples, mean, scale, penalty, used)
	for {
		worst, most := -1, 0.
		for i := range used {
			wrong := w[i]
			if !doubt(names[i]) {
				wrong = -w[i]
			}
			if used[i] && wrong > most {
				worst, most = i, wrong
			}
		}
		if worst < 0 {
			break
		}
		used[worst] = false
		w = newton(samples, mean, scale, penalty, used)
	}
	out := alerts.Weights{Bias: w[n], Of: map[string]float64{}}
	for i, name := range names {
		out.Of[name] = digits(w[i] / scale[i])
		out.Bias -= w[i] * mean[i] / scale[i]
	}
	out.Bias = digits(out.Bias)
	return out
}

// unfitted are features no weight is given: how much there is of everything grows for as long as an incident
// lasts, and advice is wanted in its first minute.
var unfitted = []string{"signals", "surprise", "units", "proven", "left"}

// doubt says whether more of a feature can only speak against a plan; of all others it can only speak for it. A
// weight with the other sign would lie in a few odd days, and people would rightly not understand it.
func doubt(name string) bool {
	return slices.Contains([]string{"change", "load", "left", "weak"}, name)
}

// Crossed gives each sample the confidence of weights that were fitted without its day: samples are parted by
// the seeds of their days. always are in every fit.
func Crossed(samples, always []Sample, parts uint64, penalty float64) []float64 {
	out := make([]float64, len(samples))
	for part := range parts {
		rest := slices.Clone(always)
		for _, s := range samples {
			if s.Seed%parts != part {
				rest = append(rest, s)
			}
		}
		w := Fit(rest, penalty)
		for i, s := range samples {
			if s.Seed%parts == part {
				out[i] = w.P(s.Features)
			}
		}
	}
	return out
}

// newton gives the weights of the scaled features in use and, last, the bias.
func newton(samples []Sample, mean, scale []float64, penalty float64, used []bool) []float64 {
	n := len(mean)
	w := make([]float64, n+1)
	for range 50 {
		slope, bend := make([]float64, n+1), make([][]float64, n+1)
		for i := range bend {
			bend[i] = make([]float64, n+1)
		}
		for _, s := range samples {
			x := make([]float64, n+1)
			for i, v := range s.Features.Vector() {
				if used[i] {
					x[i] = (v - mean[i]) / scale[i]
				}
			}
			x[n] = 1
			var z, y float64
			for i := range x {
				z += w[i] * x[i]
			}
			if s.Right {
				y = 1
			}
			p := 1 / (1 + math.Exp(-z))
			for i := range x {
				slope[i] += (y - p) * x[i]
				for j := range x {
					bend[i][j] += p * (1 - p) * x[i] * x[j]
				}
			}
		}
		for i := range n {
			slope[i] -= penalty * w[i]
			bend[i][i] += penalty
		}
		bend[n][n] += 1e-6
		var moved float64
		for i, d := range solve(bend, slope) {
			w[i] += math.Max(-2, math.Min(2, d))
			moved += math.Abs(d)
		}
		if moved < 1e-9 {
			break
		}
	}
	return w
}

// solve finds x with a·x = b by elimination; a is changed.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for i := range n {
		best := i
		for j := i + 1; j < n; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[best][i]) {
				best = j
			}
		}
		a[i], a[best], b[i], b[best] = a[best], a[i], b[best], b[i]
		for j := i + 1; j < n; j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < n; k++ {
				a[j][k] -= f * a[i][k]
			}
			b[j] -= f * b[i]
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = b[i]
		for k := i + 1; k < n; k++ {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x
}
