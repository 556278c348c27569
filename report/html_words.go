package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// say words a sentence of the page; pairs are names and values of its holes.
func (p *page) say(id string, pairs ...any) string {
	args := dr.Args{}
	for i := 0; i+1 < len(pairs); i += 2 {
		args[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	return locale.Say(p.Lang, "page_"+id, args)
}

// word words one value of a list of ours, and shows what it does not know as it is.
func (p *page) word(class string, value any) string {
	id := "page_" + class + "_" + fmt.Sprint(value)
	if !locale.Has(id) {
		return fmt.Sprint(value)
	}
	return locale.Say(p.Lang, id, nil)
}

func (p *page) funcs() template.FuncMap {
	return template.FuncMap{
		"say": p.say, "word": p.word, "dur": p.dur, "stamp": p.stamp, "clock": p.clock, "num": p.num, "bytes": size,
		"term":     func(class string, value any) string { return locale.Term(p.Lang, class, fmt.Sprint(value)) },
		"sentence": func(id string) string { return locale.Say(p.Lang, id, nil) },
		"refused":  func(r Refusal) string { return locale.Say(p.Lang, r.ID, r.Args) },
		"list":     p.list, "words": func(class string, values any) string { return p.words(class, values) },
		"value": p.value, "goal": p.goal, "rtoBar": rtoBar, "rateChart": p.rateChart, "mark": mark, "pct": percent,
		"dict": dict, "names": p.names,
	}
}

// dict hands several values to a template.
func dict(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return out
}

// stamp is a moment in full: the bank's zone with its offset.
func (p *page) stamp(t dr.Time) string {
	if t.IsZero() {
		return p.say("none")
	}
	return t.In(p.zone).Format("2006-01-02 15:04:05.000 -07:00")
}

// clock is the time of day, with the day when it is not that of the run.
func (p *page) clock(t dr.Time) string {
	if t.IsZero() {
		return p.say("none")
	}
	local := t.In(p.zone)
	if local.Format("2006-01-02") != p.M.Runs[0].Clocks.Requested.In(p.zone).Format("2006-01-02") {
		return local.Format("2006-01-02 15:04:05.000")
	}
	return local.Format("15:04:05.000")
}

// dur is a duration as people say it.
func (p *page) dur(m dr.Millis) string {
	if m < 0 {
		return p.say("not_measured")
	}
	unit := func(id string, n any) string { return p.say("unit_"+id, "n", n) }
	s := int64(m) / 1000
	switch {
	case m < 1000:
		return unit("ms", int64(m))
	case s < 60:
		return unit("s", strings.TrimSuffix(strconv.FormatFloat(float64(m/100)/10, 'f', 1, 64), ".0"))
	}
	parts := []string{}
	for _, u := range []struct {
		id  string
		all int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}} {
		if n := s / u.all; n > 0 && len(parts) < 2 {
			parts = append(parts, unit(u.id, n))
			s %= u.all
		}
	}
	return strings.Join(parts, " ")
}

// num is a count with thousands set apart.
func (p *page) num(n any) string {
	digits := fmt.Sprint(n)
	if strings.HasPrefix(digits, "-") {
		return p.say("not_measured")
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/1024)
}

// colon stands between a name and what is said of it.
func (p *page) colon() string {
	if p.Lang == locale.Chinese {
		return "："
	}
	return ": "
}

func (p *page) list(items []string) string {
	if p.Lang == locale.Chinese {
		return strings.Join(items, "、")
	}
	return strings.Join(items, ", ")
}

func (p *page) names(people []Who) string {
	var out []string
	for _, w := range people {
		out = append(out, w.Name)
	}
	return p.list(out)
}

// words words every value of a list.
func (p *page) words(class string, values any) string {
	var out []string
	switch v := values.(type) {
	case []string:
		for _, s := range v {
			out = append(out, p.word(class, s))
		}
	case []dr.Role:
		for _, r := range v {
			out = append(out, locale.Term(p.Lang, "role", string(r)))
		}
	}
	return p.list(out)
}

// goal is what a criterion asked for.
func (p *page) goal(o dr.Outcome) string {
	op := map[string]string{"<=": "≤", ">=": "≥", "==": "="}[o.Op]
	return strings.TrimSpace(op + " " + p.value(o.Metric, o.Value))
}

// value is a measured value in the unit of its metric.
func (p *page) value(metric string, n int64) string {
	switch metric {
	case "rto", "rpo", "limit":
		return p.dur(dr.Millis(n))
	}
	return p.num(n)
}

// mark is the sign beside a state or a result, readable without colour.
func mark(value any) string {
	switch fmt.Sprint(value) {
	case "ok", "yes", "passed", "true", "approve", "acknowledged", "sent", "done":
		return "✓"
	case "failed", "no", "false", "deny", "missed_rto", "missed_rpo":
		return "✗"
	case "unknown", "not_measured", "inconclusive", "exceptions":
		return "?"
	case "undone":
		return "↶"
	}
	return "–"
}

func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return strconv.Itoa((part*100+whole/2)/whole) + " %"
}
