package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/dr"
)

var courseDay = dr.At(time.Date(2026, 11, 14, 1, 0, 0, 0, time.UTC))

func course() Course {
	at := func(s int) dr.Time { return courseDay.Plus(dr.Millis(s) * 1000) }
	return Course{
		ID: "c1", Title: "What happened <when>", Zone: time.FixedZone("", 8*3600),
		Lanes: []Lane{
			{Name: "People", Bars: []Bar{{Row: "votes", Name: "votes", From: at(-7200), To: at(-10), Mark: MarkPerson}}},
			{Name: "Ledger & co", Bars: []Bar{
				{Row: "stop", Name: "stop@a", From: at(0), To: at(30), Mark: MarkStep},
				{Row: "stop", Name: "stop@b", From: at(5), To: at(40), Mark: MarkStep, Critical: true},
				{Row: "promote", Name: "promote", From: at(41), To: at(70), Mark: MarkFailed},
				{Row: "promote", Name: "promote", From: at(300), To: at(330), Mark: MarkStep, Critical: true},
				{Row: "ring", Name: "打电话给分行", From: at(70), Mark: MarkPerson},
				{Row: "prove", Name: "prove", From: at(331), To: at(350), Mark: MarkProof},
				{Row: "never", Name: "never", Mark: MarkStep},
			}},
		},
		Pauses:  []Bar{{Name: "a step failed", From: at(70), To: at(300)}},
		Moments: []Moment{{"requested", at(-7300)}, {"approved", at(-10)}, {"started", at(0)}, {"restored", at(350)}},
		Words:   CourseWords{"step", "critical path", "proof", "waits for a person", "failed", "unknown", "taken back", "paused", "not to scale"},
	}
}

func TestTimelineGolden(t *testing.T) {
	got := Timeline(course())
	file := filepath.Join("testdata", "timeline.svg")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the picture changed; look at it and run with -update\n%s", got)
	}
}

func TestLongGapsAreCut(t *testing.T) {
	a := newAxis(course())
	at := func(s int) float64 { return a.x(courseDay.Plus(dr.Millis(s) * 1000)) }
	if before, work := at(0)-at(-7300), at(70)-at(0); before > work {
		t.Errorf("two hours of waiting take %.0f of the width, 70 s of work %.0f", before, work)
	}
	cuts := 0
	for _, p := range a.parts {
		if p.cut {
			cuts++
		}
	}
	if cuts != 2 {
		t.Errorf("%d stretches are cut, want the votes and the pause", cuts)
	}
	if got := string(Timeline(course())); strings.Count(got, "not to scale") != cuts {
		t.Error("a cut does not say so")
	}
}

func TestNothingHappened(t *testing.T) {
	for name, c := range map[string]Course{"empty": {ID: "x"}, "one moment": {ID: "x", Moments: []Moment{{"requested", courseDay}}}} {
		wellFormed(t, name, Timeline(c))
	}
}

func TestAnyTimelineIsWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) dr.Time {
			if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
				return dr.Time{}
			}
			return courseDay.Plus(dr.Millis(rapid.Int64Range(-1e9, 1e9).Draw(t, "at")))
		})
		c := Course{ID: "x", Title: rapid.String().Draw(rt, "title"), Zone: time.UTC}
		for range rapid.IntRange(0, 4).Draw(rt, "lanes") {
			lane := Lane{Name: rapid.String().Draw(rt, "lane")}
			for range rapid.IntRange(0, 20).Draw(rt, "bars") {
				lane.Bars = append(lane.Bars, Bar{Row: rapid.StringN(0, 3, -1).Draw(rt, "row"), Name: rapid.String().Draw(rt, "name"), From: moment.Draw(rt, "from"), To: moment.Draw(rt, "to"), Mark: rapid.SampledFrom([]Mark{MarkStep, MarkPerson, MarkFailed}).Draw(rt, "mark")})
			}
			c.Lanes = append(c.Lanes, lane)
		}
		for range rapid.IntRange(0, 5).Draw(rt, "moments") {
			c.Moments = append(c.Moments, Moment{rapid.String().Draw(rt, "moment"), moment.Draw(rt, "when")})
		}
		out := Timeline(c)
		wellFormed(rt, "any", out)
		if !bytes.Equal(out, Timeline(c)) {
			rt.Fatal("two drawings of one course differ")
		}
		if bytes.Contains(out, []byte("NaN")) || bytes.Contains(out, []byte("Inf")) || bytes.Contains(out, []byte(`width="-`)) {
			rt.Fatalf("a number is none:\n%s", out)
		}
	})
}

func TestAWholeBankStaysReadable(t *testing.T) {
	c := Course{ID: "x"}
	for s := range 4 {
		lane := Lane{Name: fmt.Sprint("system ", s)}
		for i := range 32 {
			from := courseDay.Plus(dr.Millis(i * 100))
			lane.Bars = append(lane.Bars, Bar{Row: fmt.Sprint("step ", i/4), Name: fmt.Sprint("step ", i), From: from, To: from.Plus(500), Mark: MarkStep})
		}
		c.Lanes = append(c.Lanes, lane)
	}
	out := Timeline(c)
	if got := bytes.Count(out, []byte(`class="tl-row"`)); got != 32 {
		t.Errorf("%d rows for 4 systems with 8 kinds of step, want 32", got)
	}
	if len(out) > 60<<10 {
		t.Errorf("the picture weighs %d bytes", len(out))
	}
}

type failer interface {
	Fatalf(format string, args ...any)
}

func wellFormed(t failer, name string, svg []byte) {
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: not well-formed: %v", name, err)
		}
	}
}
