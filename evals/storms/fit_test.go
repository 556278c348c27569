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
		samples = append(samples, Sample{f, draw.Float64() < made.P(f)})
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

// TestShippedWeights fits the weights that come with the program again when asked to, on the first half of
// the days to tune with, and shows on the second half what they are worth:
//
//	go test ./evals/storms -run ShippedWeights -fit -v
func TestShippedWeights(t *testing.T) {
	const file = "../../alerts/weights.json"
	clock := dr.Clock{Now: func() time.Time { return time.Time{} }}
	if *fit {
		first, err := Samples(100, 10, nil, clock)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Samples(110, 10, nil, clock)
		if err != nil {
			t.Fatal(err)
		}
		w := Fit(first, 1)
		raw, err := json.MarshalIndent(w, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		bins, ece := Reliability(second, &w)
		t.Logf("%d situations to fit, %d to report; calibration error %.3f", len(first), len(second), ece)
		for i, b := range bins {
			t.Logf("%.1f to %.1f: %4d situations, said %.3f, right %.3f", float64(i)/10, float64(i+1)/10, b.N, b.Said, b.Right)
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
	if sure := w.P(alerts.Features{Recall: 1, Signals: 4, Hard: 3, Kinds: 1.5, Margin: 1, Surprise: 3, Rarity: 1, Share: 1}); sure < 0.9 {
		t.Errorf("a fault that shows everywhere has confidence %.2f", sure)
	}
	if faint := w.P(alerts.Features{Recall: 0.5, Signals: 0.7, Hard: 0.7, Kinds: 0.7}); faint > 0.5 {
		t.Errorf("one alert has confidence %.2f", faint)
	}
}
