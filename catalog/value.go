package catalog

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

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
