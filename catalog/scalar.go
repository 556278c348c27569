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
	untilPattern   = `^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`
	stretchPattern = `^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]$`
	datePattern    = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
)

var formats = map[string]format{
	"id": {"an id", "letters, digits and . _ - between them, at most 64", idPattern, regexp.MustCompile(idPattern).MatchString},
	"clock": {"a time of day", `such as "08:00"`, clockPattern,
		regexp.MustCompile(clockPattern).MatchString},
	"until": {"a time of day", `such as "20:00", or "24:00" for the end of the day`, untilPattern,
		regexp.MustCompile(untilPattern).MatchString},
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
