package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// planRep is where mistakes inside a plan go: errors, except in an organisation that has neither
// roster nor policy. Nothing can run there, it is only read.
func (k *checker) planRep() report {
	if k.c.files.roster == nil && k.c.files.policy == nil {
		return k.warn
	}
	return k.err
}

func (k *checker) plans() {
	for i := range k.c.org.Systems {
		for _, n := range k.c.org.Systems[i].Nodes {
			k.c.nodes[n.ID] = n
		}
	}
	known := map[string]pos{}
	byID := map[string]*rawPlan{}
	for _, p := range k.c.files.plans {
		k.unique(known, "plan", p.Plan)
		if byID[p.Plan.S] == nil && p.Plan.S != "" {
			byID[p.Plan.S] = p
			k.c.plans = append(k.c.plans, p)
		}
	}
	slices.SortFunc(k.c.plans, func(a, b *rawPlan) int { return strings.Compare(a.Plan.S, b.Plan.S) })
	for _, p := range k.c.plans {
		k.plan(p, byID)
	}
}

func (k *checker) plan(p *rawPlan, byID map[string]*rawPlan) {
	info := PlanInfo{ID: p.Plan.S, Title: p.Title.S, Kind: dr.Kind(p.Kind.S), Direction: dr.Kind(p.Kind.S).Direction(), Pair: p.Pair.S, Systems: texts(p.Systems), File: p.At.file}
	for _, f := range p.For {
		info.For = append(info.For, Answer{Scope: f.Scope.S, Faults: texts(f.Faults), Entity: f.Entity.S})
		k.entity(f)
	}
	for _, g := range p.Guards {
		info.Guards = append(info.Guards, Never{g.Never.S})
	}
	k.pair(p, byID)
	k.criteria(p)
	k.stepWords(p)
	before := len(k.problems)
	systems := k.planSystems(p)
	if len(systems) > 0 {
		from, to, ok := k.c.sides(p, systems, k.planRep())
		if ok {
			info.From, info.To = from, to
			k.home(p, info)
			if !k.partial("system") {
				k.selectors(p, systems)
			}
			m := &move{c: k.c, plan: p, systems: systems, from: from, to: to, rep: k.planRep(), warn: k.warn}
			steps := m.expand()
			info.Steps = len(steps)
			if !k.partial("system") {
				k.compiled(p, m, steps)
			}
		}
	}
	if len(k.problems) == before && len(p.Steps) == 0 {
		k.planRep()(p.At, "", "the plan %q has no steps", p.Plan.S)
	}
	info.Profiles = profilesOf(k.c.org.Policy, info.Direction)
	k.c.infos = append(k.c.infos, info)
}

// entity checks that what a plan is the answer to exists.
func (k *checker) entity(f rawAnswer) {
	if f.Entity.S == "" {
		return
	}
	switch f.Scope.S {
	case "site":
		knows(k, k.sites, "site", f.Entity)
	case "system":
		knows(k, k.systems, "system", f.Entity)
	case "host":
		knows(k, k.hosts, "host", f.Entity)
	case "node":
		knows(k, k.nodes, "node", f.Entity)
	case "array":
		knows(k, k.arrays, "array", f.Entity)
	case "link":
		knows(k, k.links, "link", f.Entity)
	}
}

// planSystems are the systems of a plan in its order.
func (k *checker) planSystems(p *rawPlan) []dr.System {
	var out []dr.System
	k.twice(p.Systems)
	for _, w := range p.Systems {
		if !knows(k, k.systems, "system", w) {
			continue
		}
		if sys, ok := k.c.org.System(w.S); ok {
			out = append(out, sys)
		}
	}
	return out
}

// sides are the site a plan leaves and the site it goes to. Outbound leaves home; the other site is
// the only other one its systems have nodes at, or the one the plan names.
func (c *Catalog) sides(p *rawPlan, systems []dr.System, rep report) (from, to string, ok bool) {
	home := systems[0].Home
	if slices.ContainsFunc(systems, func(s dr.System) bool { return s.Home == "" }) {
		return "", "", false // reported where it is missing
	}
	for _, s := range systems[1:] {
		if s.Home != home {
			rep(p.Plan.At, "write one plan for the systems of each home", "%s lives at %q and %s at %q; one plan moves systems of one home", systems[0].ID, home, s.ID, s.Home)
			return "", "", false
		}
	}
	var others []string
	for _, s := range systems {
		for _, n := range s.Nodes {
			if n.Site != home && !slices.Contains(others, n.Site) {
				others = append(others, n.Site)
			}
		}
	}
	slices.Sort(others)
	if len(p.Between) > 0 {
		named := texts(p.Between)
		i := slices.Index(named, home)
		if len(named) != 2 || i < 0 || !slices.Contains(others, named[1-i]) {
			rep(p.Between[0].At, "the home of its systems and the other site", "between names two sites: %q and one of %s", home, strings.Join(others, ", "))
			return "", "", false
		}
		others = []string{named[1-i]}
	}
	switch len(others) {
	case 1:
	case 0:
		rep(p.Plan.At, "", "the systems of the plan have no node outside %q", home)
		return "", "", false
	default:
		rep(p.Plan.At, "between: ["+home+", "+others[0]+"]", "the systems of the plan have nodes at %s; the plan must say between which two it moves", strings.Join(append([]string{home}, others...), ", "))
		return "", "", false
	}
	if dr.Kind(p.Kind.S).Direction() == dr.Return {
		return others[0], home, true
	}
	return home, others[0], true
}

