package alerts

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// settle gives each accepted theory a situation and each signal in play its place.
func (e *Engine) settle(accepted, all []weighed, now int64) {
	sits := make([]*sit, len(accepted))
	for i := range accepted {
		sits[i] = e.claim(accepted, sits, i)
	}
	e.place(accepted, sits)
	e.refute(sits)
	for i, w := range accepted {
		s := sits[i]
		if s.th != w.th && s.sure && s.force >= w.score {
			continue // it was believed to be more than that
		}
		if !s.sure {
			e.shed(s, w.from-burstMS)
		}
		s.sure, s.force = true, w.score
		e.name(s, w.th, now)
		s.core, s.units, s.covered, s.since, s.upto = w.core, w.units, w.covered, w.from, max(s.upto, w.to)
		s.rival, s.ratio = rival(w, all)
		s.feats = e.features(s, w, s.ratio)
		for _, x := range s.items {
			e.feed(x)
		}
	}
}

// refute takes back what was believed of a situation whose signs have turned out to be another's: the one alert
// that is left of it is no cut link.
func (e *Engine) refute(claimed []*sit) {
	for _, s := range e.sits {
		if !s.sure || !s.live() || slices.Contains(claimed, s) {
			continue
		}
		left := 0
		for _, x := range s.core {
			left += int(pick(x.sit == s, 1, 0))
		}
		if 2*left < len(s.core) {
			s.sure, s.force = false, 0
			e.touch(s)
		}
	}
}

// shed lets go of what was with a situation long before what it turned out to be began: that was something else.
func (e *Engine) shed(s *sit, before int64) {
	for _, x := range slices.Clone(s.items) {
		if x.played || x.onset >= before {
			continue
		}
		e.leave(x)
		if x.firing() {
			e.join(x, e.newSit(x))
		}
	}
}

// claim finds the situation of a theory: the one that was believed to be it, else the one that holds most of
// its signs and is nothing better, else a new one.
func (e *Engine) claim(accepted []weighed, sits []*sit, i int) *sit {
	w := accepted[i]
	if s := e.holder(w.th); s != nil && !slices.Contains(sits[:i], s) {
		e.reopen(s)
		return s
	}
	if s := e.explained(w); s != nil {
		return s
	}
	var list []share
	for _, x := range w.core {
		s := x.sit
		if s == nil || !s.live() || !s.grows(w.from) || slices.Contains(sits[:i], s) || s.sure && slices.ContainsFunc(accepted, func(a weighed) bool { return a.th == s.th }) {
			continue
		}
		j := slices.IndexFunc(list, func(l share) bool { return l.s == s })
		if j < 0 {
			j = len(list)
			list = append(list, share{s, 0})
		}
		list[j].pull += x.worth() + pick(s.opened, 1, 0)
	}
	if first, _, _ := strongest(list); first.s != nil {
		return first.s
	}
	first := w.core[0]
	for _, x := range w.core {
		if x.onset < first.onset {
			first = x
		}
	}
	s := e.newSit(first)
	if first.sit != nil && first.sit.opened {
		s.from = []string{first.sit.id}
		s.opened = true
		s.th, s.sure = w.th, true
		e.out = append(e.out, e.splitOff(s, first.sit, w))
	}
	e.touch(s)
	return s
}

// explained is the situation that is believed to be something greater and of which a theory is only a part:
// when the first signs of a dead site have gone out of play, what is left still looks like a dead machine.
func (e *Engine) explained(w weighed) *sit {
	for _, x := range w.core {
		s := x.sit
		if s == nil || !s.sure || !s.opened || !s.live() || !s.grows(w.from) || s.force < w.score {
			continue
		}
		n := 0
		for _, y := range w.core {
			if y.sit == s && e.harm(s.th, y.id.v, y.class) > 0 {
				n++
			}
		}
		if 2*n > len(w.core) {
			return s
		}
	}
	return nil
}

// place moves signals: what a theory takes goes to its situation; what was with a claimed situation and is
// not explained goes where it is pulled, or is by itself again.
func (e *Engine) place(accepted []weighed, sits []*sit) {
	whose := func(y *item) *sit {
		if y.by >= 0 {
			return sits[y.by]
		}
		return y.sit
	}
	type move struct {
		x  *item
		to *sit
	}
	var moves []move
	for _, x := range e.playing {
		if e.expected(x) != none {
			continue // it has its place
		}
		to := x.sit
		core := x.by >= 0 && slices.Contains(accepted[x.by].core, x)
		if core {
			to = sits[x.by]
		} else if x.by >= 0 || slices.Contains(sits, x.sit) || x.sit == nil || !x.sit.sure {
			to = e.belongs(x, accepted, sits, whose)
		}
		if to != x.sit || to == nil {
			moves = append(moves, move{x, to})
		}
	}
	for _, m := range moves {
		from := m.x.sit
		e.leave(m.x)
		if m.to == nil {
			m.to = e.newSit(m.x)
		} else if from != nil && len(from.items) == 0 {
			from.into = m.to.id
		}
		e.join(m.x, m.to)
	}
}

// belongs says where a signal goes that is nobody's core. nil: by itself.
func (e *Engine) belongs(x *item, accepted []weighed, sits []*sit, whose func(*item) *sit) *sit {
	list := e.pulls(x, whose)
	for i := range list {
		if j := slices.Index(sits, list[i].s); j >= 0 {
			w := accepted[j]
			list[i].pull = e.drawn(list[i].pull, w.th, w.from, w.to, x)
		}
	}
	first, _, _ := strongest(list)
	bar := attachBar
	if x.by >= 0 && first.s == sits[x.by] {
		bar = .35
	}
	switch {
	case first.s != nil && chance(first.pull, x.mu) >= bar:
		return first.s
	case slices.Contains(sits, x.sit):
		if len(x.sit.items) == 1 {
			return x.sit
		}
		return nil
	}
	return x.sit
}

// splitOff is the milestone of a situation that came out of another.
func (e *Engine) splitOff(s, from *sit, w weighed) dr.SituationData {
	ent, fault := e.shown(w.th)
	return dr.SituationData{ID: s.id, Event: "split", Entity: ent, Fault: fault, Signals: len(w.core), Others: []string{from.id}}
}
