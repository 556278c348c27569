package alerts

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

//go:embed weights.json
var shippedWeights []byte

// Shipped are the weights that come with the program; a test reads them.
func Shipped() *Weights {
	w, err := ReadWeights(shippedWeights)
	if err != nil {
		return &Weights{Bias: -10} // believes nothing
	}
	return w
}

// Weights turn features of a situation into the probability that its plan is right. They are fitted by
// evals/storms and shipped as weights.json.
type Weights struct {
	Bias float64            `json:"bias"`
	Of   map[string]float64 `json:"of"`
}

// Features are what confidence rests on.
type Features struct {
	Recall   float64 `json:"recall"`   // of what should show the fault, how much does
	Signals  float64 `json:"signals"`  // ln(1+n) of everything that belongs to it
	Hard     float64 `json:"hard"`     // ln(1+n) of signals that something does not work
	Kinds    float64 `json:"kinds"`    // ln(1+n) of different alert names at its core
	Margin   float64 `json:"margin"`   // 1 - score of the runner-up over its own
	Surprise float64 `json:"surprise"` // ln(1+sum) of how rare its signals are otherwise
	Rarity   float64 `json:"rarity"`   // the same per signal
	Share    float64 `json:"share"`    // of its signals, how many the fault explains
	Units    float64 `json:"units"`    // ln(1+n) of things that should show the fault and do
	Gain     float64 `json:"gain"`     // ln(1+nats) of how surprising so many signs at once are
	Proven   float64 `json:"proven"`   // 1 where the fault was found among others, 0 where one signal only says so
	Change   float64 `json:"change"`   // 1 where a change is blamed, which there are many of
	Load     float64 `json:"load"`     // 1 where it is overload, which looks like many other things
	Force    float64 `json:"force"`    // ln(1+score) of what speaks for it, rare signs more than frequent ones
	Burst    float64 `json:"burst"`    // ln(1+nats) of how surprising so much trouble is where the fault would show
	Felt     float64 `json:"felt"`     // 1 where customers notice what the fault would have them notice
	Direct   float64 `json:"direct"`   // how directly the plan is the answer: 1 where it names the very thing
	Left     float64 `json:"left"`     // 1 where systems fall as well that the plan does not move
	Weak     float64 `json:"weak"`     // 1 where nothing says that what the plan moves falls with what broke
}

// FeatureNames lists the features in the order of [Features.Vector].
func FeatureNames() []string {
	return []string{"recall", "signals", "hard", "kinds", "margin", "surprise", "rarity", "share", "units", "gain", "proven", "change", "load", "force", "burst", "felt", "direct", "left", "weak"}
}

// Vector gives the features in the order of [FeatureNames].
func (f Features) Vector() []float64 {
	return []float64{f.Recall, f.Signals, f.Hard, f.Kinds, f.Margin, f.Surprise, f.Rarity, f.Share, f.Units, f.Gain, f.Proven, f.Change, f.Load, f.Force, f.Burst, f.Felt, f.Direct, f.Left, f.Weak}
}

// ReadWeights reads weights.json; a feature nobody knows is an error.
func ReadWeights(raw []byte) (*Weights, error) {
	var w Weights
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("reading the weights of confidence: %w", err)
	}
	for name := range w.Of {
		if !slices.Contains(FeatureNames(), name) {
			return nil, fmt.Errorf("the weights of confidence name %q, which is no feature", name)
		}
	}
	return &w, nil
}

// P is the probability, by the logistic formula.
func (w *Weights) P(f Features) float64 {
	sum := w.Bias
	for i, name := range FeatureNames() {
		sum += w.Of[name] * f.Vector()[i]
	}
	return 1 / (1 + math.Exp(-sum))
}
