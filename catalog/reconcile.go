package catalog

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/dr"
)

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
