package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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
