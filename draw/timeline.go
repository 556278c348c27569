package draw

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Mark says what a bar of a timeline stands for.
type Mark string

const (
	MarkStep    Mark = "step"    // a machine at work
	MarkProof   Mark = "proof"   // a look that proves something
	MarkPerson  Mark = "person"  // waiting for a person
	MarkFailed  Mark = "failed"  // did not work
	MarkUnknown Mark = "unknown" // nobody knew whether it worked
	MarkUndo    Mark = "undo"    // taking a step back
)

// Course is what a timeline is drawn from: what really happened, when. Words are in the reader's
// language already.
type Course struct {
	ID      string // opens every element id, so that two pictures fit one page
	Title   string // said to those who cannot see it
	Zone    *time.Location
	Long    func(dr.Millis) string // words a duration; nil: as Go does
	Lanes   []Lane
	Pauses  []Bar
	Moments []Moment
	Words   CourseWords
}

// Lane is one system, or the people.
type Lane struct {
	Name string
	Bars []Bar
}

// Bar is one stretch of time. Bars of one Row share a line of the picture; an open end (zero To)
// reaches to the right edge.
type Bar struct {
	Row      string
	Name     string // what the reader sees on pointing at it
	From, To dr.Time
	Mark     Mark
	Critical bool
}

// Moment is a point in time with a name.
type Moment struct {
	Name string
	At   dr.Time
}

// CourseWords are the words of the legend and of the axis.
type CourseWords struct {
	Step, Critical, Proof, Person, Failed, Unknown, Undo, Pause, Cut string
}

const (
	courseWide  = 1000.0
	courseLeft  = 190.0 // room for names of rows
	courseRight = 150.0 // room for the name of the last moment
	rowHigh     = 14.0
	thinnest    = 2.0 // of bars that share a row
	laneHead    = 18.0
	levelHigh   = 14.0
	axisHigh    = 30.0
	rowRunes    = 30
)

// row is one line of the picture.
type row struct {
	name   string
	bars   []Bar
	level  []int // of each bar, when several overlap
	levels int
}

// Timeline draws what happened as an SVG document, time from left to right in the zone of the
// course. Long stretches in which no machine worked are drawn shorter than they were and say so.
func Timeline(c Course) []byte {
	a := newAxis(c)
	rows := make([][]row, len(c.Lanes))
	for i, lane := range c.Lanes {
		rows[i] = rowsOf(lane.Bars, a)
	}
	c.Moments = inOrder(c.Moments)
	levels := momentLevels(c.Moments, a)
	top := 8 + levelHigh*float64(1+slices.Max(append(levels, 0)))
	bottom := top + lanesHigh(rows)
	high := bottom + axisHigh + 44

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg class="tl" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="%s-title">`, courseWide, high, plain(c.ID))
	fmt.Fprintf(&b, "<title id=\"%s-title\">%s</title>\n<style>%s</style>\n", plain(c.ID), plain(c.Title), TimelineStyle)
	patterns(&b, c.ID)
	fmt.Fprintf(&b, `<rect class="tl-paper" width="%.0f" height="%.0f"/>`+"\n", courseWide, high)
	grid(&b, a, c, top, bottom)
	for _, p := range c.Pauses {
		x1, x2 := a.span(p)
		fmt.Fprintf(&b, `<rect class="tl-pause" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n", x1, top, max(x2-x1, 1.5), bottom-top, plain(tip(p, a)))
	}
	y := top
	for i, lane := range c.Lanes {
		y = drawLane(&b, c.ID, lane.Name, rows[i], a, y)
	}
	moments(&b, c.Moments, levels, a, bottom)
	courseLegend(&b, c, high-14)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// rowsOf puts bars into rows, in the order in which rows begin.
func rowsOf(bars []Bar, a axis) []row {
	var out []row
	index := map[string]int{}
	for _, bar := range sorted(bars) {
		i, ok := index[bar.Row]
		if !ok {
			i = len(out)
			index[bar.Row] = i
			out = append(out, row{name: bar.Row})
		}
		out[i].bars = append(out[i].bars, bar)
	}
	for i := range out {
		out[i].stack(a)
	}
	return out
}

func sorted(bars []Bar) []Bar {
	out := slices.DeleteFunc(slices.Clone(bars), func(b Bar) bool { return b.From.IsZero() })
	slices.SortStableFunc(out, func(x, y Bar) int {
		return cmp.Or(x.From.Compare(y.From.Time), cmp.Compare(x.Row, y.Row), cmp.Compare(x.Name, y.Name))
	})
	return out
}

