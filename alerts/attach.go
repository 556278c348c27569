package alerts

import "math"

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
			if s == nil || s == y.sit && (!y.feeds || !s.sure && x.onset > s.start+unnamedMS) {
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
	// What was part of a situation that is still about comes back to it.
	if x.sit != nil && x.sit.live() && x.sit.opened && e.keeps(x.sit, x) {
		e.touch(x.sit)
		return
	}
	e.leave(x)
	first, second, sum := strongest(e.pulls(x, func(y *item) *sit { return y.sit }))
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
