package storms

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

// short are stories told in their first minute, when three or four alerts are all there is. Generated days show
// how incidents end; by these a fit learns that few but telling alerts must be enough, and which are not.
type short struct {
	alerts []string // name, severity, labels
	change string   // what was released five minutes before, if anything
	right  string   // plan; empty: none
}

// shorts are told of each system of the sample bank that keeps books. DB, STANDBY and APP stand for its machines.
func shorts() []short {
	down, probe, wrong := "PostgresqlDown critical instance=DB:9187", "ProbeFailed critical target=DB", "HighErrorRate warning instance=APP1:8080"
	target := "TargetDown critical node=DB system=SYSTEM site=east"
	complaint := "ProbeFailed critical system=channels site=east probe=can-transfer"
	copying := "ReplicationBroken critical node=STANDBY asks=replicating system=SYSTEM site=west"
	refused := "DatabaseConnectionErrors critical instance=APP2"
	move := "SYSTEM-failover"
	return []short{
		{[]string{down, probe, wrong}, "", move}, {[]string{down, wrong, refused}, "", move}, {[]string{down, probe, wrong, "HighErrorRate warning instance=APP2:8080"}, "", move},
		{[]string{complaint, target, copying}, "", move}, {[]string{target, copying, complaint}, "", move}, {[]string{copying, complaint, target}, "", move},
		{[]string{complaint, down, wrong}, "", move}, {[]string{down, complaint, refused, wrong}, "", move}, {[]string{wrong, complaint, down}, "", move},
		{[]string{"FrontDoorErrors critical node=channels-frontdoor-e1", "FrontDoorErrors critical node=channels-frontdoor-e2", down, wrong}, "", move}, {[]string{down, wrong, "OrdersPerMinuteDropped warning system=channels"}, "", move},
		{[]string{down, copying, refused}, "", move}, {[]string{down, "OrdersDropped critical service=SYSTEM", wrong}, "", move},
		{[]string{down, "CPUHigh warning instance=APP1", "DiskWillFillIn4Hours warning instance=APP2"}, "", ""},
		{[]string{"TargetDown critical node=APP1", complaint, wrong}, "", ""},
		{[]string{copying, "ReplicaLag warning node=STANDBY", complaint}, "", ""},
		{[]string{"ProbeFailed warning target=DB", "SlowQueryRate info instance=DB", "CPUHigh warning instance=APP1"}, "", ""},
		{[]string{wrong, refused, complaint}, "SYSTEM", ""}, {[]string{wrong, "HighErrorRate critical instance=APP2", "ContainerRestarting warning instance=APP1"}, "SYSTEM", ""},
	}
}

// shortSamples are the samples of the short stories, told to an engine that was started just before and to one that
// has listened for half a day.
func shortSamples(t *testing.T) []Sample {
	t.Helper()
	c, _ := catalog.Load(data.FS(), actions.Specs(), "test", time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	var out []Sample
	for _, system := range []string{"ledger", "payments", "identity"} {
		for _, s := range shorts() {
			for _, learnt := range []time.Duration{0, 12 * time.Hour} {
				if one, ok := s.tell(c, system, learnt); ok {
					out = append(out, one)
				}
			}
		}
	}
	return out
}

func (s short) tell(c *catalog.Catalog, system string, learnt time.Duration) (Sample, bool) {
	e := alerts.New(alerts.NewTopology(c.Organisation()), PlansOf(c), nil, alerts.Options{})
	at := time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)
	fill := func(text string) []string { return fields(text, system) }
	if learnt > 0 {
		e.Take(signalOf(0, at, fill("Heartbeat info node=identity-app-w1")))
	}
	at = at.Add(learnt)
	if s.change != "" {
		e.Take(dr.Signal{Key: "change", Kind: dr.SignalChange, Name: "deploy", StartsAt: dr.At(at), At: dr.At(at), Labels: map[string]string{"system": system}})
		at = at.Add(5 * time.Minute)
	}
	for i, text := range s.alerts {
		e.Take(signalOf(i+1, at, fill(text)))
		at = at.Add(7 * time.Second)
	}
	e.Advance(dr.At(at.Add(time.Minute)))
	found := e.Situations()
	slices.SortStableFunc(found, func(a, b dr.Situation) int { return b.Signals - a.Signals })
	if len(found) == 0 {
		return Sample{}, false
	}
	plan := found[0].Advice.Plan
	if plan == "" {
		plan = found[0].Advice.Nearest
	}
	features, _ := e.Features(found[0].ID)
	want := fields(s.right, system)
	return Sample{Features: features, Right: len(want) > 0 && plan == want[0]}, plan != ""
}

// TestShortStories: with the weights that are shipped, few telling alerts are enough and others are not.
func TestShortStories(t *testing.T) {
	w := alerts.Shipped()
	for i, s := range shortSamples(t) {
		if p := w.P(s.Features); s.Right != (p >= 0.9) {
			t.Errorf("story %d: right %v at %.2f: %+v", i, s.Right, p, s.Features)
		}
	}
}

// fields puts a system's machines in and splits.
func fields(text, system string) []string {
	return strings.Fields(strings.NewReplacer("SYSTEM", system, "DB", system+"-db-e1", "STANDBY", system+"-db-w1", "APP", system+"-app-e").Replace(text))
}

func signalOf(n int, at time.Time, words []string) dr.Signal {
	s := dr.Signal{Key: fmt.Sprint("short/", n), Source: "short", Kind: dr.SignalAlert, Name: words[0], Severity: words[1], Status: dr.Firing, StartsAt: dr.At(at), At: dr.At(at), Labels: map[string]string{}}
	for _, w := range words[2:] {
		k, v, _ := strings.Cut(w, "=")
		s.Labels[k] = v
	}
	return s
}
