package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

// report takes one mistake; whether it is an error or a warning is decided by whoever hands it in.
type report func(at pos, hint, format string, a ...any)

// use says what a call is for.
type use int

const (
	asStep  use = iota
	asProbe     // looks only
	asUndo      // may change things
)

// holes are the placeholders a call may hold: vars those with a value, why the reasons the others
// have none here.
type holes struct {
	vars map[string]string
	why  map[string]string
}

// holeNames are all placeholders there are; {run} is filled when a step is sent.
func holeNames() []string {
	return []string{"node", "peer", "address", "peer_address", "site", "from", "to", "system", "run"}
}

// keepHoles leaves placeholders as they are; the probes of a system are filled when a plan says
// which way it moves.
func keepHoles() holes {
	h := holes{vars: map[string]string{}, why: map[string]string{}}
	for _, name := range []string{"from", "to", "site", "system", "run"} {
		h.vars[name] = "{" + name + "}"
	}
	for _, name := range []string{"node", "peer", "address", "peer_address"} {
		h.why[name] = "a probe belongs to a system, not to a node"
	}
	return h
}

var (
	wholeHole = regexp.MustCompile(`^\{([a-z][a-z_]*)\}$`)
	anyHole   = regexp.MustCompile(`\{([a-z][a-z_]*)\}`)
)

// value fills a value that is one placeholder as a whole. A placeholder pasted into the middle of a
// value is refused: what runs must be readable from the plan, and nothing is ever put together into
// a command line.
func (h holes) value(s string, at pos, rep report) string {
	if !strings.Contains(s, "{") {
		return s
	}
	if m := wholeHole.FindStringSubmatch(s); m != nil {
		return h.hole(m[1], at, rep)
	}
	for _, m := range anyHole.FindAllStringSubmatch(s, -1) {
		if slices.Contains(holeNames(), m[1]) {
			rep(at, "make it an element or a value of its own", "the placeholder {%s} stands in the middle of %q", m[1], clip(s, 60))
		}
	}
	return s
}

// text fills placeholders anywhere in a text for people.
func (h holes) text(s string, at pos, rep report) string {
	if !strings.Contains(s, "{") {
		return s
	}
	return anyHole.ReplaceAllStringFunc(s, func(m string) string { return h.hole(m[1:len(m)-1], at, rep) })
}

func (h holes) hole(name string, at pos, rep report) string {
	if v, ok := h.vars[name]; ok {
		return v
	}
	if why, ok := h.why[name]; ok {
		rep(at, "", "{%s} has no value here: %s", name, why)
	} else {
		rep(at, nearest(name, holeNames()), "unknown placeholder {%s}", name)
	}
	return "{" + name + "}"
}

// action is an action as a plan may use it.
type action struct {
	dr.ActionSpec
	patterns map[string]*regexp.Regexp
}

func newAction(spec dr.ActionSpec) action {
	a := action{ActionSpec: spec, patterns: map[string]*regexp.Regexp{}}
	for _, p := range spec.Params {
		if p.Pattern != "" {
			a.patterns[p.Name] = regexp.MustCompile(`^(?:` + p.Pattern + `)$`)
		}
	}
	return a
}

func (a action) param(name string) (dr.ParamSpec, bool) {
	for _, p := range a.Params {
		if p.Name == name {
			return p, true
		}
	}
	return dr.ParamSpec{}, false
}

