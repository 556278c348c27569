package alerts

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Engine is the fold. It is not safe for concurrent use.
type Engine struct {
	t       *Topology
	plans   []Plan
	opts    Options
	weights *Weights

	clock int64 // milliseconds; of the last signal
	tick  int64 // last moment of the grid that was done
	daily int64 // when rates were last swept

	items    map[ident]*item
	order    []*item // as they were first seen
	episodes uint64
	playing  []*item           // in play, as their episodes began
	spots    map[int32][]*item // the same by vertex
	fresh    []*item           // new since the last moment
	rates    rates
	strays   []dr.Signal // unresolved

	sits     []*sit
	ids      map[string]*sit
	soonest  int64 // when the next of them is due
	sitCount int
	touched  []*sit

	changes     []changed
	changeCount uint64
	looks       map[string]dr.Look
	placed      map[string]string
	left        map[int32]behind // by system

	out     []dr.SituationData
	shares  []share  // scratch
	signs   []sign   // scratch
	guesses []theory // scratch
}

// New starts an engine that has seen nothing. placements says where systems live that are not at home.
func New(t *Topology, plans []Plan, placements map[string]string, o Options) *Engine {
	if o.MaxOpen <= 0 {
		o.MaxOpen = MaxOpen
	}
	if o.Weights == nil {
		o.Weights = Shipped()
	}
	e := &Engine{t: t, plans: slices.Clone(plans), opts: o, weights: o.Weights, items: map[ident]*item{}, spots: map[int32][]*item{}, rates: newRates(o.MaxOpen), looks: map[string]dr.Look{}, placed: map[string]string{}, left: map[int32]behind{}, ids: map[string]*sit{}, soonest: math.MaxInt64}
	maps.Copy(e.placed, placements)
	slices.SortFunc(e.plans, func(a, b Plan) int { return strings.Compare(a.ID, b.ID) })
	return e
}

// Take folds one signal in and gives the milestones that came about, in order. A signal older than the last
// one counts as having come now.
func (e *Engine) Take(s dr.Signal) []dr.SituationData {
	at := s.At.UnixMilli()
	if s.At.IsZero() || at < e.clock {
		at = e.clock
	}
	if e.rates.start == 0 {
		e.begin(at)
	}
	e.advance(at)
	switch s.Kind {
	case dr.SignalAlert:
		e.alert(s)
	case dr.SignalChange:
		e.changeSeen(s)
	case dr.SignalLook:
		e.lookSeen(s)
	}
	return e.news()
}

// Advance moves time without a signal and gives the milestones that came about.
func (e *Engine) Advance(now dr.Time) []dr.SituationData {
	if !now.IsZero() {
		e.advance(now.UnixMilli())
	}
	return e.news()
}

// begin sets the time by the first signal; before it nothing passes.
func (e *Engine) begin(at int64) {
	step := grid.Milliseconds()
	e.rates.start, e.clock, e.tick, e.daily = at, at, at/step*step, at/dayMS*dayMS
}

const dayMS = 24 * 3_600_000

func (e *Engine) news() []dr.SituationData {
	out := e.out
	e.out = nil
	return out
}

// advance does the work of every moment of the grid up to now. Moments at which nothing is due are passed
// over, so that a quiet night costs nothing.
func (e *Engine) advance(now int64) {
	if e.rates.start == 0 || now <= e.clock {
		return
	}
	step := grid.Milliseconds()
	for {
		next := e.tick/step*step + step
		if due := e.nextDue(); due > next {
			next = (due + step - 1) / step * step
		}
		if e.Rushed() {
			next = min(next, e.clock/secondMS*secondMS+secondMS)
		}
		if next > now {
			break
		}
		e.tick, e.clock = next, max(e.clock, next)
		e.moment(next)
	}
	e.tick = max(e.tick, now/step*step)
	e.clock = max(e.clock, now)
}

// rush is how many signals that are new make the next second a moment of its own: a whole site is gone, and
// nobody waits for the grid.
const rush, secondMS = 50, 1000

// Rushed says whether so much came in that the engine's next moment is the next full second.
func (e *Engine) Rushed() bool { return len(e.fresh) >= rush }

// Review has every open situation thought over at the next moment: after other files, its plan may be another.
func (e *Engine) Review() {
	for _, s := range e.sits {
		if s.live() && !s.touched {
			s.touched = true
			e.touched = append(e.touched, s)
		}
	}
}

// nextDue is when there is something to do next.
func (e *Engine) nextDue() int64 {
	if len(e.fresh) > 0 || len(e.touched) > 0 {
		return 0
	}
	due := e.daily + dayMS
	if len(e.playing) > 0 {
		due = min(due, e.playing[0].onset+playMS+1)
	}
	return min(due, e.soonest)
}

// moment is the work of one moment of the grid.
func (e *Engine) moment(now int64) {
	e.retire(now)
	if len(e.fresh) > 0 {
		e.cover(now)
		e.fresh = e.fresh[:0]
	}
	e.upkeep(now)
	e.bound()
	if now-e.daily >= dayMS {
		e.daily = now
		e.rates.forget(now)
		e.sweep(now)
	}
}

