package alerts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Left is what a payload held and did not give.
type Left struct {
	Truncated int      // alerts the sender left out: pull them
	Skipped   []string // why alerts were skipped, with their path; at most 20 are told
}

func (l *Left) skip(path, why string) {
	if len(l.Skipped) < 20 {
		l.Skipped = append(l.Skipped, path+": "+safe(why, 200))
	}
}

// refuse is a payload that cannot be read at all; path is where.
func refuse(path, why string) error {
	return dr.Errorf(dr.Invalid, "%s: %s", path, safe(why, 200))
}

// webhook is version 4 of Alertmanager's webhook, read leniently: newer fields are ignored, and Grafana's
// are read where they are. https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type webhook struct {
	Truncated json.Number       `json:"truncatedAlerts"`
	Alerts    []json.RawMessage `json:"alerts"`
}

type webhookAlert struct {
	Status       json.RawMessage `json:"status"` // firing | resolved; an object where alerts are pulled
	Labels       map[string]any  `json:"labels"`
	Annotations  map[string]any  `json:"annotations"`
	StartsAt     any             `json:"startsAt"`
	EndsAt       any             `json:"endsAt"`
	Fingerprint  any             `json:"fingerprint"`
	GeneratorURL string          `json:"generatorURL"`
	Values       map[string]any  `json:"values"`       // Grafana
	ValueString  string          `json:"valueString"`  // Grafana
	DashboardURL string          `json:"dashboardURL"` // Grafana
	PanelURL     string          `json:"panelURL"`     // Grafana
}

// Alertmanager reads a webhook of Alertmanager or Grafana. An alert that cannot be read is skipped and
// named in Left; only a body that is no webhook at all is an error.
func Alertmanager(source string, body []byte, at dr.Time) ([]dr.Signal, Left, error) {
	var w webhook
	var left Left
	if err := decode(body, &w); err != nil {
		return nil, left, refuse("body", jsonError(err))
	}
	if w.Alerts == nil {
		return nil, left, refuse("alerts", "the payload has no list of alerts")
	}
	if n, err := w.Truncated.Int64(); err == nil && n > 0 {
		left.Truncated = int(min(n, math.MaxInt32))
	}
	return readAlerts(source, "alerts", w.Alerts, at, &left), left, nil
}

// Pulled reads the answer of Alertmanager's GET /api/v2/alerts. Silenced alerts are left out, as a webhook
// leaves them out; inhibited ones are evidence and stay.
func Pulled(source string, body []byte, at dr.Time) ([]dr.Signal, Left, error) {
	var list []json.RawMessage
	var left Left
	if err := decode(body, &list); err != nil {
		return nil, left, refuse("body", jsonError(err))
	}
	return readAlerts(source, "", list, at, &left), left, nil
}

func readAlerts(source, path string, list []json.RawMessage, at dr.Time, left *Left) []dr.Signal {
	if len(list) > MaxAlerts {
		left.skip(fmt.Sprintf("%s[%d]", path, MaxAlerts), fmt.Sprintf("%d alerts are more than one payload may hold", len(list)))
		left.Truncated += len(list) - MaxAlerts
		list = list[:MaxAlerts]
	}
	out := make([]dr.Signal, 0, len(list))
	for i, raw := range list {
		where := fmt.Sprintf("%s[%d]", path, i)
		var a webhookAlert
		if err := decode(raw, &a); err != nil {
			left.skip(where, jsonError(err))
			continue
		}
		status, skip := statusOf(a.Status, moment(parseMoment(a.EndsAt)), at)
		switch {
		case skip:
			continue
		case status == "":
			left.skip(where+".status", "want firing or resolved")
			continue
		case len(a.Labels) == 0:
			left.skip(where+".labels", "an alert without labels says nothing")
			continue
		}
		out = append(out, a.signal(source, status, at))
	}
	return out
}

