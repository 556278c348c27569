package alerts

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// behindMS is how long after a forced move, and after the last that was heard of the lost side being down, a copy
// that is not fed is still put down to it.
const behindMS = 30 * 60_000

// behind is the side a system was moved away from by force. It takes no part until somebody lets it rejoin: that
// nothing is copied there is then expected, and no sign that anything else broke.
type behind struct {
	site  int32
	until int64 // what begins later is news
}

// moved notes where a system lives now and what it left behind; what situations were believed to be may change.
func (e *Engine) moved(system, site, left string) {
	e.placed[system] = site
	delete(e.left, e.t.at("system", system))
	if sys, old := e.t.at("system", system), e.t.at("site", left); sys != none && old != none {
		e.left[sys] = behind{old, e.clock + behindMS}
	}
	for _, s := range e.sits {
		if !s.live() {
			continue
		}
		all := len(s.core) > 0
		for _, x := range s.core {
			all = all && e.expected(x) != none
		}
		if all {
			s.sure, s.force = false, 0
		}
		if s.opened {
			e.look(s)
		}
	}
}

// systemOf is the system an entity is, or is of.
func (e *Engine) systemOf(v int32) int32 {
	if e.t.all[v].ent.Scope == "system" {
		return v
	}
	return e.t.all[v].system
}

// expected is the side left behind that an alert only tells of again; none: it is news.
func (e *Engine) expected(x *item) int32 {
	if len(e.left) == 0 || x.class != classReplication {
		return none
	}
	if l, ok := e.left[e.systemOf(x.id.v)]; ok && x.onset <= l.until {
		return l.site
	}
	return none
}

// apart says whether the system of a machine is not copied anyway.
func (e *Engine) apart(v int32) bool {
	l, ok := e.left[e.systemOf(v)]
	return ok && e.clock <= l.until
}

// stillLost notes that the old side was heard to be down, or not to be copied to, just now.
func (e *Engine) stillLost(x *item) {
	if len(e.left) == 0 {
		return
	}
	at := &e.t.all[x.id.v]
	for sys, l := range e.left {
		down := x.class == classDown && (x.id.v == l.site || at.site == l.site && (at.system == sys || at.system == none))
		if down || e.expected(x) != none && e.systemOf(x.id.v) == sys {
			e.left[sys] = behind{l.site, max(l.until, e.clock+behindMS)}
		}
	}
}

// rejoined notes that a look found a system copied again.
func (e *Engine) rejoined(probe string) {
	for _, p := range e.opts.Probes {
		if p.Name == probe && p.Proves == "replication" {
			delete(e.left, e.t.at("system", p.System))
		}
	}
}

// rejoins notes that nothing speaks of what was left behind at a site any more, and not because it is down again.
func (e *Engine) rejoins(s *sit) {
	if s.th.fault != dr.FaultUnprotected || e.fallenSite(e.called(s.th.v)) != nil {
		return
	}
	for sys, l := range e.left {
		if l.site == s.th.v {
			delete(e.left, sys)
		}
	}
}

// home is the situation of what was left behind: that of the lost site while it lasts, then one of its own.
func (e *Engine) home(x *item, site int32) *sit {
	if s := e.fallenSite(e.called(site)); s != nil && s.state == stateOpen {
		return s
	}
	th := theory{fault: dr.FaultUnprotected, v: site}
	for i := len(e.sits) - 1; i >= 0; i-- {
		if s := e.sits[i]; s.th == th && (s.live() || e.back(s)) {
			e.reopen(s)
			return s
		}
	}
	s := e.newSit(x)
	s.th = th
	return s
}

// remains parts what was left behind from a loss that is over: the site is back, and its systems are not
// protected until it has rejoined.
func (e *Engine) remains(s *sit) {
	if !s.sure {
		return
	}
	for _, x := range slices.Clone(s.items) {
		if site := e.expected(x); site != none && x.firing() {
			e.leave(x)
			e.join(x, e.home(x, site))
		}
	}
}

