package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Mapping says where a sender that speaks neither Alertmanager nor Grafana keeps what. A path is a name or
// names with dots between: "event.host.name"; a number is a place in a list; "=critical" is the text itself.
// A name with a dot in it is found as well: the longest name that fits is tried first.
type Mapping struct {
	List        string            `json:"list,omitempty" yaml:"list"` // path of the list of alerts; empty: the body is one, or a list of them
	Name        string            `json:"name" yaml:"name"`
	Status      string            `json:"status,omitempty" yaml:"status"` // empty: everything fires
	Resolved    []string          `json:"resolved,omitempty" yaml:"resolved"`
	Severity    string            `json:"severity,omitempty" yaml:"severity"`
	StartsAt    string            `json:"starts_at,omitempty" yaml:"starts_at"`
	EndsAt      string            `json:"ends_at,omitempty" yaml:"ends_at"`
	Fingerprint string            `json:"fingerprint,omitempty" yaml:"fingerprint"` // what the sender calls the same problem by
	URL         string            `json:"url,omitempty" yaml:"url"`
	Labels      map[string]string `json:"labels" yaml:"labels"` // label → path
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations"`
}

// resolvedWords end an alert where a mapping names none of its own.
var resolvedWords = []string{"resolved", "ok", "closed", "close", "resolve", "recovery", "recovered", "up", "normal", "clear", "cleared", "inactive", "0", "false"}

// Generic reads what a mapping describes.
func Generic(m Mapping, source string, body []byte, at dr.Time) ([]dr.Signal, Left, error) {
	var left Left
	var doc any
	if err := decode(body, &doc); err != nil {
		return nil, left, refuse("body", jsonError(err))
	}
	if m.List != "" {
		found, ok := dig(doc, m.List)
		if !ok {
			return nil, left, refuse(m.List, "there is nothing at this path")
		}
		doc = found
	}
	list, ok := doc.([]any)
	if !ok {
		list = []any{doc}
	}
	if len(list) > MaxAlerts {
		left.skip(fmt.Sprintf("[%d]", MaxAlerts), fmt.Sprintf("%d alerts are more than one payload may hold", len(list)))
		left.Truncated = len(list) - MaxAlerts
		list = list[:MaxAlerts]
	}
	out := make([]dr.Signal, 0, len(list))
	for i, one := range list {
		s, path, why := m.signal(source, one, at)
		if why != "" {
			left.skip(fmt.Sprintf("[%d].%s", i, path), why)
			continue
		}
		out = append(out, s)
	}
	return out, left, nil
}

func (m Mapping) signal(source string, one any, at dr.Time) (s dr.Signal, path, why string) {
	if _, ok := one.(map[string]any); !ok {
		return s, "", "want an object"
	}
	name := text(one, m.Name)
	if name == "" {
		return s, m.Name, "an alert needs a name"
	}
	labels, notes := map[string]string{}, map[string]string{}
	for _, label := range slices.Sorted(maps.Keys(m.Labels)) {
		if v := text(one, m.Labels[label]); v != "" {
			labels[label] = v
		}
	}
	for _, note := range slices.Sorted(maps.Keys(m.Annotations)) {
		if v := text(one, m.Annotations[note]); v != "" {
			notes[note] = v
		}
	}
	if v := text(one, m.Severity); v != "" {
		labels["severity"] = v
	}
	s = dr.Signal{Source: source, Kind: dr.SignalAlert, Name: safe(name, 256), Status: m.status(text(one, m.Status)), Severity: severityOf(labels),
		StartsAt: moment(parseMoment(text(one, m.StartsAt))), At: at, URL: link(text(one, m.URL))}
	if s.Status == dr.Resolved {
		s.EndsAt = moment(parseMoment(text(one, m.EndsAt)))
	}
	print := text(one, m.Fingerprint)
	if print == "" {
		named := maps.Clone(labels)
		named["alertname"] = name
		print = fingerprint(named)
	}
	s.Labels, s.Annotations = safeMap(labels), safeMap(notes)
	s.Key = key(source, print, s.StartsAt, at, s.Status)
	return s, "", ""
}