// call checks a call against its action and fills it; false when the action is not known. Without
// any known action (an organisation that is only read) parameters are kept as they are written.
func (c *Catalog) call(raw *rawCall, what use, h holes, rep report) (dr.Call, bool) {
	call := dr.Call{Action: raw.Action.S}
	a, ok := c.actions[raw.Action.S]
	if !ok && len(c.actions) > 0 {
		if raw.Action.S != "" {
			rep(raw.Action.At, didYouMean(raw.Action.S, keys(c.actions)), "unknown action %q", raw.Action.S)
		}
		return call, false
	}
	if ok && what == asProbe && !a.CanProbe {
		rep(raw.Action.At, "a probe uses an action that looks only, such as "+strings.Join(c.looking(), ", "), "the action %q cannot be used as a probe", raw.Action.S)
	}
	if ok && what == asUndo && a.Kind != dr.ActionStep {
		rep(raw.Action.At, "", "the action %q cannot take an effect back", raw.Action.S)
	}
	given := map[string]bool{}
	for _, p := range raw.With.List {
		given[p.Name.S] = true
		spec, known := a.param(p.Name.S)
		if ok && !known {
			if a.Kind == dr.CheckStep && p.Name.S == "probe" {
				spec = dr.ParamSpec{Name: "probe", Type: "string"}
			} else {
				rep(p.Name.At, didYouMean(p.Name.S, a.names()), "the action %q has no parameter %q", a.Name, p.Name.S)
				continue
			}
		}
		v := valueReader{c: c, file: raw.At.file, holes: h, rep: rep, spec: spec, people: forPeople(a.Kind, p.Name.S)}
		if got := v.read(p.Value, a.patterns[p.Name.S]); got != nil {
			if call.Params == nil {
				call.Params = make(map[string]any, len(raw.With.List))
			}
			call.Params[p.Name.S] = got
		}
	}
	for _, p := range a.Params {
		if p.Required && !given[p.Name] {
			rep(raw.At, p.Name+": "+p.Doc, "the action %q needs the parameter %q", a.Name, p.Name)
		}
	}
	return call, ok || len(c.actions) == 0
}

// forPeople reports whether a parameter is read by people and may hold placeholders anywhere.
func forPeople(kind dr.StepKind, name string) bool {
	return (kind == dr.ManualStep || kind == dr.NotifyStep) && (name == "text" || name == "subject" || name == "title")
}

func (a action) names() []string {
	out := make([]string, len(a.Params))
	for i, p := range a.Params {
		out[i] = p.Name
	}
	return out
}

func (c *Catalog) looking() []string {
	var out []string
	for _, name := range keys(c.actions) {
		if c.actions[name].CanProbe {
			out = append(out, name)
		}
	}
	return out
}

// valueReader reads one parameter as its action describes it.
type valueReader struct {
	c      *Catalog
	file   string
	holes  holes
	rep    report
	spec   dr.ParamSpec
	people bool
}

func (v valueReader) at(n *yaml.Node) pos { return pos{v.file, n.Line, n.Column} }

func (v valueReader) read(n *yaml.Node, pattern *regexp.Regexp) any {
	at := v.at(n)
	n = deref(n)
	if v.spec.Secret && !(n.Kind == yaml.ScalarNode && secretRef.MatchString(n.Value)) {
		v.rep(at, "write secret:NAME and keep the value in Switchman's configuration", "%s is a secret and must be a reference", v.spec.Name)
		return nil
	}
	switch v.kind(n) {
	case "int":
		if i, ok := integer(n); ok {
			return v.checked(i, n.Value, at, pattern)
		}
		v.wrong(at, "a whole number", n)
	case "bool":
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
			return strings.EqualFold(n.Value, "true")
		}
		v.wrong(at, "true or false", n)
	case "list":
		return v.list(n, at, pattern)
	case "map":
		return v.table(n, at)
	case "call":
		return v.inner(n)
	case "duration":
		if s, ok := text(n); ok {
			if ms, ok := parseSpan(s); ok {
				return ms.String()
			}
		}
		v.wrong(at, spanHint, n)
	default:
		if s, ok := text(n); ok {
			s = v.fill(s, at)
			return v.checked(s, s, at, pattern)
		}
		v.wrong(at, "text", n)
	}
	return nil
}

// inner reads a call inside a call; it may look only.
func (v valueReader) inner(n *yaml.Node) any {
	var (
		raw rawCall
		rep reporter
	)
	d := decoder{file: v.file, rep: &rep}
	d.into(n, &raw)
	for _, p := range rep.problems {
		v.rep(pos{p.File, p.Line, p.Column}, p.Hint, "%s: %s", v.spec.Name, p.Text)
	}
	if raw.Action.S == "" {
		return nil
	}
	call, _ := v.c.call(&raw, asProbe, v.holes, v.rep)
	return call
}

