package storms

import (
	"math"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
)

// Found is a situation as it was left, with the lines that belong to it.
type Found struct {
	dr.Situation
	Lines []string

	Candidate string          // the plan its confidence is about, if there is one
	Features  alerts.Features // what the confidence rests on
}

// Tally adds days up.
type Tally struct {
	Days, Incidents int
	alerts          int     // alerts of incidents
	p, r            float64 // B-cubed, summed over them
	Merged          int
	named, Scoped   int // incidents that were named, and rightly
	Recommended     int
	Right           int
	Answerable      int // incidents with a plan
	Answered        int
	Partitions      int
	OnPartition     int
	Bins            [10]Bin
	Kinds           map[string]*KindTally
	waits           []time.Duration
	Wrong           []string // cases to look at

	baseP, baseR float64 // the same for Alertmanager-like grouping
}

// Bin is one row of the reliability table: of so many situations with such a confidence, so many were right.
type Bin struct {
	N     int     `json:"n"`
	Said  float64 `json:"said"`
	Right float64 `json:"right"`
}

// KindTally is how incidents of one kind fared.
type KindTally struct {
	N          int `json:"n"`
	Scoped     int `json:"scope_right"`
	Answerable int `json:"with_plan"`
	Answered   int `json:"answered"`
	Wrong      int `json:"wrong_plan"`
}

// clusters are lines by the group they were put in; what is in none is alone.
type clusters struct {
	of      map[string]int
	members [][]string
}

func (c *clusters) add(lines []string) {
	for _, id := range lines {
		c.of[id] = len(c.members)
	}
	c.members = append(c.members, lines)
}

// bcubed is precision and recall of a grouping, summed over the alerts of incidents. Noise in a group
// counts against it, noise by itself counts for nothing. Lines that repeat or resolve are not counted.
func (day *Day) bcubed(c clusters) (p, r float64, n int) {
	incident := map[string]int{}
	size := map[int]int{}
	for _, l := range day.Lines {
		if l.First {
			incident[l.ID] = l.Incident
			size[l.Incident]++
		}
	}
	all := map[int]int{}       // alerts by group
	shared := map[[2]int]int{} // by group and incident
	alone := len(c.members)    // groups of one for what is nowhere
	group := make(map[string]int, len(incident))
	for _, l := range day.Lines {
		if !l.First {
			continue
		}
		g, ok := c.of[l.ID]
		if !ok {
			g = alone
			alone++
		}
		group[l.ID] = g
		all[g]++
		shared[[2]int{g, l.Incident}]++
	}
	for _, l := range day.Lines {
		if l.First && l.Incident > 0 {
			both := float64(shared[[2]int{group[l.ID], l.Incident}])
			p += both / float64(all[group[l.ID]])
			r += both / float64(size[l.Incident])
			n++
		}
	}
	return p, r, n
}

// Add scores one day.
func (t *Tally) Add(day *Day, found []Found) {
	if t.Kinds == nil {
		t.Kinds = map[string]*KindTally{}
	}
	c := clusters{of: map[string]int{}}
	for _, f := range found {
		c.add(f.Lines)
	}
	p, r, n := day.bcubed(c)
	bp, br, _ := day.bcubed(grouped(day))
	t.p, t.r, t.alerts, t.baseP, t.baseR = t.p+p, t.r+r, t.alerts+n, t.baseP+bp, t.baseR+br
	t.Days++
	t.Incidents += len(day.Incidents)
	owner, best := day.match(c)
	t.incidents(day, found, owner, best)
	t.advice(day, found, owner)
}

// match finds whose each group is (0: nobody's) and the group that holds most of each incident (-1: none).
func (day *Day) match(c clusters) (owner []int, best map[int]int) {
	incident := map[string]int{}
	for _, l := range day.Lines {
		if l.First {
			incident[l.ID] = l.Incident
		}
	}
	owner, best = make([]int, len(c.members)), map[int]int{}
	most := map[int]int{}
	for g, lines := range c.members {
		count := map[int]int{}
		for _, id := range lines {
			if of, first := incident[id]; first {
				count[of]++
			}
		}
		for _, in := range day.Incidents {
			if k := count[in.Number]; k > 0 && (owner[g] == 0 || k > count[owner[g]]) {
				owner[g] = in.Number
			}
			if k := count[in.Number]; k > most[in.Number] {
				most[in.Number], best[in.Number] = k, g
			}
		}
		if count[0] > 2*count[owner[g]] {
			owner[g] = 0
		}
	}
	return owner, best
}

