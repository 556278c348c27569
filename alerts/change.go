package alerts

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// changed is something somebody did, or is about to.
type changed struct {
	n        uint64
	key      string
	name     string
	text     string
	by       string
	v        int32
	at       int64
	until    int64
	blamable bool // it may have broken something; announced work is expected instead
	planned  bool
}

// changeSeen folds a change in.
func (e *Engine) changeSeen(s dr.Signal) {
	v, _ := e.t.resolve(s.Labels)
	if v == none {
		e.unresolved(s)
		return
	}
	if slices.ContainsFunc(e.changes, func(c changed) bool { return c.key == s.Key }) {
		return
	}
	e.changeCount++
	planned := planned(s.Name)
	c := changed{n: e.changeCount, key: s.Key, name: s.Name, text: cmp.Or(safe(s.Annotations["summary"], 300), s.Name), by: s.By, v: v, at: e.clock, until: s.EndsAt.UnixMilli(), planned: planned, blamable: !planned}
	if began := s.StartsAt.UnixMilli(); !s.StartsAt.IsZero() && began <= e.clock && began > e.clock-2*suspectMS {
		c.at = began
	} else if planned && began > e.clock {
		c.at = began
	}
	if s.EndsAt.IsZero() {
		c.until = 0
	}
	if len(e.changes) >= maxChanges {
		e.changes = slices.Delete(e.changes, 0, 1)
	}
	e.changes = append(e.changes, c)
}

// planned says whether a kind of change announces work.
func planned(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"maintenance", "window", "drill", "rehearsal"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

func (e *Engine) change(n uint64) *changed {
	for i := range e.changes {
		if e.changes[i].n == n {
			return &e.changes[i]
		}
	}
	return nil
}

// maintenance is announced work on what a situation is about, on part of it, or on what that stands in, going on
// now. Work nobody gave an end is taken to last an hour.
func (e *Engine) maintenance(s *sit) *changed {
	for i := range e.changes {
		c := &e.changes[i]
		end := c.until
		if end == 0 {
			end = c.at + suspectMS
		}
		if !c.planned || c.at > s.last || end < s.start {
			continue
		}
		part := e.within(c.v, s.th.v) && e.t.all[s.th.v].ent.Scope != "site"
		if part || e.within(s.th.v, c.v) || e.t.all[s.th.v].site == c.v || e.t.all[s.th.v].array == c.v {
			return c
		}
	}
	return nil
}

// window is the daily stretch a system is in now in which trouble is expected or a move collides with something.
// A place that is lost is no part of any.
func (e *Engine) window(s *sit, now int64) (dr.Window, string, bool) {
	at := &e.t.all[s.th.v]
	sys := at.system
	if at.ent.Scope == "system" {
		sys = s.th.v
	}
	if sys == none {
		return dr.Window{}, "", false
	}
	for _, w := range e.t.windows[sys] {
		if (w.Kind == "maintenance" || w.OnConflict == "block") && dr.InWindow(w.When, moments(now).In(e.t.zone)) {
			return w, e.called(sys), true
		}
	}
	return dr.Window{}, "", false
}

// fadeChanges forgets what is too long ago to matter.
func (e *Engine) fadeChanges(now int64) {
	e.changes = slices.DeleteFunc(e.changes, func(c changed) bool {
		return max(c.at, c.until) < now-2*suspectMS && (!c.planned || c.until != 0 || c.at < now-6*suspectMS)
	})
}

// lookSeen folds in what a probe found, where a system lives now, or what a person answered.
func (e *Engine) lookSeen(s dr.Signal) {
	switch s.Labels["proves"] {
	case provesPlacement:
		if s.Labels["system"] != "" {
			e.moved(s.Labels["system"], s.Labels["site"], s.Labels["left"])
		}
	case provesAnswer:
		e.answered(s.Labels["situation"], s.Labels["answer"])
	default:
		known := slices.ContainsFunc(e.opts.Probes, func(p Probe) bool { return p.Name == s.Name })
		if !known {
			return
		}
		e.looks[s.Name] = dr.Look{Probe: s.Name, Proves: s.Labels["proves"], Site: s.Labels["site"], Found: s.Labels["found"], Text: cut(s.Labels["text"], 400), At: moments(e.clock)}
		if s.Labels["found"] == "yes" {
			e.rejoined(s.Name)
		}
		e.cutAfterAll(s.Name, s.Labels["found"])
		for _, o := range e.sits {
			if o.live() && slices.Contains(o.wants, s.Name) {
				e.look(o)
			}
		}
	}
}

// look has a situation looked at again at the next moment, without its getting any younger.
func (e *Engine) look(s *sit) {
	last := s.last
	e.touch(s)
	s.last = last
}

// answered notes what a person said. "not_this" withdraws the plan for as long as the situation lasts; an
// empty answer takes back what was said.
func (e *Engine) answered(id, answer string) {
	s := e.find(id)
	if s == nil {
		return
	}
	s.answer, s.against = cut(answer, 64), ""
	if s.answer == "not_this" {
		s.against = s.advice.Plan
	}
	e.say(s, "answered", nil)
	if s.live() {
		e.look(s)
	}
}
