package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// tinyBank is two sites, two systems and the plan for a lost site, as files. Nothing can run in it.
func tinyBank(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("organisation.yaml", `organisation: {id: tiny-bank, name: Tiny Bank, environment: test, time_zone: UTC, languages: [en]}
sites: [{id: east, name: East}, {id: west, name: West}]
links: [{id: dci, between: [east, west]}]
hosts: [{id: east-h1, site: east}, {id: east-h2, site: east}, {id: east-h3, site: east}, {id: west-h1, site: west}, {id: west-h2, site: west}, {id: west-h3, site: west}]
`)
	write("systems/ledger.yaml", tinySystem("ledger", 1))
	write("systems/payments.yaml", strings.Replace(tinySystem("payments", 2), "nodes:", "depends_on: [ledger]\nnodes:", 1))
	write("plans/failover.yaml", `plan: bank-failover
title: Bring the bank up in the west
kind: failover
systems: [ledger, payments]
for: [{scope: site, faults: [down]}]
guards: [{never: partition}]
steps: [{id: call-it, title: Declare, action: manual, class: read}]
`)
	return dir
}

func tinySystem(id string, n int) string {
	nodes := ""
	for i, site := range []string{"east", "west"} {
		other := []string{"w", "e"}[i]
		nodes += fmt.Sprintf("  - {id: %[1]s-db-%[2]s1, site: %[3]s, role: db, host: %[3]s-h1, peer: %[1]s-db-%[4]s1, address: \"10.%[5]d.0.%[6]d:5432\"}\n", id, site[:1], site, other, i+1, n)
		for a := 1; a <= 3; a++ {
			nodes += fmt.Sprintf("  - {id: %[1]s-app-%[2]s%[4]d, site: %[3]s, role: app, host: %[3]s-h%[4]d, depends_on: [%[1]s-db-%[2]s1], address: \"10.%[5]d.0.%[6]d:8080\"}\n", id, site[:1], site, a, i+1, 10*n+a)
		}
	}
	return fmt.Sprintf("system: %[1]s\nname: The %[1]s\nrto: 10m\nrpo: 0s\nhome: east\nprotections: [{id: %[1]s-stream, kind: db, from: %[1]s-db-e1, to: %[1]s-db-w1, rpo: 5s}]\nnodes:\n%[2]s", id, nodes)
}

// lookout is an app whose loop is moved by hand.
type lookout struct {
	*App
	t     *testing.T
	clock *handClock
	org   string
	state string
	url   string
	env   []string // further settings
}

func newLookout(t *testing.T, url string, env ...string) *lookout {
	l := &lookout{t: t, env: env, clock: &handClock{now: time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)}, org: tinyBank(t), state: t.TempDir(), url: url}
	l.start()
	t.Cleanup(l.crash)
	return l
}

