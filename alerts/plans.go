package alerts

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// option is a plan held against a situation.
type option struct {
	plan    *Plan
	fit     float64  // how directly it is the answer; 0: it is none
	covers  int      // systems that fall and that it moves
	moves   int      // systems it moves that do not fall
	left    []string // systems that fall as well and that it does not move
	weak    bool     // nobody says that what it moves falls with what broke
	forbids []dr.Clue
}

// fallen lists the systems that live where something broke and fall with it: those of a site, those whose
// key machine it is or whose machines of one role all stood on it.
func (e *Engine) fallen(v int32) []int32 {
	at := &e.t.all[v]
	var out []int32
	add := func(sys int32) {
		if sys != none && !slices.Contains(out, sys) {
			out = append(out, sys)
		}
	}
	switch at.ent.Scope {
	case "system":
		add(v)
	case "site":
		for u := range e.t.all {
			if e.t.all[u].ent.Scope == "system" && e.lives(int32(u)) == v {
				add(int32(u))
			}
		}
	case "node":
		if e.bears(v, func(u int32) bool { return u == v }) {
			add(at.system)
		}
	case "host", "array":
		for _, n := range at.kids {
			if e.bears(n, func(u int32) bool { return slices.Contains(at.kids, u) }) {
				add(e.t.all[n].system)
			}
		}
	}
	slices.Sort(out)
	return out
}

// bears says whether its system stands or falls with a machine: the system lives there, and the machine keeps
// its data, or others need it and all of its role there are lost.
func (e *Engine) bears(v int32, lost func(int32) bool) bool {
	at := &e.t.all[v]
	if at.system == none || at.site != e.lives(at.system) {
		return false
	}
	if at.key || at.prop && !e.twin(v, lost) {
		return true
	}
	return false
}

// twin says whether another machine of the same role is left at the same site.
func (e *Engine) twin(v int32, lost func(int32) bool) bool {
	at := &e.t.all[v]
	for _, u := range e.t.all[at.system].kids {
		if o := &e.t.all[u]; u != v && o.site == at.site && o.role == at.role && !lost(u) {
			return true
		}
	}
	return false
}

// kept says whether what broke keeps data of a system a plan moves, so that it falls for certain.
func (e *Engine) kept(v int32, p *Plan) bool {
	at := &e.t.all[v]
	list := at.kids
	switch at.ent.Scope {
	case "site", "system", "link":
		return true
	case "node":
		list = []int32{v}
	}
	for _, n := range list {
		x := &e.t.all[n]
		if x.key && x.system != none && slices.Contains(p.Systems, e.called(x.system)) {
			return true
		}
	}
	return false
}

// present lists the systems that live on or at something, whether they fall with it or not.
func (e *Engine) present(v int32) []int32 {
	at := &e.t.all[v]
	out := e.fallen(v)
	kids := at.kids
	if at.ent.Scope == "node" {
		kids = []int32{v}
	}
	if at.ent.Scope == "link" || at.ent.Scope == "system" {
		kids = nil
	}
	for _, n := range kids {
		if sys := e.t.all[n].system; sys != none && e.lives(sys) == e.t.all[n].site && !slices.Contains(out, sys) {
			out = append(out, sys)
		}
	}
	slices.Sort(out)
	return out
}

// weighPlans lists the plans that are an answer to a theory, the best first: those nothing forbids, then by how many of
// the fallen systems they move, how directly they name the fault, and how little else they move.
func (e *Engine) weighPlans(s *sit) []option {
	var out []option
	fallen, present := e.fallen(s.th.v), e.present(s.th.v)
	for i := range e.plans {
		p := &e.plans[i]
		o := option{plan: p}
		for _, id := range p.Systems {
			sys := e.t.at("system", id)
			switch {
			case slices.Contains(fallen, sys):
				o.covers++
			default:
				o.moves++
			}
		}
		for _, a := range p.For {
			o.fit = max(o.fit, e.fits(p, a, s.th, o.covers, present))
		}
		if o.fit == 0 {
			continue
		}
		for _, sys := range fallen {
			if id := e.called(sys); !slices.Contains(p.Systems, id) {
				o.left = append(o.left, id)
			}
		}
		o.weak = o.covers == 0 || !e.kept(s.th.v, p)
		o.forbids = e.forbids(s, p)
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b option) int {
		return cmp.Or(cmp.Compare(min(len(a.forbids), 1), min(len(b.forbids), 1)), cmp.Compare(b.covers, a.covers), cmp.Compare(b.fit, a.fit),
			cmp.Compare(a.moves, b.moves), cmp.Compare(a.plan.ID, b.plan.ID))
	})
	return out
}

// fits is how directly a plan answers a theory: it names the entity, its scope, or a system that falls.
func (e *Engine) fits(p *Plan, a Answer, th theory, covers int, present []int32) float64 {
	ent, fault := e.shown(th)
	if !slices.Contains(a.Faults, fault) {
		return 0
	}
	touches := covers > 0
	for _, id := range p.Systems {
		touches = touches || slices.Contains(present, e.t.at("system", id))
	}
	switch {
	case a.Scope == ent.Scope && a.Entity == ent.ID:
		if ent.Scope == "link" {
			return 1
		}
		return pick(touches, 1, 0)
	case a.Scope == ent.Scope && a.Entity == "":
		return pick(touches, .9, 0)
	case a.Scope == "system" && covers > 0 && ent.Scope != "site":
		named := a.Entity == "" || slices.Contains(e.fallen(th.v), e.t.at("system", a.Entity))
		return pick(named, pick(ent.Scope == "node", .8, .7), 0)
	case a.Scope == "system" && covers > 0 && (a.Entity == "" || e.lives(e.t.at("system", a.Entity)) == th.v):
		return .4 // a site fell and there is a plan for one of its systems only
	case a.Scope == "node" && ent.Scope == "system" && a.Entity != "" && touches:
		n := e.t.at("node", a.Entity)
		return pick(n != none && e.t.all[n].system == th.v && e.bears(n, func(u int32) bool { return u == n }), .5, 0)
	}
	return 0
}

