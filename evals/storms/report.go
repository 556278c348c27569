package storms

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Report is what a number of days came to. Its JSON is what scripts read.
type Report struct {
	Seed      uint64  `json:"seed"`
	Days      int     `json:"days"`
	Incidents int     `json:"incidents"`
	Alerts    int     `json:"alerts"` // that belong to incidents
	B3        B3      `json:"b3"`
	Merged    int     `json:"merged"`
	Scope     float64 `json:"scope_right"` // share of the incidents the files have a name for
	Named     float64 `json:"scope_precision"`

	Recommended int     `json:"recommended"`
	WithPlan    int     `json:"with_plan"`
	Precision   float64 `json:"precision"`
	Recall      float64 `json:"recall"`
	FalsePerDay float64 `json:"false_per_day"`
	ECE         float64 `json:"ece"`
	Partitions  int     `json:"partitions"`
	OnPartition int     `json:"plans_on_partition"`
	WaitSeconds float64 `json:"advice_after_s"` // median from an incident's beginning to the right recommendation

	Reliability []Bin                 `json:"reliability"`
	Kinds       map[string]*KindTally `json:"kinds"`
	Baselines   map[string]Baseline   `json:"baselines"`
	Rate        float64               `json:"alerts_per_s"`
}

// B3 is precision, recall and F1 of the grouping, by B-cubed.
type B3 struct {
	P  float64 `json:"p"`
	R  float64 `json:"r"`
	F1 float64 `json:"f1"`
}

// Baseline is how another way of grouping fared on the same days.
type Baseline struct {
	F1 float64 `json:"f1"`
}

// Report sums up. spent is how long the engine worked on so many alerts.
func (t *Tally) Report(seed uint64, lines int, spent time.Duration) Report {
	part := func(a, of int) float64 {
		if of == 0 {
			return 0
		}
		return digits(float64(a) / float64(of))
	}
	p, r := t.p/float64(max(1, t.alerts)), t.r/float64(max(1, t.alerts))
	nameable := 0
	for _, name := range slices.Sorted(maps.Keys(t.Kinds)) {
		if k := t.Kinds[name]; !slices.Contains([]string{"switch_down", "clock_drift", "name_service"}, name) {
			nameable += k.N
		}
	}
	out := Report{Seed: seed, Days: t.Days, Incidents: t.Incidents, Alerts: t.alerts, B3: B3{digits(p), digits(r), digits(f1(p, r))}, Merged: t.Merged,
		Scope: part(t.Scoped, nameable), Named: part(t.Scoped, t.named), Recommended: t.Recommended, WithPlan: t.Answerable,
		Precision: part(t.Right, t.Recommended), Recall: part(t.Answered, t.Answerable), FalsePerDay: part(t.Recommended-t.Right, t.Days),
		ECE: digits(t.ECE()), Partitions: t.Partitions, OnPartition: t.OnPartition, Kinds: t.Kinds}
	out.Reliability = t.reliability()
	n := float64(max(1, t.alerts))
	out.Baselines = map[string]Baseline{"alertmanager": {digits(f1(t.baseP/n, t.baseR/n))}}
	if spent > 0 {
		out.Rate = math.Round(float64(lines) / spent.Seconds())
	}
	if len(t.waits) > 0 {
		slices.SortFunc(t.waits, func(a, b time.Duration) int { return cmp.Compare(a, b) })
		out.WaitSeconds = digits(t.waits[len(t.waits)/2].Seconds())
	}
	return out
}

// reliability gives the rows as shares.
func (t *Tally) reliability() []Bin {
	out := make([]Bin, len(t.Bins))
	for i, b := range t.Bins {
		if b.N > 0 {
			b.Said, b.Right = digits(b.Said/float64(b.N)), digits(b.Right/float64(b.N))
		}
		out[i] = b
	}
	return out
}

func digits(v float64) float64 { return math.Round(v*10_000) / 10_000 }

// wrong keeps a case for whoever wants to look at it.
func (t *Tally) wrong(day *Day, what string, in *Incident, f *Found) {
	text := fmt.Sprintf("%-7s seed %d %s", what, day.Seed, day.World.Name)
	if in != nil {
		text += fmt.Sprintf(" | incident %d %s at %s %v plans %v", in.Number, in.Kind, in.At.Format("15:04:05"), in.Scopes[:min(1, len(in.Scopes))], in.Plans)
	}
	if f != nil {
		text += fmt.Sprintf(" | situation %s %s %s, %d lines from %s: %s %s %.2f", f.ID, f.Entity, f.Fault, len(f.Lines), f.FirstAt.Format("15:04:05"), f.Advice.Verdict, f.Advice.Plan, f.Advice.Confidence)
	}
	t.Wrong = append(t.Wrong, text)
}
