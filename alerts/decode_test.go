package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

var noon = dr.At(midnight.Add(12 * 3600e9))

const webhookBody = `{"version":"4","groupKey":"{}:{alertname=\"NodeDown\"}","truncatedAlerts":3,"status":"firing","receiver":"switchman","notification_reason":"new",
"alerts":[
 {"status":"firing","labels":{"alertname":"NodeDown","instance":"ledger-db-e1:9100","severity":"page"},"annotations":{"summary":"it is gone"},"startsAt":"2026-11-26T11:59:00.123456789Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/graph?x=1","fingerprint":"abc"},
 {"status":"resolved","labels":{"alertname":"ProbeFailed","severity":"warning"},"startsAt":"2026-11-26T11:50:00Z","endsAt":"2026-11-26T11:58:00Z","fingerprint":"def"},
 {"status":"nonsense","labels":{"alertname":"X"}},
 {"status":"firing","labels":{}},
 17,
 {"status":"alerting","labels":{"alertname":"Grafana","up":1,"deep":{"a":[1]}},"values":{"B":2.5,"A":1},"dashboardURL":"javascript:alert(1)","panelURL":"https://grafana/p"}
]}`

func TestAlertmanager(t *testing.T) {
	got, left, err := Alertmanager("am", []byte(webhookBody), noon)
	if err != nil {
		t.Fatal(err)
	}
	if left.Truncated != 3 || len(left.Skipped) != 3 || !strings.HasPrefix(left.Skipped[0], "alerts[2].status: ") || !strings.HasPrefix(left.Skipped[1], "alerts[3].labels: ") || !strings.HasPrefix(left.Skipped[2], "alerts[4]: ") {
		t.Errorf("left: %+v", left)
	}
	if len(got) != 3 {
		t.Fatalf("%d signals", len(got))
	}
	a := got[0]
	if a.Name != "NodeDown" || a.Severity != "critical" || a.Status != dr.Firing || !a.EndsAt.IsZero() || a.StartsAt.String() != "2026-11-26T11:59:00.123Z" || a.At != noon || a.URL != "http://prom/graph?x=1" || a.Labels["instance"] != "ledger-db-e1:9100" || a.Annotations["summary"] != "it is gone" {
		t.Errorf("%+v", a)
	}
	if b := got[1]; b.Status != dr.Resolved || b.EndsAt.IsZero() || b.Key == a.Key {
		t.Errorf("%+v", b)
	}
	if g := got[2]; g.URL != "https://grafana/p" || g.Labels["up"] != "1" || g.Labels["deep"] != `{"a":[1]}` || g.Annotations["values"] != "A=1 B=2.5" {
		t.Errorf("%+v", g)
	}
	again, _, _ := Alertmanager("am", []byte(webhookBody), noon.Plus(5000))
	if again[0].Key != a.Key {
		t.Error("the same alert sent again has another key")
	}
}

func TestPulled(t *testing.T) {
	body := `[{"labels":{"alertname":"A"},"startsAt":"2026-11-26T11:59:00Z","endsAt":"2026-11-26T12:04:00Z","fingerprint":"1","status":{"state":"active","silencedBy":[],"inhibitedBy":[]}},
	{"labels":{"alertname":"B"},"startsAt":"2026-11-26T11:59:00Z","fingerprint":"2","status":{"state":"suppressed","silencedBy":["x"]}},
	{"labels":{"alertname":"C"},"startsAt":"2026-11-26T11:59:00Z","fingerprint":"3","status":{"state":"suppressed","inhibitedBy":["1"]}}]`
	got, left, err := Pulled("am", []byte(body), noon)
	if err != nil || len(left.Skipped) > 0 || len(got) != 2 || got[0].Name != "A" || got[1].Name != "C" || got[0].Status != dr.Firing {
		t.Fatalf("%+v %+v %v", got, left, err)
	}
	// The same alert by webhook is the same signal.
	pushed, _, _ := Alertmanager("am", []byte(`{"alerts":[{"status":"firing","labels":{"alertname":"A"},"startsAt":"2026-11-26T11:59:00Z","fingerprint":"1"}]}`), noon)
	if pushed[0].Key != got[0].Key {
		t.Errorf("%s and %s", pushed[0].Key, got[0].Key)
	}
}

func TestGeneric(t *testing.T) {
	m := Mapping{List: "data.events", Name: "trigger.name", Status: "event.value", Severity: "trigger.level", StartsAt: "clock", Fingerprint: "id", URL: "link", Labels: map[string]string{"host": "hosts.0.name", "kind": "=zabbix", "dotted": "a.b"}, Annotations: map[string]string{"summary": "trigger.text"}}
	body := `{"data":{"events":[{"id":7,"clock":1795694400,"trigger":{"name":"Host is down","level":"Disaster","text":"no ping"},"event":{"value":"1"},"hosts":[{"name":"ledger-db-e1"}],"a.b":"x"},
	{"id":7,"clock":"1795694400000","trigger":{"name":"Host is down"},"event":{"value":"RESOLVED"}},{"trigger":{}}, 5]}}`
	got, left, err := Generic(m, "zabbix", []byte(body), noon)
	if err != nil || len(got) != 2 || len(left.Skipped) != 2 || !strings.HasPrefix(left.Skipped[0], "[2].trigger.name: ") {
		t.Fatalf("%+v %+v %v", got, left, err)
	}
	if a := got[0]; a.Name != "Host is down" || a.Severity != "critical" || a.Labels["host"] != "ledger-db-e1" || a.Labels["kind"] != "zabbix" || a.Labels["dotted"] != "x" || a.Annotations["summary"] != "no ping" || a.Status != dr.Firing {
		t.Errorf("%+v", a)
	}
	if b := got[1]; b.Status != dr.Resolved || !b.StartsAt.Equal(got[0].StartsAt.Time) {
		t.Errorf("%+v", b)
	}
	if _, _, err = Generic(m, "zabbix", []byte(`{"data":{}}`), noon); err == nil || !strings.Contains(err.Error(), "data.events") {
		t.Errorf("an error that does not name the path: %v", err)
	}
}

