package storms

import (
	"slices"
	"testing"
)

// TestSameSeedSameDay: a seed and its settings give the same day, to the last byte.
func TestSameSeedSameDay(t *testing.T) {
	text := func() string {
		day := NewDay(101, Settings{Overlap: true, Noise: 1, Stale: 0.1})
		var out []byte
		for _, l := range day.Lines {
			raw, err := l.JSON()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, raw...)
		}
		return string(out)
	}
	if text() != text() {
		t.Error("two makings of a day differ")
	}
}

// TestDaysAreWhatTheyClaim: background, incidents and faulty labels come in about the numbers promised.
func TestDaysAreWhatTheyClaim(t *testing.T) {
	kinds := map[string]int{}
	for seed := uint64(100); seed < 120; seed++ {
		day := NewDay(seed, Settings{Noise: 1, Overlap: seed%2 == 1})
		of := map[int]int{}
		for i, l := range day.Lines {
			if l.First {
				of[l.Incident]++
			}
			if i > 0 && l.At.Before(day.Lines[i-1].At.Time) {
				t.Fatalf("seed %d: line %s comes before the one before it", seed, l.ID)
			}
		}
		if want := 2000 * min(1, len(day.World.nodes())) * len(day.World.nodes()) / 70; of[0] < min(2000, want)*7/10 || of[0] > 2400 {
			t.Errorf("seed %d: %d alerts of noise in %s", seed, of[0], day.World.Name)
		}
		for _, in := range day.Incidents {
			kinds[in.Kind]++
			if of[in.Number] < 2 {
				t.Errorf("seed %d: the incident %s of %s has %d alerts", seed, in.Kind, in.At, of[in.Number])
			}
			if slices.Contains([]string{"partition", "standby_outage", "replication"}, in.Kind) && len(in.Plans) > 0 {
				t.Errorf("seed %d: %s is answered by %v", seed, in.Kind, in.Plans)
			}
		}
	}
	for _, k := range []string{"site_outage", "standby_outage", "partition", "host_down", "array_io", "db_crash", "disk_full", "bad_deploy", "replication", "certificate", "overload", "node_down"} {
		if kinds[k] < 4 {
			t.Errorf("%d incidents of kind %s in 20 days", kinds[k], k)
		}
	}
}