func (m Mapping) status(word string) dr.SignalStatus {
	ends := m.Resolved
	if len(ends) == 0 {
		ends = resolvedWords
	}
	for _, e := range ends {
		if word != "" && strings.EqualFold(strings.TrimSpace(word), e) {
			return dr.Resolved
		}
	}
	return dr.Firing
}

// text is what stands at a path, as text.
func text(doc any, path string) string {
	if constant, ok := strings.CutPrefix(path, "="); ok {
		return constant
	}
	if path == "" {
		return ""
	}
	v, ok := dig(doc, path)
	if !ok {
		return ""
	}
	return word(v)
}

// dig follows a path.
func dig(doc any, path string) (any, bool) {
	switch doc := doc.(type) {
	case map[string]any:
		for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '.') {
			v, ok := doc[path[:at]]
			switch {
			case !ok:
			case at == len(path):
				return v, true
			default:
				if found, ok := dig(v, path[at+1:]); ok {
					return found, true
				}
			}
		}
	case []any:
		first, rest, more := strings.Cut(path, ".")
		i, err := strconv.Atoi(first)
		if err != nil || i < 0 || i >= len(doc) {
			return nil, false
		}
		if !more {
			return doc[i], true
		}
		return dig(doc[i], rest)
	}
	return nil, false
}

// change is what a pipeline or a person says of something done, or about to be.
type change struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"` // deploy | config | maintenance …
	System   string `json:"system"`
	Node     string `json:"node"`
	Site     string `json:"site"`
	Host     string `json:"host"`
	Summary  string `json:"summary"`
	By       string `json:"by"`
	URL      string `json:"url"`
	StartsAt any    `json:"starts_at"`
	EndsAt   any    `json:"ends_at"`
}

// Change reads one change or a list of them.
func Change(source string, body []byte, at dr.Time) ([]dr.Signal, Left, error) {
	var left Left
	var list []json.RawMessage
	if err := decode(body, &list); err != nil {
		var one map[string]json.RawMessage
		if err := decode(body, &one); err != nil {
			return nil, left, refuse("body", jsonError(err))
		}
		list = []json.RawMessage{body}
		if inner, ok := one["changes"]; ok {
			if err := decode(inner, &list); err != nil {
				return nil, left, refuse("changes", jsonError(err))
			}
		}
	}
	if len(list) > MaxAlerts {
		left.skip(fmt.Sprintf("[%d]", MaxAlerts), "more changes than one payload may hold")
		list = list[:MaxAlerts]
	}
	out := make([]dr.Signal, 0, len(list))
	for i, raw := range list {
		var c change
		if err := decode(raw, &c); err != nil {
			left.skip(fmt.Sprintf("[%d]", i), jsonError(err))
			continue
		}
		if c.Kind == "" {
			left.skip(fmt.Sprintf("[%d].kind", i), "a change needs a kind, such as deploy, config or maintenance")
			continue
		}
		out = append(out, c.signal(source, at))
	}
	return out, left, nil
}

func (c change) signal(source string, at dr.Time) dr.Signal {
	labels := map[string]string{}
	for k, v := range map[string]string{"system": c.System, "node": c.Node, "site": c.Site, "host": c.Host} {
		if v != "" {
			labels[k] = v
		}
	}
	s := dr.Signal{Source: source, Kind: dr.SignalChange, Name: safe(c.Kind, 64), Status: dr.Firing, Severity: "info", StartsAt: moment(parseMoment(c.StartsAt)), EndsAt: moment(parseMoment(c.EndsAt)),
		At: at, Labels: safeMap(labels), By: safe(c.By, 128), URL: link(c.URL)}
	if s.StartsAt.IsZero() {
		s.StartsAt = at
	}
	if c.Summary != "" {
		s.Annotations = map[string]string{"summary": safe(c.Summary, MaxValue)}
	}
	print := c.ID
	if print == "" {
		labels["kind"], labels["summary"], labels["by"] = c.Kind, c.Summary, c.By
		print = fingerprint(labels)
	}
	s.Key = key(source, "change-"+print, s.StartsAt, at, s.Status)
	return s
}