// kind is the type the action wants, or the one the value has where no action is known.
func (v valueReader) kind(n *yaml.Node) string {
	if v.spec.Type != "" {
		return v.spec.Type
	}
	switch {
	case n.Kind == yaml.SequenceNode:
		return "list"
	case n.Kind == yaml.MappingNode:
		return "map"
	case n.ShortTag() == "!!int":
		return "int"
	case n.ShortTag() == "!!bool":
		return "bool"
	}
	return "string"
}

func (v valueReader) wrong(at pos, want string, n *yaml.Node) {
	v.rep(at, v.spec.Doc, "%s: expected %s, found %s", v.spec.Name, want, describe(n))
}

func (v valueReader) fill(s string, at pos) string {
	if v.people {
		return v.holes.text(s, at, v.rep)
	}
	return v.holes.value(s, at, v.rep)
}

// checked holds a value against the enum and pattern of its description; one that is still a
// placeholder is checked when it has been filled.
func (v valueReader) checked(value any, s string, at pos, pattern *regexp.Regexp) any {
	if wholeHole.MatchString(s) || secretRef.MatchString(s) {
		return value
	}
	if len(v.spec.Enum) > 0 && !slices.Contains(v.spec.Enum, s) {
		v.rep(at, nearest(s, v.spec.Enum), "%s: expected one of %s, found %q", v.spec.Name, strings.Join(v.spec.Enum, ", "), clip(s, 40))
	}
	if pattern != nil && !pattern.MatchString(s) {
		v.rep(at, v.spec.Doc, "%s: %q does not fit %s", v.spec.Name, clip(s, 40), v.spec.Pattern)
	}
	return value
}

func (v valueReader) list(n *yaml.Node, at pos, pattern *regexp.Regexp) any {
	items := n.Content
	if _, ok := text(n); ok && !v.spec.Required {
		items = []*yaml.Node{n} // one value for a list of one
	} else if n.Kind != yaml.SequenceNode {
		v.wrong(at, "a list", n)
		return nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := text(deref(item))
		if !ok {
			v.rep(v.at(item), "", "%s: expected text, found %s", v.spec.Name, describe(deref(item)))
			continue
		}
		s = v.fill(s, v.at(item))
		v.checked(s, s, v.at(item), pattern)
		out = append(out, s)
	}
	if v.spec.Required && len(items) == 0 {
		v.rep(at, v.spec.Doc, "%s: the list is empty", v.spec.Name)
	}
	return out
}

func (v valueReader) table(n *yaml.Node, at pos) any {
	if n.Kind != yaml.MappingNode {
		v.wrong(at, "a mapping (key: value)", n)
		return nil
	}
	out := make(map[string]string, len(n.Content)/2)
	d := decoder{file: v.file, rep: &reporter{}}
	d.each(n, at, func(key, value *yaml.Node) {
		s, ok := text(deref(value))
		if !ok {
			v.rep(v.at(value), "", "%s: expected text, found %s", v.spec.Name, describe(deref(value)))
			return
		}
		out[key.Value] = v.fill(s, v.at(value))
	})
	for _, p := range d.rep.problems {
		v.rep(pos{p.File, p.Line, p.Column}, p.Hint, "%s", p.Text)
	}
	return out
}

// stringParam is a parameter as written, when it is plain text.
func (p params) stringParam(name string) (word, bool) {
	for _, x := range p.List {
		if x.Name.S == name {
			n := deref(x.Value)
			if s, ok := text(n); ok {
				return word{s, pos{p.At.file, x.Value.Line, x.Value.Column}}, true
			}
		}
	}
	return word{}, false
}

// describeCall is a call in one line, for [Diff].
func describeCall(c dr.Call) string {
	if argv, ok := c.Params["argv"].([]string); ok {
		return fmt.Sprintf("%s %s", c.Action, strings.Join(argv, " "))
	}
	var b strings.Builder
	b.WriteString(c.Action)
	for _, name := range keys(c.Params) {
		fmt.Fprintf(&b, " %s=%v", name, c.Params[name])
	}
	return b.String()
}