// retire takes episodes out of play, and counts those that stayed noise.
func (e *Engine) retire(now int64) {
	n := 0
	for n < len(e.playing) && e.playing[n].onset < now-playMS {
		n++
	}
	for _, x := range e.playing[:n] {
		if x.loose() {
			for _, s := range e.sits {
				if s.opened && s.final == nil && during(s, x.onset) {
					s.noise++
				}
			}
		}
		x.played = false
		e.spots[x.id.v] = slices.DeleteFunc(e.spots[x.id.v], func(y *item) bool { return y == x })
	}
	e.playing = slices.Delete(e.playing, 0, n)
}

// bound keeps what is remembered within its limits: ended situations, and alerts.
func (e *Engine) bound() {
	ended := 0
	for _, s := range e.sits {
		if s.final != nil {
			ended++
		}
	}
	if ended > maxClosed {
		e.lose(func(s *sit) bool {
			if s.final == nil || ended <= maxClosed {
				return false
			}
			ended--
			for _, x := range s.items {
				x.sit = nil
			}
			return true
		})
	}
	if len(e.order) > e.opts.MaxOpen {
		e.sweep(e.clock)
		e.crowd()
	}
}

// sweep forgets alerts that neither fire nor belong anywhere, and those nobody spoke of for a week.
func (e *Engine) sweep(now int64) {
	e.discard(func(x *item) bool {
		return !x.played && (x.sit == nil && !x.firing() && x.last < now-idleMS || x.last < now-staleMS)
	})
	e.fadeChanges(now)
}

// crowd makes room for a tenth when there are too many alerts: the oldest that belong nowhere go, then the
// oldest.
func (e *Engine) crowd() {
	excess := len(e.order) - e.opts.MaxOpen*9/10
	if len(e.order) <= e.opts.MaxOpen {
		return
	}
	for _, any := range []bool{false, true} {
		e.discard(func(x *item) bool {
			if excess <= 0 || !any && x.sit != nil && x.sit.opened {
				return false
			}
			excess--
			return true
		})
	}
}

func (e *Engine) discard(gone func(*item) bool) {
	var losers []*sit
	e.order = slices.DeleteFunc(e.order, func(x *item) bool {
		if !gone(x) {
			return false
		}
		delete(e.items, x.id)
		if x.played {
			e.unplay(x)
		}
		if x.sit != nil && !slices.Contains(losers, x.sit) {
			losers = append(losers, x.sit)
		}
		x.n = 0
		return true
	})
	e.fresh = slices.DeleteFunc(e.fresh, func(x *item) bool { return x.n == 0 })
	for _, s := range losers {
		s.items = slices.DeleteFunc(s.items, func(x *item) bool { return x.n == 0 })
		s.core = slices.DeleteFunc(s.core, func(x *item) bool { return x.n == 0 })
		e.look(s)
	}
}

// Place says where a system lives from a moment on. It is Take of [Placed].
func (e *Engine) Place(system, site string, at dr.Time) []dr.SituationData {
	return e.Take(Placed(system, site, at))
}

// Answer notes what a person says of a situation's advice. It is Take of [Answered].
func (e *Engine) Answer(situation, answer string, at dr.Time) []dr.SituationData {
	return e.Take(Answered(situation, answer, at))
}

// Situations lists what is open or quiet and what ended lately, the oldest first.
func (e *Engine) Situations() []dr.Situation {
	out := []dr.Situation{}
	for _, s := range e.sits {
		if s.opened {
			out = append(out, e.view(s))
		}
	}
	return out
}

// Situation finds one.
func (e *Engine) Situation(id string) (dr.Situation, bool) {
	if s := e.find(id); s != nil && s.opened {
		return e.view(s), true
	}
	return dr.Situation{}, false
}

// Features are what the confidence of a situation rests on: what weights are fitted to.
func (e *Engine) Features(id string) (Features, bool) {
	if s := e.find(id); s != nil && s.opened {
		return s.feats, true
	}
	return Features{}, false
}

// Unresolved lists the last signals whose labels fit nothing.
func (e *Engine) Unresolved() []dr.Signal { return slices.Clone(e.strays) }

// Noise lists what came in while a situation lasted and is in none, as far as it is still remembered.
func (e *Engine) Noise(id string) []dr.Signal {
	s := e.find(id)
	if s == nil {
		return nil
	}
	var out []dr.Signal
	for _, x := range e.order {
		if x.loose() && during(s, x.onset) && len(out) < maxLoose {
			out = append(out, e.signal(x))
		}
	}
	for _, o := range e.strays {
		if at := o.At.UnixMilli(); during(s, at) && len(out) < maxLoose {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b dr.Signal) int { return a.At.Compare(b.At.Time) })
	return out
}

// signal is an alert as a list shows it: its labels are gone, its entity is left.
func (e *Engine) signal(x *item) dr.Signal {
	ent := e.t.all[x.id.v].ent
	s := dr.Signal{Kind: dr.SignalAlert, Name: x.id.name, Status: dr.Resolved, Severity: [...]string{"info", "warning", "critical"}[x.sev], StartsAt: moments(x.since), At: moments(x.onset), Labels: map[string]string{ent.Scope: ent.ID}}
	if x.firing() {
		s.Status = dr.Firing
	}
	if len(x.keys) > 0 {
		s.Key = x.keys[0]
	}
	return s
}
