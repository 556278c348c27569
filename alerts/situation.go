package alerts

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// States of a situation.
const (
	stateOpen   = "open"
	stateQuiet  = "quiet"
	stateClosed = "closed"
	stateMerged = "merged"
)

const (
	quietMS  = 10 * 60_000    // nothing fires for this long: closed, where nobody says otherwise
	reopenMS = 30 * 60_000    // what comes back within this is the same situation
	sameMS   = 3_600_000      // a burst this long after the last, while old alerts still hang, is another one
	hangMS   = 24 * 3_600_000 // a situation nothing was heard of for so long is closed, whatever still hangs
	maxLive  = 2000           // situations open at a time
)

// sit is a situation, or a signal by itself that may become one.
type sit struct {
	n       int
	id      string
	state   string
	opened  bool // it is shown; before that it is only kept together
	th      theory
	sure    bool  // th was found by cover, not only described
	named   int64 // when th became what it is
	items   []*item
	first   int64 // when the earliest began, as senders say
	last    int64 // when the last signal came
	start   int64 // onset of the first
	fed     int64 // onset of the last signal that is of its cause
	quiet   int64 // since when nothing fires
	ended   int64
	times   int
	into    string
	from    []string
	version int64
	noise   int
	feats   Features
	rival   theory // the next best explanation, and how good it is beside th
	ratio   float64
	core    []*item
	since   int64 // when the first of the core began
	upto    int64 // when the last of the core began: a proven situation takes in nothing long after
	units   int   // of th, and how many show it
	covered int
	force   float64 // how much spoke for th when it was believed
	advice  dr.Advice
	faded   bool // nothing fired any more since it was given: it is withdrawn until most of it is back
	p       float64
	against string // the plan a person said is not this
	answer  string
	wants   []string
	due     int64 // when to look at it again though nothing came; 0: not by itself
	touched bool
	final   *dr.Situation
}

func (s *sit) live() bool { return s.state == stateOpen || s.state == stateQuiet }

// grows says whether what began at a moment may have to do with it. What is proven has a time; whatever comes
// along much later has another cause, however near it is.
func (s *sit) grows(at int64) bool { return !s.sure || at <= s.upto+burstMS }

// keeps says whether a signal that comes again is still its own: one that shows its fault or follows from it, for
// as long as the fault lasts.
func (e *Engine) keeps(s *sit, x *item) bool {
	return s.grows(x.onset) || s.state == stateOpen && (slices.Contains(s.core, x) || e.harm(s.th, x.id.v, x.class) > 0)
}

// newSit keeps a signal by itself. Its id is made from the signal, so that a replay gives it the same; of
// those remembered no two share one.
func (e *Engine) newSit(x *item) *sit {
	e.sitCount++
	day := time.UnixMilli(x.onset).UTC().Format("0102")
	id := ""
	for salt := 0; id == "" || e.ids[id] != nil; salt++ {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s/%s/%d/%d/%d", x.id.name, e.t.all[x.id.v].ent, x.onset, e.sitCount, salt)
		id = "s" + day + "-" + strconv.FormatUint(uint64(h.Sum32())%(36*36*36*36)+36*36*36*36, 36)[1:]
	}
	s := &sit{n: e.sitCount, id: id, state: stateOpen, times: 1, first: x.since, last: e.clock, start: x.onset, th: theory{fault: dr.FaultUnknown, v: x.id.v}, named: e.clock}
	e.sits = append(e.sits, s)
	e.ids[id] = s
	return s
}

func (e *Engine) join(x *item, s *sit) {
	x.sit = s
	s.items = append(s.items, x)
	if len(s.items) == 1 || x.since < s.first {
		s.first = x.since
	}
	s.start = min(s.start, x.onset)
	e.feed(x)
	e.touch(s)
}

// feed says whether an item is of its situation's cause, and so may draw others in and keep it fresh. What is
// only there at the same time does neither, or noise would carry a situation through the day.
func (e *Engine) feed(x *item) {
	s := x.sit
	x.feeds = !s.sure || e.harm(s.th, x.id.v, x.class) > 0 || slices.Contains(s.core, x)
	if x.feeds {
		s.fed = max(s.fed, x.onset)
	}
}

