package alerts

import (
	"math"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// harm is how surely a theory shows at u by a class, 0 when it does not.
func (e *Engine) harm(th theory, u int32, c class) float64 {
	for _, h := range e.t.all[th.v].hits {
		if h.v == u && h.shows(th, c) {
			return h.w
		}
	}
	return 0
}

// shows says whether what suffers may show a theory by a class. What is gone says nothing more of its
// processors, its queues or its disks; and where only the copying stopped, nothing is down and nobody suffers.
func (h hit) shows(th theory, c class) bool {
	switch {
	case th.fault == dr.FaultDown && h.w >= .9 && gauges.has(c), th.fault == dr.FaultReplication && c != classReplication && c != classUnknown:
		return false
	}
	return h.mask.has(c)
}

// hurts is how surely trouble of v, whatever it is, shows at u by a class.
func (t *Topology) hurts(v, u int32, c class) float64 {
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
	var hard, sum, explained, felt, trouble float64
	var kinds []string
	n := float64(len(s.items))
	for _, x := range w.core {
		x.mark = true
	}
	for _, x := range s.items {
		h := e.harm(w.th, x.id.v, x.class)
		core := x.mark
		if core || h > 0 {
			explained++
			trouble += x.cause() * pick(core, 1, h)
		}
		if x.hard() {
			hard++
		}
		if h > 0 && !core && e.complaint(x) {
			felt = 1
		}
		if (core || e.tells(x, h)) && !slices.Contains(kinds, x.id.name) && len(kinds) < 20 {
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
		Proven: pick(s.sure, 1, 0), Change: pick(w.th.fault == dr.FaultBadChange, 1, 0), Load: pick(w.th.fault == dr.FaultOverload, 1, 0), Felt: felt, Force: math.Log1p(math.Max(0, w.score)), Burst: math.Log1p(e.outburst(w, trouble))}
}

// outburst is how surprising so much trouble is within a burst where a fault would show, in nats.
func (e *Engine) outburst(w weighed, trouble float64) float64 {
	usual := 0.
	for _, h := range e.t.all[w.th.v].hits {
		usual += h.w * e.rates.spot(h.v, e.clock)
	}
	usual *= float64(w.to-w.from)/1000 + 120
	if usual <= 0 || trouble <= usual {
		return 0
	}
	return trouble*math.Log(trouble/usual) - (trouble - usual)
}
