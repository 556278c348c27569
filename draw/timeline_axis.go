package draw

import (
	"bytes"
	"fmt"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

const (
	longGap   = 0.5  // of the time machines worked: from here on a gap is cut
	shortGap  = 0.22 // what is left of a gap that was cut
	tickApart = 78.0
)

// stretch is a piece of the axis with one scale.
type stretch struct {
	from, to dr.Time
	x1, x2   float64
	cut      bool // drawn shorter than it was
}

// axis turns moments into places.
type axis struct {
	parts []stretch
	zone  *time.Location
	long  func(dr.Millis) string
	fine  bool // clocks show milliseconds
}

// newAxis spans everything there is to show and cuts long gaps between work.
func newAxis(c Course) axis {
	a := axis{zone: c.Zone, long: c.Long}
	if a.long == nil {
		a.long = dr.Millis.String
	}
	if a.zone == nil {
		a.zone = time.UTC
	}
	from, to := extent(c)
	if from.IsZero() {
		return a
	}
	if !to.After(from.Time) {
		to = from.Plus(1000)
	}
	work := busy(c)
	var worked dr.Millis
	for _, w := range work {
		worked += w.to.Since(w.from)
	}
	end := from
	for _, w := range work {
		a.add(stretch{from: end, to: w.from, cut: isLong(w.from.Since(end), worked)})
		a.add(stretch{from: w.from, to: w.to})
		end = w.to
	}
	a.add(stretch{from: end, to: to, cut: isLong(to.Since(end), worked)})
	a.fine = worked < 120_000 && (worked > 0 || to.Since(from) < 120_000)
	a.scale(worked)
	return a
}

// add lengthens the last stretch where the scale stays the same.
func (a *axis) add(s stretch) {
	if n := len(a.parts); n > 0 && !s.cut && !a.parts[n-1].cut {
		a.parts[n-1].to = s.to
		return
	}
	a.parts = append(a.parts, s)
}

func isLong(gap, worked dr.Millis) bool {
	return worked > 0 && float64(gap) > longGap*float64(worked)
}

// scale gives every stretch its share of the width.
func (a *axis) scale(worked dr.Millis) {
	weight := func(s stretch) float64 {
		if s.cut {
			return shortGap * float64(worked)
		}
		return float64(s.to.Since(s.from))
	}
	all := 0.0
	for _, s := range a.parts {
		all += weight(s)
	}
	x := courseLeft
	for i := range a.parts {
		s := &a.parts[i]
		s.x1 = x
		x += weight(*s) / max(all, 1) * (courseWide - courseLeft - courseRight)
		s.x2 = x
	}
}

// extent is the first and the last moment of a course.
func extent(c Course) (from, to dr.Time) {
	see := func(t dr.Time) {
		if t.IsZero() {
			return
		}
		if from.IsZero() || t.Before(from.Time) {
			from = t
		}
		if to.IsZero() || t.After(to.Time) {
			to = t
		}
	}
	for _, lane := range append([]Lane{{Bars: c.Pauses}}, c.Lanes...) {
		for _, bar := range lane.Bars {
			see(bar.From)
			see(bar.To)
		}
	}
	for _, m := range c.Moments {
		see(m.At)
	}
	return from, to
}

// busy joins the stretches in which a machine worked.
func busy(c Course) []stretch {
	var all []Bar
	for _, lane := range c.Lanes {
		for _, bar := range lane.Bars {
			if bar.Mark != MarkPerson && !bar.To.IsZero() {
				all = append(all, bar)
			}
		}
	}
	var out []stretch
	for _, bar := range sorted(all) {
		if n := len(out); n > 0 && !bar.From.After(out[n-1].to.Time) {
			if bar.To.After(out[n-1].to.Time) {
				out[n-1].to = bar.To
			}
			continue
		}
		out = append(out, stretch{from: bar.From, to: bar.To})
	}
	return out
}

// x is the place of a moment.
func (a axis) x(t dr.Time) float64 {
	x := courseLeft
	for _, s := range a.parts {
		if t.Before(s.from.Time) {
			return x
		}
		x = s.x2
		if t.Before(s.to.Time) {
			return s.x1 + (s.x2-s.x1)*float64(t.Since(s.from))/float64(s.to.Since(s.from))
		}
	}
	return x
}

func (a axis) span(b Bar) (x1, x2 float64) {
	if b.To.IsZero() {
		return a.x(b.From), courseWide - courseRight
	}
	return a.x(b.From), a.x(b.To)
}

// clock words a moment as people read it off the picture.
func (a axis) clock(t dr.Time) string {
	if a.fine {
		return t.In(a.zone).Format("15:04:05.000")
	}
	return t.In(a.zone).Format("15:04:05")
}

// grid draws ticks on every stretch wide enough, the cuts, and the day with its offset.
func grid(b *bytes.Buffer, a axis, c Course, top, bottom float64) {
	last := courseLeft - tickApart
	for _, s := range a.parts {
		if s.cut {
			cutMark(b, a, s, c.Words.Cut, top, bottom)
			last = s.x2 - tickApart/2 // leaves room for the length of the cut
			continue
		}
		for _, t := range ticks(a, s) {
			x := a.x(t)
			fmt.Fprintf(b, `<line class="tl-grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x, top, x, bottom)
			if x-last >= tickApart*0.9 {
				fmt.Fprintf(b, `<text class="tl-tick" x="%.1f" y="%.1f">%s</text>`+"\n", x, bottom+13, a.clock(t))
				last = x
			}
		}
	}
	if len(a.parts) > 0 {
		from := a.parts[0].from.In(a.zone)
		fmt.Fprintf(b, `<text class="tl-note" x="4" y="%.1f">%s</text>`+"\n", bottom+13, from.Format("2006-01-02 (UTC-07:00)"))
	}
}

func cutMark(b *bytes.Buffer, a axis, s stretch, word string, top, bottom float64) {
	mid := (s.x1 + s.x2) / 2
	fmt.Fprintf(b, `<rect class="tl-cutback" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, s.x1, top, s.x2-s.x1, bottom-top)
	fmt.Fprintf(b, `<path class="tl-cut" d="M%.1f %.1fl3 -8l4 8l3 -8"/>`, mid-5, bottom+4)
	fmt.Fprintf(b, `<text class="tl-tick" x="%.1f" y="%.1f">%s</text><text class="tl-tick" x="%.1f" y="%.1f">%s</text>`+"\n", mid, bottom+15, plain(a.long(s.to.Since(s.from))), mid, bottom+26, plain(word))
}

// ticks are round moments of the zone within a stretch, far enough apart to be read.
func ticks(a axis, s stretch) []dr.Time {
	long := s.to.Since(s.from)
	if long <= 0 || s.x2-s.x1 < 1 {
		return nil
	}
	apart := float64(long) / (s.x2 - s.x1) * tickApart
	every := dr.Millis(24 * 3600 * 1000)
	for _, e := range []dr.Millis{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000} {
		if float64(e) >= apart {
			every = e
			break
		}
	}
	_, offset := s.from.In(a.zone).Zone()
	shift := int64(offset) * 1000
	var out []dr.Time
	first := (s.from.UnixMilli() + shift + int64(every) - 1) / int64(every)
	for at := first*int64(every) - shift; at < s.to.UnixMilli() && len(out) < 60; at += int64(every) {
		out = append(out, dr.At(time.UnixMilli(at)))
	}
	return out
}

// textWide estimates how wide text runs; Chinese characters are twice as wide.
func textWide(s string, size float64) float64 {
	wide := 0.0
	for _, r := range s {
		if r >= 0x2e80 {
			wide++
		} else {
			wide += 0.56
		}
	}
	return wide * size
}