// home warns where the site a plan leaves is the only one Switchman itself runs at: should that site
// be lost, nobody is left to run the plan.
func (k *checker) home(p *rawPlan, info PlanInfo) {
	if sites := k.c.org.SwitchmanSites; len(sites) == 1 && sites[0] == info.From {
		k.warn(p.Plan.At, "run Switchman at the other site, too", "%s leaves %q, the only site Switchman runs at; if that site is lost, so is the plan", info.ID, info.From)
	}
}

// pair checks that there is a way back, and that it leads back.
func (k *checker) pair(p *rawPlan, byID map[string]*rawPlan) {
	kind := dr.Kind(p.Kind.S)
	rep := k.planRep()
	if k.partial("plan") && byID[p.Pair.S] == nil {
		return
	}
	if p.Pair.S == "" {
		switch kind {
		case dr.Switchover:
			rep(p.Plan.At, "pair: the id of the switchback", "the switchover %q has no pair: no way back", p.Plan.S)
		case dr.Failover:
			k.warn(p.Plan.At, "pair: the id of the switchback", "the failover %q has no pair: no way back", p.Plan.S)
		}
		return
	}
	other := byID[p.Pair.S]
	switch {
	case other == nil:
		rep(p.Pair.At, didYouMean(p.Pair.S, keys(byID)), "unknown plan %q", p.Pair.S)
	case kind == dr.Switchback && other.Kind.S == string(dr.Switchback):
		rep(p.Pair.At, "", "%q is a switchback itself; the pair of a switchback is the plan it undoes", p.Pair.S)
	case kind == dr.Switchback && other.Pair.S != p.Plan.S:
		rep(p.Pair.At, "", "%q does not name %q as its pair", p.Pair.S, p.Plan.S)
	case kind != dr.Switchback && kind != "" && other.Kind.S != string(dr.Switchback):
		rep(p.Pair.At, "", "the pair %q is a %s; it must be a switchback", p.Pair.S, other.Kind.S)
	case kind != dr.Switchback:
		for _, s := range p.Systems {
			if k.systems[s.S] != nil && !slices.ContainsFunc(other.Systems, func(o word) bool { return o.S == s.S }) {
				rep(p.Pair.At, "", "the pair %q does not bring back the system %q", p.Pair.S, s.S)
			}
		}
	}
}

func (k *checker) criteria(p *rawPlan) {
	known := map[string]pos{}
	if len(p.Criteria) == 0 {
		k.warn(p.Plan.At, "criteria: [{id: rto, metric: rto}]", "the plan %q has no criteria: any outcome would be a success", p.Plan.S)
	}
	for _, cr := range p.Criteria {
		k.unique(known, "criterion", cr.ID)
		if cr.System.S != "" && !slices.ContainsFunc(p.Systems, func(w word) bool { return w.S == cr.System.S }) {
			k.err(cr.System.At, didYouMean(cr.System.S, texts(p.Systems)), "the plan has no system %q", cr.System.S)
		}
		timed := cr.Metric.S == "rto" || cr.Metric.S == "rpo" || cr.Metric.S == "limit"
		switch {
		case cr.Value == nil && cr.Metric.S == "served":
			k.err(cr.At, "", "the criterion %q needs a value", cr.ID.S)
		case cr.Value == nil || cr.Metric.S == "":
		case timed && cr.Value.Plain && cr.Value.N != 0:
			k.err(cr.Value.At, spanHint, "%s is compared with a duration, found the number %d", cr.Metric.S, cr.Value.N)
		case !timed && cr.Value.Span && !cr.Value.Plain:
			k.err(cr.Value.At, "", "%s is compared with a number, found a duration", cr.Metric.S)
		}
	}
}

