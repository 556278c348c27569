package storms

import (
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
)

var fit = flag.Bool("fit", false, "fit alerts/weights.json again")

// TestFitFindsWhatMadeTheSamples: samples drawn by known weights give these back.
func TestFitFindsWhatMadeTheSamples(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 1))
	made := alerts.Weights{Bias: -4, Of: map[string]float64{"recall": 5, "kinds": 1}}
	var samples []Sample
	for range 20_000 {
		f := alerts.Features{Recall: draw.Float64(), Kinds: 3 * draw.Float64(), Share: draw.Float64(), Hard: draw.NormFloat64()}
		samples = append(samples, Sample{Features: f, Right: draw.Float64() < made.P(f)})
	}
	got := Fit(samples, 1)
	for name, want := range map[string]float64{"recall": 5, "kinds": 1, "share": 0, "hard": 0} {
		if math.Abs(got.Of[name]-want) > 0.25 {
			t.Errorf("%s: %v, want %v", name, got.Of[name], want)
		}
	}
	if math.Abs(got.Bias+4) > 0.3 {
		t.Errorf("bias %v, want -4", got.Bias)
	}
}

// TestFitOfNothing: neither no samples nor only right ones make it run away.
func TestFitOfNothing(t *testing.T) {
	for _, samples := range [][]Sample{nil, {{Right: true}, {Right: true, Features: alerts.Features{Recall: 1}}}} {
		w := Fit(samples, 1)
		if p := w.P(alerts.Features{Recall: 1}); math.IsNaN(p) {
			t.Errorf("%d samples: confidence is no number", len(samples))
		}
	}
}

// TestShippedWeights fits the weights that come with the program again when asked to, on days to tune with and
// on the short stories, and shows what such weights are worth on days they were not fitted on:
//
//	go test ./evals/storms -run ShippedWeights -fit -v -timeout 30m
func TestShippedWeights(t *testing.T) {
	const file = "../../alerts/weights.json"
	if *fit {
		raw, err := json.MarshalIndent(fitted(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := alerts.ReadWeights(raw)
	if err != nil {
		t.Fatal(err)
	}
	sure := alerts.Features{Recall: 1, Hard: 3, Kinds: 1.5, Margin: 1, Rarity: 1, Share: 1, Gain: 3, Force: 2, Burst: 4, Felt: 1, Direct: 1}
	if p := w.P(sure); p < 0.9 {
		t.Errorf("a fault that shows everywhere has confidence %.2f", p)
	}
	if p := w.P(alerts.Features{Recall: 0.5, Hard: 0.7, Kinds: 0.7, Direct: 1, Share: 1}); p > 0.5 {
		t.Errorf("one alert has confidence %.2f", p)
	}
}

// fitted are weights of forty days in four settings. The short stories count thirty times: they are few, and what
// they tell is what people see first.
func fitted(t *testing.T) alerts.Weights {
	t.Helper()
	const penalty = 1
	clock := dr.Clock{Now: func() time.Time { return time.Time{} }}
	var days, always []Sample
	for _, seed := range []uint64{100, 300} {
		some, err := Samples(seed, 20, nil, clock)
		if err != nil {
			t.Fatal(err)
		}
		days = append(days, some...)
	}
	for range 30 {
		always = append(always, shortSamples(t)...)
	}
	p := Crossed(days, always, 5, penalty)
	bins, ece := Reliability(days, p)
	t.Logf("%d situations, each with weights fitted on other days; calibration error %.3f", len(days), ece)
	for i, b := range bins {
		t.Logf("%.1f to %.1f: %4d situations, said %.3f, right %.3f", float64(i)/10, float64(i+1)/10, b.N, b.Said, b.Right)
	}
	return Fit(append(days, always...), penalty)
}
