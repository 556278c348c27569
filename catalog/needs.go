package catalog

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

// needs are the compiled steps one compiled step waits for.
//
//	X        instances of X on the same system; all of them when either side has no system
//	X@all    every instance of X
//	X@deps   instances of X on the systems this one depends on
//	X@peer   X on the peer of this node
//
// Where X has no instance in the place looked at, what X itself waits for there stands in, so that
// leaving a step out for one system never lets the steps around it overtake each other.
func (m *move) needs(s *instance) []string {
	var out []string
	for _, n := range s.raw.Needs {
		base, suffix, _ := strings.Cut(n.S, "@")
		if m.raws[base] == nil {
			continue // reported as unknown
		}
		ids := m.resolve(s, n, base, suffix)
		if len(out) == 0 {
			out = ids
			continue
		}
		out = union(out, ids)
	}
	return out
}

func union(a, b []string) []string {
	seen := make(map[string]bool, len(a)+len(b))
	out := make([]string, 0, len(a)+len(b))
	for _, id := range append(slices.Clip(a), b...) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (m *move) resolve(s *instance, n word, base, suffix string) []string {
	switch suffix {
	case "deps":
		if s.System == "" {
			m.rep(n.At, "say on: or per: system", "%s: the step %q belongs to no system that could depend on others", n.S, s.Base)
			return nil
		}
	case "peer":
		if s.node == nil || s.node.Peer == "" {
			m.rep(n.At, "", "%s: %s", n.S, noPeer(s))
			return nil
		}
		ids := m.onNode(base, s.node.Peer)
		if len(ids) == 0 {
			m.rep(n.At, "", "%s: the step %q is not done on %s, the peer of %s", n.S, base, s.node.Peer, s.node.ID)
		}
		return ids
	}
	return m.find(base, suffix, s.System, map[string]bool{})
}

func noPeer(s *instance) string {
	if s.node == nil {
		return "the step is not on a node; say on:"
	}
	return s.node.ID + " has no peer"
}

func (m *move) onNode(base, node string) []string {
	var out []string
	for _, i := range m.byBase[base] {
		if m.steps[i].Node == node {
			out = append(out, m.steps[i].ID)
		}
	}
	return out
}

// find answers X, X@all and X@deps, seen from a system.
func (m *move) find(base, suffix, system string, visited map[string]bool) []string {
	key := needKey{base: base, suffix: suffix, system: system}
	if ids, ok := m.cache[key]; ok {
		return ids
	}
	var ids []string
	switch suffix {
	case "deps":
		for _, d := range m.dependencies(system) {
			ids = union(ids, m.find(base, "", d, map[string]bool{}))
		}
	default:
		for _, i := range m.byBase[base] {
			if s := &m.steps[i]; suffix == "all" || system == "" || s.System == "" || s.System == system {
				ids = append(ids, s.ID)
			}
		}
		if len(ids) == 0 {
			ids = m.standIns(base, suffix, system, visited)
			if len(visited) > 0 {
				return ids // seen from inside a circle of absent steps, this may not be all
			}
		}
	}
	m.cache[key] = ids
	return ids
}

// standIns are what an absent step itself waits for.
func (m *move) standIns(base, suffix, system string, visited map[string]bool) []string {
	if visited[base] {
		return nil
	}
	visited[base] = true
	defer delete(visited, base)
	var ids []string
	for _, n := range m.raws[base].Needs {
		next, own, _ := strings.Cut(n.S, "@")
		if m.raws[next] == nil {
			continue
		}
		switch {
		case suffix == "all" || own == "peer":
			own = suffix
		case own == "deps" && system == "":
			own = ""
		}
		ids = union(ids, m.find(next, own, system, visited))
	}
	return ids
}

// dependencies are the systems of the move that a system depends on; a system that is not part of
// the move passes on what it depends on itself.
func (m *move) dependencies(system string) []string {
	var out []string
	seen := map[string]bool{system: true}
	var follow func(id string)
	follow = func(id string) {
		sys, ok := m.c.org.System(id)
		if !ok {
			return
		}
		for _, d := range sys.DependsOn {
			if seen[d] {
				continue
			}
			seen[d] = true
			if slices.ContainsFunc(m.systems, func(s dr.System) bool { return s.ID == d }) {
				out = append(out, d)
				continue
			}
			follow(d)
		}
	}
	follow(system)
	return out
}

// reconciles are the comparisons added for protections of kind db that no step of the plan compares:
// after a database has moved, both sides are counted whatever the plan's author thought of.
func (m *move) reconciles(steps []dr.Step) []dr.Step {
	a, ok := m.c.actions["reconcile"]
	if !ok {
		return nil
	}
	written := map[string]bool{}
	for _, raw := range m.plan.Steps {
		if m.c.kind(raw.Action.S) == dr.ReconcileStep {
			p, _ := raw.With.stringParam("protection")
			written[p.S] = true
		}
	}
	var out []dr.Step
	for i := range m.systems {
		for _, p := range m.systems[i].Protections {
			if p.Kind == "db" && !written[p.ID] && m.raws["reconcile-"+p.ID] == nil {
				if s, ok := m.reconcile(a, &m.systems[i], p, steps); ok {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

func (m *move) reconcile(a action, sys *dr.System, p dr.Protection, steps []dr.Step) (dr.Step, bool) {
	from, to := m.c.nodes[p.From], m.c.nodes[p.To]
	if from.Site != m.from {
		from, to = to, from
	}
	raw := rawCall{At: m.plan.At, Action: word{a.Name, m.plan.At}}
	if r, ok := m.c.reconciles[p.ID]; ok {
		raw.At, raw.With = r.At, r.With
	}
	h := holes{vars: map[string]string{"from": m.from, "to": m.to, "system": sys.ID, "run": "{run}", "node": from.ID, "peer": to.ID, "site": from.Site}, why: map[string]string{}}
	h.set("address", from.Address, from.ID+" has no address")
	h.set("peer_address", to.Address, to.ID+" has no address")
	known := map[string]string{"protection": p.ID, "from": from.ID, "to": to.ID, "from_address": from.Address, "to_address": to.Address,
		"left_name": from.ID, "right_name": to.ID}
	raw.With = withDefaults(raw.With, a, known)
	for _, spec := range a.Params {
		if spec.Required && !slices.ContainsFunc(raw.With.List, func(x param) bool { return x.Name.S == spec.Name }) {
			if m.warn != nil {
				m.warn(m.plan.Plan.At, "add reconcile: {with: …} to the protection, or a reconcile step to the plan", "nothing says how both sides of %s are compared after the move (%s)", p.ID, spec.Name)
			}
			return dr.Step{}, false
		}
	}
	call, _ := m.c.call(&raw, asStep, h, m.rep)
	return dr.Step{ID: "reconcile-" + p.ID, Base: "reconcile-" + p.ID, Title: "Compare both sides of " + p.ID, Kind: dr.ReconcileStep, System: sys.ID,
		Call: call, Class: dr.Read, Timeout: 60_000, Needs: lastOf(steps, sys.ID), Ungraceful: dr.Ungraceful{Do: "try"}, Phase: "verify"}, true
}

// lastOf are the moving steps of a system that no other moving step of it waits for; those of all
// systems when the system has none of its own.
func lastOf(steps []dr.Step, system string) []string {
	ours := func(s *dr.Step) bool { return s.Phase == "run" && !s.Off && (system == "" || s.System == system) }
	needed := map[string]bool{}
	found := false
	for i := range steps {
		if s := &steps[i]; ours(s) {
			found = true
			for _, n := range s.Needs {
				needed[n] = true
			}
		}
	}
	if !found && system != "" {
		return lastOf(steps, "")
	}
	var out []string
	for i := range steps {
		if s := &steps[i]; ours(s) && !needed[s.ID] {
			out = append(out, s.ID)
		}
	}
	return out
}

// withDefaults adds the parameters the action knows and the protection answers by itself.
func withDefaults(p params, a action, known map[string]string) params {
	out := params{List: slices.Clone(p.List), At: p.At}
	for _, name := range keys(known) {
		if _, takes := a.param(name); !takes || known[name] == "" {
			continue
		}
		if slices.ContainsFunc(p.List, func(x param) bool { return x.Name.S == name }) {
			continue
		}
		value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: known[name], Line: p.At.line, Column: p.At.column}
		out.List = append(out.List, param{word{name, p.At}, value})
	}
	return out
}
