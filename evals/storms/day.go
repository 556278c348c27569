package storms

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Settings say what kind of days are made.
type Settings struct {
	Overlap bool    // of most incidents, a second independent one begins within 3 minutes
	Noise   float64 // 1 or 10 times the background
	Stale   float64 // share of the topology that is written down wrongly
	World   string  // only this world; empty: as the seed says
}

// Alert is one alert as Alertmanager's version 4 sends it.
type Alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    dr.Time           `json:"startsAt"`
	EndsAt      dr.Time           `json:"endsAt,omitzero"`
	Fingerprint string            `json:"fingerprint"`
}

// Change is a deploy or another change as a pipeline tells of it.
type Change struct {
	Kind    string `json:"kind"`
	System  string `json:"system,omitempty"`
	Node    string `json:"node,omitempty"`
	Site    string `json:"site,omitempty"`
	Summary string `json:"summary"`
	By      string `json:"by"`
}

// Line is one thing said, as `switchman eval alerts` reads it.
type Line struct {
	At     dr.Time `json:"at"`
	ID     string  `json:"id"`
	Alert  *Alert  `json:"alert,omitempty"`
	Change *Change `json:"change,omitempty"`

	Incident int  `json:"-"` // number of the incident it belongs to, from 1; 0: noise
	First    bool `json:"-"` // an alert that begins to fire, not one sent again or resolved
}

// Day is what was said in 24 hours, and why.
type Day struct {
	Seed      uint64
	World     World // as it really is
	Told      World // as its files describe it
	Lines     []Line
	Incidents []*Incident
}

// event is one firing of a series.
type event struct {
	series     string
	start, end time.Time
	incident   int
}

// day is a Day in the making.
type day struct {
	Day
	*estate
	begin   time.Time
	events  []event
	changes []Line
	now     *Incident // the incident being written
}

// NewDay makes the day of a seed.
func NewDay(seed uint64, s Settings) Day {
	w := worldOf(seed)
	for _, other := range Worlds() {
		if s.World == other.Name {
			w = other
		}
	}
	draw := rand.New(rand.NewPCG(seed, 0x5707))
	d := &day{Day: Day{Seed: seed, World: w, Told: w}, begin: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(seed%300))}
	d.estate = newEstate(&d.World, draw)
	d.incidents(s.Overlap)
	d.background(2000 * s.Noise * min(1, float64(len(w.nodes()))/70))
	d.atWork()
	if s.Stale > 0 {
		d.Told = w.stale(s.Stale, rand.New(rand.NewPCG(seed, 0x57a1e)))
	}
	d.write()
	return d.Day
}

// incidents draws what goes wrong: eight times a day, with time to recover in between.
func (d *day) incidents(overlap bool) {
	kinds, odd, times := d.kinds(), d.odd(), map[string]int{}
	d.draw.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	if d.draw.IntN(2) == 0 {
		kinds[d.draw.IntN(8)] = pick(d.draw, odd)
	}
	for i := range 8 {
		at := d.begin.Add(90*time.Minute + time.Duration(i)*165*time.Minute + time.Duration(d.draw.IntN(50))*time.Minute)
		first := d.incident(kinds[i], at, nil)
		if !overlap || i >= 5 || first == nil {
			continue
		}
		for range 40 {
			other := pick(d.draw, kinds)
			if other.name == kinds[i].name || other.wide && kinds[i].wide || times[other.name] > 0 {
				continue // twice a day, once by itself and once beside another, is bad luck enough
			}
			if d.incident(other, at.Add(time.Duration(d.draw.IntN(170))*time.Second), first) != nil {
				times[other.name]++
				break
			}
		}
	}
}

// incident writes one, unless it would have to do with another that goes on at the same time.
func (d *day) incident(k kind, at time.Time, other *Incident) *Incident {
	for range 20 {
		in := &Incident{Kind: k.name, Number: len(d.Incidents) + 1, At: at, End: at.Add(time.Duration(20+d.draw.IntN(60)) * time.Minute), nodes: map[string]bool{}}
		if !k.choose(d, in) || other != nil && in.touches(other) {
			continue
		}
		d.now = in
		events := len(d.events)
		k.tell(d, in)
		if len(d.events)-events < 2 {
			d.events = d.events[:events] // nobody noticed, so there is nothing to find
			continue
		}
		in.Plans, in.Must = d.World.right(in)
		d.Incidents = append(d.Incidents, in)
		return in
	}
	return nil
}

// hear has a symptom of the present incident noticed with a probability, some time after its beginning.
func (d *day) hear(s symptom, about subject, share float64, from, to int) {
	for i, name := range d.names[s] {
		if d.draw.Float64() > share*math.Pow(0.6, float64(i)) {
			continue
		}
		after := float64(from) + float64(to-from)*d.draw.Float64()
		if d.draw.Float64() < 0.1 {
			after += 60 + 240*d.draw.Float64() // a rule that waits five minutes
		}
		start := d.now.At.Add(time.Duration(after * float64(time.Second)))
		end := d.now.End.Add(time.Duration(d.draw.IntN(180)) * time.Second)
		d.events = append(d.events, event{d.series(s, name, about), start, end, d.now.Number})
	}
}

// change tells of a change at a moment.
func (d *day) change(at time.Time, c Change, incident int) {
	d.changes = append(d.changes, Line{At: dr.At(at), Change: &c, Incident: incident})
}

// atWork lets a plan be kept back while work is announced on the system it is for: what comes from there is
// expected then, and silence is no mistake.
func (d *day) atWork() {
	for _, l := range d.changes {
		for _, in := range d.Incidents {
			since := in.At.Sub(l.At.Time)
			if l.Change.Kind == "maintenance" && !in.wide && slices.Contains(in.Systems, l.Change.System) && since > 0 && since < time.Hour {
				in.Must = false
			}
		}
	}
}

// write turns events into lines: firing, now and then sent again, resolved.
func (d *day) write() {
	slices.SortStableFunc(d.events, func(a, b event) int { return a.start.Compare(b.start) })
	until := map[string]time.Time{}
	lines := slices.Clone(d.changes)
	for _, e := range d.events {
		if e.start.Before(until[e.series]) {
			continue // it fires already
		}
		until[e.series] = e.end.Add(time.Second)
		wait := time.Duration(1+d.draw.IntN(15)) * time.Second
		line := Line{At: dr.At(e.start.Add(wait)), Incident: e.incident, First: true, Alert: d.alert(e, "firing")}
		lines = append(lines, line)
		for range max(0, d.draw.IntN(13)-10) {
			line.First = false
			line.At = dr.At(line.At.Add(time.Duration(20+d.draw.IntN(280)) * time.Second))
			if line.At.Before(e.end) {
				lines = append(lines, line)
			}
		}
		lines = append(lines, Line{At: dr.At(e.end.Add(wait)), Incident: e.incident, Alert: d.alert(e, "resolved")})
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	for i := range lines {
		lines[i].ID = fmt.Sprintf("%d-%06d", d.Seed, i+1)
	}
	d.Lines = lines
}

func (d *day) alert(e event, status string) *Alert {
	a := &Alert{Status: status, Labels: d.labels[e.series], Annotations: map[string]string{"summary": d.texts[e.series]}, StartsAt: dr.At(e.start)}
	a.Fingerprint = fmt.Sprintf("%016x", hash(fmt.Sprint(a.Labels)))
	if status == "resolved" {
		a.EndsAt = dr.At(e.end)
	}
	return a
}

// JSON is the line as it stands in a file.
func (l Line) JSON() ([]byte, error) {
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("writing line %s: %w", l.ID, err)
	}
	return raw, nil
}
