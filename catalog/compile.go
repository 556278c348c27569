package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Selection says which run is wanted.
type Selection struct {
	Plan      string
	Mode      dr.Mode
	Profile   string        // staffing profile; empty: the first rule that fits
	Systems   []string      // some of the plan's systems; empty: all of them
	Overrides []dr.Override // foreseen and listed before the vote
	Challenge string        // an observer's word
	Parent    string        // the outbound run a switchback closes
}

// Compile makes the slice of one run: the steps of its plan for the systems selected, in an order in
// which they could be carried out one by one, and all they depend on. The same files and selection
// give the same bytes.
func (c *Catalog) Compile(sel Selection) (*dr.Slice, error) {
	if c.runnable != nil {
		return nil, c.runnable
	}
	p := c.plan(sel.Plan)
	if p == nil {
		ids := make([]string, len(c.plans))
		for i, p := range c.plans {
			ids[i] = p.Plan.S
		}
		return nil, dr.Errorf(dr.NotFound, "there is no plan %q", sel.Plan).WithHint("%s", didYouMean(sel.Plan, ids))
	}
	if !slices.Contains(dr.Modes(), sel.Mode) {
		return nil, dr.Errorf(dr.Usage, "there is no mode %q", sel.Mode).WithHint("%s", didYouMean(string(sel.Mode), modeNames()))
	}
	systems, err := c.selected(p, sel.Systems)
	if err != nil {
		return nil, err
	}
	kind := dr.Kind(p.Kind.S)
	rule, ok := ruleFor(c.org.Policy, sel.Mode, kind.Direction(), sel.Profile)
	switch {
	case ok:
	case sel.Mode == dr.Rehearsal && sel.Profile == "":
		rule = rehearsalRule()
	case sel.Profile != "":
		return nil, dr.Errorf(dr.Refused, "the policy has no rule for mode %s, direction %s under the staffing profile %q", sel.Mode, kind.Direction(), sel.Profile).
			WithHint("ask without a profile, or add a rule to policy.yaml")
	default:
		return nil, dr.Errorf(dr.Refused, "the policy has no rule for mode %s, direction %s", sel.Mode, kind.Direction()).WithHint("add one to policy.yaml")
	}
	var faults reporter
	from, to, _ := c.sides(p, c.systemsOf(p), faults.err)
	m := &move{c: c, plan: p, systems: systems, from: from, to: to, rep: faults.err}
	steps := m.expand()
	if len(faults.problems) > 0 {
		first := faults.problems[0]
		return nil, dr.Errorf(dr.Invalid, "%s: %s", first.Where(), first.Text).WithHint("%s", first.Hint)
	}
	return c.slice(p, sel, rule, m, steps), nil
}

func modeNames() []string {
	out := make([]string, 0, 4)
	for _, m := range dr.Modes() {
		out = append(out, string(m))
	}
	return out
}

func (c *Catalog) plan(id string) *rawPlan {
	for _, p := range c.plans {
		if p.Plan.S == id {
			return p
		}
	}
	return nil
}

func (c *Catalog) systemsOf(p *rawPlan) []dr.System {
	var out []dr.System
	for _, w := range p.Systems {
		if s, ok := c.org.System(w.S); ok {
			out = append(out, s)
		}
	}
	return out
}

// selected are the systems wanted, in the plan's order.
func (c *Catalog) selected(p *rawPlan, want []string) ([]dr.System, error) {
	all := c.systemsOf(p)
	if len(want) == 0 {
		return all, nil
	}
	for _, id := range want {
		if !slices.ContainsFunc(all, func(s dr.System) bool { return s.ID == id }) {
			return nil, dr.Errorf(dr.Usage, "the plan %s does not move the system %q", p.Plan.S, id).WithHint("it moves %s", strings.Join(texts(p.Systems), ", "))
		}
	}
	return slices.DeleteFunc(all, func(s dr.System) bool { return !slices.Contains(want, s.ID) }), nil
}

// siteName is what people call a site.
func (c *Catalog) siteName(id string) string {
	for _, s := range c.org.Sites {
		if s.ID == id && s.Name != "" {
			return s.Name
		}
	}
	return id
}

func (c *Catalog) slice(p *rawPlan, sel Selection, rule dr.Rule, m *move, steps []dr.Step) *dr.Slice {
	kind := dr.Kind(p.Kind.S)
	s := &dr.Slice{Format: dr.SliceFormat, Organisation: c.org.ID, Environment: c.org.Environment, TimeZone: c.org.TimeZone,
		Plan: p.Plan.S, Title: p.Title.S, Kind: kind, Direction: kind.Direction(), Mode: sel.Mode, Pair: p.Pair.S, Parent: sel.Parent,
		From: m.from, To: m.to, Names: dr.Names{Organisation: cmp.Or(c.org.Name, c.org.ID), From: c.siteName(m.from), To: c.siteName(m.to)}, Steps: steps, MaxInFlight: maxInFlight, Soak: p.Soak.MS, Rule: rule, People: c.people(rule),
		Overrides: sel.Overrides, Challenge: sel.Challenge, Versions: map[string]string{"switchman": c.version}}
	if p.MaxInFlight.Set {
		s.MaxInFlight = int(p.MaxInFlight.N)
	}
	for name, v := range map[string]string{"policy": c.org.Policy.Version, "roster": c.org.Roster.Version} {
		if v != "" {
			s.Versions[name] = v
		}
	}
	for _, sys := range m.systems {
		s.Systems = append(s.Systems, m.filled(sys))
		for _, r := range sys.Uses {
			if !slices.Contains(s.Resources, r) {
				s.Resources = append(s.Resources, r)
			}
		}
	}
	slices.Sort(s.Resources)
	for _, sev := range c.org.Policy.Severity {
		if sev.Mode == sel.Mode {
			s.Severity = append(s.Severity, sev)
		}
	}
	for _, o := range c.org.Policy.Overrides {
		if slices.Contains(o.Modes, sel.Mode) {
			s.MayOverride = append(s.MayOverride, dr.OverrideRule{Check: o.Check, Modes: []dr.Mode{sel.Mode}, Roles: o.Roles})
		}
	}
	s.Freezes = slices.Clone(c.org.Policy.Freezes)
	s.Criteria = criteriaFor(p, m.systems)
	return s
}

