package catalog

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// move is one plan on some of its systems in one direction.
type move struct {
	c        *Catalog
	plan     *rawPlan
	systems  []dr.System // in the plan's order
	from, to string
	rep      report
	warn     report // nil: nobody listens

	steps  []instance
	byBase map[string][]int // indexes into steps
	raws   map[string]*rawStep
	cache  map[needKey][]string
}

// instance is one compiled step with the node it stands on.
type instance struct {
	dr.Step
	raw  *rawStep
	node *dr.Node
}

type needKey struct{ base, suffix, system, node string }

// expand compiles the steps of a move in an order in which they could be carried out one by one;
// nil when that is not possible.
func (m *move) expand() []dr.Step {
	m.byBase, m.raws, m.cache = map[string][]int{}, map[string]*rawStep{}, map[needKey][]string{}
	for i := range m.plan.Steps {
		raw := &m.plan.Steps[i]
		if m.raws[raw.ID.S] != nil {
			continue // reported as a duplicate
		}
		m.raws[raw.ID.S] = raw
		m.instances(raw)
		if len(m.steps) > MaxSteps {
			m.rep(raw.At, "split the plan", "the plan compiles to more than %d steps", MaxSteps)
			return nil
		}
	}
	total := 0
	for i := range m.steps {
		s := &m.steps[i]
		s.Needs = m.needs(s)
		if total += len(s.Needs); total > MaxNeeds {
			m.rep(s.raw.At, "put one step without on: between them; everything then waits for that", "the plan compiles to more than %d needs", MaxNeeds)
			return nil
		}
	}
	steps := make([]dr.Step, 0, len(m.steps))
	for i := range m.steps {
		steps = append(steps, m.steps[i].Step)
	}
	steps = append(steps, m.reconciles(steps)...)
	order, cycle := dr.TopoOrder(steps)
	if cycle != nil {
		m.reportCycle(cycle)
		return nil
	}
	return order
}

func (m *move) reportCycle(cycle []string) {
	base, _, _ := strings.Cut(cycle[0], "@")
	at := m.plan.At
	if raw := m.raws[base]; raw != nil {
		at = raw.At
		for _, n := range raw.Needs {
			next, _, _ := strings.Cut(cycle[1], "@")
			if word, _, _ := strings.Cut(n.S, "@"); word == next {
				at = n.At
			}
		}
	}
	if cycle[0] == cycle[1] {
		m.rep(at, "", "the step %q needs itself", base)
		return
	}
	if len(cycle) > 12 {
		cycle = append(slices.Clone(cycle[:10]), "…", cycle[len(cycle)-1])
	}
	m.rep(at, "take one of these needs away", "steps need each other in a circle: %s", strings.Join(cycle, " → "))
}

// instances makes the compiled steps of one written step.
func (m *move) instances(raw *rawStep) {
	switch {
	case raw.Per.S == "system":
		for i := range m.systems {
			if raw.On == nil || selects(raw.On.System, m.systems[i].ID) {
				m.instance(raw, &m.systems[i], nil)
			}
		}
	case raw.On != nil:
		for i := range m.systems {
			for j := range m.systems[i].Nodes {
				if n := &m.systems[i].Nodes[j]; m.selected(raw.On, n) {
					m.instance(raw, &m.systems[i], n)
				}
			}
		}
	case len(m.plan.Systems) == 1 && len(m.systems) == 1:
		m.instance(raw, &m.systems[0], nil)
	default:
		m.single(raw)
	}
}

// single makes a step that is neither on nodes nor per system. One that looks through the probe of one
// system, or compares one system's protection, belongs to that system and is left out with it.
func (m *move) single(raw *rawStep) {
	owner := m.owner(raw)
	if owner == "" {
		m.instance(raw, nil, nil)
		return
	}
	for i := range m.systems {
		if m.systems[i].ID == owner {
			m.instance(raw, &m.systems[i], nil)
		}
	}
}