func (e *Engine) leave(x *item) {
	if s := x.sit; s != nil {
		s.items = slices.DeleteFunc(s.items, func(y *item) bool { return y == x })
		x.sit = nil
		e.touch(s)
	}
}

// pour moves everything of one situation into another.
func (e *Engine) pour(from, to *sit) {
	for _, x := range from.items {
		x.sit = to
		to.items = append(to.items, x)
		to.first, to.start = min(to.first, x.since), min(to.start, x.onset)
		e.feed(x)
	}
	from.items = nil
	from.into = to.id
	e.touch(from)
	e.touch(to)
}

func (e *Engine) touch(s *sit) {
	s.last = max(s.last, e.clock)
	if !s.touched {
		s.touched = true
		e.touched = append(e.touched, s)
	}
}

// upkeep looks at every situation something happened to, or that is due, in the order they came about.
func (e *Engine) upkeep(now int64) {
	for _, s := range e.sits {
		if s.due != 0 && s.due <= now && !s.touched {
			s.touched = true
			e.touched = append(e.touched, s)
		}
	}
	list := e.touched
	e.touched = nil
	slices.SortFunc(list, func(a, b *sit) int { return cmp.Compare(a.n, b.n) })
	for _, s := range list {
		s.touched = false
		e.tend(s, now)
	}
	e.lose(func(s *sit) bool { return s.state == "" })
	e.plan()
}

// lose forgets situations.
func (e *Engine) lose(gone func(*sit) bool) {
	e.sits = slices.DeleteFunc(e.sits, func(s *sit) bool {
		if !gone(s) {
			return false
		}
		delete(e.ids, s.id)
		return true
	})
}

// plan notes when the next situation is due.
func (e *Engine) plan() {
	e.soonest = math.MaxInt64
	for _, s := range e.sits {
		if s.due != 0 {
			e.soonest = min(e.soonest, s.due)
		}
	}
}

// tend brings one situation up to date.
func (e *Engine) tend(s *sit, now int64) {
	s.due = 0
	if !s.live() {
		e.release(s, now)
		return
	}
	s.version++
	if len(s.items) == 0 {
		e.empty(s, now)
		return
	}
	e.whole(s)
	if !s.sure {
		e.describe(s, now)
		if e.unite(s); len(s.items) == 0 {
			e.empty(s, now)
			return
		}
	}
	if !s.opened && !e.opens(s) {
		s.due = s.start + playMS
		if now >= s.due {
			e.drop(s)
		}
		return
	}
	if !s.opened {
		s.opened = true
		e.say(s, "opened", nil)
	}
	e.rest(s, now)
	if s.live() {
		e.advise(s, now)
	}
}

// opens says whether something is worth a situation: two alerts, or one that says by itself what is wrong
// and does not come all the time.
func (e *Engine) opens(s *sit) bool {
	if len(s.items) > 1 || s.sure {
		return true
	}
	x := s.items[0]
	telling := classes(1<<classDisk | 1<<classCertificate | 1<<classReplication | 1<<classIO | 1<<classLink | 1<<classBackup)
	return x.mu*3600 < .5 && (x.sev == 2 || x.sev == 1 && telling.has(x.class))
}

func (e *Engine) find(id string) *sit { return e.ids[id] }

// say notes a milestone.
func (e *Engine) say(s *sit, event string, others []string) {
	ent, fault := e.shown(s.th)
	e.out = append(e.out, dr.SituationData{ID: s.id, Event: event, Entity: ent, Fault: fault, Verdict: s.advice.Verdict, Plan: s.advice.Plan, Confidence: s.advice.Confidence, Signals: count(s), Others: others, Answer: s.answer})
}

func count(s *sit) int {
	n := 0
	for _, x := range s.items {
		n += int(x.count)
	}
	return n
}
