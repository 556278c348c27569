package alerts

import (
	"math"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// cover lays faults with names over what came in together. It is greedy: the theory that explains most goes
// first and takes what it explains, and so on until none is believed. Then situations are given to theories
// and signals to situations.
func (e *Engine) cover(now int64) {
	if !e.worthwhile() {
		return
	}
	for _, x := range e.playing {
		x.by = -1
	}
	cands := e.candidates()
	accepted, all := e.choose(cands)
	if len(accepted) == 0 {
		return
	}
	e.settle(accepted, all, now)
}

// worthwhile says whether something new could be a sign of a believable theory.
func (e *Engine) worthwhile() bool {
	for _, x := range e.playing {
		x.by = -1
	}
	var list []theory
	for _, x := range e.fresh {
		list = e.theories(x, list[:0])
		for _, th := range list {
			if e.weigh(th, false).ok {
				return true
			}
		}
		if x.sit != nil && x.sit.sure {
			return true
		}
	}
	return false
}

// candidates lists the theories anything in play is a sign of, each once.
func (e *Engine) candidates() []weighed {
	seen := map[theory]bool{}
	var list []theory
	var out []weighed
	for _, x := range e.playing {
		list = e.theories(x, list[:0])
		for _, th := range list {
			if seen[th] {
				continue
			}
			seen[th] = true
			if w := e.weigh(th, e.holder(th) != nil); w.ok {
				out = append(out, w)
			}
		}
	}
	return out
}

// holder is the situation that is believed to be a theory.
func (e *Engine) holder(th theory) *sit {
	for i := len(e.sits) - 1; i >= 0; i-- {
		if s := e.sits[i]; s.sure && s.th == th && e.back(s) {
			return s
		}
	}
	return nil
}

// choose picks theories greedily. all are the candidates as they were before anything was taken.
func (e *Engine) choose(cands []weighed) (accepted, all []weighed) {
	all = slices.Clone(cands)
	for len(cands) > 0 {
		best := -1
		for i, w := range cands {
			if best < 0 || e.preferred(w) > e.preferred(cands[best]) {
				best = i
			}
		}
		w := cands[best]
		e.take(w, len(accepted))
		accepted = append(accepted, w)
		rest := cands[:0]
		for i, c := range cands {
			if i == best {
				continue
			}
			if c = e.weigh(c.th, e.holder(c.th) != nil); c.ok {
				rest = append(rest, c)
			}
		}
		cands = rest
	}
	return accepted, all
}

// preferred is a score that leans to what was believed before, so that names do not flap.
func (e *Engine) preferred(w weighed) float64 {
	return w.score * pick(e.holder(w.th) != nil, 1.2, 1)
}

// take marks what a theory explains so well that no other needs to.
func (e *Engine) take(w weighed, i int) {
	for _, x := range w.core {
		x.by = i
	}
	for _, h := range e.t.all[w.th.v].hits {
		if h.w < .5 {
			break // the strongest come first
		}
		for _, x := range e.spots[h.v] {
			if x.by < 0 && h.mask.has(x.class) && x.onset >= w.from-beforeMS && x.onset <= w.to+3*60_000 {
				x.by = i
			}
		}
	}
}

// settle gives each accepted theory a situation and each signal in play its place.
func (e *Engine) settle(accepted, all []weighed, now int64) {
	sits := make([]*sit, len(accepted))
	for i := range accepted {
		sits[i] = e.claim(accepted, sits, i)
	}
	e.place(accepted, sits)
	for i, w := range accepted {
		s := sits[i]
		if s.th != w.th && s.sure && s.force >= w.score {
			continue // it was believed to be more than that
		}
		s.sure, s.force = true, w.score
		e.name(s, w.th, now)
		s.core, s.units, s.covered, s.upto = w.core, w.units, w.covered, max(s.upto, w.to)
		s.rival, s.ratio = rival(w, all)
		s.feats = e.features(s, w, s.ratio)
		for _, x := range s.items {
			e.feed(x)
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
			if y.sit == s && e.t.harm(s.th.v, y.id.v, y.class) > 0 {
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
			list[i].pull *= 1 + 2*e.t.harm(accepted[j].th.v, x.id.v, x.class)
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

// harm is how surely a fault of v shows at u by a class, 0 when it does not.
func (t *Topology) harm(v, u int32, c class) float64 {
	for _, h := range t.all[v].hits {
		if h.v == u && h.mask.has(c) {
			return h.w
		}
	}
	return 0
}

// rival is the next best theory about the same signs and its score beside the winner's.
func rival(w weighed, all []weighed) (theory, float64) {
	best, th := 0., theory{}
	for _, o := range all {
		if o.th == w.th || o.score <= best {
			continue
		}
		same := 0
		for _, x := range o.core {
			if slices.Contains(w.core, x) {
				same++
			}
		}
		if same*3 >= len(o.core) && same > 0 {
			best, th = o.score, o.th
		}
	}
	return th, math.Min(1, best/math.Max(w.score, .01))
}

// features are what confidence rests on.
func (e *Engine) features(s *sit, w weighed, ratio float64) Features {
	var hard, sum, explained float64
	var kinds []string
	n := float64(len(s.items))
	for _, x := range w.core {
		x.mark = true
	}
	for _, x := range s.items {
		h := e.t.harm(w.th.v, x.id.v, x.class)
		core := x.mark
		if core || h > 0 {
			explained++
		}
		if x.hard() {
			hard++
		}
		if (core || h >= .6) && !slices.Contains(kinds, x.id.name) && len(kinds) < 20 {
			kinds = append(kinds, x.id.name)
		}
		sum += math.Min(5, math.Log1p(1/(x.mu*600))) // an engine that has learnt for months must not be surer than one of a day
	}
	for _, x := range w.core {
		x.mark = false
	}
	if n == 0 {
		return Features{}
	}
	return Features{Recall: w.recall(), Signals: math.Log1p(n), Hard: math.Log1p(hard), Kinds: math.Log1p(float64(len(kinds))), Margin: 1 - ratio,
		Surprise: math.Log1p(sum), Rarity: sum / n / 5, Share: explained / n, Units: math.Log1p(float64(w.covered)), Gain: math.Log1p(w.gain),
		Proven: pick(s.sure, 1, 0), Change: pick(w.th.fault == dr.FaultBadChange, 1, 0), Load: pick(w.th.fault == dr.FaultOverload, 1, 0)}
}

// splitOff is the milestone of a situation that came out of another.
func (e *Engine) splitOff(s, from *sit, w weighed) dr.SituationData {
	ent, fault := e.shown(w.th)
	return dr.SituationData{ID: s.id, Event: "split", Entity: ent, Fault: fault, Signals: len(w.core), Others: []string{from.id}}
}
