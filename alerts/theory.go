package alerts

import (
	"math"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// theory is a fault with a name that may be what is going on: a fault of an entity, and the change it is
// blamed on where it is.
type theory struct {
	fault  dr.Fault
	v      int32
	change uint64
}

// unit is one thing that should show a fault: a machine, by itself or by what it stands on; a protection,
// by either end or its system. Places that are not used hold none.
type unit [3]int32

// spec is what a theory expects to see, and what it takes to believe it.
type spec struct {
	self   classes // shows the fault at the entity itself
	kid    classes // shows it at a unit
	units  []unit
	site   int32   // only units here count; none: all
	nokeys bool    // nor do those that keep data
	least  int     // units that must show it
	recall float64 // share of the units that must show it …
	told   float64 // … and the share that is enough where the entity itself shows it
	cost   float64 // a theory is dearer the more it could explain
	miss   float64 // what a unit costs that does not show it
	from   int64   // nothing before this is its doing
	until  int64
	bonus  float64
	half   float64 // what its evidence counts for; 0: in full
}

const (
	burstMS  = 10 * 60_000 // a fault shows within this
	beforeMS = 2 * 60_000  // what it causes may be noticed earlier than itself
	changeMS = 30 * 60_000 // a change is blamed for nothing later
	changeE  = 15 * 60.0   // seconds in which suspicion fades by e
)

const changeClasses = classes(1<<classErrors | 1<<classLatency | 1<<classConfig | 1<<classDown | 1<<classUnknown)

// theories lists what an item could be a core sign of.
func (e *Engine) theories(x *item, out []theory) []theory {
	at := e.t.all[x.id.v]
	add := func(f dr.Fault, v int32) {
		if v != none {
			out = append(out, theory{fault: f, v: v})
		}
	}
	switch x.class {
	case classDown:
		if at.ent.Scope == "link" {
			add(dr.FaultPartition, x.id.v)
			break
		}
		add(dr.FaultDown, x.id.v)
		add(dr.FaultDown, at.host)
		add(dr.FaultDown, at.system)
		add(dr.FaultDown, x.site)
	case classIO:
		add(dr.FaultIO, x.id.v)
		add(dr.FaultIO, at.array)
	case classDisk:
		add(dr.FaultDiskFull, x.id.v)
	case classCertificate:
		add(dr.FaultCertificate, x.id.v)
		add(dr.FaultCertificate, at.system)
	case classReplication:
		if e.expected(x) == none {
			out = e.copying(x.id.v, out)
		}
	case classSaturation, classLatency:
		add(dr.FaultOverload, x.id.v)
		add(dr.FaultOverload, at.system)
	case classLink, classErrors, classUnknown:
		switch at.ent.Scope {
		case "link":
			add(dr.FaultPartition, x.id.v)
		case "array":
			add(dr.FaultIO, x.id.v)
		case "site":
			if x.class == classLink {
				add(dr.FaultDown, x.id.v)
			}
		}
	}
	if changeClasses.has(x.class) {
		for i := range e.changes {
			if c := &e.changes[i]; c.blamable && e.within(x.id.v, c.v) && x.onset >= c.at-30_000 && x.onset <= c.at+changeMS {
				out = append(out, theory{dr.FaultBadChange, c.v, c.n})
			}
		}
	}
	return out
}

// within says whether v is part of what stands at u: itself, a machine of the system or at the site.
func (e *Engine) within(v, u int32) bool {
	x := e.t.all[v]
	return v == u || x.system == u || x.host == u
}

// copying lists the theories of a copy that broke at v.
func (e *Engine) copying(v int32, out []theory) []theory {
	x := e.t.all[v]
	if x.ent.Scope == "link" {
		return append(out, theory{fault: dr.FaultPartition, v: v})
	}
	for _, c := range e.t.crosse {
		if v != c.from && v != c.to && v != c.system && v != x.site {
			continue
		}
		for _, th := range []theory{{fault: dr.FaultReplication, v: c.system}, {fault: dr.FaultPartition, v: c.link}} {
			if th.v != none && !slices.Contains(out, th) {
				out = append(out, th)
			}
		}
	}
	if x.system != none || x.ent.Scope == "system" {
		th := theory{fault: dr.FaultReplication, v: v}
		if x.system != none {
			th.v = x.system
		}
		if !slices.Contains(out, th) {
			out = append(out, th)
		}
	}
	return out
}

// lossClasses are what a machine that keeps data does not serve with.
const lossClasses = classes(1<<classDown | 1<<classIO | 1<<classDisk)

// gone says whether a machine among units that keeps data was said not to serve after a moment: then neither a
// release nor too many customers are needed to explain what others suffer.
func (e *Engine) gone(units []unit, after int64) bool {
	for _, u := range units {
		for _, v := range u {
			if v == none || !e.t.all[v].key {
				continue
			}
			for _, y := range e.spots[v] {
				if lossClasses.has(y.class) && y.by < 0 && y.onset >= after && y.sev == 2 {
					return true
				}
			}
		}
	}
	return false
}

// weighed is a theory held against what came in.
type weighed struct {
	th       theory
	ok       bool
	score    float64
	from, to int64 // of its core
	covered  int
	units    int
	keys     int // units that keep data, and how many of them show it
	keysHit  int
	selfs    int // signs at the entity itself
	core     []*item
	gain     float64 // how surprising so many signs at once are, in nats
}

func (w weighed) recall() float64 {
	switch {
	case w.units == 0 && w.selfs > 0:
		return 1
	case w.units == 0:
		return 0
	case w.selfs > 0:
		return math.Max(.5+.5*float64(w.covered)/float64(w.units), float64(w.covered)/float64(w.units))
	}
	return float64(w.covered) / float64(w.units)
}

// sign is an item that shows a theory, at a unit or (unit -1) at the entity itself.
type sign struct {
	x    *item
	unit int
}

// worth is what an item counts for as evidence: less the oftener it comes anyway.
func (x *item) worth() float64 {
	rare := math.Min(1, math.Log1p(1/(x.mu*600))/5)
	return [...]float64{.4, 1, 1.2}[x.sev] * rare
}

// weigh holds a theory against the items that no theory has taken yet. sticky lowers the bar for one that is
// already believed.
func (e *Engine) weigh(th theory, sticky bool) weighed {
	s := e.spec(th)
	w := weighed{th: th}
	signs := e.signs[:0]
	for _, x := range e.spots[th.v] {
		if s.self.has(x.class) && x.by < 0 {
			signs = append(signs, sign{x, -1})
		}
	}
	for i, u := range s.units {
		if s.site != none && e.t.all[u[0]].site != s.site || s.nokeys && e.t.all[u[0]].key {
			continue
		}
		if th.fault == dr.FaultPartition && e.apart(u[0]) {
			continue
		}
		w.units++
		if e.t.all[u[0]].key {
			w.keys++
		}
		for _, v := range u {
			if v == none || v == th.v {
				continue
			}
			for _, x := range e.spots[v] {
				if s.kid.has(x.class) && x.by < 0 && e.expected(x) == none {
					signs = append(signs, sign{x, i})
				}
			}
		}
	}
	e.signs = signs
	signs = burst(signs, s.from, s.until)
	if len(signs) == 0 {
		return w
	}
	e.add(&w, s, signs)
	e.believe(&w, s, sticky)
	return w
}

// burst picks the signs of the ten minutes that hold most.
func burst(signs []sign, from, until int64) []sign {
	signs = slices.DeleteFunc(signs, func(s sign) bool { return s.x.onset < from || s.x.onset > until })
	if len(signs) == 0 {
		return nil
	}
	lo, hi := signs[0].x.onset, signs[0].x.onset
	for _, s := range signs {
		lo, hi = min(lo, s.x.onset), max(hi, s.x.onset)
	}
	if hi-lo <= burstMS {
		return signs
	}
	best, at := 0., lo
	for _, first := range signs {
		sum := 0.
		for _, s := range signs {
			if d := s.x.onset - first.x.onset; d >= 0 && d <= burstMS {
				sum += s.x.worth()
			}
		}
		if sum > best || sum == best && first.x.onset < at {
			best, at = sum, first.x.onset
		}
	}
	return slices.DeleteFunc(signs, func(s sign) bool { return s.x.onset < at || s.x.onset > at+burstMS })
}

// add sums the evidence of the core, then of what follows from it.
func (e *Engine) add(w *weighed, s spec, signs []sign) {
	w.from, w.to = signs[0].x.onset, signs[0].x.onset
	last, more := -2, 0.
	for _, g := range signs { // signs of one unit stand together
		w.from, w.to = min(w.from, g.x.onset), max(w.to, g.x.onset)
		worth := g.x.worth()
		switch {
		case g.unit != last:
			last, more = g.unit, .5
			if g.unit >= 0 {
				w.covered++
				if e.t.all[s.units[g.unit][0]].key {
					w.keysHit++
				}
			}
			w.score += worth
		case more > 0:
			w.score += .25 * worth
			more -= .25
		}
		if g.unit < 0 {
			w.selfs++
		}
		w.core = append(w.core, g.x)
	}
	e.surprise(w)
	core := w.score
	follow := 0.
	for _, h := range e.t.all[w.th.v].hits {
		first := true
		for _, x := range e.spots[h.v] {
			if x.by >= 0 || !h.shows(w.th, x.class) || e.expected(x) != none || x.onset < w.from-beforeMS || x.onset > w.from+burstMS || slices.Contains(w.core, x) {
				continue
			}
			follow += pick(first, h.w, .2*h.w) * x.worth()
			first = false
		}
	}
	w.score = core + .6*math.Min(follow, 1+2.5*core)
	if s.half > 0 {
		w.score *= s.half
	}
	if s.bonus > 0 {
		age := float64(w.from-(s.from+30_000)) / 1000
		w.score += s.bonus * math.Exp(-math.Max(age, 0)/changeE)
	}
	w.score -= s.cost + s.miss*float64(w.units-w.covered)*pick(w.selfs > 0, .4, 1)
}

// surprise holds the number of signs against how many come anyway in such a time, and takes the part of the
// score that is usual off.
func (e *Engine) surprise(w *weighed) {
	n := float64(len(w.core))
	scope := e.t.all[w.th.v].ent.Scope
	usual := e.rates.sign(w.th, scope, e.t.many[scope], e.clock) * (float64(w.to-w.from)/1000 + 60)
	if usual >= n {
		w.score = 0
		return
	}
	w.gain = n*math.Log(n/usual) - (n - usual)
	w.score *= 1 - usual/n
}

// believe says whether what was seen is enough.
func (e *Engine) believe(w *weighed, s spec, sticky bool) {
	ease := pick(sticky, .7, 1)
	share := 0.
	if w.units > 0 {
		share = float64(w.covered) / float64(w.units)
	}
	switch {
	case w.th.fault == dr.FaultPartition && w.selfs > 0 && w.covered == 0:
		w.ok = w.selfs > 1 || w.core[0].sev == 2
	case w.selfs > 0 && (share >= s.told*ease || w.units == 0):
		w.ok = true
	case w.covered >= s.least && w.units > 0:
		w.ok = share >= s.recall*ease
	}
	gain := 3.
	if w.th.fault == dr.FaultBadChange || w.th.fault == dr.FaultOverload {
		gain = 6 // soft signs come together by chance
	}
	if e.t.all[w.th.v].ent.Scope == "site" && 2*w.keysHit < w.keys {
		w.ok = false // a place whose databases are well is not lost, however many machines a switch took along
	}
	if w.th.fault == dr.FaultPartition && w.selfs == 0 && e.joined(w.th.v, w.to) {
		w.ok = false // what was looked at since and works is not cut
	}
	w.ok = w.ok && w.score >= pick(sticky, .2, .6) && w.gain >= gain*ease
}