func (t *Tally) incidents(day *Day, found []Found, owner []int, best map[int]int) {
	uses := map[int]int{}
	for _, in := range day.Incidents {
		if g, ok := best[in.Number]; ok {
			uses[g]++
		}
	}
	for _, in := range day.Incidents {
		k := t.kind(in.Kind)
		k.N++
		g, ok := best[in.Number]
		if ok && uses[g] > 1 {
			t.Merged++
			t.wrong(day, "merged", in, &found[g])
		}
		if ok && len(in.Scopes) > 0 && found[g].Fault != dr.FaultUnknown && found[g].Fault != "" {
			t.named++
			if owner[g] == in.Number && slices.Contains(in.Scopes, found[g].Entity) {
				t.Scoped++
				k.Scoped++
			} else {
				t.wrong(day, "scope", in, &found[g])
			}
		} else if len(in.Scopes) > 0 {
			t.wrong(day, "unnamed", in, nil)
		}
		if in.Kind == "partition" {
			t.Partitions++
		}
	}
}

func (t *Tally) kind(name string) *KindTally {
	if t.Kinds[name] == nil {
		t.Kinds[name] = &KindTally{}
	}
	return t.Kinds[name]
}

// advice scores the plans: a recommendation is right if its plan is one of those that answer the incident
// most of its situation's alerts belong to.
func (t *Tally) advice(day *Day, found []Found, owner []int) {
	answered := map[int]bool{}
	for g, f := range found {
		var in *Incident
		if owner[g] > 0 {
			in = day.Incidents[owner[g]-1]
		}
		right := in != nil && f.Advice.Plan != "" && slices.Contains(in.Plans, f.Advice.Plan)
		if f.Advice.Verdict != dr.NoneFits && f.Advice.Plan != "" {
			b := &t.Bins[min(9, int(f.Advice.Confidence*10))]
			b.N++
			b.Said += f.Advice.Confidence
			if right {
				b.Right++
			}
		}
		if f.Advice.Verdict != dr.Recommend || f.Advice.Confidence < 0.9 {
			continue
		}
		t.Recommended++
		switch {
		case right:
			t.Right++
			if !answered[in.Number] {
				t.waits = append(t.waits, f.Advice.At.Sub(in.At))
			}
			answered[in.Number] = true
		case in == nil:
			t.wrong(day, "idle", nil, &found[g])
		default:
			t.kind(in.Kind).Wrong++
			t.wrong(day, "plan", in, &found[g])
		}
		if in != nil && in.Kind == "partition" {
			t.OnPartition++
		}
	}
	for _, in := range day.Incidents {
		if !in.Must {
			continue
		}
		t.Answerable++
		t.kind(in.Kind).Answerable++
		if answered[in.Number] {
			t.Answered++
			t.kind(in.Kind).Answered++
		} else {
			t.wrong(day, "silent", in, nil)
		}
	}
}

// grouped is what Alertmanager makes of the same alerts when told to group by name and system, a group
// lasting as long as something in it fires.
func grouped(day *Day) clusters {
	c := clusters{of: map[string]int{}}
	open, firing := map[string][]string{}, map[string]int{}
	for _, l := range day.Lines {
		if l.Alert == nil {
			continue
		}
		key := l.Alert.Labels["alertname"] + "\x00"
		for _, name := range []string{"system", "service", "app", "application", "namespace"} {
			key += l.Alert.Labels[name]
		}
		switch {
		case l.First:
			open[key] = append(open[key], l.ID)
			firing[key]++
		case l.Alert.Status == "resolved":
			if firing[key]--; firing[key] == 0 {
				c.add(open[key])
				delete(open, key)
			}
		}
	}
	return c
}

func f1(p, r float64) float64 {
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

// ECE is the calibration error: how far off the confidence is, on average over the situations.
func (t *Tally) ECE() float64 {
	var n int
	var off float64
	for _, b := range t.Bins {
		n += b.N
		off += math.Abs(b.Said - b.Right)
	}
	if n == 0 {
		return 0
	}
	return off / float64(n)
}
