package catalog

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

// The scalar types of the raw format. Each remembers where it stands, so that a check made much
// later can still name line and column.
type (
	word struct { // text
		S  string
		At pos
	}
	span struct { // duration
		MS  dr.Millis
		Set bool
		At  pos
	}
	number struct { // whole number
		N   int64
		Set bool
		At  pos
	}
	flag struct { // true or false
		B   bool
		Set bool
		At  pos
	}
	moment struct { // RFC 3339
		T  dr.Time
		At pos
	}
	labels struct { // text by text
		M  map[string]string
		At pos
	}
	params struct { // parameters of an action, typed by the action's own description
		List []param
		At   pos
	}
	param struct {
		Name  word
		Value *yaml.Node
	}
)

// decoder fills raw structs from YAML by their tags: yaml (name), req, enum (a|b), format, one (a
// single text may stand for a list of one). It reports every mistake and goes on.
type decoder struct {
	file     string
	rep      *reporter
	readOnly bool // nothing can run here: what only a run needs may be missing
}

func (d *decoder) at(n *yaml.Node) pos { return pos{d.file, n.Line, n.Column} }

func (d *decoder) into(n *yaml.Node, v any) { d.value(n, reflect.ValueOf(v).Elem(), "") }

func (d *decoder) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag) {
	at := d.at(n)
	n = deref(n)
	switch out := v.Addr().Interface().(type) {
	case *word:
		d.word(n, at, out, tag)
	case *span:
		d.span(n, at, out)
	case *number:
		d.number(n, at, out)
	case *flag:
		out.At = at
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			d.rep.err(at, "", "expected true or false, found %s", describe(n))
			return
		}
		out.B, out.Set = strings.EqualFold(n.Value, "true"), true
	case *moment:
		d.moment(n, at, out)
	case *labels:
		d.labels(n, at, out)
	case *params:
		out.At = at
		d.each(n, at, func(key, value *yaml.Node) {
			out.List = append(out.List, param{word{key.Value, d.at(key)}, value})
		})
	case *rawUngraceful:
		out.At = at
		if n.Kind == yaml.MappingNode {
			out.Call = new(rawCall)
			d.structure(n, at, reflect.ValueOf(out.Call).Elem())
			return
		}
		d.word(n, at, &out.Word, `enum:"same|skip|try"`)
	case *rawAmount:
		d.amount(n, at, out)
	default:
		d.composite(n, at, v, tag)
	}
}

func (d *decoder) amount(n *yaml.Node, at pos, out *rawAmount) {
	out.At = at
	if v, ok := integer(n); ok {
		out.N, out.Plain = v, true
		return
	}
	var s span
	d.span(n, at, &s)
	out.N, out.Span = int64(s.MS), s.Set
}

func (d *decoder) composite(n *yaml.Node, at pos, v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), tag)
	case reflect.Slice:
		if n.Kind == yaml.ScalarNode && tag.Get("one") != "" && !isNull(n) {
			n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Column: n.Column, Content: []*yaml.Node{n}}
		}
		if n.Kind != yaml.SequenceNode {
			d.rep.err(at, "", "expected a list, found %s", describe(n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.value(item, v.Index(i), tag)
		}
	case reflect.Struct:
		d.structure(n, at, v)
	default:
		panic("catalog: no decoding into " + v.Type().String())
	}
}

// structure decodes a mapping into a struct; the field At takes its place.
func (d *decoder) structure(n *yaml.Node, at pos, v reflect.Value) {
	t := v.Type()
	v.FieldByName("At").Set(reflect.ValueOf(at))
	place, _ := t.FieldByName("At")
	noun := place.Tag.Get("noun")
	if n.Kind != yaml.MappingNode {
		d.rep.err(at, "", "expected %s as a mapping (key: value), found %s", noun, describe(n))
		return
	}
	got := map[string]bool{}
	d.each(n, at, func(key, value *yaml.Node) {
		got[key.Value] = true
		i, ok := fieldNamed(t, key.Value)
		if !ok {
			d.rep.err(d.at(key), didYouMean(key.Value, fieldNames(t)), "unknown field %q of %s", key.Value, noun)
			return
		}
		d.value(value, v.Field(i), t.Field(i).Tag)
	})
	for i := range t.NumField() {
		f := t.Field(i)
		req := f.Tag.Get("req")
		switch {
		case req == "" || got[f.Tag.Get("yaml")]:
		case req == "run" && d.readOnly:
			d.rep.warn(at, hintFor(f), "%s has no %q", noun, f.Tag.Get("yaml"))
		default:
			d.rep.err(at, hintFor(f), "%s needs %q", noun, f.Tag.Get("yaml"))
		}
	}
}

func hintFor(f reflect.StructField) string {
	if doc := f.Tag.Get("doc"); doc != "" {
		return f.Tag.Get("yaml") + ": " + doc
	}
	return ""
}

func fieldNamed(t reflect.Type, name string) (int, bool) {
	for i := range t.NumField() {
		if y := t.Field(i).Tag.Get("yaml"); y == name && y != "" {
			return i, true
		}
	}
	return 0, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if y := t.Field(i).Tag.Get("yaml"); y != "" {
			names = append(names, y)
		}
	}
	return names
}

// each calls fn for every key of a mapping once, its own keys before those merged in with <<.
func (d *decoder) each(n *yaml.Node, at pos, fn func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.rep.err(at, "", "expected a mapping (key: value), found %s", describe(n))
		return
	}
	d.merged(n, map[string]*yaml.Node{}, 0, fn)
}

func (d *decoder) merged(n *yaml.Node, seen map[string]*yaml.Node, depth int, fn func(key, value *yaml.Node)) {
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), n.Content[i+1]
		switch {
		case key.ShortTag() == "!!merge":
			merges = append(merges, value)
		case key.Kind != yaml.ScalarNode || isNull(key):
			d.rep.err(d.at(n.Content[i]), "", "expected a name before the colon, found %s", describe(key))
		case seen[key.Value] != nil && depth == 0:
			d.rep.err(d.at(n.Content[i]), "", "%q is said twice; the first time in line %d", key.Value, seen[key.Value].Line)
		case seen[key.Value] == nil:
			seen[key.Value] = key
			fn(key, value)
		}
	}
	for _, m := range merges {
		sources := []*yaml.Node{m}
		if l := deref(m); l.Kind == yaml.SequenceNode {
			sources = l.Content
		}
		for _, s := range sources {
			if deref(s).Kind != yaml.MappingNode {
				d.rep.err(d.at(s), "", "<< takes in a mapping, found %s", describe(deref(s)))
				continue
			}
			d.merged(deref(s), seen, depth+1, fn)
		}
	}
}
