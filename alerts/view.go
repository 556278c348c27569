package alerts

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func moments(ms int64) dr.Time {
	if ms == 0 {
		return dr.Time{}
	}
	return dr.At(time.UnixMilli(ms))
}

// view is a situation as it is shown.
func (e *Engine) view(s *sit) dr.Situation {
	if s.final != nil {
		v := *s.final
		v.State, v.Into, v.Answer = s.state, s.into, s.answer
		return v
	}
	ent, fault := e.shown(s.th)
	v := dr.Situation{ID: s.id, Version: s.version, State: s.state, Into: s.into, From: slices.Clone(s.from), FirstAt: moments(s.first), LastAt: moments(s.last), EndedAt: moments(s.ended), Times: s.times,
		Entity: ent, Fault: fault, Systems: e.systems(s), Signals: count(s), Advice: e.shownAdvice(s), Answer: s.answer, Wants: slices.Clone(s.wants), Looks: e.looksOf(s)}
	if site := e.siteOf(s.th.v); site != none {
		v.Site = e.called(site)
	}
	for _, x := range s.items {
		if x.firing() {
			v.Firing++
		}
		if room := maxKeys - len(v.Keys); room > 0 {
			v.Keys = append(v.Keys, x.keys[:min(len(x.keys), room)]...)
		}
	}
	v.Noise = s.noise + e.besides(s)
	v.Changes = e.suspects(s)
	v.For, v.Against = e.evidence(s), e.doubts(s)
	if s.state != stateOpen && len(v.Advice.Why) > 0 { // what broke stands there first, too
		v.Advice.Why = append([]dr.Clue{v.For[0]}, v.Advice.Why[1:]...)
	}
	return v
}

// besides counts what is in play, came in while the situation lasted, and is in none.
func (e *Engine) besides(s *sit) int {
	n := 0
	for _, x := range e.playing {
		if x.loose() && during(s, x.onset) {
			n++
		}
	}
	return n
}

// loose says that an alert is in no situation anybody sees.
func (x *item) loose() bool { return x.sit == nil || !x.sit.opened }

func during(s *sit, at int64) bool { return at >= s.start && at <= s.last }

// systems lists the systems a situation touches, those with most signals first.
func (e *Engine) systems(s *sit) []string {
	n := map[int32]float64{}
	for _, sys := range e.fallen(s.th.v) {
		n[sys] += .5
	}
	for _, x := range s.items {
		sys := e.t.all[x.id.v].system
		if e.t.all[x.id.v].ent.Scope == "system" {
			sys = x.id.v
		}
		if sys != none {
			n[sys]++
		}
	}
	out := make([]int32, 0, len(n))
	for sys := range n {
		out = append(out, sys)
	}
	slices.SortFunc(out, func(a, b int32) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	names := []string{}
	for _, sys := range out {
		names = append(names, e.called(sys))
	}
	return names
}

// suspect is a change near in place that came just before.
const suspectMS = 60 * 60_000

// suspects ranks the changes that came before: near in the topology, and not long ago.
func (e *Engine) suspects(s *sit) []dr.Suspect {
	var out []dr.Suspect
	begun := s.start
	for _, x := range s.core {
		begun = min(begun, x.onset)
	}
	for i := range e.changes {
		c := &e.changes[i]
		age := float64(begun-c.at) / 1000
		if c.v == none || age < -30 || age > suspectMS/1000 {
			continue
		}
		w := e.closeness(c.v, s.th.v) * math.Exp(-math.Max(age, 0)/changeE)
		if w < .05 {
			continue
		}
		out = append(out, dr.Suspect{Key: c.key, Name: c.name, Text: c.text, Entity: e.t.all[c.v].ent, By: c.by, At: moments(c.at), Weight: math.Round(w*1000) / 1000})
	}
	slices.SortStableFunc(out, func(a, b dr.Suspect) int { return cmp.Compare(b.Weight, a.Weight) })
	return out[:min(len(out), 5)]
}

func (e *Engine) closeness(from, to int32) float64 {
	for _, n := range e.t.all[from].near {
		if n.v == to {
			return n.w
		}
	}
	return 0
}

// suspected is the change an alert may be blamed on when nothing else explains it.
func (e *Engine) suspected(x *item) *changed {
	var best *changed
	most := .4
	for i := range e.changes {
		c := &e.changes[i]
		if !c.blamable || c.v == none || x.onset < c.at-30_000 || x.onset > c.at+changeMS || !e.within(x.id.v, c.v) {
			continue
		}
		if w := e.closeness(c.v, x.id.v) * math.Exp(-math.Max(float64(x.onset-c.at), 0)/1000/changeE); w > most {
			best, most = c, w
		}
	}
	return best
}

// looksOf lists what was found by the looks a situation wants.
func (e *Engine) looksOf(s *sit) []dr.Look {
	var out []dr.Look
	for _, name := range s.wants {
		if l, ok := e.looks[name]; ok {
			out = append(out, l)
		}
	}
	return out
}
