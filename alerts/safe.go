package alerts

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

// safe makes foreign text fit to be shown: control characters and whatever turns the direction of
// writing become visible marks, line ends become spaces, and the text is cut at a rune. Marks of chat
// products are left as they are: whoever shows text escapes it for its surface.
func safe(s string, limit int) string {
	if plain(s) && len(s) <= limit {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), limit) + 8)
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u2028', r == '\u2029':
			r = '\uFFFD'
		}
		if b.Len()+utf8.RuneLen(r) > limit-len("…") {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// safeMap makes labels or annotations safe and few. Which stay when there are too many is decided by what
// they can be used for, then by name, so that the same payload always gives the same signal.
func safeMap(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	type ranked struct {
		key  string
		rank int
	}
	all := make([]ranked, 0, len(in))
	for k := range in {
		all = append(all, ranked{k, labelRank(k)})
	}
	if len(all) > MaxLabels {
		slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.key, b.key)) })
		all = all[:MaxLabels]
	}
	keys := make([]string, 0, len(all))
	for _, r := range all {
		keys = append(keys, r.key)
	}
	slices.Sort(keys) // two keys may become one when cut: the last by name wins, always
	out := make(map[string]string, len(keys))
	for _, k := range keys {
		out[safe(k, 128)] = safe(in[k], MaxValue)
	}
	return out
}

// severityWords are what people call the three severities.
var severityWords = map[string]string{
	"critical": "critical", "crit": "critical", "page": "critical", "error": "critical", "err": "critical", "fatal": "critical", "emergency": "critical",
	"disaster": "critical", "high": "critical", "major": "critical", "sev1": "critical", "sev0": "critical", "s1": "critical", "p1": "critical", "p0": "critical", "urgent": "critical", "alert": "critical",
	"info": "info", "information": "info", "informational": "info", "notice": "info", "none": "info", "low": "info", "debug": "info", "ok": "info", "p5": "info", "p4": "info", "sev4": "info",
}

// severityOf reads a severity; what is not known is a warning.
func severityOf(labels map[string]string) string {
	for _, key := range []string{"severity", "priority", "level", "sev"} {
		if v := labels[key]; v != "" {
			if s, ok := severityWords[strings.ToLower(strings.TrimSpace(v))]; ok {
				return s
			}
			return "warning"
		}
	}
	return "warning"
}

// moment reads a time leniently: nothing and the year 1 mean "not known".
func moment(t dr.Time) dr.Time {
	if t.Year() <= 1 {
		return dr.Time{}
	}
	return t
}