// filled is a system with its probes filled for this move. Those that look at places and what joins them are
// evidence about situations; whether the system serves they don't say.
func (m *move) filled(sys dr.System) dr.System {
	var probes []dr.Probe
	for _, p := range sys.Probes {
		if p.Proves == "frontdoor" || p.Proves == "replication" || p.Proves == "link" {
			continue
		}
		if p.Site == "" {
			p.Site = m.lookedAt(p.Call)
		}
		p.Call = m.probeCall(&sys, p)
		probes = append(probes, p)
	}
	sys.Probes = probes
	return sys
}

// lookedAt is the site a probe's call is about, by the holes in it; empty when it names neither or
// both. Before a move only what is about the site being left can be expected to say yes.
func (m *move) lookedAt(c dr.Call) string {
	from, to := hasHole(c, "{from}"), hasHole(c, "{to}")
	switch {
	case from && !to:
		return m.from
	case to && !from:
		return m.to
	}
	return ""
}

func hasHole(v any, hole string) bool {
	switch t := v.(type) {
	case string:
		return t == hole
	case []string:
		return slices.Contains(t, hole)
	case map[string]string:
		return slices.Contains(slices.Collect(maps.Values(t)), hole)
	case dr.Call:
		return slices.ContainsFunc(slices.Collect(maps.Values(t.Params)), func(p any) bool { return hasHole(p, hole) })
	}
	return false
}

// people are those who could act under the rule, by own role or as a deputy, by id. How to reach them
// and what language they read does not decide who may act and stays out.
func (c *Catalog) people(rule dr.Rule) []dr.Person {
	roles := slices.Concat([]dr.Role{dr.Requester, dr.Operator, dr.Commander, dr.Observer, dr.Admin}, rule.Issuers, rule.Submitters)
	acts := func(p dr.Person) bool {
		return slices.ContainsFunc(roles, p.Has) || slices.ContainsFunc(rule.Groups, func(g dr.Group) bool { return inGroup(g, p) })
	}
	out := []dr.Person{}
	for _, p := range c.org.Roster.People {
		if p.Disabled {
			continue
		}
		var deputy []dr.Deputy
		for _, d := range p.Deputy {
			if other, ok := c.org.Roster.Person(d.For); ok && !other.Disabled && acts(other) {
				deputy = append(deputy, d)
			}
		}
		if !acts(p) && len(deputy) == 0 {
			continue
		}
		p.Deputy, p.Contacts, p.Language = deputy, nil, ""
		out = append(out, p)
	}
	return out
}

// criteriaFor fills the measures of success. Those a system has a target of its own for are written
// out per system.
func criteriaFor(p *rawPlan, systems []dr.System) []dr.Criterion {
	out := []dr.Criterion{}
	for _, raw := range p.Criteria {
		c := dr.Criterion{ID: raw.ID.S, Title: raw.Title.S, System: raw.System.S, Metric: raw.Metric.S, Op: raw.Op.S}
		if c.Op == "" {
			c.Op = map[string]string{"rto": "<=", "rpo": "<=", "limit": "<=", "served": ">="}[c.Metric]
		}
		if c.Op == "" {
			c.Op = "=="
		}
		if raw.Value != nil {
			c.Value = raw.Value.N
		}
		if c.Metric != "rto" && c.Metric != "rpo" && c.Metric != "limit" {
			if c.Title == "" {
				c.Title = c.ID
			}
			if c.System == "" || slices.ContainsFunc(systems, func(s dr.System) bool { return s.ID == c.System }) {
				out = append(out, c)
			}
			continue
		}
		for _, s := range systems {
			if c.System == "" && c.Metric == "rpo" && len(s.Protections) == 0 {
				continue // it keeps no data of its own that could be lost
			}
			if c.System == "" || c.System == s.ID {
				out = append(out, perSystem(c, raw, s))
			}
		}
	}
	return out
}

func perSystem(c dr.Criterion, raw rawCriterion, s dr.System) dr.Criterion {
	if c.System == "" {
		c.ID += "@" + s.ID
	}
	c.System = s.ID
	if raw.Value == nil {
		c.Value = int64(map[string]dr.Millis{"rto": s.RTO, "rpo": s.RPO, "limit": s.Limit}[c.Metric])
	}
	if c.Title == "" {
		what := map[string]string{"rto": "back in service within", "rpo": "data lost, at most", "limit": "within the regulator's limit of"}[c.Metric]
		c.Title = s.Name + ": " + what + " " + spoken(dr.Millis(c.Value))
	}
	return c
}

// spoken is a duration as people say it: "1 h 30 min", not "1h30m0s".
func spoken(m dr.Millis) string {
	var parts []string
	for _, u := range []struct {
		name string
		len  dr.Millis
	}{{"h", 3_600_000}, {"min", 60_000}, {"s", 1000}, {"ms", 1}} {
		if n := m / u.len; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			m %= u.len
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
