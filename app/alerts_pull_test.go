package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// listing is an Alertmanager that lists some alerts, or is down, and a watch that asks it.
type listing struct {
	*testing.T
	url    string
	listed atomic.Pointer[[]string]
	clock  *handClock
	watch  *watch
	puller *puller
}

func newListing(t *testing.T) *listing {
	l := &listing{T: t, clock: &handClock{now: time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		listed := l.listed.Load()
		if listed == nil {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(*listed, ","))
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	l.watch = &watch{store: kept(t), clock: l.clock.clock(), log: slog.New(slog.DiscardHandler), instance: "here", lone: true, wake: make(chan struct{}, 1)}
	l.watch.meter(prometheus.NewRegistry())
	if held, err := l.watch.acquire(t.Context()); err != nil || !held {
		t.Fatal(held, err)
	}
	l.restart()
	return l
}

// restart is what another start knows: nothing of earlier lists.
func (l *listing) restart() {
	l.puller = pullers(&config.Config{AlertmanagerURL: l.url})[0]
	l.watch.pulls = []*puller{l.puller}
}

// hook is what a source said by itself.
func (l *listing) hook(source, name, status string) {
	l.Helper()
	said, _, err := alerts.Alertmanager(source, []byte(`{"version":"4","alerts":[`+alertOf(l.T, name, "east-h1", status)+`]}`), l.clock.clock().Time())
	if err == nil {
		err = l.watch.store.Write(l.Context(), func(tx *store.Tx) error {
			_, err := tx.PutSignals(l.Context(), said)
			return err
		})
	}
	if err != nil {
		l.Fatal(err)
	}
}

// ask has the watch ask what is listed; nil: Alertmanager is down.
func (l *listing) ask(listed *[]string) error {
	l.listed.Store(listed)
	err := l.puller.pull(l.Context(), l.watch)
	l.puller.note(l.Context(), l.watch, err)
	return err
}

// fires are the names of what is known to fire.
func (l *listing) fires() string {
	l.Helper()
	var names []string
	err := l.watch.store.Read(l.Context(), func(r *store.Reader) error {
		known, err := r.Firing(l.Context(), "", 100)
		for _, s := range known {
			names = append(names, s.Name)
		}
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestPull: what a list closes and opens, whatever was told or missed before.
func TestPull(t *testing.T) {
	hook := func(name, status string) func(*listing) {
		return func(l *listing) { l.hook("alertmanager", name, status) }
	}
	list := func(names ...string) func(*listing) {
		return func(l *listing) {
			listed := []string{}
			for _, name := range names {
				listed = append(listed, alertOf(l.T, name, "east-h1", "active"))
			}
			if err := l.ask(&listed); err != nil {
				l.Error(err)
			}
		}
	}
	down := func(l *listing) {
		if l.ask(nil) == nil {
			l.Error("nobody noticed")
		}
		if h := l.watch.health(); h.OK || !strings.Contains(h.Text, "alertmanager") {
			l.Errorf("%+v", h)
		}
	}
	restart := func(l *listing) { l.restart() }
	wait := func(span time.Duration) func(*listing) {
		return func(l *listing) { l.clock.now = l.clock.now.Add(span) }
	}
	for name, c := range map[string]struct {
		does []func(*listing)
		want string // fires in the end
	}{
		"sent while nobody listened":            {[]func(*listing){list("A", "B")}, "A B"},
		"told already":                          {[]func(*listing){hook("A", "firing"), list("A"), list("A")}, "A"},
		"missing once may be on its way":        {[]func(*listing){hook("A", "firing"), list()}, "A"},
		"missing twice is over":                 {[]func(*listing){hook("A", "firing"), hook("B", "firing"), list("B"), list("B")}, "B"},
		"missing, there, missing":               {[]func(*listing){hook("A", "firing"), list(), list("A"), list()}, "A"},
		"nobody answers: nothing ends":          {[]func(*listing){hook("A", "firing"), down, down, down}, "A"},
		"answers again":                         {[]func(*listing){hook("A", "firing"), down, list("A", "B")}, "A B"},
		"ended while we were down":              {[]func(*listing){hook("A", "firing"), restart, list(), list()}, ""},
		"a restart forgets what was missing":    {[]func(*listing){hook("A", "firing"), list(), restart, list()}, "A"},
		"ended, and the list crosses that":      {[]func(*listing){hook("A", "firing"), hook("A", "resolved"), list("A")}, ""},
		"ended, and listed still much later":    {[]func(*listing){hook("A", "firing"), hook("A", "resolved"), wait(5 * time.Minute), list("A")}, "A"},
		"silenced, and back after the silence":  {[]func(*listing){hook("A", "firing"), list(), list(), wait(5 * time.Minute), list("A"), list("A")}, "A"},
		"silenced, back, and over by a webhook": {[]func(*listing){hook("A", "firing"), list(), list(), wait(5 * time.Minute), list("A"), list(), list()}, ""},
		"another source's alerts are its own":   {[]func(*listing){func(l *listing) { l.hook("grafana", "G", "firing") }, list(), list()}, "G"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newListing(t)
			for _, do := range c.does {
				l.clock.now = l.clock.now.Add(20 * time.Second)
				do(l)
			}
			if got := l.fires(); got != c.want {
				t.Errorf("%q fires", got)
			}
		})
	}
}

// TestWatchMeters: what a house's own monitoring sees of all this.
func TestWatchMeters(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"labels":{"alertname":"Odd"},"startsAt":"2026-11-26T03:00:00Z","fingerprint":"odd"}]`))
	}))
	defer server.Close()
	l := newLookout(t, "", "SWITCHMAN_ALERTMANAGER_URL="+server.URL)
	l.pass()
	l.wait(time.Hour)
	l.send(l.lost()...)
	l.send(l.lost()[0])
	l.wait(3 * time.Second)
	if got := l.metrics(); !strings.Contains(got, "switchman_signals_oldest_unprocessed_seconds 3") {
		t.Errorf("nothing was taken for three seconds:\n%s", got)
	}
	l.spend(30)
	if err := l.watch.pulls[0].pull(t.Context(), l.watch); err != nil {
		t.Fatal(err)
	}
	n := len(l.lost())
	for _, want := range []string{fmt.Sprintf("switchman_signals_total{result=\"new\"} %d\n", n), "switchman_signals_total{result=\"known\"} 1\n", "switchman_situations_open{advice=\"recommend\"} 1\n",
		"switchman_signals_oldest_unprocessed_seconds 0\n", "switchman_signals_pulled_total{status=\"firing\"} 1\n"} {
		if got := l.metrics(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	r := httptest.NewRequest("POST", "/hooks/nobody", strings.NewReader("{}"))
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	l.Web.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if got := l.metrics(); !strings.Contains(got, "switchman_signals_refused_total{reason=\"source\"} 1\n") {
		t.Errorf("a refusal is not counted:\n%s", got)
	}
}

// metrics are the lines about signals and situations.
func (l *lookout) metrics() string {
	l.t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	w := httptest.NewRecorder()
	l.Web.Handler().ServeHTTP(w, r)
	var out strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "switchman_si") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestReload: files and placements that change while a situation lasts.
func TestReload(t *testing.T) {
	l := newLookout(t, "")
	l.wait(time.Hour)
	l.send(append(l.lost(), l.alert("TargetDown", "ledger-app-e9", "firing"))...)
	l.spend(30)
	before := l.tell().Situations
	if len(before) != 1 || before[0].Advice.Verdict != dr.Recommend {
		t.Fatalf("%+v", before)
	}
	if lost, err := l.watch.unresolved(t.Context()); err != nil || len(lost) != 1 {
		t.Fatalf("unresolved: %v %v", lost, err)
	}
	// A node more, and no plan for this any more.
	l.rewrite("systems/ledger.yaml", "nodes:\n", "nodes:\n  - {id: ledger-app-e9, site: east, role: app, host: east-h1, address: \"10.1.0.99:8080\"}\n")
	l.rewrite("plans/failover.yaml", "for: [{scope: site, faults: [down]}]\n", "")
	l.spend(30)
	after := l.tell().Situations
	if len(after) != 1 || after[0].ID != before[0].ID || after[0].State != "open" || after[0].Advice.Verdict == dr.Recommend {
		t.Errorf("after the files changed: %+v", after)
	}
	if lost, err := l.watch.unresolved(t.Context()); err != nil || len(lost) != 0 {
		t.Errorf("unresolved: %v %v", lost, err)
	}
	// Files with mistakes change nothing, and neither does a crash meanwhile.
	l.rewrite("systems/ledger.yaml", "nodes:\n", "nodes: nonsense\n")
	l.spend(30)
	if now := l.tell().Situations; len(now) != 1 || now[0].State != "open" {
		t.Errorf("after a mistake: %+v", now)
	}
	l.rewrite("systems/ledger.yaml", "nodes: nonsense\n", "nodes:\n")
	l.crash()
	l.start()
	l.spend(10)
	if now := l.tell().Situations; len(now) != 1 || now[0].ID != before[0].ID || now[0].State != "open" {
		t.Errorf("after a crash: %+v", now)
	}
}

// TestMovedAway: what lives elsewhere by now does not fall with the site it came from.
func TestMovedAway(t *testing.T) {
	l := newLookout(t, "")
	l.wait(time.Hour)
	l.pass()
	err := l.Store.Write(t.Context(), func(tx *store.Tx) error {
		for _, system := range []string{"ledger", "payments"} {
			if err := tx.SetPlacement(t.Context(), dr.Placement{System: system, Site: "west", Since: l.clock.clock().Time(), Previous: "east"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.spend(40) // placements are looked at every half minute
	l.send(l.lost()[:8]...)
	for n := 1; n <= 3; n++ {
		l.send(l.alert("TargetDown", fmt.Sprint("east-h", n), "firing"))
	}
	l.send(l.lost()[9:16]...)
	l.spend(30)
	all := l.tell().Situations
	if len(all) == 0 || all[0].Fault != dr.FaultStandby || all[0].Advice.Verdict == dr.Recommend {
		t.Errorf("%+v", all)
	}
	for _, x := range all {
		if x.Advice.Verdict == dr.Recommend {
			t.Errorf("%s is recommended for %s", x.Advice.Plan, x.Entity)
		}
	}
}

// rewrite changes one of the organisation's files.
func (l *lookout) rewrite(name, old, now string) {
	l.t.Helper()
	path := filepath.Join(l.org, name)
	raw, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(raw), old) {
		l.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), old, now, 1)), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// spend lets seconds pass.
func (l *lookout) spend(seconds int) {
	l.t.Helper()
	for range seconds {
		l.wait(time.Second)
		l.pass()
	}
}
