package alerts

import (
	"math"

	"github.com/switchman-dr/switchman/dr"
)

// Learning how often an alert comes anyway. Counts fade with a half-life of two days; an alert seen seldom
// borrows from others of its name, and a name seen seldom from a guess of once a day.
const (
	rateFade   = math.Ln2 / (2 * 24 * 3600) // a second
	rateBorrow = 6 * 3600.0                 // seconds of the name's rate mixed into an alert's own
	rateGuess  = 1.0 / (24 * 3600)          // a second, of a name never seen
	rateDoubt  = 24 * 3600.0                // seconds the guess counts for
	signDoubt  = .5                         // signs of a theory never seen, in that time
)

// rate is a count that fades.
type rate struct {
	n    float64
	t    int64 // milliseconds
	keys int   // of a name: alerts it has
}

func (r rate) at(now int64) float64 { return r.n * math.Exp(-rateFade*float64(now-r.t)/1000) }

// rates are all counts since a start.
type rates struct {
	start int64
	keys  map[ident]rate
	names map[string]rate
	spots map[int32]rate  // causes at a vertex, weighed by severity
	signs map[theory]rate // what could be signs of a theory
	kinds map[kind]rate   // and of all theories of its kind
	most  int
}

// kind is what theories have in common: a fault of a scope.
type kind struct {
	fault dr.Fault
	scope string
}

func newRates(most int) rates {
	return rates{keys: map[ident]rate{}, names: map[string]rate{}, spots: map[int32]rate{}, signs: map[theory]rate{}, kinds: map[kind]rate{}, most: most}
}

// span is for how long we have counted, faded like the counts.
func (r *rates) span(now int64) float64 {
	return (1 - math.Exp(-rateFade*float64(now-r.start)/1000)) / rateFade
}

// mu is how many times a second an alert comes anyway.
func (r *rates) mu(id ident, now int64) float64 {
	span := r.span(now)
	name := r.names[id.name]
	ofName := (name.at(now) + rateDoubt*rateGuess) / (span*float64(max(name.keys, 1)) + rateDoubt)
	return (r.keys[id].at(now) + rateBorrow*ofName) / (span + rateBorrow)
}

// note counts an episode.
func (r *rates) note(id ident, now int64) {
	name := r.names[id.name]
	key, known := r.keys[id]
	if !known {
		if len(r.keys) >= r.most {
			return
		}
		name.keys++
	}
	r.keys[id] = rate{n: key.at(now) + 1, t: now}
	name.n, name.t = name.at(now)+1, now
	r.names[id.name] = name
}

// forget drops alerts that have not come for long.
func (r *rates) forget(now int64) {
	for id, k := range r.keys {
		if k.at(now) < .05 {
			delete(r.keys, id)
			name := r.names[id.name]
			name.keys--
			r.names[id.name] = name
			if name.keys <= 0 {
				delete(r.names, id.name)
			}
		}
	}
}

// noteSpot counts what happened at a vertex.
func (r *rates) noteSpot(v int32, cause float64, now int64) {
	r.spots[v] = rate{n: r.spots[v].at(now) + cause, t: now}
}

// noteSign counts a sign of a theory, whichever change it would be blamed on.
func (r *rates) noteSign(th theory, scope string, now int64) {
	th.change = 0
	if old, known := r.signs[th]; known || len(r.signs) < r.most {
		r.signs[th] = rate{n: old.at(now) + 1, t: now}
	}
	k := kind{th.fault, scope}
	r.kinds[k] = rate{n: r.kinds[k].at(now) + 1, t: now}
}

// spot is the severity that comes about at a vertex anyway, a second.
func (r *rates) spot(v int32, now int64) float64 {
	return r.spots[v].at(now) / (r.span(now) + rateBorrow)
}

// sign is how many signs of a theory come anyway, a second. One that has not been counted for long is taken to
// be like others of its kind, of which there are so many.
func (r *rates) sign(th theory, scope string, many int, now int64) float64 {
	th.change = 0
	span := r.span(now)
	usual := (r.kinds[kind{th.fault, scope}].at(now) + signDoubt) / (span*float64(many) + rateDoubt)
	return (r.signs[th].at(now) + rateDoubt*max(usual, signDoubt/rateDoubt)) / (span + rateDoubt)
}