// unite makes one of two situations that turned out to be about the same side left behind: the older goes on.
func (e *Engine) unite(s *sit) {
	if s.th.fault != dr.FaultUnprotected {
		return
	}
	for _, o := range e.sits {
		switch {
		case o == s || o.th != s.th || !o.live() || len(o.items) == 0:
		case o.n < s.n:
			e.pour(s, o)
			return
		default:
			e.pour(o, s)
		}
	}
}

// unprotected is said of a side left behind: it is expected, and there is a way back.
func (e *Engine) unprotected(s *sit) dr.Advice {
	site := e.called(s.th.v)
	args := dr.Args{"site": site, "systems": list(e.systems(s))}
	var best *Plan
	for i := range e.plans {
		p := &e.plans[i]
		if p.To != site || p.Direction != dr.Return || best != nil && len(best.Systems) >= len(p.Systems) {
			continue
		}
		fits := true
		for _, id := range p.Systems {
			l, ok := e.left[e.t.at("system", id)]
			fits = fits && ok && l.site == s.th.v
		}
		if fits {
			best = p
		}
	}
	if best == nil {
		return dr.Advice{Verdict: dr.NoneFits, Headline: clue("alert_advice_unprotected", args)}
	}
	args["plan"] = best.ID
	return dr.Advice{Verdict: dr.NoneFits, Headline: clue("alert_advice_unprotected_plan", args)}
}

// eyes are the looks that tell of what a situation without a plan may be: of the link where copies stopped, of the
// copies where a side was left behind.
func (e *Engine) eyes(s *sit) []string {
	var out []string
	for _, p := range e.opts.Probes {
		want := false
		switch s.th.fault {
		case dr.FaultUnprotected:
			l, ok := e.left[e.t.at("system", p.System)]
			want = p.Proves == "replication" && ok && l.site == s.th.v
		case dr.FaultPartition:
			want = e.shows(p, s.th.v)
		case dr.FaultReplication:
			for _, c := range e.t.crosse {
				want = want || c.system == e.systemOf(s.th.v) && c.link != none && e.shows(p, c.link)
			}
		}
		if want && len(out) < 16 {
			out = append(out, p.Name)
		}
	}
	return out
}

// shows says whether a probe is about a link: the only one there is, or the one of its name.
func (e *Engine) shows(p Probe, link int32) bool {
	if p.Proves != "link" {
		return false
	}
	name := e.called(link)
	return e.t.many["link"] == 1 || p.Name == name || strings.HasSuffix(p.Name, "/"+name)
}

// joined says whether Switchman itself found a link working since a moment, and not long ago.
func (e *Engine) joined(link int32, since int64) bool {
	yes := false
	for _, p := range e.opts.Probes {
		if l, ok := e.looks[p.Name]; ok && e.shows(p, link) && l.At.UnixMilli() >= since && e.clock-l.At.UnixMilli() <= lookMS {
			if l.Found == "no" {
				return false
			}
			yes = yes || l.Found == "yes"
		}
	}
	return yes
}

// whole takes a cut link back that only stopped copies spoke for, once it was found working.
func (e *Engine) whole(s *sit) {
	if !s.sure || s.th.fault != dr.FaultPartition || !e.joined(s.th.v, s.upto) {
		return
	}
	for _, x := range s.core {
		if x.id.v == s.th.v {
			return // it speaks for itself
		}
	}
	s.sure, s.force = false, 0
}

// cutAfterAll has stopped copies thought over again when a link is found cut.
func (e *Engine) cutAfterAll(probe, found string) {
	if found != "no" {
		return
	}
	for _, p := range e.opts.Probes {
		if p.Name != probe || p.Proves != "link" {
			continue
		}
		for _, x := range e.playing {
			if x.class == classReplication && x.firing() && x.sit != nil && !x.sit.sure && !slices.Contains(e.fresh, x) {
				e.fresh = append(e.fresh, x)
			}
		}
	}
}