// owner is the only system of the plan whose probe or protection a step names; empty when there is
// no such system, or more than one.
func (m *move) owner(raw *rawStep) string {
	probe, _ := raw.With.stringParam("probe")
	protection, _ := raw.With.stringParam("protection")
	kind := m.c.kind(raw.Action.S)
	owner, owners := "", 0
	for _, sys := range m.c.systemsOf(m.plan) {
		if kind == dr.CheckStep && slices.ContainsFunc(sys.Probes, func(p dr.Probe) bool { return p.ID == probe.S }) ||
			kind == dr.ReconcileStep && slices.ContainsFunc(sys.Protections, func(p dr.Protection) bool { return p.ID == protection.S }) {
			owner, owners = sys.ID, owners+1
		}
	}
	if owners != 1 {
		return ""
	}
	return owner
}

func selects(words []word, s string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w word) bool { return w.S == s })
}

// selected reports whether a selector takes in a node. Without a site it means both sites of the
// move and no third one.
func (m *move) selected(on *rawOn, n *dr.Node) bool {
	site := len(on.Site) == 0 && (n.Site == m.from || n.Site == m.to)
	for _, s := range on.Site {
		site = site || s.S == n.Site || s.S == "from" && n.Site == m.from || s.S == "to" && n.Site == m.to
	}
	return site && selects(on.Role, n.Role) && selects(on.Kind, n.Kind) && selects(on.System, n.System) && selects(on.Node, n.ID)
}

// holes are the placeholders one compiled step may fill.
func (m *move) holes(sys *dr.System, node *dr.Node) holes {
	h := holes{vars: map[string]string{"from": m.from, "to": m.to, "run": "{run}"}, why: map[string]string{}}
	switch {
	case sys != nil:
		h.vars["system"] = sys.ID
	default:
		h.why["system"] = "the step belongs to no single system; say on: or per: system"
	}
	if node == nil {
		for _, name := range []string{"node", "peer", "address", "peer_address", "site"} {
			h.why[name] = "the step is not on a node; say on:"
		}
		return h
	}
	h.vars["node"], h.vars["site"] = node.ID, node.Site
	h.set("peer", node.Peer, node.ID+" has no peer")
	h.set("address", node.Address, node.ID+" has no address")
	h.set("peer_address", m.c.nodes[node.Peer].Address, "the peer of "+node.ID+" has no address")
	if node.Peer == "" {
		h.why["peer_address"] = h.why["peer"]
	}
	return h
}

func (h holes) set(name, value, why string) {
	if value != "" {
		h.vars[name] = value
		return
	}
	h.why[name] = why
}

func (m *move) instance(raw *rawStep, sys *dr.System, node *dr.Node) {
	h := m.holes(sys, node)
	s := dr.Step{ID: raw.ID.S, Base: raw.ID.S, Title: raw.ID.S, Class: dr.Class(raw.Class.S), Expect: raw.Expect.MS, Timeout: raw.Timeout.MS,
		NoReturn: raw.NoReturn.B, Hold: raw.Hold.B, Phase: raw.Phase.S, Group: raw.Group.S, GroupMax: int(raw.GroupMax.N), Evidence: texts(raw.Evidence), Off: raw.Off.B}
	if raw.Title.S != "" {
		s.Title = h.text(raw.Title.S, raw.Title.At, m.rep)
	}
	if sys != nil {
		s.System = sys.ID
	}
	switch {
	case node != nil:
		s.Node = node.ID
		s.ID += "@" + node.ID
	case raw.Per.S == "system":
		s.ID += "@" + sys.ID
	}
	if raw.Retry != nil {
		s.Retry = dr.Retry{Times: int(raw.Retry.Times.N), Backoff: raw.Retry.Backoff.MS}
	}
	if s.Phase == "" {
		s.Phase = "run"
	}
	m.calls(&s, raw, h)
	m.ungraceful(&s, raw, h, node)
	m.defaults(&s, raw)
	m.byBase[s.Base] = append(m.byBase[s.Base], len(m.steps))
	m.steps = append(m.steps, instance{s, raw, node})
}

