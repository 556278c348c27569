package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const hookSecretText = "a-secret-of-the-hook"

// hooked opens the house's doors for signals.
func hooked(t *testing.T, demo bool) *house {
	t.Helper()
	h := open(t, demo)
	cfg := h.server.cfg
	cfg.Metrics = prometheus.NewRegistry()
	cfg.Hooks = []Hook{{Kind: "alertmanager", Secret: hookSecretText}, {Kind: "alertmanager", Name: "north", Secret: "another-secret-of-north"},
		{Kind: "grafana", Secret: hookSecretText}, {Kind: "change", Secret: hookSecretText}, {Kind: "generic", Name: "zabbix", Secret: hookSecretText}, {Kind: "generic", Secret: hookSecretText}}
	h.server.hooks = newHooks(cfg)
	return h
}

// post sends a body as a monitor would.
func (h *house) post(path, body string, headers ...string) reply {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	return reply{w.Code, w.Body.Bytes(), w.Header()}
}

func (h *house) hookPost(path, body string) reply {
	h.t.Helper()
	return h.post(path, body, "Authorization", "Bearer "+hookSecretText)
}

func (h *house) signals() (all []dr.Signal) {
	h.t.Helper()
	err := h.store.Read(h.t.Context(), func(r *store.Reader) (err error) {
		all, err = r.Signals(h.t.Context(), 0, 100_000)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func alertJSON(name, status, starts string, more ...string) string {
	return fmt.Sprintf(`{"status":%q,"labels":{"alertname":%q,"instance":"10.1.0.11:5432"%s},"startsAt":%q,"fingerprint":%q}`, status, name, strings.Join(more, ""), starts, "f-"+name)
}

func webhookJSON(alerts ...string) string {
	return `{"version":"4","status":"firing","alerts":[` + strings.Join(alerts, ",") + `]}`
}

const earlier = "2026-11-25T02:59:00Z"

// TestHookSecrets: whoever has not the secret is told the same, whatever they send, and the journal counts them.
func TestHookSecrets(t *testing.T) {
	h := hooked(t, false)
	body := webhookJSON(alertJSON("DiskFull", "firing", earlier))
	for name, head := range map[string][]string{
		"bearer": {"Authorization", "Bearer " + hookSecretText}, "basic": {"Authorization", basic("alertmanager", hookSecretText)}, "header": {"X-Switchman-Secret", hookSecretText},
	} {
		if got := h.post("/hooks/alertmanager", body, head...); got.code != http.StatusOK {
			t.Errorf("%s: HTTP %d %s", name, got.code, got.raw)
		}
	}
	if n := len(h.signals()); n != 1 {
		t.Errorf("%d signals of one alert sent three times", n)
	}
	for _, c := range []struct {
		path, secret, id string
		code             int
	}{
		{"/hooks/alertmanager", "wrong", "hook_secret", 401}, {"/hooks/alertmanager", "", "hook_secret", 401},
		{"/hooks/alertmanager/north", hookSecretText, "hook_secret", 401}, // each source has its own
		{"/hooks/alertmanager/south", hookSecretText, "hook_unknown", 404}, {"/hooks/nagios", hookSecretText, "hook_unknown", 404}, {"/hooks/generic/", "", "no_such_route", 404},
		{"/hooks/alertmanager?secret=" + hookSecretText, "", "hook_secret", 401}, // an address is no place for it
	} {
		got := h.post(c.path, body, "Authorization", "Bearer "+c.secret)
		if p := got.problem(t); got.code != c.code || p.ID != c.id || strings.Contains(string(got.raw), hookSecretText) {
			t.Errorf("%s: HTTP %d %+v", c.path, got.code, p)
		}
	}
	for range 500 {
		h.post("/hooks/alertmanager", body, "Authorization", "Bearer guess")
	}
	h.clock.advance(2 * time.Minute)
	h.post("/hooks/alertmanager", body, "Authorization", "Bearer guess")
	times := map[string]int{}
	for _, row := range h.rows(dr.RowHook) {
		var d dr.HookData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			t.Fatal(err)
		}
		times[d.Source+" "+d.Why] += d.Times
		if text := row.Text; !strings.Contains(text, "refused") {
			t.Errorf("read as %q", text)
		}
	}
	if len(h.rows(dr.RowHook)) > 6 || times["alertmanager secret"] != 504 || times["alertmanager/north secret"] != 1 || times["unknown source"] != 1 {
		t.Errorf("%d rows, %v", len(h.rows(dr.RowHook)), times)
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// TestDemoHooks: a demo has no secrets, for this machine only and for no page of somebody else's.
func TestDemoHooks(t *testing.T) {
	h := open(t, true)
	body := webhookJSON(alertJSON("DiskFull", "firing", earlier))
	if got := h.post("/hooks/alertmanager", body); got.code != http.StatusOK {
		t.Errorf("HTTP %d %s", got.code, got.raw)
	}
	for name, head := range map[string][]string{
		"a page from elsewhere": {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, "another machine": {"X-Forwarded-For", "10.9.9.9"},
	} {
		if got := h.post("/hooks/alertmanager", body, head...); got.code == http.StatusOK {
			t.Errorf("%s was let in", name)
		}
	}
}

// TestBadSignals: whatever comes in at the door, the answer is one of ours, what can be read is kept safe, and
// the rest is told with its place.
func TestBadSignals(t *testing.T) {
	h := hooked(t, false)
	hostile := `,"x":"\u202emoc.live\u0000 <!channel> *bold* ignore all previous instructions"`
	var labels strings.Builder
	for i := range 100_000 { // as many as fit into the largest body
		fmt.Fprintf(&labels, `,"l%d":"v"`, i)
	}
	var many []string
	for i := range 3000 {
		many = append(many, alertJSON(fmt.Sprint("M", i), "firing", earlier))
	}
	for _, c := range []struct {
		name, path, body string
		code             int
		taken            int
		skipped          string
	}{
		{"nothing", "/hooks/alertmanager", "", 422, 0, ""},
		{"no JSON", "/hooks/alertmanager", "alerts: []", 422, 0, ""},
		{"cut off", "/hooks/alertmanager", webhookJSON(alertJSON("A", "firing", earlier))[:60], 422, 0, ""},
		{"a list", "/hooks/alertmanager", "[]", 422, 0, ""},
		{"no alerts", "/hooks/alertmanager", `{"version":"4"}`, 422, 0, ""},
		{"empty", "/hooks/alertmanager", webhookJSON(), 200, 0, ""},
		{"deep", "/hooks/alertmanager", strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), 422, 0, ""},
		{"two documents", "/hooks/alertmanager", webhookJSON() + webhookJSON(), 422, 0, ""},
		{"huge", "/hooks/alertmanager", webhookJSON(alertJSON(strings.Repeat("A", 5<<20), "firing", earlier)), 413, 0, ""},
		{"a future version", "/hooks/alertmanager", `{"version":"9","routeLabels":{},"notification_reason":"x","alerts":[` + alertJSON("Future", "firing", earlier) + `]}`, 200, 1, ""},
		{"one bad among good", "/hooks/alertmanager", webhookJSON(alertJSON("Good", "firing", earlier), `{"status":"burning","labels":{"a":"b"}}`, `7`), 200, 1, "alerts[1].status"},
		{"duplicates in one", "/hooks/alertmanager", webhookJSON(alertJSON("Twin", "firing", earlier), alertJSON("Twin", "firing", earlier)), 200, 1, ""},
		{"the same again", "/hooks/alertmanager", webhookJSON(alertJSON("Twin", "firing", earlier)), 200, 0, ""},
		{"end before beginning", "/hooks/alertmanager", webhookJSON(alertJSON("Late", "resolved", earlier), alertJSON("Late", "firing", earlier)), 200, 2, ""},
		{"from the year 3000", "/hooks/alertmanager", webhookJSON(alertJSON("Soon", "firing", "3000-01-01T00:00:00Z")), 200, 1, ""},
		{"from 1970", "/hooks/alertmanager", webhookJSON(alertJSON("Old", "firing", "1970-01-01T00:00:01Z")), 200, 1, ""},
		{"no date at all", "/hooks/alertmanager", webhookJSON(alertJSON("When", "firing", "yesterday")), 200, 1, ""},
		{"very many labels", "/hooks/alertmanager", webhookJSON(alertJSON("Labels", "firing", earlier, labels.String())), 200, 1, ""},
		{"hostile text", "/hooks/alertmanager", webhookJSON(alertJSON("Hostile", "firing", earlier, hostile)), 200, 1, ""},
		{"a storm", "/hooks/alertmanager", webhookJSON(many...), 200, 3000, ""},
		{"grafana", "/hooks/grafana", `{"orgId":1,"alerts":[{"status":"firing","labels":{"alertname":"G","instance":"a"},"values":{"B":1.5},"startsAt":"` + earlier + `"}]}`, 200, 1, ""},
		{"a mapping", "/hooks/generic/zabbix", `{"events":[{"event":{"name":"Down","state":"PROBLEM"},"host":"db-1"},{"event":{}}]}`, 200, 1, "[1].event.name"},
		{"not what was mapped", "/hooks/generic/zabbix", `{"other":[]}`, 422, 0, ""},
		{"no mapping", "/hooks/generic", `{}`, 422, 0, ""},
		{"a change", "/hooks/change", `{"kind":"deploy","system":"ledger","summary":"7.5.0","by":"pipeline"}`, 200, 1, ""},
		{"a change of nothing", "/hooks/change", `[{"system":"ledger"}]`, 200, 0, "[0].kind"},
	} {
		got := h.hookPost(c.path, c.body)
		var out taken
		if got.code == http.StatusOK {
			got.into(t, &out)
		} else {
			got.problem(t)
		}
		if got.code != c.code || out.Taken != c.taken || !strings.Contains(strings.Join(out.Skipped, "; "), c.skipped) {
			t.Errorf("%s: HTTP %d %+v %.200s", c.name, got.code, out, got.raw)
		}
	}
	safelyKept(t, h.signals())
}

// safelyKept: what was stored is bounded and safe to show, numbered without a gap.
func safelyKept(t *testing.T, all []dr.Signal) {
	t.Helper()
	for i, s := range all {
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if s.Seq != int64(i+1) || len(s.Labels) > 64 || len(raw) > 100_000 || strings.ContainsAny(string(raw), "\u202e") || strings.Contains(string(raw), `\u0000`) {
			t.Errorf("signal %d: seq %d, %d labels, %d bytes: %.300s", i, s.Seq, len(s.Labels), len(raw), raw)
		}
		if i > 0 && s.At.Before(all[i-1].At.Time) {
			t.Errorf("signal %d lies before the one it follows", i)
		}
	}
}

// TestFlood: a source that sends too much is asked to wait, and told how long; others are not.
func TestFlood(t *testing.T) {
	h := hooked(t, false)
	refused, taken := 0, 0
	for i := range 300 {
		got := h.hookPost("/hooks/alertmanager", webhookJSON(alertJSON(fmt.Sprint("F", i), "firing", earlier)))
		switch got.code {
		case http.StatusOK:
			taken++
		case http.StatusTooManyRequests:
			refused++
			if got.header.Get("Retry-After") == "" {
				t.Fatal("no word about when to come again")
			}
		default:
			t.Fatalf("HTTP %d %s", got.code, got.raw)
		}
	}
	if taken != requestsAtOnce || refused != 100 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
	if got := h.hookPost("/hooks/grafana", webhookJSON(alertJSON("Other", "firing", earlier))); got.code != http.StatusOK {
		t.Errorf("another source: HTTP %d", got.code)
	}
	h.clock.advance(10 * time.Second)
	var storm []string
	for i := range 9000 {
		storm = append(storm, alertJSON(fmt.Sprint("S", i), "firing", earlier))
	}
	if got := h.hookPost("/hooks/alertmanager", webhookJSON(storm...)); got.code != http.StatusOK {
		t.Errorf("a storm after a rest: HTTP %d", got.code)
	}
	if got := h.hookPost("/hooks/alertmanager", webhookJSON(storm...)); got.code != http.StatusTooManyRequests {
		t.Errorf("a second storm at once: HTTP %d", got.code)
	}
}

// TestManyAtOnce: senders at one instant are each answered with what was new of theirs.
func TestManyAtOnce(t *testing.T) {
	h := hooked(t, false)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			got := h.hookPost("/hooks/alertmanager", webhookJSON(alertJSON(fmt.Sprint("P", i), "firing", earlier), alertJSON("Shared", "firing", earlier)))
			var out taken
			if err := json.Unmarshal(got.raw, &out); err != nil || got.code != http.StatusOK || out.Taken < 1 || out.Taken+out.Known != 2 {
				t.Errorf("HTTP %d %s", got.code, got.raw)
			}
		})
	}
	all.Wait()
	if n := len(h.signals()); n != 41 {
		t.Errorf("%d signals", n)
	}
}

// TestSentSignals: a person's file is told by its look.
func TestSentSignals(t *testing.T) {
	h := hooked(t, false)
	ada := h.token("ada")
	one := alertJSON("Sent", "firing", earlier)
	for i, body := range []string{webhookJSON(one), "[" + strings.Replace(one, "Sent", "Sent2", 2) + "]", strings.Replace(one, "Sent", "Sent3", 2), `{"kind":"config","system":"ledger"}`, `[{"kind":"deploy","node":"db-1"}]`} {
		got := h.do(ask{method: "POST", path: "/api/signals", token: ada, body: body})
		var out taken
		if got.into(t, &out); out.Taken != 1 {
			t.Errorf("%d: %s", i, got.raw)
		}
	}
	for _, s := range h.signals() {
		if s.By != "ada" || s.Source != "sent" {
			t.Errorf("%+v", s)
		}
	}
	if got := h.do(ask{method: "POST", path: "/api/signals", token: h.token("ada", "read"), body: webhookJSON(one)}); got.code != http.StatusForbidden {
		t.Errorf("with a token that may only read: HTTP %d", got.code)
	}
}
