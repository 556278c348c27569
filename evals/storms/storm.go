package storms

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
)

// Storm is the loss of a site as an estate with four monitoring systems tells it: n alerts within minutes,
// after nothing at all.
func Storm(n int) Day {
	w := bank()
	draw := rand.New(rand.NewPCG(300, 1))
	d := &day{Day: Day{World: w, Told: w}, begin: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	d.estate = newEstate(&d.World, draw)
	for _, s := range slices.Sorted(maps.Keys(d.said)) {
		d.names[s] = d.said[s].names[:min(4, len(d.said[s].names))]
	}
	in := &Incident{Kind: "site_outage", Number: 1, At: d.begin.Add(time.Hour), End: d.begin.Add(2 * time.Hour), nodes: map[string]bool{}}
	chooseSite(d, in)
	d.now = in
	for len(d.events) < n {
		tellSite(d, in)
	}
	in.Plans, in.Must = d.World.right(in)
	d.Incidents = []*Incident{in}
	d.write()
	d.Lines = slices.DeleteFunc(d.Lines, func(l Line) bool { return !l.First })
	d.Lines = d.Lines[:min(n, len(d.Lines))]
	return d.Day
}

// Crowd is n alerts that all fire at the same time, each different, on the machines of the bank.
func Crowd(n int) (World, []dr.Signal) {
	w := bank()
	nodes := w.nodes()
	at := dr.At(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	out := make([]dr.Signal, n)
	for i := range out {
		node := nodes[i%len(nodes)]
		at = at.Plus(20)
		out[i] = dr.Signal{Seq: int64(i + 1), Key: fmt.Sprintf("eval/%016x/firing", hash(fmt.Sprint(i))), Source: "eval", Kind: dr.SignalAlert, Name: fmt.Sprintf("Check%d", i/len(nodes)), Status: dr.Firing,
			Severity: "warning", StartsAt: at, At: at, Labels: map[string]string{"instance": node.ID + ":9100", "system": node.System, "site": node.Site, "check": fmt.Sprint(i)},
			Annotations: map[string]string{"summary": fmt.Sprintf("check %d of %s", i, node.ID)}}
	}
	return w, out
}

// Group is Alertmanager-like grouping of signals by name and system, to measure beside the engine.
func Group(signals []dr.Signal) map[string][]string {
	open := map[string][]string{}
	for _, s := range signals {
		key := s.Name + "\x00" + s.Labels["system"]
		if s.Status == dr.Firing {
			open[key] = append(open[key], s.Key)
		} else {
			delete(open, key)
		}
	}
	return open
}

// NewEngine is an engine for the organisation that is written down for a world.
func (w *World) NewEngine() (*alerts.Engine, error) {
	c, err := w.load()
	if err != nil {
		return nil, err
	}
	return alerts.New(alerts.NewTopology(c.Organisation()), PlansOf(c), nil, alerts.Options{}), nil
}

// Signals are all that was said on a day, read as a webhook reads it.
func (day *Day) Signals() ([]dr.Signal, error) {
	var out []dr.Signal
	for _, l := range day.Lines {
		signals, err := l.Signals()
		if err != nil {
			return nil, err
		}
		out = append(out, signals...)
	}
	return out, nil
}
