package alerts

import (
	"math"

	"github.com/switchman-dr/switchman/dr"
)

// The constants by which a signal is held to be caused by others, found on days of a generator and tried on
// other days: a process in which every event makes others likelier near it, for about two minutes.
const (
	attachTau   = 120.0 // seconds
	attachAlpha = .0003
	attachBar   = .5
	joinBar     = .9 // two situations without a name that both explain one signal are one
	attachReach = 600
	unnamedMS   = 20 * 60_000 // a situation nobody can name takes nothing in for longer than this
)

// fades are exp(-t/tau) for whole seconds.
var fades = func() (f [attachReach + 1]float64) {
	for i := range f {
		f[i] = math.Exp(-float64(i) / attachTau)
	}
	return f
}()

// share is how strongly a situation pulls at an item, in events a second.
type share struct {
	s    *sit
	pull float64
}

// showing is how likely what a fault reaches for certain shows by a class of signal: what needs it fails or says
// so; busy processors and restarts are mostly something else.
var showing = [classCount]float64{classUnknown: .003, classDown: .01, classIO: .01, classReplication: .01, classLink: .01, classErrors: .01, classLatency: .003, classSaturation: .001, classConfig: .001}

// complains is the same of what customers notice.
const complains = .2

// complaint says whether a signal is what customers notice: it is about a system as a whole, which names nothing
// that could be broken, or it counts failures where they come in. Something else is the cause.
func (e *Engine) complaint(x *item) bool {
	at := &e.t.all[x.id.v]
	return at.ent.Scope == "system" && x.class != classReplication || at.door && x.class == classErrors
}

// brings is how often, a second, a fault that went on between two moments brings a signal about.
func (e *Engine) brings(th theory, from, to int64, x *item) float64 {
	h := e.harm(th, x.id.v, x.class)
	dt := max(from-x.onset, x.onset-to, 0) / 1000
	if h == 0 || dt > attachReach {
		return 0
	}
	shows := showing[x.class]
	if th.v != x.id.v && e.complaint(x) {
		shows = complains
	}
	return shows / attachTau * h * fades[dt]
}

// drawn is the pull of a situation whose fault is known: less where the fault does not explain the signal, more
// where it does.
func (e *Engine) drawn(pull float64, th theory, from, to int64, x *item) float64 {
	if e.harm(th, x.id.v, x.class) == 0 {
		return min(pull, unexplained*attachAlpha/attachTau)
	}
	return pull + e.brings(th, from, to, x)
}

const unexplained = 4 // in the pull of one warning here and now

// pulls lists the situations near an item in place and time, in the order they were met, less the pull that
// what goes on around there anyway would have. of says whose an item is.
func (e *Engine) pulls(x *item, of func(*item) *sit) []share {
	out := e.shares[:0]
	sum, usual := 0., 0.
	for _, n := range e.t.all[x.id.v].near {
		usual += attachAlpha * n.w * e.rates.spot(n.v, e.clock)
		for _, y := range e.spots[n.v] {
			if y == x {
				continue
			}
			dt := (x.onset - y.onset) / 1000
			if dt < 0 {
				dt = -dt
			}
			if dt > attachReach {
				continue
			}
			s := of(y)
			if s == nil || s.th.fault == dr.FaultUnprotected || s == y.sit && (!y.feeds || !s.sure && x.onset > s.start+unnamedMS) {
				continue
			}
			p := attachAlpha / attachTau * n.w * y.cause() * fades[dt]
			i := 0
			for i < len(out) && out[i].s != s {
				i++
			}
			if i == len(out) {
				if !s.grows(x.onset) {
					continue
				}
				out = append(out, share{s, 0})
			}
			out[i].pull += p
			sum += p
		}
	}
	for i := range out {
		out[i].pull *= math.Max(0, 1-usual/sum)
	}
	e.shares = out
	return out
}

// strongest gives the situation that pulls most, the runner-up, and the sum of all.
func strongest(list []share) (first, second share, sum float64) {
	for _, s := range list {
		sum += s.pull
		switch {
		case s.pull > first.pull:
			first, second = s, first
		case s.pull > second.pull:
			second = s
		}
	}
	return first, second, sum
}

func chance(pull, mu float64) float64 { return pull / (mu + pull) }

// attach gives a new episode to the situation that likely caused it, or to one of its own.
func (e *Engine) attach(x *item) {
	if site := e.expected(x); site != none {
		if to := e.home(x, site); to != x.sit {
			e.leave(x)
			e.join(x, to)
		} else {
			e.touch(to)
		}
		return
	}
	// What was part of a situation that is still about comes back to it.
	if x.sit != nil && x.sit.live() && x.sit.opened && e.keeps(x.sit, x) {
		e.touch(x.sit)
		return
	}
	e.leave(x)
	list := e.pulls(x, func(y *item) *sit { return y.sit })
	for i, l := range list {
		if s := l.s; s.sure {
			list[i].pull = e.drawn(l.pull, s.th, s.since, s.upto, x)
		}
	}
	first, second, sum := strongest(list)
	if first.s == nil || chance(sum, x.mu) < attachBar {
		if !x.played {
			return // there is more than enough of this here already
		}
		e.join(x, e.newSit(x))
		return
	}
	e.join(x, first.s)
	if second.s != nil && !first.s.sure && !second.s.sure && chance(second.pull, x.mu) >= joinBar && chance(first.pull, x.mu) >= joinBar {
		older, newer := first.s, second.s
		if newer.n < older.n {
			older, newer = newer, older
		}
		e.pour(newer, older)
	}
}