// forbids lists what speaks against a plan outright.
func (e *Engine) forbids(s *sit, p *Plan) []dr.Clue {
	var out []dr.Clue
	for _, id := range p.Systems {
		sys := e.t.at("system", id)
		if sys == none {
			continue
		}
		if at := e.lives(sys); at != none && e.t.all[at].ent.ID != p.From {
			out = append(out, clue("alert_forbid_elsewhere", dr.Args{"plan": p.ID, "system": id, "site": e.t.all[at].ent.ID}))
			break
		}
	}
	if site := e.siteOf(s.th.v); site != none && e.t.all[site].ent.ID != p.From && len(out) == 0 {
		out = append(out, clue("alert_forbid_side", dr.Args{"plan": p.ID, "site": p.From, "broken": e.t.all[site].ent.ID}))
	}
	if o := e.fallenSite(p.To); o != nil {
		out = append(out, clue("alert_forbid_target", dr.Args{"plan": p.ID, "site": p.To, "situation": o.id}))
	}
	// Whether a plan says so or not: with the sites out of touch, a move could leave two primaries.
	guards := p.Guards
	if !slices.Contains(guards, dr.FaultPartition) {
		guards = append(slices.Clone(guards), dr.FaultPartition)
	}
	for _, g := range guards {
		if o := e.standing(g, p); o != nil {
			out = append(out, guardClue(g, p, o))
		} else if s.rival.fault == g && s.ratio >= .6 {
			out = append(out, clue("alert_forbid_rival", dr.Args{"plan": p.ID, "fault": string(g), "entity": e.called(s.rival.v)}))
		}
	}
	if s.against == p.ID {
		out = append(out, clue("alert_forbid_answered", dr.Args{"plan": p.ID}))
	}
	return out
}

func guardClue(g dr.Fault, p *Plan, o *sit) dr.Clue {
	args := dr.Args{"plan": p.ID, "situation": o.id, "to": p.To, "fault": string(g)}
	switch g {
	case dr.FaultPartition:
		return clue("alert_forbid_partition", args)
	case dr.FaultReplication:
		return clue("alert_forbid_replication", args)
	case dr.FaultStandby:
		return clue("alert_forbid_standby", args)
	}
	return clue("alert_forbid_guard", args)
}

// standing is the situation for which a guard holds now: believed, not over for longer than it takes to be
// sure, and about what the plan touches.
func (e *Engine) standing(g dr.Fault, p *Plan) *sit {
	for _, s := range e.sits {
		if !s.opened || !e.back(s) || s.state == stateMerged {
			continue
		}
		_, fault := e.shown(s.th)
		if fault == dr.FaultUnprotected {
			fault = dr.FaultReplication // there, too, the latest data is missing
		}
		if fault != g || !s.sure && (g == dr.FaultStandby || !slices.ContainsFunc(s.items, func(x *item) bool { return x.sev == 2 })) {
			continue
		}
		if s.state == stateClosed && e.clock-s.ended > e.quietMS() {
			continue
		}
		if e.concerns(s, p) {
			return s
		}
	}
	return nil
}

// concerns says whether a situation is about what a plan moves, or about where it goes.
func (e *Engine) concerns(s *sit, p *Plan) bool {
	at := &e.t.all[s.th.v]
	from, to := e.t.at("site", p.From), e.t.at("site", p.To)
	switch at.ent.Scope {
	case "link":
		return slices.Contains(at.kids, from) && slices.Contains(at.kids, to)
	case "site":
		return s.th.v == to || s.th.v == from
	case "system":
		return slices.Contains(p.Systems, at.ent.ID)
	}
	return at.site == to || at.system != none && slices.Contains(p.Systems, e.t.all[at.system].ent.ID)
}

// nearest is the plan that comes nearest where none is an answer: it moves what fell, or what is touched.
func (e *Engine) nearest(s *sit) *Plan {
	present := e.present(s.th.v)
	if s.th.fault == dr.FaultPartition {
		present = nil
		for _, u := range e.t.all[s.th.v].units {
			present = append(present, u[2])
		}
	}
	var best *Plan
	most := 0
	for i := range e.plans {
		p := &e.plans[i]
		n := 0
		for _, id := range p.Systems {
			n += int(pick(slices.Contains(present, e.t.at("system", id)), 8, -1))
		}
		for _, a := range p.For {
			if a.Scope == e.t.all[s.th.v].ent.Scope {
				n += 4
			}
		}
		if site := e.siteOf(s.th.v); site != none && e.t.all[site].ent.ID != p.From {
			continue
		}
		if n > most {
			best, most = p, n
		}
	}
	return best
}

func clue(id string, args dr.Args) dr.Clue { return dr.Clue{ID: id, Args: args} }

func number(n int) string { return strconv.Itoa(n) }

func list(ids []string) string { return strings.Join(ids, ", ") }
