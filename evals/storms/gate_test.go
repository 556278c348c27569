//go:build !race

package storms

import (
	"os"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// floors are what a number of days must reach at least.
type floors struct {
	f1, scope         float64
	precision, recall float64
	falsePerDay, ece  float64
	merged            float64 // share of the incidents, at most
}

// gate is one setting, on a few days in every run of the tests and on many with SWITCHMAN_SOAK=1. The many
// are days nobody tuned with, and noisy ones take ten times as long as quiet ones.
type gate struct {
	name string
	Settings
	days, soak  int
	least, many floors
}

func gates() []gate {
	return []gate{
		{"quiet", Settings{Noise: 1}, 3, 40, floors{f1: 0.9, scope: 0.9, precision: 0.98, recall: 0.6, ece: 0.2, falsePerDay: 0, merged: 0.05},
			floors{f1: 0.9, scope: 0.92, precision: 0.93, recall: 0.8, ece: 0.12, falsePerDay: 0.15, merged: 0.02}},
		{"overlapping", Settings{Noise: 1, Overlap: true}, 3, 20, floors{f1: 0.83, scope: 0.8, precision: 0.98, recall: 0.6, ece: 0.3, falsePerDay: 0, merged: 0.2},
			floors{f1: 0.87, scope: 0.88, precision: 0.95, recall: 0.65, ece: 0.12, falsePerDay: 0.2, merged: 0.08}},
		{"ten times the noise", Settings{Noise: 10}, 1, 10, floors{f1: 0.66, scope: 0.8, ece: 0.5, falsePerDay: 1, merged: 0.1}, floors{f1: 0.68, scope: 0.8, precision: 0.6, recall: 0.4, ece: 0.45, falsePerDay: 0.8, merged: 0.05}},
		{"a tenth of the topology stale", Settings{Noise: 1, Stale: 0.1}, 2, 10, floors{f1: 0.83, scope: 0.7, ece: 0.5, falsePerDay: 1, merged: 0.2},
			floors{f1: 0.88, scope: 0.85, precision: 0.9, recall: 0.7, ece: 0.15, falsePerDay: 0.2, merged: 0.05}},
		{"three tenths of the topology stale", Settings{Noise: 1, Stale: 0.3}, 2, 10, floors{f1: 0.83, scope: 0.75, ece: 0.5, falsePerDay: 1, merged: 0.2}, floors{f1: 0.83, scope: 0.75, precision: 0.85, recall: 0.55, ece: 0.25, falsePerDay: 0.4, merged: 0.08}},
	}
}

// TestStorms: what situations and advice are worth does not get less. Whatever the setting, no plan is
// recommended where only the link between sites is cut.
func TestStorms(t *testing.T) {
	clock := dr.Clock{Now: func() time.Time { return time.Time{} }}
	for _, g := range gates() {
		seed, days, least := uint64(100), g.days, g.least
		if os.Getenv("SWITCHMAN_SOAK") != "" {
			seed, days, least = 7000, g.soak, g.many
		}
		t.Run(g.name, func(t *testing.T) {
			r, tally, err := Days(seed, days, g.Settings, nil, clock, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d days, %d incidents: F1 %.3f (P %.3f R %.3f; grouping by name %.3f), merged %d, scope %.3f, recommended %d, precision %.3f, recall %.3f of %d, %.2f false a day, ECE %.3f, on %d partitions %d",
				r.Days, r.Incidents, r.B3.F1, r.B3.P, r.B3.R, r.Baselines["alertmanager"].F1, r.Merged, r.Scope, r.Recommended, r.Precision, r.Recall, r.WithPlan, r.FalsePerDay, r.ECE, r.Partitions, r.OnPartition)
			if !least.reached(t, r) {
				for _, text := range tally.Wrong {
					t.Log(text)
				}
			}
		})
	}
}

func (f floors) reached(t *testing.T, r Report) bool {
	t.Helper()
	for _, x := range []struct {
		what        string
		got, floor  float64
		lessIsWorse bool
	}{
		{"B-cubed F1", r.B3.F1, f.f1, true}, {"scope right", r.Scope, f.scope, true}, {"precision of plans", r.Precision, f.precision, r.Recommended > 0}, {"recall of plans", r.Recall, f.recall, true},
		{"false plans a day", r.FalsePerDay, f.falsePerDay, false}, {"calibration error", r.ECE, f.ece, false},
		{"share of incidents merged", float64(r.Merged) / float64(max(1, r.Incidents)), f.merged, false}, {"plans on partitions", float64(r.OnPartition), 0, false},
	} {
		if x.lessIsWorse && x.got < x.floor || !x.lessIsWorse && x.got > x.floor {
			t.Errorf("%s: %.3f, want %.3f", x.what, x.got, x.floor)
		}
	}
	return !t.Failed()
}
