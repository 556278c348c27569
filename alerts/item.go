package alerts

import (
	"hash/fnv"
	"io"
	"maps"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// Times by which signals become episodes.
const (
	repeatMS = 15 * 60_000 // a repeat within this only counts
	playMS   = 15 * 60_000 // how long an episode takes part in finding causes
	lateMS   = 10 * 60_000 // a start further back than this is no longer when it began for us
	idleMS   = 60 * 60_000 // an alert that neither fires nor belongs anywhere is forgotten after this
	staleMS  = 7 * 24 * 3_600_000
)

// Bounds of one alert.
const (
	itemKeys  = 200 // keys of signals remembered
	itemOpen  = 16  // label sets firing at once told apart
	spotItems = 64  // episodes in play at one vertex
	spotClass = 16  // of one class
)

// ident is what makes two signals the same alert: its name and what it is about.
type ident struct {
	name string
	v    int32
}

// item is an alert: one name on one entity, in its latest episode.
type item struct {
	id     ident
	n      uint64 // order in which episodes began
	site   int32  // the labels speak of, or the entity stands at
	class  class
	sev    uint8 // 0 info, 1 warning, 2 critical
	since  int64 // when it began, as the sender says; milliseconds
	onset  int64 // when the episode began for us
	last   int64 // when a signal last came
	starts int64 // of the last firing signal
	count  int32
	future bool // a sender's clock runs ahead
	played bool // takes part in finding causes
	mu     float64
	keys   []string
	open   []uint64 // label sets that fire
	sit    *sit
	feeds  bool // what it pulls at goes to its situation: of a proven one only what the fault explains

	mark bool // of the core, while features are counted
	by   int  // theory that explains it, while a cover is made; -1: none
}

func (x *item) firing() bool { return len(x.open) > 0 }

// hard says that something does not work, by what it is or by how bad its sender calls it.
func (x *item) hard() bool {
	return x.sev > 0 && hardClasses.has(x.class) || x.sev == 2 && !softClasses.has(x.class)
}

// severities as numbers, and how much each weighs as a cause.
func severityRank(s string) uint8 {
	switch s {
	case "critical":
		return 2
	case "info":
		return 0
	}
	return 1
}

func (x *item) cause() float64 { return [...]float64{.3, 1, 5}[x.sev] }

// alert folds an alert in.
func (e *Engine) alert(s dr.Signal) {
	v, site := e.t.resolve(s.Labels)
	if v == none {
		e.unresolved(s)
		return
	}
	id := ident{s.Name, v}
	if s.Name == "" { // nameless alerts are told apart by what they are
		id.name = "?" + classOf(s).String()
	}
	x := e.items[id]
	if s.Status == dr.Resolved {
		if x != nil {
			e.resolved(x, s)
		}
		return
	}
	print := printOf(s.Labels)
	starts := s.StartsAt.UnixMilli()
	again := x != nil && (e.clock-x.last < repeatMS || x.firing() && !s.StartsAt.IsZero() && starts == x.starts)
	if x == nil {
		x = e.newItem(id, s)
	}
	x.site = site
	x.sev = max(x.sev, severityRank(s.Severity))
	if !again {
		e.episode(x, s)
	} else if !x.firing() {
		e.rates.note(x.id, e.clock) // one that comes and goes counts each time
	}
	e.count(x, s, print)
}

func (e *Engine) newItem(id ident, s dr.Signal) *item {
	x := &item{id: id, class: classOf(s), by: -1}
	e.items[x.id] = x
	e.order = append(e.order, x)
	return x
}

// count notes one more signal of an episode.
func (e *Engine) count(x *item, s dr.Signal, print uint64) {
	x.count++
	x.last, x.starts = e.clock, s.StartsAt.UnixMilli()
	if len(x.keys) < itemKeys && !slices.Contains(x.keys, s.Key) {
		x.keys = append(x.keys, s.Key)
	}
	if !slices.Contains(x.open, print) && len(x.open) < itemOpen {
		x.open = append(x.open, print)
	}
	e.stillLost(x)
	if x.sit != nil {
		e.touch(x.sit)
	}
}

// episode begins one: it is weighed against what came before and takes part in finding causes.
func (e *Engine) episode(x *item, s dr.Signal) {
	if x.played {
		e.unplay(x)
	}
	e.episodes++
	x.n, x.count, x.open, x.sev = e.episodes, 0, x.open[:0], severityRank(s.Severity)
	if x.sit != nil && x.sit.state == stateClosed || x.sit == nil {
		x.keys = nil
	}
	began := s.StartsAt.UnixMilli()
	x.onset, x.since, x.future = e.clock, e.clock, false
	switch {
	case s.StartsAt.IsZero():
	case began > e.clock+60_000:
		x.future = true
	case began <= e.clock && began > e.clock-staleMS:
		x.since = began
		if began >= e.clock-lateMS {
			x.onset = began
		}
	}
	x.mu = e.rates.mu(x.id, e.clock)
	e.play(x)
	e.attach(x)
	e.fresh = append(e.fresh, x)
	e.rates.note(x.id, e.clock)
	e.rates.noteSpot(x.id.v, x.cause(), e.clock)
	e.guesses = e.theories(x, e.guesses[:0])
	for _, th := range e.guesses {
		e.rates.noteSign(th, e.t.all[th.v].ent.Scope, e.clock)
	}
}

func (e *Engine) resolved(x *item, s dr.Signal) {
	print := printOf(s.Labels)
	if len(x.keys) < itemKeys && x.sit != nil && !slices.Contains(x.keys, s.Key) {
		x.keys = append(x.keys, s.Key)
	}
	if i := slices.Index(x.open, print); i >= 0 {
		x.open = slices.Delete(x.open, i, i+1)
	} else if len(x.open) == 1 {
		x.open = x.open[:0] // labels changed between firing and ending
	}
	x.last = e.clock
	if x.class == classDown {
		e.stillLost(x)
	}
	if x.sit != nil {
		e.touch(x.sit)
	}
}

// play lets an item take part. A spot that is full keeps what it has: the first to come say most.
func (e *Engine) play(x *item) {
	spot := e.spots[x.id.v]
	same := 0
	for _, y := range spot {
		if y.class == x.class {
			same++
		}
	}
	if len(spot) >= spotItems || same >= spotClass {
		return
	}
	x.played = true
	e.spots[x.id.v] = append(spot, x)
	e.playing = append(e.playing, x)
}

func (e *Engine) unplay(x *item) {
	x.played = false
	same := func(y *item) bool { return y == x }
	e.spots[x.id.v] = slices.DeleteFunc(e.spots[x.id.v], same)
	e.playing = slices.DeleteFunc(e.playing, same)
}

// printOf names a set of labels within the engine.
func printOf(labels map[string]string) uint64 {
	h := fnv.New64a()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		_, _ = io.WriteString(h, k)
		_, _ = h.Write([]byte{0})
		_, _ = io.WriteString(h, labels[k])
		_, _ = h.Write([]byte{1})
	}
	return h.Sum64()
}

// unresolved keeps the last signals whose labels fit nothing, one of each key, small.
func (e *Engine) unresolved(s dr.Signal) {
	if s.Status == dr.Resolved {
		return
	}
	if slices.ContainsFunc(e.strays, func(o dr.Signal) bool { return o.Key == s.Key }) {
		return
	}
	if len(e.strays) >= maxLoose {
		e.strays = slices.Delete(e.strays, 0, len(e.strays)-maxLoose+1)
	}
	e.strays = append(e.strays, brief(s))
}

// brief cuts a signal down to what a list shows.
func brief(s dr.Signal) dr.Signal {
	s.Labels, s.Annotations = few(s.Labels), few(s.Annotations)
	return s
}

func few(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(in)) {
		if len(out) == 12 {
			break
		}
		out[cut(k, 64)] = safe(in[k], 160)
	}
	return out
}
