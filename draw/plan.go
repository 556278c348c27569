package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

const (
	boxWide, boxHigh = 208.0, 44.0
	gapWide, gapHigh = 64.0, 14.0
	bendHigh         = 10.0
	margin           = 24.0
	head             = 64.0
	foot             = 40.0
	labelRunes       = 28
	noteRunes        = 34
)

// Plan draws a compiled plan as an SVG document, time from left to right. Steps in critical (by
// id) stand out; it may be nil.
func Plan(s *dr.Slice, critical []string) []byte {
	on := make(map[string]bool, len(critical))
	for _, id := range critical {
		on[id] = true
	}
	all := boxes(s.Steps, on)
	thin(all)
	all = bend(all)
	wide, high := place(all, columns(all))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label=%q>`+"\n",
		wide, high, wide, high, plain("Plan "+s.Plan))
	b.WriteString(style)
	fmt.Fprintf(&b, `<rect class="paper" width="%.0f" height="%.0f"/>`+"\n", wide, high)
	fmt.Fprintf(&b, `<text class="head" x="%.0f" y="30">%s</text>`+"\n", margin, plain(s.Title))
	fmt.Fprintf(&b, `<text class="note" x="%.0f" y="50">%s</text>`+"\n", margin, plain(subtitle(s)))
	for i := range all {
		lines(&b, all, i)
	}
	for i := range all {
		if !all[i].bend {
			drawBox(&b, all[i])
		}
	}
	legend(&b, high-foot/2+4)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func subtitle(s *dr.Slice) string {
	text := fmt.Sprintf("%s · %s to %s · %s · %s · %s", s.Plan, s.From, s.To, s.Mode, many(len(s.Systems), "system"), many(len(s.Steps), "step"))
	if s.Environment != dr.Production {
		text += " · " + string(s.Environment)
	}
	return text
}

// place turns columns and rows into points and tells the size of the sheet.
func place(all []box, cols [][]int) (wide, high float64) {
	tallest := 0.0
	heights := make([]float64, len(cols))
	for c, col := range cols {
		for _, i := range col {
			heights[c] += size(all[i]) + gapHigh
		}
		tallest = max(tallest, heights[c])
	}
	for c, col := range cols {
		y := head + margin + (tallest-heights[c])/2
		for _, i := range col {
			all[i].x = margin + float64(c)*(boxWide+gapWide)
			all[i].y = y + size(all[i])/2
			y += size(all[i]) + gapHigh
		}
	}
	wide = 2*margin + float64(max(1, len(cols)))*(boxWide+gapWide) - gapWide
	return max(wide, 560), head + 2*margin + tallest + foot
}

func size(b box) float64 {
	if b.bend {
		return bendHigh
	}
	return boxHigh
}

func lines(b *bytes.Buffer, all []box, i int) {
	to := all[i]
	for _, j := range to.needs {
		from := all[j]
		x1, x2 := from.x+boxWide, to.x
		mid := (x1 + x2) / 2
		fmt.Fprintf(b, `<path class="line" d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f`, x1, from.y, mid, from.y, mid, to.y, x2, to.y)
		if to.bend {
			fmt.Fprintf(b, "H%.1f", to.x+boxWide)
		}
		b.WriteString(`"/>` + "\n")
	}
}

func drawBox(b *bytes.Buffer, one box) {
	fmt.Fprintf(b, `<g class="%s"><title>%s</title><rect class="box" x="%.1f" y="%.1f" width="%.0f" height="%.0f" rx="6"/>`,
		one.class, plain(one.name), one.x, one.y-boxHigh/2, boxWide, boxHigh)
	fmt.Fprintf(b, `<text class="label" x="%.1f" y="%.1f">%s</text>`, one.x+10, one.y-3, plain(cut(one.label, labelRunes)))
	fmt.Fprintf(b, `<text class="note" x="%.1f" y="%.1f">%s</text></g>`+"\n", one.x+10, one.y+13, plain(cut(one.note, noteRunes)))
}

func legend(b *bytes.Buffer, y float64) {
	x := margin
	for _, entry := range []struct{ class, text string }{
		{"critical", "longest path"}, {"person", "waits for a person"}, {"noreturn", "no way back"}, {"verify", "proof"}, {"off", "off the path"},
	} {
		fmt.Fprintf(b, `<g class="%s"><rect class="box" x="%.0f" y="%.0f" width="12" height="12" rx="3"/><text class="note" x="%.0f" y="%.0f">%s</text></g>`+"\n",
			entry.class, x, y-10, x+18, y, entry.text)
		x += 40 + float64(len(entry.text))*6.4
	}
}

// cut shortens text to n runes; what is lost stands in the box's title.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func plain(s string) string {
	var b bytes.Buffer
	// EscapeText fails only when the writer does, and a buffer does not.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const style = `<style>
text{font-family:system-ui,sans-serif;fill:#1c2733}
.paper{fill:#fff}.head{font-size:18px;font-weight:600}.label{font-size:12.5px;font-weight:600}.note{font-size:11px;fill:#52606d}
.box{fill:#f3f5f7;stroke:#9aa5b1;stroke-width:1.2}.line{fill:none;stroke:#9aa5b1;stroke-width:1.2}
.critical .box{fill:#e3edfb;stroke:#2f6fd0;stroke-width:1.8}.person .box{fill:#fdf1d6;stroke:#b7791f;stroke-width:1.8}
.noreturn .box{fill:#fbe3e3;stroke:#c0392b;stroke-width:1.8}.verify .box{fill:#e2f4e8;stroke:#2f8f57}.off .box{stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){text{fill:#e4e9ee}.note{fill:#a3b1bf}.paper{fill:#12181f}.box{fill:#1d2731;stroke:#4c5b6a}.line{stroke:#4c5b6a}
.critical .box{fill:#1a2f4f;stroke:#5a96ee}.person .box{fill:#3d3113;stroke:#d9a441}.noreturn .box{fill:#451f1f;stroke:#e0685b}.verify .box{fill:#173524;stroke:#4fb57c}}
</style>
`
