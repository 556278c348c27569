package catalog

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// compiled checks what only shows once a plan is compiled for all its systems: steps that select
// nothing, probes that are missing, and whether a run can always go on or back.
//
// A run can go back while every step done so far can be undone, and can no longer once a step marked
// no_return is done. From there it must always be able to go on. It can do so through a step that
// may be sent again (read, or idempotent with its probe), through one a person carries out, and
// through one that a forced run leaves out, may fail at, or does in another way (ungraceful: skip,
// try, or a call). It has no way on through a once step without any of these, nor through a step
// that a forced run still insists on (ungraceful: same) at the site it leaves, which may be lost.
func (k *checker) compiled(p *rawPlan, m *move, steps []dr.Step) {
	rep := k.planRep()
	for i := range p.Steps {
		raw := &p.Steps[i]
		if m.raws[raw.ID.S] == raw && len(m.byBase[raw.ID.S]) == 0 && (raw.On != nil || raw.Per.S != "") && len(m.steps) <= MaxSteps {
			at := raw.At
			if raw.On != nil {
				at = raw.On.At
			}
			rep(at, "", "the step %q selects no node", raw.ID.S)
		}
		k.class(rep, m, raw)
	}
	after := behind(steps)
	point := slices.ContainsFunc(steps, func(s dr.Step) bool { return s.NoReturn })
	for i := range steps {
		raw := m.raws[steps[i].Base]
		if raw == nil {
			continue // added by the compiler
		}
		if after[i] != "" {
			k.forward(rep, m, raw, &steps[i], after[i])
			continue
		}
		k.back(p, raw, &steps[i], point)
	}
}

// class checks class and probe of a step.
func (k *checker) class(rep report, m *move, raw *rawStep) {
	a, ok := m.c.actions[raw.Action.S]
	kind := m.c.kind(raw.Action.S)
	class := dr.Class(raw.Class.S)
	if class == "" {
		if class = m.c.defaultClass(raw.Action.S, kind); class == "" && ok && raw.Class.At.line == 0 {
			rep(raw.At, "class: read, idempotent or once", "the step %q must say its class", raw.ID.S)
			return
		}
	} else if ok && len(a.Classes) > 0 && !slices.Contains(a.Classes, class) {
		known := make([]string, len(a.Classes))
		for i, c := range a.Classes {
			known[i] = string(c)
		}
		rep(raw.Class.At, didYouMean(raw.Class.S, known), "a step with the action %q cannot be %s", a.Name, class)
	}
	if kind == dr.ActionStep && (class == dr.Idempotent || class == dr.Once) && raw.Probe == nil {
		rep(raw.At, "probe: {action: …, with: …} that says whether the effect is there", "the step %q is %s and has no probe: nobody could tell whether it happened", raw.ID.S, class)
	}
	if kind != dr.ActionStep && raw.Undo != nil && kind != dr.ManualStep {
		rep(raw.Undo.At, "", "a %s changes nothing that could be undone", kind)
	}
	if raw.UndoProbe != nil && raw.Undo == nil {
		rep(raw.UndoProbe.At, "", "undo_probe without undo")
	}
}

// behind names, for each step, a step without return that comes before it; empty where none does.
// The steps are in topological order.
func behind(steps []dr.Step) []string {
	index := make(map[string]int, len(steps))
	out := make([]string, len(steps))
	for i := range steps {
		index[steps[i].ID] = i
		for _, n := range steps[i].Needs {
			j, ok := index[n]
			switch {
			case !ok:
			case steps[j].NoReturn:
				out[i] = n
			case out[j] != "" && out[i] == "":
				out[i] = out[j]
			}
		}
	}
	return out
}

func (k *checker) forward(rep report, m *move, raw *rawStep, s *dr.Step, point string) {
	insists := s.Ungraceful.Do == "same"
	node, onNode := m.c.nodes[s.Node]
	switch {
	case s.Kind == dr.ActionStep && s.Class == dr.Once && insists:
		rep(raw.At, "say ungraceful: skip, try, or a call of its own", "no way forward: %q comes after the point of no return (%s), is never sent again, and a forced run cannot pass it either", raw.ID.S, point)
	case insists && onNode && node.Site == m.from && raw.Ungraceful != nil:
		rep(raw.Ungraceful.At, "say ungraceful: skip or try", "no way forward: %q comes after the point of no return (%s), and a forced run insists on it at %q, which may be lost", raw.ID.S, point, m.from)
	}
}

// back warns of a step before the point of no return that cannot be undone. A failover is not
// expected to go back.
func (k *checker) back(p *rawPlan, raw *rawStep, s *dr.Step, point bool) {
	if s.Kind != dr.ActionStep || s.Class == dr.Read || s.Undo != nil || s.NoReturn || s.Class == "" || p.Kind.S == string(dr.Failover) {
		return
	}
	if point {
		k.warn(raw.At, "undo: {action: …, with: …}, or mark it no_return", "the step %q comes before the point of no return and cannot be undone: a rollback stops there", raw.ID.S)
		return
	}
	k.warn(raw.At, "undo: {action: …, with: …}, or mark it no_return", "the step %q cannot be undone and the plan names no point of no return", raw.ID.S)
}