// stack gives bars that would cover each other levels of their own.
func (r *row) stack(a axis) {
	var ends []float64
	for _, bar := range r.bars {
		x1, x2 := a.span(bar)
		level := slices.IndexFunc(ends, func(end float64) bool { return end <= x1 })
		if level < 0 {
			level = len(ends)
			ends = append(ends, 0)
		}
		ends[level] = max(x2, x1+1.5)
		r.level = append(r.level, level)
	}
	r.levels = len(ends)
}

// thick is the height of one bar of the row.
func (r row) thick() float64 { return max(thinnest, (rowHigh-4)/float64(max(r.levels, 1))) }

func (r row) high() float64 { return max(rowHigh, r.thick()*float64(r.levels)+4) }

func lanesHigh(lanes [][]row) float64 {
	high := 0.0
	for _, rows := range lanes {
		high += laneHead + 4
		for _, r := range rows {
			high += r.high()
		}
	}
	return high
}

func drawLane(b *bytes.Buffer, id, name string, rows []row, a axis, y float64) float64 {
	fmt.Fprintf(b, `<line class="tl-rule" x1="0" y1="%.1f" x2="%.0f" y2="%.1f"/>`, y, courseWide, y)
	fmt.Fprintf(b, `<text class="tl-lane" x="4" y="%.1f">%s</text>`+"\n", y+13, plain(cut(name, rowRunes)))
	y += laneHead
	for _, r := range rows {
		label := r.name
		if n := r.count(); n > 1 {
			label = fmt.Sprintf("%s ×%d", cut(r.name, rowRunes-4), n)
		}
		fmt.Fprintf(b, `<text class="tl-row" x="%.0f" y="%.1f">%s</text>`, courseLeft-8, y+r.high()/2+3.5, plain(cut(label, rowRunes)))
		for i, bar := range r.bars {
			drawBar(b, id, bar, a, y+2+r.thick()*float64(r.level[i]), r.thick())
		}
		b.WriteString("\n")
		y += r.high()
	}
	return y + 4
}

// count is how many things share the row; the attempts of one thing are one.
func (r row) count() int {
	names := map[string]bool{}
	for _, bar := range r.bars {
		names[bar.Name] = true
	}
	return len(names)
}

func drawBar(b *bytes.Buffer, id string, bar Bar, a axis, y, thick float64) {
	x1, x2 := a.span(bar)
	class := "tl-bar tl-" + string(bar.Mark)
	if bar.Critical {
		class += " tl-critical"
	}
	fill := ""
	if bar.Mark == MarkPerson || bar.Mark == MarkUnknown {
		fill = fmt.Sprintf(` fill="url(#%s-%s)"`, plain(id), bar.Mark)
	}
	gap := 0.0 // between bars of one row, where there is room for one
	if thick >= 4 {
		gap = 1
	}
	wide := max(x2-x1, 1.5)
	fmt.Fprintf(b, `<rect class="%s"%s x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`, class, fill, x1, y, wide, thick-gap, plain(tip(bar, a)))
	if bar.Mark == MarkFailed {
		fmt.Fprintf(b, `<text class="tl-cross" x="%.1f" y="%.1f">×</text>`, x1+wide+1, y+thick/2+4)
	}
}

func tip(bar Bar, a axis) string {
	text := bar.Name + ": " + a.clock(bar.From)
	if !bar.To.IsZero() {
		text += "–" + a.clock(bar.To) + " (" + a.long(bar.To.Since(bar.From)) + ")"
	}
	return text
}

// inOrder leaves out moments nobody knows.
func inOrder(ms []Moment) []Moment {
	out := slices.DeleteFunc(slices.Clone(ms), func(m Moment) bool { return m.At.IsZero() })
	slices.SortStableFunc(out, func(x, y Moment) int { return x.At.Compare(y.At.Time) })
	return out
}

// momentLevels finds each name a height where it covers no other; a later one hangs lower, so that
// its line crosses no earlier name.
func momentLevels(ms []Moment, a axis) []int {
	levels := make([]int, len(ms))
	ends := make([]float64, len(ms))
	for i, m := range ms {
		x := a.x(m.At)
		ends[i] = x + 6 + textWide(momentText(m, a), 10.5)
		for j := range i {
			if ends[j]+6 > x && levels[j] >= levels[i] {
				levels[i] = levels[j] + 1
			}
		}
	}
	return levels
}

func momentText(m Moment, a axis) string { return m.Name + " " + a.clock(m.At) }

