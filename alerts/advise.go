package alerts

import (
	"math"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// How sure advice must be, and for how long.
const (
	recommendAt = .9
	keepAt      = .8 // what was recommended stays so down to here
	possibleAt  = .5
	settleMS    = 20_000 // a name this young may still change
	growMS      = 15_000 // what grows within this is not settled
	growMost    = 90_000 // a storm that grows for longer than this is judged as it is
	lookMS      = 2 * 60_000
	rivalAt     = .9 // another explanation this good is no less likely
	tellsAt     = .4 // what follows from a fault as surely as this tells of it, too
)

// advise gives a situation its verdict. Once the greater part of its core has ended, the verdict stays as
// it was: what is over needs no new advice. Once nothing fires, none is shown: see [Engine.shownAdvice].
func (e *Engine) advise(s *sit, now int64) {
	if s.advice.Verdict != "" && (s.state == stateQuiet || !e.lasting(s)) {
		return
	}
	if s.faded && s.state == stateOpen { // it is back: what is advised is said anew
		s.faded, s.advice = false, dr.Advice{}
	}
	before := s.advice
	options := e.weighPlans(s)
	s.feats.Direct, s.feats.Left, s.feats.Weak = 0, 0, 0
	if len(options) > 0 {
		o := options[0]
		s.feats.Direct, s.feats.Left, s.feats.Weak = o.fit, pick(len(o.left) > 0, 1, 0), pick(o.weak, 1, 0)
	}
	s.p = e.weights.P(s.feats)
	s.wants = nil
	var a dr.Advice
	switch {
	case len(options) == 0:
		a, s.wants = e.noPlan(s), e.eyes(s)
	case len(options[0].forbids) > 0:
		a = e.forbidden(s, options[0])
	default:
		a = e.fitting(s, options[0], now)
	}
	a.Confidence = math.Round(s.p*1000) / 1000
	a.Why = e.why(s)
	a.At = moments(now)
	same := before.Verdict == a.Verdict && before.Plan == a.Plan && before.Nearest == a.Nearest
	if same {
		a.At = before.At
	}
	s.advice = a
	if s.state == stateOpen && (before.Verdict != a.Verdict || before.Plan != a.Plan) { // what was over before is for the record
		e.say(s, "advised", nil)
	}
}

// shownAdvice is the advice people see. From the moment nothing fires any more, nothing is recommended; what was is
// kept, for when most of it comes back, and for the record once it is over.
func (e *Engine) shownAdvice(s *sit) dr.Advice {
	switch {
	case !s.live() || !s.faded:
		return s.advice
	case s.state == stateQuiet:
		until := time.UnixMilli(max(s.quiet, s.last) + e.quietMS()).In(e.t.zone).Format(time.TimeOnly)
		return dr.Advice{Verdict: dr.NoneFits, At: moments(s.quiet), Headline: clue("alert_advice_over", dr.Args{"until": until})}
	}
	return dr.Advice{Verdict: dr.NoneFits, At: moments(s.last), Headline: clue("alert_advice_fading", nil)}
}

// lasting says whether at least half of the core still fires.
func (e *Engine) lasting(s *sit) bool {
	firing := 0
	for _, x := range s.core {
		if x.firing() {
			firing++
		}
	}
	return 2*firing >= len(s.core) && firing > 0
}

// noPlan is said where no plan is an answer.
func (e *Engine) noPlan(s *sit) dr.Advice {
	ent, fault := e.shown(s.th)
	if fault == dr.FaultUnprotected {
		return e.unprotected(s)
	}
	a := dr.Advice{Verdict: dr.NoneFits}
	if p := e.nearest(s); p != nil && fault != dr.FaultUnknown {
		a.Nearest = p.ID
		a.Forbids = e.forbids(s, p)
		if len(a.Forbids) == 0 {
			a.Forbids = []dr.Clue{clue("alert_forbid_not_for", dr.Args{"plan": p.ID, "fault": string(fault), "entity": ent.ID})}
		}
	}
	switch {
	case fault == dr.FaultPartition:
		a.Headline = clue("alert_advice_partition", dr.Args{"link": ent.ID})
	case fault == dr.FaultStandby:
		a.Headline = clue("alert_advice_standby", dr.Args{"site": ent.ID})
	case e.idle(s):
		a.Headline = clue("alert_advice_idle", dr.Args{"entity": ent.ID, "site": e.called(e.siteOf(s.th.v))})
	case fault == dr.FaultUnknown:
		a.Headline = clue("alert_advice_unknown", dr.Args{"entity": ent.ID})
	case fault == dr.FaultReplication:
		a.Headline = clue("alert_advice_replication", dr.Args{"system": ent.ID})
	case fault == dr.FaultBadChange:
		a.Headline = clue("alert_advice_change", dr.Args{"entity": ent.ID})
	default:
		a.Headline = clue("alert_advice_none", dr.Args{"entity": ent.ID})
	}
	return a
}

// idle says that something broke on the side its system does not live at.
func (e *Engine) idle(s *sit) bool {
	switch e.t.all[s.th.v].ent.Scope {
	case "node", "host", "array":
		return e.siteOf(s.th.v) != none && len(e.present(s.th.v)) == 0
	}
	return false
}

// forbidden is said where every plan that would be an answer is ruled out.
func (e *Engine) forbidden(s *sit, o option) dr.Advice {
	return dr.Advice{Verdict: dr.NoneFits, Nearest: o.plan.ID, Forbids: o.forbids, Headline: clue("alert_advice_forbidden", dr.Args{"plan": o.plan.ID})}
}

// fitting is said where a plan is an answer and nothing forbids it.
func (e *Engine) fitting(s *sit, o option, now int64) dr.Advice {
	ent, _ := e.shown(s.th)
	args := dr.Args{"plan": o.plan.ID, "entity": ent.ID, "from": o.plan.From, "to": o.plan.To, "systems": list(o.plan.Systems)}
	needs := e.needs(s, o, now)
	kept := s.advice.Verdict == dr.Recommend && s.advice.Plan == o.plan.ID && s.p >= keepAt
	switch {
	case len(needs) == 0 && (s.p >= recommendAt || kept):
		return dr.Advice{Verdict: dr.Recommend, Plan: o.plan.ID, Headline: clue("alert_advice_recommend", args)}
	case s.p >= possibleAt:
		if s.p < recommendAt {
			needs = append(needs, e.missing(s))
		}
		return dr.Advice{Verdict: dr.Possible, Plan: o.plan.ID, Headline: clue("alert_advice_possible", args), Needs: needs}
	}
	head := "alert_advice_early"
	if s.th.fault == dr.FaultBadChange { // nothing is lost: the change is there to be taken back
		head = "alert_advice_change"
	}
	return dr.Advice{Verdict: dr.NoneFits, Nearest: o.plan.ID, Headline: clue(head, args), Needs: append(needs, e.missing(s)),
		Forbids: []dr.Clue{clue("alert_forbid_thin", dr.Args{"plan": o.plan.ID})}}
}

// needs lists what is missing before a plan may be recommended, whatever the confidence.
func (e *Engine) needs(s *sit, o option, now int64) []dr.Clue {
	var out []dr.Clue
	kinds, hard := 0, false
	var names []string
	for _, x := range s.items {
		hard = hard || x.hard()
		if (slices.Contains(s.core, x) || e.tells(x, e.harm(s.th, x.id.v, x.class))) && !slices.Contains(names, x.id.name) {
			names = append(names, x.id.name)
			kinds++
		}
	}
	switch {
	case len(s.items) < 2:
		out = append(out, clue("alert_need_second", dr.Args{"name": s.items[0].id.name}))
	case kinds < 2:
		out = append(out, clue("alert_need_kind", dr.Args{"name": s.core[0].id.name}))
	}
	if !hard {
		out = append(out, clue("alert_need_hard", dr.Args{"entity": e.called(s.th.v)}))
	}
	if len(o.left) > 0 && o.fit < 1 {
		out = append(out, clue("alert_need_all", dr.Args{"plan": o.plan.ID, "systems": list(o.left)}))
	}
	if o.weak && o.fit < .9 {
		out = append(out, clue("alert_need_key", dr.Args{"entity": e.called(s.th.v)}))
	}
	if s.ratio >= rivalAt && !e.answers(o.plan, s.rival) {
		ent, fault := e.shown(s.rival)
		out = append(out, clue("alert_need_rival", dr.Args{"entity": ent.ID, "fault": string(fault)}))
	}
	if s.th.fault == dr.FaultOverload {
		out = append(out, clue("alert_need_load", dr.Args{"to": o.plan.To}))
	}
	if c := e.spoilt(s); c != nil {
		out = append(out, clue("alert_need_undo", dr.Args{"name": c.name, "entity": e.called(c.v), "text": c.text}))
	}
	if c := e.maintenance(s); c != nil {
		out = append(out, clue("alert_need_maintenance", dr.Args{"entity": e.called(c.v), "text": c.text}))
	}
	if w, system, ok := e.window(s, now); ok {
		out = append(out, clue("alert_need_window", dr.Args{"entity": system, "window": w.Kind, "when": w.When}))
	}
	if wait := e.unsettled(s, now); wait > now {
		out = append(out, clue("alert_need_settle", dr.Args{"age": dr.Millis(now - s.named).String()}))
		s.due = sooner(s.due, wait)
	}
	return append(out, e.lookNeeds(s, o.plan, now)...)
}

// answers says whether a plan would be the answer to another explanation as well.
func (e *Engine) answers(p *Plan, th theory) bool {
	covers := 0
	for _, sys := range e.fallen(th.v) {
		if slices.Contains(p.Systems, e.called(sys)) {
			covers++
		}
	}
	return slices.ContainsFunc(p.For, func(a Answer) bool { return e.fits(p, a, th, covers, e.present(th.v)) > 0 })
}

// tells says whether what a fault brings about so surely speaks for it: customers who complain always do.
func (e *Engine) tells(x *item, h float64) bool {
	return h >= tellsAt || h > 0 && e.complaint(x)
}

// spoilt is the change that broke a system, or that hit one that is down just before: it goes with the system
// wherever that is moved, so it is taken back first.
func (e *Engine) spoilt(s *sit) *changed {
	if s.th.fault == dr.FaultBadChange {
		return e.change(s.th.change)
	}
	if e.t.all[s.th.v].ent.Scope != "system" || s.th.fault != dr.FaultDown {
		return nil
	}
	for _, x := range s.core {
		if c := e.suspected(x); c != nil && c.v == s.th.v {
			return c
		}
	}
	return nil
}

// unsettled is until when to wait because the picture is still changing.
func (e *Engine) unsettled(s *sit, now int64) int64 {
	if s.advice.Verdict == dr.Recommend {
		return 0 // the same plan for something greater is no reason to doubt it
	}
	wait := s.named + settleMS
	newest := s.start
	for _, x := range s.core {
		newest = max(newest, x.onset)
	}
	if grown := newest + growMS; grown > wait && now < s.start+growMost {
		wait = grown
	}
	return wait
}

func sooner(due, at int64) int64 {
	if due == 0 || at < due {
		return at
	}
	return due
}

// missing says what more evidence would look like.
func (e *Engine) missing(s *sit) dr.Clue {
	args := dr.Args{"entity": e.called(s.th.v), "covered": number(s.covered), "units": number(s.units)}
	if s.units > s.covered {
		return clue("alert_need_units", args)
	}
	return clue("alert_need_more", args)
}

// lookNeeds asks for Switchman's own looks before a site is moved, and weighs those that are there.
func (e *Engine) lookNeeds(s *sit, p *Plan, now int64) []dr.Clue {
	var out []dr.Clue
	asked, fresh := 0, 0
	for _, pr := range e.opts.Probes {
		if !matters(pr, p) || len(s.wants) >= 16 {
			continue
		}
		s.wants = append(s.wants, pr.Name)
		asked++
		l, ok := e.looks[pr.Name]
		if !ok || now-l.At.UnixMilli() > lookMS {
			continue
		}
		fresh++
		s.due = sooner(s.due, l.At.UnixMilli()+lookMS+1)
		if e.contradicts(s, pr, l, p) {
			out = append(out, clue("alert_need_contradicted", dr.Args{"probe": pr.Name, "site": placeOf(pr, p), "age": ageOf(l, now)}))
		}
	}
	if asked > 0 && fresh == 0 {
		out = append(out, clue("alert_need_look", dr.Args{"probes": list(s.wants)}))
	}
	return out
}

// matters says whether a probe shows something that has to do with a plan.
func matters(pr Probe, p *Plan) bool {
	switch {
	case pr.System != "" && !slices.Contains(p.Systems, pr.System):
		return false
	case pr.Site != "" && pr.Site != p.From && pr.Site != p.To:
		return false
	}
	return true
}

func placeOf(pr Probe, p *Plan) string {
	if pr.Site != "" {
		return pr.Site
	}
	return p.From
}

func ageOf(l dr.Look, now int64) string {
	return dr.Millis((now - l.At.UnixMilli()) / 1000 * 1000).String()
}

// contradicts says whether a look shows working what is said to be down.
func (e *Engine) contradicts(s *sit, pr Probe, l dr.Look, p *Plan) bool {
	if l.Found != "yes" || s.th.fault != dr.FaultDown && s.th.fault != dr.FaultIO {
		return false
	}
	scope := e.t.all[s.th.v].ent.Scope
	switch pr.Proves {
	case "business":
		if pr.Site != "" && pr.Site != p.From {
			return false
		}
		sys := e.t.at("system", pr.System)
		return sys == none || slices.Contains(e.fallen(s.th.v), sys)
	case "frontdoor":
		return scope == "site" && pr.Site == p.From
	case "replication":
		return scope == "site"
	case "technical":
		return pr.Site == p.From && scope != "node"
	}
	return false
}