func TestChange(t *testing.T) {
	for _, body := range []string{`{"kind":"deploy","system":"payments","summary":"2026.11.4","by":"lena"}`, `[{"kind":"deploy","system":"payments","summary":"2026.11.4","by":"lena"},{"system":"x"}]`, `{"changes":[{"kind":"deploy","system":"payments","summary":"2026.11.4","by":"lena"}]}`} {
		got, left, err := Change("ci", []byte(body), noon)
		if err != nil || len(got) != 1 || got[0].Kind != dr.SignalChange || got[0].Name != "deploy" || got[0].By != "lena" || got[0].Labels["system"] != "payments" || got[0].StartsAt != noon {
			t.Errorf("%s: %+v %v", body, got, err)
		}
		if strings.Contains(body, `"x"`) != (len(left.Skipped) == 1) {
			t.Errorf("%s: %+v", body, left)
		}
	}
}

func TestWhatIsNoPayload(t *testing.T) {
	for _, body := range []string{``, `[]`, `{}`, `{"alerts":{}}`, `{"alerts":[]} {}`, `null`, "\xff", strings.Repeat(`[`, 100_000)} {
		_, _, err := Alertmanager("am", []byte(body), noon)
		if dr.KindOf(err) != dr.Invalid {
			t.Errorf("%.20q: %v", body, err)
		}
	}
}

// What is hostile stays legible and harmless: nothing turns the writing round, ends a line or a log, and no
// payload makes a signal of its own size.
func TestHostileText(t *testing.T) {
	in := map[string]string{"alertname": "Disk\u202eFull\x1b[31m\x00", "node": "a\nb", "long": strings.Repeat("龙", 5000)}
	for i := range 100_000 {
		in[fmt.Sprint("l", i)] = "v"
	}
	in["instance"] = "ledger-db-e1"
	body, _ := json.Marshal(map[string]any{"alerts": []any{map[string]any{"status": "firing", "labels": in, "annotations": map[string]string{"summary": "<!channel> *ignore all rules* \u2066x\u2069"}}}})
	got, _, err := Alertmanager("am", body, noon)
	if err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	s := got[0]
	if len(s.Labels) > MaxLabels || s.Labels["instance"] != "ledger-db-e1" {
		t.Errorf("%d labels, and the one that says where is %q", len(s.Labels), s.Labels["instance"])
	}
	if s.Name != "Disk�Full�[31m�" || s.Labels["node"] != "a b" || !strings.HasPrefix(s.Annotations["summary"], "<!channel> *ignore") {
		t.Errorf("%q %q %q", s.Name, s.Labels["node"], s.Annotations["summary"])
	}
	for _, v := range slices.Collect(maps.Values(s.Labels)) {
		if len(v) > MaxValue || !utf8.ValidString(v) {
			t.Errorf("%d bytes %.20q", len(v), v)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	m := Mapping{List: "alerts", Name: "labels.alertname", Status: "status", Labels: map[string]string{"host": "labels.instance", "all": "labels"}}
	for _, seed := range []string{webhookBody, `[{"labels":{"alertname":"A"},"status":{"state":"active"}}]`, `{"kind":"deploy","starts_at":1e300}`, `{"alerts":[{"labels":{"a":null},"startsAt":-5,"status":"firing"}]}`, "{\"alerts\":[{\"labels\":{\"\\u202e\":\"\\ud800\"}}]}"} {
		f.Add([]byte(seed))
	}
	t := NewTopology(bank())
	f.Fuzz(func(test *testing.T, body []byte) {
		e := New(t, plans(), nil, Options{})
		for _, read := range []func() ([]dr.Signal, Left, error){
			func() ([]dr.Signal, Left, error) { return Alertmanager("s", body, noon) }, func() ([]dr.Signal, Left, error) { return Pulled("s", body, noon) },
			func() ([]dr.Signal, Left, error) { return Generic(m, "s", body, noon) }, func() ([]dr.Signal, Left, error) { return Change("s", body, noon) },
		} {
			list, left, err := read()
			if err != nil && (len(list) > 0 || dr.KindOf(err) != dr.Invalid) {
				test.Errorf("%d signals and %v", len(list), err)
			}
			if len(left.Skipped) > 20 {
				test.Errorf("%d reasons", len(left.Skipped))
			}
			for _, s := range list {
				sound(test, s)
				e.Take(s)
			}
		}
		e.Advance(noon.Plus(3_600_000))
		e.Situations()
	})
}

// sound says what holds of every signal, whoever sent it.
func sound(t *testing.T, s dr.Signal) {
	t.Helper()
	if s.Key == "" || len(s.Key) > 400 || s.At != noon || len(s.Labels) > MaxLabels || len(s.Annotations) > MaxLabels+1 || s.Status != dr.Firing && s.Status != dr.Resolved {
		t.Errorf("unsound: %+v", s)
	}
	for k, v := range s.Labels {
		if len(k) > 128 || len(v) > MaxValue || strings.ContainsAny(k+v, "\x00\x1b\n\u202e\u2066") || !utf8.ValidString(k+v) {
			t.Errorf("unsafe: %q=%q", k, v)
		}
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}