func moments(b *bytes.Buffer, ms []Moment, levels []int, a axis, bottom float64) {
	for i, m := range ms {
		x, y := a.x(m.At), 12+levelHigh*float64(levels[i])
		fmt.Fprintf(b, `<line class="tl-moment" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x, y-8, x, bottom)
		fmt.Fprintf(b, `<text class="tl-name" x="%.1f" y="%.1f">%s</text>`+"\n", x+3, y, plain(momentText(m, a)))
	}
}

func courseLegend(b *bytes.Buffer, c Course, y float64) {
	x := 4.0
	for _, e := range []struct{ class, fill, text string }{
		{"tl-bar tl-step", "", c.Words.Step}, {"tl-bar tl-step tl-critical", "", c.Words.Critical}, {"tl-bar tl-proof", "", c.Words.Proof},
		{"tl-bar tl-person", string(MarkPerson), c.Words.Person}, {"tl-bar tl-failed", "", c.Words.Failed}, {"tl-bar tl-unknown", string(MarkUnknown), c.Words.Unknown},
		{"tl-bar tl-undo", "", c.Words.Undo}, {"tl-pause", "", c.Words.Pause},
	} {
		fill := ""
		if e.fill != "" {
			fill = fmt.Sprintf(` fill="url(#%s-%s)"`, plain(c.ID), e.fill)
		}
		fmt.Fprintf(b, `<rect class="%s"%s x="%.1f" y="%.1f" width="16" height="9"/><text class="tl-note" x="%.1f" y="%.1f">%s</text>`,
			e.class, fill, x, y-8, x+20, y, plain(e.text))
		x += 34 + textWide(e.text, 10.5)
	}
	b.WriteString("\n")
}

func patterns(b *bytes.Buffer, id string) {
	id = plain(id)
	fmt.Fprintf(b, `<defs><pattern id="%s-person" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="tl-hatch-back" width="5" height="5"/><rect class="tl-hatch" width="2" height="5"/></pattern>`, id)
	fmt.Fprintf(b, `<pattern id="%s-unknown" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="tl-hatch-back" width="4" height="4"/><circle class="tl-dot" cx="2" cy="2" r="1.1"/></pattern></defs>`+"\n", id)
}

// TimelineStyle is the style inside every timeline. It names only classes of its own, so that the
// picture may stand inside a page.
const TimelineStyle = `.tl text{font:10.5px system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;fill:#1c2733}
.tl-paper{fill:#fff}.tl .tl-lane{font-weight:700;font-size:12px}.tl .tl-row{text-anchor:end;fill:#3e4c59}.tl .tl-note,.tl .tl-tick{fill:#52606d}.tl .tl-tick{text-anchor:middle;font-size:10px}
.tl .tl-name{font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}.tl .tl-cross{font-weight:700;font-size:12px;fill:#a61b1b}
.tl-rule{stroke:#9aa5b1;stroke-width:1}.tl-grid{stroke:#e4e7eb;stroke-width:1}.tl-moment{stroke:#52606d;stroke-width:1;stroke-dasharray:2 3}.tl-cut{fill:none;stroke:#b7791f;stroke-width:1.5}.tl-cutback{fill:#fbf3e0}
.tl-step{fill:#9fb3c8}.tl-critical{fill:#1f5fbf;stroke:#0b3d8c;stroke-width:.8}.tl-proof{fill:#5aa17a}.tl-proof.tl-critical{fill:#1c7a45;stroke:#0b3d8c;stroke-width:1}.tl-failed{fill:#c0392b}.tl-undo{fill:#8e5fb0}
.tl-person,.tl-unknown{stroke:#b7791f;stroke-width:.8}.tl-hatch-back{fill:#fdf1d6}.tl-hatch,.tl-dot{fill:#c98a1b}.tl-pause{fill:#c0392b;fill-opacity:.14;stroke:#c0392b;stroke-opacity:.5;stroke-width:.8;stroke-dasharray:3 2}
@media screen and (prefers-color-scheme:dark){.tl text{fill:#e4e9ee}.tl-paper{fill:#12181f}.tl .tl-row{fill:#c3ced9}.tl .tl-note,.tl .tl-tick{fill:#a3b1bf}.tl .tl-name{stroke:#12181f}.tl .tl-cross{fill:#ff8a7a}
.tl-rule{stroke:#4c5b6a}.tl-grid{stroke:#243040}.tl-moment{stroke:#a3b1bf}.tl-cutback{fill:#2e2816}.tl-step{fill:#5d738a}.tl-critical{fill:#5a96ee;stroke:#9cc2ff}.tl-proof{fill:#3f9a68}.tl-proof.tl-critical{fill:#4fc586;stroke:#9cc2ff}
.tl-failed{fill:#e0685b}.tl-undo{fill:#b48ad3}.tl-hatch-back{fill:#3d3113}.tl-hatch,.tl-dot{fill:#d9a441}.tl-pause{fill:#e0685b;fill-opacity:.2}}`
