package storms

import (
	"slices"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
)

// Settings that weights are fitted over: what an estate may be like.
func fitSettings() []Settings {
	return []Settings{{Noise: 1}, {Noise: 1, Overlap: true}, {Noise: 1, Stale: 0.1}, {Noise: 4}}
}

// Samples are the situations of some days for which there was a plan, with whether it was the right one.
func Samples(seed uint64, days int, w *alerts.Weights, clock dr.Clock) ([]Sample, error) {
	var out []Sample
	for _, s := range fitSettings() {
		_, _, err := Days(seed, days, s, w, clock, func(day *Day, found []Found) error {
			c := clusters{of: map[string]int{}}
			for _, f := range found {
				c.add(f.Lines)
			}
			owner, _ := day.match(c)
			for g, f := range found {
				if f.Candidate == "" {
					continue
				}
				right := owner[g] > 0 && slices.Contains(day.Incidents[owner[g]-1].Plans, f.Candidate)
				out = append(out, Sample{f.Features, right, day.Seed})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Reliability is how confidence and what was right go together over samples.
func Reliability(samples []Sample, p []float64) ([]Bin, float64) {
	t := Tally{}
	for i, s := range samples {
		b := &t.Bins[min(9, int(p[i]*10))]
		b.N++
		b.Said += p[i]
		if s.Right {
			b.Right++
		}
	}
	return t.reliability(), t.ECE()
}
