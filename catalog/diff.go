package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// maxDiff bounds a list of changes people read on a card.
const maxDiff = 40

// Diff says in words what changed between two slices, in the order of a slice. Equal slices give
// nothing, different ones at least one line.
func Diff(old, new *dr.Slice) []string {
	if old == nil || new == nil {
		return nil
	}
	var d differ
	d.plain("organisation", old.Organisation, new.Organisation)
	d.plain("environment", string(old.Environment), string(new.Environment))
	d.plain("time zone", old.TimeZone, new.TimeZone)
	d.plain("plan", old.Plan, new.Plan)
	d.plain("title", old.Title, new.Title)
	d.plain("kind", string(old.Kind), string(new.Kind))
	d.plain("mode", string(old.Mode), string(new.Mode))
	d.plain("pair", old.Pair, new.Pair)
	d.plain("parent run", old.Parent, new.Parent)
	d.plain("from", old.From, new.From)
	d.plain("to", old.To, new.To)
	d.plain("name of the organisation", old.Names.Organisation, new.Names.Organisation)
	d.plain("name of the site left", old.Names.From, new.Names.From)
	d.plain("name of the site entered", old.Names.To, new.Names.To)
	d.plain("challenge word", old.Challenge, new.Challenge)
	d.plain("steps in flight", fmt.Sprint(old.MaxInFlight), fmt.Sprint(new.MaxInFlight))
	d.plain("soak", old.Soak.String(), new.Soak.String())
	d.plain("shared resources", strings.Join(old.Resources, ", "), strings.Join(new.Resources, ", "))
	d.systems(old.Systems, new.Systems)
	d.steps(old.Steps, new.Steps)
	d.fields("policy rule "+new.Rule.ID, old.Rule, new.Rule)
	list(&d, "severity", old.Severity, new.Severity, func(s dr.Severity) string { return s.Check })
	list(&d, "override rule", old.MayOverride, new.MayOverride, func(o dr.OverrideRule) string { return o.Check })
	list(&d, "freeze", old.Freezes, new.Freezes, func(f dr.Freeze) string { return f.Name })
	list(&d, "person", old.People, new.People, func(p dr.Person) string { return p.ID })
	list(&d, "criterion", old.Criteria, new.Criteria, func(c dr.Criterion) string { return c.ID })
	list(&d, "override", old.Overrides, new.Overrides, func(o dr.Override) string { return o.Check })
	for _, name := range union(keys(old.Versions), keys(new.Versions)) {
		d.plain("version of "+name, old.Versions[name], new.Versions[name])
	}
	return d.result(old, new)
}

type differ struct{ lines []string }

func (d *differ) add(format string, a ...any) { d.lines = append(d.lines, fmt.Sprintf(format, a...)) }

func (d *differ) result(old, new *dr.Slice) []string {
	if len(d.lines) == 0 {
		a, _ := old.Bytes()
		b, _ := new.Bytes()
		if !bytes.Equal(a, b) {
			d.add("the order of entries changed")
		}
	}
	if more := len(d.lines) - maxDiff; more > 0 {
		d.lines = append(d.lines[:maxDiff:maxDiff], fmt.Sprintf("… and %s more", count(more, "change")))
	}
	return d.lines
}

func (d *differ) plain(what, old, new string) {
	switch {
	case old == new:
	case old == "":
		d.add("%s: now %s", what, new)
	case new == "":
		d.add("%s: was %s, now none", what, old)
	default:
		d.add("%s: %s → %s", what, old, new)
	}
}

// fields compares two structs field by field through their JSON, whose names people know from the
// files.
func (d *differ) fields(what string, old, new any) {
	a, b := jsonFields(old), jsonFields(new)
	for _, name := range union(keys(a), keys(b)) {
		if x, y := a[name], b[name]; x != y {
			d.plain(what+": "+strings.TrimSuffix(name, "_ms"), readable(name, x), readable(name, y))
		}
	}
}

func jsonFields(v any) map[string]string {
	b, err := json.Marshal(v)
	var raw map[string]json.RawMessage
	if err != nil || json.Unmarshal(b, &raw) != nil {
		return nil
	}
	out := make(map[string]string, len(raw))
	for name, value := range raw {
		out[name] = string(value)
	}
	return out
}

// readable turns a JSON value into what a person would write.
func readable(name, s string) string {
	var ms dr.Millis
	if strings.HasSuffix(name, "_ms") && json.Unmarshal([]byte(s), &ms) == nil {
		return ms.String()
	}
	var text string
	if json.Unmarshal([]byte(s), &text) == nil {
		return text
	}
	var texts []string
	if json.Unmarshal([]byte(s), &texts) == nil {
		return strings.Join(texts, ", ")
	}
	var call dr.Call
	if json.Unmarshal([]byte(s), &call) == nil && call.Action != "" {
		return describeCall(call)
	}
	return clip(strings.NewReplacer(`"`, "", ",", ", ").Replace(s), 200)
}

// list compares two lists of things with a name.
func list[T any](d *differ, what string, old, new []T, id func(T) string) {
	before := make(map[string]T, len(old))
	for _, o := range old {
		before[id(o)] = o
	}
	for _, n := range new {
		o, ok := before[id(n)]
		if !ok {
			d.add("%s %s is new", what, id(n))
			continue
		}
		delete(before, id(n))
		d.fields(what+" "+id(n), o, n)
	}
	for _, name := range keys(before) {
		d.add("%s %s is gone", what, name)
	}
}

func (d *differ) systems(old, new []dr.System) {
	bare := func(in []dr.System) []dr.System {
		out := slices.Clone(in)
		for i := range out {
			out[i].Nodes, out[i].Probes, out[i].Protections = nil, nil, nil
		}
		return out
	}
	list(d, "system", bare(old), bare(new), func(s dr.System) string { return s.ID })
	list(d, "node", parts(old, func(s dr.System) []dr.Node { return s.Nodes }), parts(new, func(s dr.System) []dr.Node { return s.Nodes }), func(n dr.Node) string { return n.ID })
	list(d, "protection", parts(old, func(s dr.System) []dr.Protection { return s.Protections }), parts(new, func(s dr.System) []dr.Protection { return s.Protections }), func(p dr.Protection) string { return p.ID })
	probes := func(s dr.System) []dr.Probe {
		out := slices.Clone(s.Probes)
		for i := range out {
			out[i].ID = s.ID + "/" + out[i].ID
		}
		return out
	}
	list(d, "probe", parts(old, probes), parts(new, probes), func(p dr.Probe) string { return p.ID })
}

func parts[T any](systems []dr.System, of func(dr.System) []T) []T {
	var out []T
	for _, s := range systems {
		out = append(out, of(s)...)
	}
	return out
}

func (d *differ) steps(old, new []dr.Step) {
	list(d, "step", old, new, func(s dr.Step) string { return s.ID })
}
