package storms

import (
	"math/rand/v2"
	"testing"
)

// TestWorldsAreOrganisations: every world is read without a mistake, as it is and when its files are stale.
func TestWorldsAreOrganisations(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			for _, share := range []float64{0, 0.1, 0.3} {
				told := w.stale(share, rand.New(rand.NewPCG(1, 2)))
				c, err := told.load()
				if err != nil {
					t.Fatalf("%.0f %% stale: %v", 100*share, err)
				}
				if got := len(c.Plans()); got != len(w.Plans) {
					t.Errorf("%d plans, %d were written", got, len(w.Plans))
				}
				for _, p := range c.Plans() {
					for _, q := range w.Plans {
						if q.ID == p.ID && (p.From != q.From || p.To != q.To) {
							t.Errorf("%s leads from %s to %s, not from %s to %s", p.ID, p.From, p.To, q.From, q.To)
						}
					}
				}
			}
			at := map[string]int{}
			for _, n := range w.nodes() {
				at[n.Site]++
			}
			t.Log(at, len(w.Org.Hosts), "hosts", len(w.Org.Arrays), "arrays", len(w.Org.Systems), "systems")
		})
	}
}
