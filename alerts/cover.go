package alerts

import (
	"slices"
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

// worthwhile says whether something new could be a sign of a believable theory, or speaks for one that others
// are signs of.
func (e *Engine) worthwhile() bool {
	for _, x := range e.playing {
		x.by = -1
	}
	seen := map[theory]bool{}
	ok := func(th theory) bool {
		if seen[th] {
			return false
		}
		seen[th] = true
		return e.weigh(th, false).ok
	}
	var list []theory
	for _, x := range e.fresh {
		list = e.theories(x, list[:0])
		if x.sit != nil && x.sit.sure || slices.ContainsFunc(list, ok) {
			return true
		}
		for _, n := range e.t.all[x.id.v].near {
			for _, y := range e.spots[n.v] {
				if y == x || !y.hard() || y.sit == nil || y.sit.sure {
					continue
				}
				list = e.theories(y, list[:0])
				if slices.ContainsFunc(list, func(th theory) bool { return e.harm(th, x.id.v, x.class) > 0 && ok(th) }) {
					return true
				}
			}
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
			if x.by < 0 && h.shows(w.th, x.class) && e.expected(x) == none && x.onset >= w.from-beforeMS && x.onset <= w.to+3*60_000 {
				x.by = i
			}
		}
	}
}
