package storms

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// patience is how long after the last line situations get to close by themselves.
const patience = 7 * 24 * time.Hour

// Replay gives lines to the engine the way a server does, on a clock that follows them, and remembers which
// line became part of which situation.
type Replay struct {
	engine *alerts.Engine
	at     dr.Time
	keys   map[string]string   // what a signal tells of: source, fingerprint and start, without the status
	lines  map[string][]string // the lines that told of it
	last   map[string]Found

	Spent time.Duration // inside the engine
	Taken int
	clock dr.Clock
}

// NewReplay begins with an organisation as it was read. Weights may be nil.
func NewReplay(c *catalog.Catalog, w *alerts.Weights, clock dr.Clock) *Replay {
	org := c.Organisation()
	e := alerts.New(alerts.NewTopology(org), PlansOf(c), nil, alerts.Options{Weights: w})
	return &Replay{engine: e, keys: map[string]string{}, lines: map[string][]string{}, last: map[string]Found{}, clock: clock}
}

// PlansOf are the plans of a catalog as the engine wants them.
func PlansOf(c *catalog.Catalog) []alerts.Plan {
	var out []alerts.Plan
	for _, p := range c.Plans() {
		one := alerts.Plan{ID: p.ID, Kind: p.Kind, Direction: p.Direction, Systems: p.Systems, From: p.From, To: p.To}
		for _, f := range p.For {
			a := alerts.Answer{Scope: f.Scope, Entity: f.Entity}
			for _, fault := range f.Faults {
				a.Faults = append(a.Faults, dr.Fault(fault))
			}
			one.For = append(one.For, a)
		}
		for _, g := range p.Guards {
			one.Guards = append(one.Guards, dr.Fault(g.Never))
		}
		out = append(out, one)
	}
	return out
}

// ReadAlert reads one alert of Alertmanager's version 4 with the decoder of the webhook.
func ReadAlert(at dr.Time, raw json.RawMessage) ([]dr.Signal, error) {
	body := make([]byte, 0, len(raw)+len(`{"alerts":[]}`))
	body = append(append(append(body, `{"alerts":[`...), raw...), `]}`...)
	return whole(alerts.Alertmanager("eval", body, at))
}

// ReadChange reads one change with the decoder of the webhook.
func ReadChange(at dr.Time, raw json.RawMessage) ([]dr.Signal, error) {
	return whole(alerts.Change("eval", raw, at))
}

// whole makes an error of what a webhook would have left out.
func whole(signals []dr.Signal, left alerts.Left, err error) ([]dr.Signal, error) {
	if err == nil && len(left.Skipped) > 0 {
		err = dr.Errorf(dr.Invalid, "%s", left.Skipped[0])
	}
	return signals, err
}

// Signals are what the line says.
func (l Line) Signals() ([]dr.Signal, error) {
	if l.Alert != nil {
		raw, err := json.Marshal(l.Alert)
		if err != nil {
			return nil, fmt.Errorf("writing line %s: %w", l.ID, err)
		}
		return ReadAlert(l.At, raw)
	}
	raw, err := json.Marshal(l.Change)
	if err != nil {
		return nil, fmt.Errorf("writing line %s: %w", l.ID, err)
	}
	return ReadChange(l.At, raw)
}

// Give has the engine take what a line says.
func (r *Replay) Give(line string, signals []dr.Signal) {
	for _, s := range signals {
		tells := tellsOf(s)
		r.keys[s.Key] = tells
		r.lines[tells] = append(r.lines[tells], line)
		if s.At.Before(r.at.Time) {
			s.At = r.at // a line that came late is taken when it came
		}
		r.at = s.At
		begun := r.clock.Now()
		news := r.engine.Take(s)
		r.Spent += r.clock.Now().Sub(begun)
		r.Taken++
		r.note(news)
	}
}

func tellsOf(s dr.Signal) string { return strings.TrimSuffix(s.Key, string(s.Status)) }

// note keeps what became of situations the engine may forget.
func (r *Replay) note(news []dr.SituationData) {
	for _, n := range news {
		if s, ok := r.engine.Situation(n.ID); ok {
			r.keep(s)
		}
	}
}

func (r *Replay) keep(s dr.Situation) {
	f := Found{Situation: s, Candidate: s.Advice.Plan}
	if f.Features, _ = r.engine.Features(s.ID); f.Candidate == "" && slices.ContainsFunc(s.Advice.Forbids, func(c dr.Clue) bool { return c.ID == "alert_forbid_thin" }) {
		f.Candidate = s.Advice.Nearest // it would fit, and there is too little to go by
	}
	r.last[s.ID] = f
}

// End lets time pass until everything is closed, and tells what came out: each line is in one situation at
// most. Situations that went into another are left out.
func (r *Replay) End() []Found {
	end := r.at.Add(patience)
	for step := time.Minute; r.at.Before(end) && r.open(); step = min(2*step, time.Hour) {
		r.at = dr.At(r.at.Add(step))
		begun := r.clock.Now()
		news := r.engine.Advance(r.at)
		r.Spent += r.clock.Now().Sub(begun)
		r.note(news)
	}
	for _, s := range r.engine.Situations() {
		r.keep(s)
	}
	all := make([]Found, 0, len(r.last))
	for _, s := range r.last {
		if s.State != "merged" {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Found) int {
		return cmp.Or(a.FirstAt.Compare(b.FirstAt.Time), cmp.Compare(a.ID, b.ID))
	})
	return r.found(all)
}

func (r *Replay) open() bool {
	return slices.ContainsFunc(r.engine.Situations(), func(s dr.Situation) bool { return s.State == "open" || s.State == "quiet" })
}

func (r *Replay) found(all []Found) []Found {
	var out []Found
	taken := map[string]bool{}
	for _, f := range all {
		for _, key := range f.Keys {
			tells, ok := r.keys[key]
			if !ok || taken[tells] {
				continue
			}
			taken[tells] = true
			f.Lines = append(f.Lines, r.lines[tells]...)
		}
		if len(f.Lines) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// Days makes days from a seed on, one after another with an engine that knows nothing yet, and scores them.
func Days(seed uint64, days int, s Settings, w *alerts.Weights, clock dr.Clock, each func(*Day, []Found) error) (Report, *Tally, error) {
	t := &Tally{}
	var lines int
	var spent time.Duration
	for i := range days {
		day := NewDay(seed+uint64(i), s)
		found, r, err := day.Replay(w, clock)
		if err != nil {
			return Report{}, nil, err
		}
		lines, spent = lines+r.Taken, spent+r.Spent
		t.Add(&day, found)
		if each != nil {
			if err := each(&day, found); err != nil {
				return Report{}, nil, err
			}
		}
	}
	return t.Report(seed, lines, spent), t, nil
}

// Replay has the engine live through the day.
func (day *Day) Replay(w *alerts.Weights, clock dr.Clock) ([]Found, *Replay, error) {
	c, err := day.Told.load()
	if err != nil {
		return nil, nil, err
	}
	r := NewReplay(c, w, clock)
	for _, l := range day.Lines {
		signals, err := l.Signals()
		if err != nil {
			return nil, nil, fmt.Errorf("line %s: %w", l.ID, err)
		}
		r.Give(l.ID, signals)
	}
	return r.End(), r, nil
}
