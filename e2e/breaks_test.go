//go:build !race

package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
)

// ears keep what the sample bank's monitoring posts, decoded as the hooks do.
type ears struct {
	mu      sync.Mutex
	signals []dr.Signal
	wrong   []string
}

func (e *ears) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	now := dr.At(time.Now())
	var got []dr.Signal
	if r.URL.Path == "/change" {
		got, _, err = alerts.Change("change", body, now)
	} else if err == nil {
		got, _, err = alerts.Alertmanager("alertmanager", body, now)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || r.Header.Get("Authorization") != "Bearer secret" {
		e.wrong = append(e.wrong, r.URL.Path+": "+string(body))
		w.WriteHeader(http.StatusBadRequest)
	}
	e.signals = append(e.signals, got...)
}

// firing counts alerts of a name that fire by what was posted last.
func (e *ears) firing(name string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := map[string]bool{}
	for _, s := range e.signals {
		if s.Name == name {
			last[s.Labels["node"]+s.Labels["site"]] = s.Status == dr.Firing
		}
	}
	for _, on := range last {
		if on {
			n++
		}
	}
	return n
}

// servedBank is the sample bank on real processes, with customers who keep paying, and its files.
func servedBank(t *testing.T) (*demo.Estate, *catalog.Catalog) {
	t.Helper()
	estate, err := demo.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(estate.Stop)
	files, problems := catalog.Load(os.DirFS(estate.Organisation()), actions.Specs(), "test", time.Now())
	if catalog.Errors(problems) > 0 {
		t.Fatal(catalog.FormatProblems(problems))
	}
	customers := estate.Customers(t.Context(), 20*time.Millisecond)
	t.Cleanup(customers.Stop)
	return estate, files
}

// listenTo hears what the bank's monitoring says until the test ends.
func listenTo(t *testing.T, estate *demo.Estate) *ears {
	t.Helper()
	heard := &ears{}
	hooks := httptest.NewServer(heard)
	t.Cleanup(hooks.Close)
	monitor := estate.Monitor(t.Context(), 100*time.Millisecond, demo.Ears{Server: hooks.URL, Alertmanager: "/alerts", Change: "/change", AlertSecret: "secret", ChangeSecret: "secret"})
	t.Cleanup(monitor.Stop)
	return heard
}

// TestBreaks breaks everything there is a button for, on real processes, and hands what the bank's monitoring
// says to the engine of situations: each has its own name and its own answer, and mending is noticed.
func TestBreaks(t *testing.T) {
	estate, files := servedBank(t)
	for _, tc := range []struct {
		what, alert string
		least       int
		entity      string
		fault       dr.Fault
		verdict     dr.Verdict
		plan        string
	}{
		{demo.StopReplication, "ReplicationBroken", 1, "system/ledger", dr.FaultReplication, dr.NoneFits, ""},
		{demo.CutLink, "ReplicationBroken", 3, "link/dci", dr.FaultPartition, dr.NoneFits, ""},
		{demo.BadDeploy, "HighErrorRate", 3, "system/payments", dr.FaultBadChange, "", ""},
		{demo.KillStandby, "TargetDown", 39, "site/west", dr.FaultStandby, dr.NoneFits, ""},
		{demo.KillSite, "TargetDown", 39, "site/east", dr.FaultDown, dr.Recommend, "bank-failover"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			heard := listenTo(t, estate)
			if err := estate.Break(t.Context(), tc.what); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "the monitoring says so", func() bool { return heard.firing(tc.alert) >= tc.least })
			topology, plans, options := app.Watching(files)
			options.Probes = nil // looks are tried elsewhere
			engine := alerts.New(topology, plans, nil, options)
			heard.mu.Lock()
			signals := slices.Clone(heard.signals)
			heard.mu.Unlock()
			slices.SortStableFunc(signals, func(a, b dr.Signal) int { return a.At.Compare(b.At.Time) })
			for _, s := range signals {
				engine.Take(s)
			}
			engine.Advance(signals[len(signals)-1].At.Plus(60_000))
			all := engine.Situations()
			if len(all) != 1 {
				t.Errorf("%d situations", len(all))
			}
			for _, s := range all {
				if s.Entity.String() != tc.entity || s.Fault != tc.fault || tc.verdict != "" && s.Advice.Verdict != tc.verdict || tc.plan != "" && s.Advice.Plan != tc.plan {
					t.Errorf("%s %s: %s %s (%.2f), for %v", s.Entity, s.Fault, s.Advice.Verdict, s.Advice.Plan, s.Advice.Confidence, s.For)
				}
			}
			if err := estate.Mend(t.Context(), tc.what); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "nothing fires any more", func() bool { return heard.firing(tc.alert) == 0 })
			if len(heard.wrong) > 0 || len(estate.Broken()) > 0 {
				t.Error(heard.wrong, estate.Broken())
			}
		})
	}
}

// waitUntil waits for what another process does.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never came true that %s", what)
		}
	}
}