// statusOf reads a status; skip means the alert is silenced.
func statusOf(raw json.RawMessage, ends, at dr.Time) (status dr.SignalStatus, skip bool) {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch strings.ToLower(word) {
		case "firing", "alerting", "active":
			return dr.Firing, false
		case "resolved", "ok", "inactive", "normal":
			return dr.Resolved, false
		case "":
			if !ends.IsZero() && !ends.After(at.Time) {
				return dr.Resolved, false
			}
			return dr.Firing, false
		}
		return "", false
	}
	var object struct {
		State      string   `json:"state"`
		SilencedBy []string `json:"silencedBy"`
	}
	if len(raw) == 0 {
		return statusOf([]byte(`""`), ends, at)
	}
	if json.Unmarshal(raw, &object) != nil {
		return "", false
	}
	return dr.Firing, len(object.SilencedBy) > 0
}

func (a webhookAlert) signal(source string, status dr.SignalStatus, at dr.Time) dr.Signal {
	labels := words(a.Labels)
	print := word(a.Fingerprint)
	if print == "" {
		print = fingerprint(labels)
	}
	s := dr.Signal{Source: source, Kind: dr.SignalAlert, Name: safe(labels["alertname"], 256), Status: status, Severity: severityOf(labels),
		StartsAt: moment(parseMoment(a.StartsAt)), At: at, Labels: safeMap(labels), Annotations: safeMap(words(a.Annotations)), URL: link(a.GeneratorURL, a.PanelURL, a.DashboardURL)}
	if status == dr.Resolved {
		s.EndsAt = moment(parseMoment(a.EndsAt))
	}
	delete(s.Labels, "alertname")
	if values := words(a.Values); len(values) > 0 {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(&b, "%s=%s ", k, values[k])
		}
		s.Annotations["values"] = safe(strings.TrimSpace(b.String()), MaxValue)
	}
	s.Key = key(source, print, s.StartsAt, at, status)
	return s
}

// key is what makes a signal the same signal: the same again changes nothing. A sender who does not say when
// an alert began sends a new one each time.
func key(source, print string, starts, at dr.Time, status dr.SignalStatus) string {
	if starts.IsZero() {
		starts = at
	}
	return safe(source, 64) + "/" + safe(print, 128) + "/" + strconv.FormatInt(starts.UnixMilli(), 36) + "/" + string(status)
}

// fingerprint names a set of labels where the sender does not.
func fingerprint(labels map[string]string) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(k), k, len(labels[k]), labels[k])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// link is the first address that is one; anything but http is no link.
func link(urls ...string) string {
	for _, u := range urls {
		if (strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")) && plain(u) && len(u) <= 2048 && !strings.ContainsAny(u, " <>\"`|") {
			return u
		}
	}
	return ""
}

// decode reads one JSON document and nothing behind it, numbers as they were written.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("something follows the document at byte %d", d.InputOffset())
	}
	return nil
}

// jsonError says where JSON went wrong without repeating what was sent.
func jsonError(err error) string {
	switch e := err.(type) {
	case *json.SyntaxError:
		return fmt.Sprintf("not JSON at byte %d", e.Offset)
	case *json.UnmarshalTypeError:
		if e.Field != "" {
			return fmt.Sprintf("%s: unexpected %s", e.Field, e.Value)
		}
		return "unexpected " + e.Value
	}
	return err.Error()
}

// words makes text of whatever a sender put into labels.
func words(in map[string]any) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = word(v)
	}
	return out
}

func word(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// parseMoment reads RFC 3339, the common forms without a zone (UTC) and seconds or milliseconds since
// 1970; what is none of them is not known.
func parseMoment(v any) dr.Time {
	text := word(v)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n > 1e11 {
			n /= 1000
		}
		if n <= 0 || n > 253402300799 { // the year 9999
			return dr.Time{}
		}
		return dr.At(time.UnixMilli(int64(n * 1000)))
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(form, text); err == nil {
			return dr.At(t)
		}
	}
	return dr.Time{}
}
