package catalog

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

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
	file string
	rep  *reporter
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
		if f := t.Field(i); f.Tag.Get("req") != "" && !got[f.Tag.Get("yaml")] {
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

// text reads a scalar as it was written. Numbers and dates may stand where text is wanted; true,
// false and nothing are nearly always a slip.
func text(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!binary":
		return "", false
	}
	return n.Value, true
}

func (d *decoder) word(n *yaml.Node, at pos, out *word, tag reflect.StructTag) {
	out.At = at
	s, ok := text(n)
	if !ok {
		hint := ""
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
			hint = fmt.Sprintf("write %q in quotes if that is the text", n.Value)
		}
		d.rep.err(at, hint, "expected text, found %s", describe(n))
		return
	}
	if enum := tag.Get("enum"); enum != "" {
		known := strings.Split(enum, "|")
		for _, k := range known {
			if k == s {
				out.S = s
				return
			}
		}
		d.rep.err(at, nearest(s, known), "expected one of %s, found %q", strings.Join(known, ", "), clip(s, 40))
		return
	}
	if f, ok := formats[tag.Get("format")]; ok && !f.fits(s) {
		d.rep.err(at, f.hint, "expected %s, found %q", f.noun, clip(s, 40))
		return
	}
	if s == "" {
		d.rep.err(at, "leave the field out if there is nothing to say", "expected text, found \"\"")
		return
	}
	out.S = s
}

// format is a shape of text.
type format struct {
	noun, hint string
	pattern    string // for the schema
	fits       func(string) bool
}

const (
	idPattern      = `^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`
	clockPattern   = `^(?:[01][0-9]|2[0-3]):[0-5][0-9]$`
	stretchPattern = `^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]$`
	datePattern    = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
)

var formats = map[string]format{
	"id": {"an id", "letters, digits and . _ - between them, at most 64", idPattern, regexp.MustCompile(idPattern).MatchString},
	"clock": {"a time of day", `such as "08:00"`, clockPattern,
		regexp.MustCompile(clockPattern).MatchString},
	"stretch": {"a stretch of the day", `such as "22:00-01:30"`, stretchPattern,
		regexp.MustCompile(stretchPattern).MatchString},
	"date": {"a date", "such as 2027-03-01", datePattern, func(s string) bool {
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	}},
	"zone": {"a time zone", "an IANA name such as Asia/Shanghai", "", func(s string) bool {
		_, err := time.LoadLocation(s)
		return err == nil && s != "Local" && s != ""
	}},
}

const spanHint = "a duration such as 30s, 10m, 1h30m, 500ms or 3d"

func (d *decoder) span(n *yaml.Node, at pos, out *span) {
	out.At = at
	s, ok := text(n)
	if ok {
		out.MS, ok = parseSpan(s)
	}
	if !ok {
		d.rep.err(at, spanHint, "expected a duration, found %s", describe(n))
		return
	}
	out.Set = true
}

// parseSpan reads a Go duration, or whole days as "3d"; never negative, at most ten years.
func parseSpan(s string) (dr.Millis, bool) {
	const longest = 3650 * 24 * time.Hour
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 3650 || days[0] == '+' {
			return 0, false
		}
		return dr.MillisOf(time.Duration(n) * 24 * time.Hour), true
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 || v > longest || v%time.Millisecond != 0 {
		return 0, false
	}
	return dr.MillisOf(v), true
}

func (d *decoder) number(n *yaml.Node, at pos, out *number) {
	out.At = at
	v, ok := integer(n)
	if !ok {
		d.rep.err(at, "", "expected a whole number, found %s", describe(n))
		return
	}
	out.N, out.Set = v, true
}

func integer(n *yaml.Node) (int64, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		return 0, false
	}
	var v int64
	if err := n.Decode(&v); err != nil || v == math.MinInt64 /* has no positive twin */ {
		return 0, false
	}
	return v, true
}

func (d *decoder) moment(n *yaml.Node, at pos, out *moment) {
	out.At = at
	s, _ := text(n)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d.rep.err(at, "such as 2026-12-31T00:00:00+08:00", "expected a moment with date, time and zone, found %s", describe(n))
		return
	}
	out.T = dr.At(t)
}

func (d *decoder) labels(n *yaml.Node, at pos, out *labels) {
	out.At, out.M = at, map[string]string{}
	d.each(n, at, func(key, value *yaml.Node) {
		s, ok := text(deref(value))
		if !ok {
			d.rep.err(d.at(value), "", "expected text, found %s", describe(deref(value)))
			return
		}
		out.M[key.Value] = s
	})
}