// selectors checks what steps select, on all systems of the plan.
func (k *checker) selectors(p *rawPlan, systems []dr.System) {
	rep := k.planRep()
	roles, ids, nodes, protections := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range systems {
		ids[s.ID] = true
		for _, n := range s.Nodes {
			roles[n.Role], nodes[n.ID] = true, true
		}
		for _, p := range s.Protections {
			protections[p.ID] = true
		}
	}
	for i := range p.Steps {
		if k.c.kind(p.Steps[i].Action.S) == dr.ReconcileStep {
			w, _ := p.Steps[i].With.stringParam("protection")
			k.among(rep, protections, "the plan's systems have no protection", w)
		}
		on := p.Steps[i].On
		if on == nil {
			continue
		}
		for _, w := range on.Role {
			k.among(rep, roles, "no node of the plan's systems has the role", w)
		}
		for _, w := range on.System {
			k.among(rep, ids, "the plan has no system", w)
		}
		for _, w := range on.Node {
			k.among(rep, nodes, "the plan's systems have no node", w)
		}
		for _, w := range on.Site {
			if w.S != "from" && w.S != "to" {
				knows(k, k.sites, "site (from, to, or the id of one)", w)
			}
		}
		if p.Steps[i].Per.S == "system" && (on.Role != nil || on.Kind != nil || on.Site != nil || on.Node != nil) {
			rep(on.At, "beside per: system, on: may only name systems", "a step is done on nodes or per system, not both")
		}
		if len(on.Role)+len(on.Kind)+len(on.Site)+len(on.System)+len(on.Node) == 0 {
			rep(on.At, "on: {role: …, site: from}", "on: selects nothing in particular")
		}
	}
}

func (k *checker) among(rep report, known map[string]bool, what string, w word) {
	if w.S != "" && !known[w.S] {
		rep(w.At, didYouMean(w.S, keys(known)), "%s %q", what, w.S)
	}
}

// stepWords checks what can be said about steps before they are compiled.
func (k *checker) stepWords(p *rawPlan) {
	rep := k.planRep()
	known := map[string]pos{}
	if n := p.MaxInFlight; n.Set && (n.N < 1 || n.N > 1000) {
		k.err(n.At, "", "max_in_flight: expected 1 to 1000, found %d", n.N)
	}
	groups := map[string]number{}
	for i := range p.Steps {
		s := &p.Steps[i]
		k.unique(known, "step", s.ID)
		k.retry(rep, s)
		if n := s.GroupMax; n.Set && (n.N < 1 || n.N > 1000) {
			k.err(n.At, "", "group_max: expected 1 to 1000, found %d", n.N)
		}
		if s.GroupMax.Set && s.Group.S == "" {
			k.err(s.GroupMax.At, "", "group_max needs a group")
		}
		if first, ok := groups[s.Group.S]; s.GroupMax.Set && ok && first.N != s.GroupMax.N {
			k.err(s.GroupMax.At, "", "the group %q has group_max %d in line %d", s.Group.S, first.N, first.At.line)
		} else if s.GroupMax.Set {
			groups[s.Group.S] = s.GroupMax
		}
		if s.Expect.Set && s.Timeout.Set && s.Timeout.MS < s.Expect.MS {
			k.warn(s.Timeout.At, "", "the timeout (%s) is shorter than the expected duration (%s)", s.Timeout.MS, s.Expect.MS)
		}
		if s.Timeout.Set && s.Timeout.MS == 0 {
			k.err(s.Timeout.At, "leave it out for the default", "a timeout of 0 leaves no time")
		}
	}
	for i := range p.Steps {
		for _, n := range p.Steps[i].Needs {
			k.need(n, &p.Steps[i], known)
		}
	}
}

func (k *checker) retry(rep report, s *rawStep) {
	if s.Retry == nil {
		return
	}
	if n := s.Retry.Times; n.Set && (n.N < 1 || n.N > 20) {
		k.err(n.At, "", "retry: expected 1 to 20 times, found %d", n.N)
	}
	if s.Class.S == string(dr.Once) {
		rep(s.Retry.At, "a step that may be sent again is idempotent and has a probe", "the step %q is once and must never be tried again by itself", s.ID.S)
	}
}

func (k *checker) need(n word, s *rawStep, known map[string]pos) {
	base, suffix, has := strings.Cut(n.S, "@")
	if n.S == "" {
		return
	}
	if _, ok := known[base]; !ok {
		k.err(n.At, didYouMean(base, keys(known)), "unknown step %q", base)
		return
	}
	if has && suffix != "all" && suffix != "deps" && suffix != "peer" {
		k.err(n.At, cmp.Or(didYouMean(suffix, []string{"all", "deps", "peer"}), ""), "%s: expected @all, @deps or @peer after the step", n.S)
		return
	}
	if base == s.ID.S && suffix != "deps" && suffix != "peer" {
		k.err(n.At, "", "the step %q needs itself", base)
	}
}
