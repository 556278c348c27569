package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// hookSecret is that of the stories' monitoring.
const hookSecret = "a-secret-of-the-stories"

// alert is monitoring that says something: `alert firing TargetDown core-db-e core-app-e`, and the same with
// resolved; label=value adds to the labels of all.
func (w *world) alert(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: alert firing|resolved NAME NODE… [label=value…]")
	}
	labels := map[string]string{"alertname": args[1], "severity": "critical"}
	var alerts []any
	for _, a := range args[2:] {
		if k, v, more := strings.Cut(a, "="); more {
			labels[k] = v
		}
	}
	for _, a := range args[2:] {
		if strings.Contains(a, "=") {
			continue
		}
		one := map[string]string{"node": a}
		for k, v := range labels {
			one[k] = v
		}
		alerts = append(alerts, map[string]any{"status": args[0], "labels": one, "startsAt": "2026-11-20T00:00:00Z", "fingerprint": args[1] + a})
	}
	body, err := json.Marshal(map[string]any{"version": "4", "alerts": alerts})
	ts.Check(err)
	r := httptest.NewRequest("POST", "/hooks/alertmanager", strings.NewReader(string(body)))
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+hookSecret)
	answer := httptest.NewRecorder()
	w.app.Web.Handler().ServeHTTP(answer, r)
	if (answer.Code != 200) != neg {
		ts.Fatalf("HTTP %d %s", answer.Code, answer.Body)
	}
}

// situation waits until there is one that is so: `situation site/east down recommend move`, or `situation
// none` for none that is open.
func (w *world) situation(ts *testscript.TestScript, _ bool, args []string) {
	want := strings.Join(args, " ")
	deadline := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		var found []string
		ts.Check(w.app.Store.Read(context.Background(), func(r *store.Reader) error {
			found = nil
			open, err := r.Situations(context.Background(), false, 100)
			for _, x := range open {
				found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", x.Entity, x.Fault, x.Advice.Verdict, x.Advice.Plan)))
			}
			return err
		}))
		if got := strings.Join(found, ", "); got == want || got == "" && want == "none" {
			return
		}
		select {
		case <-look.C:
			w.clock.advance(time.Second) // the engine wants time to pass, however long its work takes here
		case <-deadline:
			ts.Fatalf("%v, not %s", found, want)
		}
	}
}

// milestones writes what the journal says of situations to standard output, without their ids.
func (w *world) milestones(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(w.app.Store.Read(context.Background(), func(r *store.Reader) error {
		rows, _, err := r.Rows(context.Background(), 0, 10_000)
		for _, row := range rows {
			var d dr.SituationData
			if row.Kind != dr.RowSituation {
				continue
			}
			if err := json.Unmarshal(row.Data, &d); err != nil {
				return err
			}
			fmt.Fprintln(ts.Stdout(), strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", d.Event, d.Entity, d.Fault, d.Verdict, d.Plan)))
		}
		return err
	}))
}