// calls fills what the step does, how it is looked at and how it is taken back.
func (m *move) calls(s *dr.Step, raw *rawStep, h holes) {
	s.Call, _ = m.c.call(&rawCall{raw.At, raw.Action, raw.With}, asStep, h, m.rep)
	s.Kind = m.c.kind(raw.Action.S)
	optional := func(r *rawCall, what use) *dr.Call {
		if r == nil {
			return nil
		}
		call, _ := m.c.call(r, what, h, m.rep)
		return &call
	}
	s.Probe, s.Undo, s.UndoProbe = optional(raw.Probe, asProbe), optional(raw.Undo, asUndo), optional(raw.UndoProbe, asProbe)
	switch s.Kind {
	case dr.CheckStep:
		if inner, ok := s.Call.Params["call"].(dr.Call); ok && s.Probe == nil {
			s.Probe = &inner
		}
		if s.Probe == nil {
			s.Probe = m.systemProbe(s, raw)
		}
	case dr.NotifyStep:
		s.Off = true
		s.Notify = notice(s.Call)
	}
}

// kind is the kind of step an action makes; by its name where no action is known.
func (c *Catalog) kind(name string) dr.StepKind {
	if a, ok := c.actions[name]; ok {
		return a.Kind
	}
	switch k := dr.StepKind(name); k {
	case dr.ManualStep, dr.WaitStep, dr.CheckStep, dr.ReconcileStep, dr.NotifyStep:
		return k
	}
	return dr.ActionStep
}

func notice(c dr.Call) *dr.Notify {
	get := func(name string) string { s, _ := c.Params[name].(string); return s }
	due, _ := parseSpan(get("due"))
	return &dr.Notify{To: get("to"), After: get("after"), Due: due, Text: get("text")}
}

// ungraceful says what becomes of the step once the run is forced. Where the plan says nothing, a
// step on a node of the site that is left may fail (the site may be gone), every other stays as it is.
func (m *move) ungraceful(s *dr.Step, raw *rawStep, h holes, node *dr.Node) {
	switch u := raw.Ungraceful; {
	case u != nil && u.Call != nil:
		call, _ := m.c.call(u.Call, asStep, h, m.rep)
		s.Ungraceful = dr.Ungraceful{Do: "own", Call: &call}
	case u != nil && u.Word.S != "":
		s.Ungraceful.Do = u.Word.S
	case node != nil && node.Site == m.from:
		s.Ungraceful.Do = "try"
	default:
		s.Ungraceful.Do = "same"
	}
}

// defaults fills class and timeout where the plan says nothing.
func (m *move) defaults(s *dr.Step, raw *rawStep) {
	if s.Class == "" {
		s.Class = m.c.defaultClass(raw.Action.S, s.Kind)
	}
	if s.Kind == dr.WaitStep && !raw.Expect.Set {
		s.Expect = waitLength(s.Call)
	}
	if raw.Timeout.Set || s.Kind == dr.ManualStep {
		return
	}
	const least = dr.Millis(30_000)
	if s.Timeout = max(least, 3*s.Expect); s.Kind == dr.WaitStep {
		s.Timeout = waitLength(s.Call) + least
	}
}

// defaultClass is the only class the action allows, or the natural one of a kind of step that
// changes nothing outside; empty when the plan must say it.
func (c *Catalog) defaultClass(name string, kind dr.StepKind) dr.Class {
	allowed := c.actions[name].Classes
	if len(allowed) == 1 {
		return allowed[0]
	}
	natural := map[dr.StepKind]dr.Class{dr.WaitStep: dr.Read, dr.CheckStep: dr.Read, dr.ReconcileStep: dr.Read, dr.NotifyStep: dr.Idempotent}[kind]
	if len(allowed) == 0 || slices.Contains(allowed, natural) {
		return natural
	}
	return ""
}

// waitLength is the longest duration among a wait's parameters.
func waitLength(c dr.Call) dr.Millis {
	var longest dr.Millis
	for _, v := range c.Params {
		if s, ok := v.(string); ok {
			if ms, ok := parseSpan(s); ok {
				longest = max(longest, ms)
			}
		}
	}
	return longest
}