func (l *lookout) start() {
	l.t.Helper()
	cfg, err := config.Load(config.Input{Environ: append([]string{"SWITCHMAN_ORG=" + l.org, "SWITCHMAN_STATE_DIR=" + l.state, "SWITCHMAN_ADDR=off", "SWITCHMAN_DATABASE_URL=" + l.url, "SWITCHMAN_MODEL_DIR="}, l.env...)})
	if err != nil {
		l.t.Fatal(err)
	}
	clock := l.clock.clock()
	l.App, err = New(l.t.Context(), Options{Config: cfg, Version: "test", Log: slog.New(slog.NewTextHandler(l.t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Demo: true, Clock: &clock,
		Stdout: io.Discard, Instance: "one"})
	if err != nil {
		l.t.Fatal(err)
	}
}

// crash drops the app: its loop does not put anything down.
func (l *lookout) crash() {
	l.t.Helper()
	if err := l.Stop(l.t.Context()); err != nil {
		l.t.Error(err)
	}
}

func (l *lookout) pass() {
	l.t.Helper()
	if err := l.watch.pass(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// send posts alerts as Alertmanager does.
func (l *lookout) send(alerts ...string) {
	l.t.Helper()
	if len(alerts) == 0 {
		return
	}
	l.call("POST", "/hooks/alertmanager", `{"version":"4","alerts":[`+strings.Join(alerts, ",")+`]}`, nil)
}

func (l *lookout) call(method, path, body string, out any) {
	l.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	l.Web.Handler().ServeHTTP(w, r)
	if w.Code >= 300 {
		l.t.Fatalf("%s %s: HTTP %d %s", method, path, w.Code, w.Body)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lookout) alert(name, instance, status string, labels ...string) string {
	return alertOf(l.t, name, instance, status, labels...)
}

func alertOf(t *testing.T, name, instance, status string, labels ...string) string {
	t.Helper()
	all := map[string]string{"alertname": name, "instance": instance, "severity": "critical"}
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	raw, err := json.Marshal(map[string]any{"status": status, "labels": all, "startsAt": "2026-11-26T03:00:00Z", "fingerprint": fmt.Sprint(name, instance, labels)})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// lost is what monitoring says when the east is gone, in the order it says it.
func (l *lookout) lost() (out []string) {
	for n, system := range []string{"ledger", "payments"} {
		out = append(out, l.alert("TargetDown", fmt.Sprintf("10.1.0.%d:5432", n+1), "firing"))
		for a := 1; a <= 3; a++ {
			out = append(out, l.alert("TargetDown", fmt.Sprintf("http://10.1.0.%d:8080/health", 10*(n+1)+a), "firing"), l.alert("HighErrorRate", fmt.Sprintf("%s-app-e%d", system, a), "firing"))
		}
		out = append(out, l.alert("ReplicationBroken", fmt.Sprintf("%s-db-w1", system), "firing"), l.alert("ProbeFailed", "", "firing", "system", system))
	}
	for n := 1; n <= 3; n++ {
		out = append(out, l.alert("TargetDown", fmt.Sprint("east-h", n), "firing"))
	}
	return out
}

type told struct {
	Situations []dr.Situation
	Journal    []string
}

// tell is what the store holds of situations, and the journal.
func (l *lookout) tell() (out told) {
	l.t.Helper()
	err := l.Store.Read(l.t.Context(), func(r *store.Reader) (err error) {
		if out.Situations, err = r.Situations(l.t.Context(), true, 100); err != nil {
			return err
		}
		rows, _, err := r.Rows(l.t.Context(), 0, 10_000)
		for _, row := range rows {
			if row.Kind == dr.RowSituation {
				out.Journal = append(out.Journal, string(row.Data))
			}
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// day plays a day step by step; between two steps something may happen to the app.
func (l *lookout) day(between func(step int)) told {
	l.t.Helper()
	var steps [][]string
	for i := range 6 { // a quiet hour with some noise
		steps = append(steps, []string{l.alert("CPUHigh", fmt.Sprintf("payments-app-w%d", i%3+1), []string{"firing", "resolved"}[i%2], "severity", "warning")})
	}
	for chunk := range slices.Chunk(l.lost(), 4) {
		steps = append(steps, chunk)
	}
	steps = append(steps, nil, nil, []string{l.alert("Odd", "nobody.example:1", "firing")}, nil)
	var over []string
	for _, a := range l.lost() {
		over = append(over, strings.Replace(a, "firing", "resolved", 1))
	}
	steps = append(steps, over, nil, nil, nil)
	for i, s := range steps {
		wait := 7 * time.Second
		if s == nil {
			wait = 12 * time.Minute
		}
		l.wait(wait)
		l.send(s...)
		l.pass()
		between(i)
	}
	l.pass()
	return l.tell()
}

// TestSituationComesAbout: webhook → stored → engine → journal → API.
func TestSituationComesAbout(t *testing.T) {
	l := newLookout(t, "")
	l.wait(time.Hour)
	l.send(l.lost()...)
	for range 40 {
		l.pass()
		l.wait(time.Second)
	}
	var out struct {
		Situations []struct {
			dr.Situation
			Words struct{ Headline string }
		}
		Unresolved []dr.Signal
	}
	l.call("GET", "/api/situations", "", &out)
	if len(out.Situations) != 1 || out.Situations[0].Entity.String() != "site/east" || out.Situations[0].Fault != dr.FaultDown || out.Situations[0].Advice.Plan != "bank-failover" || out.Situations[0].Words.Headline == "" {
		t.Fatalf("%+v", out.Situations)
	}
	x := out.Situations[0]
	if told := l.tell(); len(told.Journal) < 2 || !strings.Contains(told.Journal[0], `"opened"`) {
		t.Errorf("journal: %v", told.Journal)
	}
	var came struct{ Signals []dr.Signal }
	l.call("GET", "/api/situations/"+x.ID+"/signals", "", &came)
	if len(came.Signals) != x.Signals || x.Signals < 10 {
		t.Errorf("%d signals listed of %d", len(came.Signals), x.Signals)
	}
	l.send(l.alert("Odd", "nobody.example:1", "firing"))
	l.pass()
	l.call("GET", "/api/situations", "", &out)
	l.call("GET", "/api/situations/"+x.ID+"/noise", "", &came)
	if len(out.Unresolved) != 1 || len(came.Signals) != 1 || came.Signals[0].Name != "Odd" {
		t.Errorf("unresolved %v, noise %v", out.Unresolved, came.Signals)
	}
	l.answered(x.ID)
	var text strings.Builder
	var journal struct{ Rows []struct{ Text string } }
	l.call("GET", "/api/journal", "", &journal)
	for _, row := range journal.Rows {
		text.WriteString(row.Text + "\n")
	}
	for _, want := range []string{"Situation " + x.ID + " began", "Bring the bank up in the west is recommended", "lin said that the advice for situation"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the journal does not say %q:\n%s", want, &text)
		}
	}
}

// answered: somebody says that the advice does not fit; it is withdrawn, journaled under their name and kept.
func (l *lookout) answered(id string) {
	l.t.Helper()
	if err := l.watch.reading().Answer(l.t.Context(), dr.Actor{Person: "lin", Surface: "console"}, id, "not_this"); err != nil {
		l.t.Fatal(err)
	}
	for range 7 { // the engine's next moment
		l.wait(time.Second)
		l.pass()
	}
	x, err := l.watch.get(l.t.Context(), id)
	if err != nil || x.Answer != "not_this" || x.Advice.Verdict == dr.Recommend {
		l.t.Errorf("after the answer: %+v %v", x.Advice, err)
	}
	err = l.Store.Read(l.t.Context(), func(r *store.Reader) error {
		said, err := r.SituationAnswers(l.t.Context(), 10)
		if len(said) != 1 || said[0].Person != "lin" || said[0].Situation.Advice.Verdict != dr.Recommend {
			l.t.Errorf("kept: %+v", said)
		}
		return err
	})
	if err != nil {
		l.t.Error(err)
	}
	if err := l.watch.reading().Answer(l.t.Context(), dr.Actor{Person: "lin"}, "nothing", "not_this"); dr.KindOf(err) != dr.NotFound {
		l.t.Errorf("an answer to nothing: %v", err)
	}
}

// TestRestartsChangeNothing: dropped at any moment, the same situations and the same journal come about.
func TestRestartsChangeNothing(t *testing.T) {
	want := newLookout(t, "").day(func(int) {})
	if len(want.Situations) == 0 || len(want.Journal) < 4 {
		t.Fatalf("too little happens: %+v", want)
	}
	again := func(name string, between func(l *lookout, step int)) {
		t.Helper()
		l := newLookout(t, "")
		got := l.day(func(step int) { between(l, step) })
		if g, w := must(json.MarshalIndent(got, "", " ")), must(json.MarshalIndent(want, "", " ")); string(g) != string(w) {
			t.Errorf("%s: otherwise than without:\n%s\n--- without\n%s", name, g, w)
		}
	}
	again("crash after every step", func(l *lookout, _ int) { l.crash(); l.start() })
	again("crash before the loop has seen it", func(l *lookout, step int) {
		if step%3 == 0 {
			l.watch.drop()
			l.crash()
			l.start()
		}
	})
	again("stopped in good order", func(l *lookout, step int) {
		if step%4 == 0 {
			l.watch.leave(t.Context())
			l.crash()
			l.start()
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
