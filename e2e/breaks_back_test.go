//go:build !race

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
)

// TestTheLostSiteIsBack: the site dies, the databases are made primaries at the other one, and the power comes back. What
// the bank's monitoring says then, that nothing is copied, is told as what the move left behind, and as no cut link; and
// nothing is recommended any more.
func TestTheLostSiteIsBack(t *testing.T) {
	estate, files := servedBank(t)
	heard := listenTo(t, estate)
	if err := estate.Break(t.Context(), demo.KillSite); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the site is said to be down", func() bool { return heard.firing("TargetDown") >= 39 })
	var moved []dr.Signal
	for _, system := range []string{"identity", "ledger", "payments"} {
		if out, code := estate.Command(t.Context(), system+"-db-w1", "promote", "--force"); code != 0 {
			t.Fatal(out)
		}
		moved = append(moved, alerts.Moved(system, "west", "east", dr.At(time.Now())))
	}
	moved = append(moved, alerts.Moved("channels", "west", "east", dr.At(time.Now())))
	if err := estate.Mend(t.Context(), demo.KillSite); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the machines are back, and nothing is copied", func() bool { return heard.firing("TargetDown") == 0 && heard.firing("ReplicationBroken") >= 3 })
	topology, plans, options := app.Watching(files)
	options.Probes, options.QuietMS = nil, 20_000 // as in the demo; looks are tried elsewhere
	engine := alerts.New(topology, plans, nil, options)
	heard.mu.Lock()
	signals := append(slices.Clone(heard.signals), moved...)
	heard.mu.Unlock()
	slices.SortStableFunc(signals, func(a, b dr.Signal) int { return a.At.Compare(b.At.Time) })
	for _, s := range signals {
		engine.Take(s)
	}
	for range 12 {
		engine.Advance(signals[len(signals)-1].At.Plus(5_000))
		signals[len(signals)-1].At = signals[len(signals)-1].At.Plus(5_000)
	}
	told := 0
	for _, s := range engine.Situations() {
		switch {
		case s.State == "closed":
		case s.Entity.String() == "site/east" && s.Fault == dr.FaultUnprotected && s.Firing == 3 && s.Advice.Verdict == dr.NoneFits && s.Advice.Headline.Args["plan"] == "bank-switchback":
			told++
		default:
			t.Errorf("%s %s %s, %d fire: %s %s %v", s.State, s.Entity, s.Fault, s.Firing, s.Advice.Verdict, s.Advice.Plan, s.Advice.Headline)
		}
	}
	if told != 1 {
		t.Errorf("what was left behind is told %d times", told)
	}
}
