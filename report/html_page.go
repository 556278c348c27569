package report

import (
	"fmt"
	"html/template"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// page is what the templates see.
type page struct {
	M    *Model
	Lang string
	Runs []chapter
	zone *time.Location
	kept kept
}

// chapter is one run of the report.
type chapter struct {
	Run
	P        *page
	N        int    // 1 for the run, 2 and on for its ways back
	Prefix   string // of the anchors
	Timeline template.HTML
	Groups   []stepGroup
}

// stepGroup is the steps of one system, in the plan's order.
type stepGroup struct {
	Name  string
	Steps []stepView
	Tally []tally
}

// stepView is a step with what its anchors are called.
type stepView struct {
	Step
	P      *page
	Anchor string
}

// tally counts steps in one state.
type tally struct {
	State dr.StepState
	N     int
}

func newPage(m *Model, lang string, k kept) (*page, error) {
	if len(m.Runs) == 0 {
		return nil, fmt.Errorf("writing report page: the model tells of no run")
	}
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("writing report page: zone %q: %w", m.TimeZone, err)
	}
	p := &page{M: m, Lang: lang, zone: zone, kept: k}
	for i, r := range m.Runs {
		c := chapter{Run: r, P: p, N: i + 1, Prefix: "r" + strconv.Itoa(i+1)}
		c.Groups = p.groups(c)
		c.Timeline = template.HTML(p.timeline(c))
		p.Runs = append(p.Runs, c)
	}
	return p, nil
}

// Main is the run the report is about.
func (p *page) Main() chapter { return p.Runs[0] }

// Backs are its ways back.
func (p *page) Backs() []chapter { return p.Runs[1:] }

// Watermark is the word on every page of what is not production.
func (p *page) Watermark() string {
	if p.M.Environment == dr.Production {
		return ""
	}
	return p.say("watermark_" + string(p.M.Environment))
}

// Imprint tells, on every page, of which run and which row it is.
func (p *page) Imprint() string {
	return p.say("imprint", "run", p.Main().ID, "row", strconv.FormatInt(p.M.AsOf, 10))
}

func (p *page) tag() string {
	if p.Lang == locale.Chinese {
		return "zh-CN"
	}
	return "en"
}

// groups sorts the steps of a run by system, the systems as page 1 lists them, what belongs to none first.
func (p *page) groups(c chapter) []stepGroup {
	names := map[string]string{"": p.say("whole_bank")}
	order := []string{""}
	for _, s := range c.Systems {
		names[s.ID] = s.Name
		order = append(order, s.ID)
	}
	of := map[string][]stepView{}
	for i, s := range c.Steps {
		if _, known := names[s.System]; !known {
			names[s.System] = s.System
			order = append(order, s.System)
		}
		of[s.System] = append(of[s.System], stepView{s, p, c.Prefix + "-s" + strconv.Itoa(i+1)})
	}
	var out []stepGroup
	for _, id := range order {
		if len(of[id]) > 0 {
			out = append(out, stepGroup{names[id], of[id], tallies(of[id])})
		}
	}
	return out
}

// tallies counts states in the order in which they first appear.
func tallies(steps []stepView) []tally {
	var out []tally
next:
	for _, s := range steps {
		for i := range out {
			if out[i].State == s.State {
				out[i].N++
				continue next
			}
		}
		out = append(out, tally{s.State, 1})
	}
	return out
}

// Open says whether a step should be read without being asked for.
func (s stepView) Open() bool {
	if s.State == dr.StepFail || s.State == dr.StepUnknown || len(s.Decided) > 0 {
		return true
	}
	for _, a := range s.Attempts {
		if a.State == dr.StepFail || a.State == dr.StepUnknown {
			return true
		}
	}
	return false
}

// First is when the step was first sent.
func (s stepView) First() dr.Time {
	if len(s.Attempts) == 0 {
		return dr.Time{}
	}
	return s.Attempts[0].Intent
}

// Masked counts what was masked over all attempts.
func (s stepView) Masked() int {
	n := 0
	for _, a := range s.Attempts {
		n += a.Masked
	}
	return n
}

// Played reports whether a recording is inside the page.
func (p *page) Played(digest string) bool { return p.kept.casts[digest] != nil }

// Text is the shown text of evidence.
func (p *page) Text(digest string) string { return p.kept.texts[digest] }

// HasText reports whether it is inside the page.
func (p *page) HasText(digest string) bool { _, ok := p.kept.texts[digest]; return ok }

// Cut is how many bytes of it are not shown.
func (p *page) Cut(digest string) int64 { return p.kept.cut[digest] }

// Image is a picture inside the page.
func (p *page) Image(digest string) template.URL { return p.kept.images[digest] }

// Recordings counts what plays inside the page.
func (p *page) Recordings() int { return len(p.kept.casts) }
