package fsm

import (
	"fmt"
	"maps"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// automated are the checks of systems that have an automation of their own, nodes with the role patroni. A promotion behind
// its back is undone by it, or makes a second primary: so each of them must have been asked, in a step that the promotion
// needs, whether it is paused. Where the plan does not ask, no run begins.
func automated(s *dr.Slice, now dr.Time) []dr.Check {
	var out []dr.Check
	for _, promote := range s.Steps {
		if !promotes(promote) {
			continue
		}
		asked := map[string]bool{}
		needed(s, promote, map[string]bool{}, func(st dr.Step) { asked[st.Node] = asked[st.Node] || st.Kind == dr.CheckStep })
		for _, sys := range s.Systems {
			for _, n := range sys.Nodes {
				if sys.ID != promote.System || n.Role != "patroni" || slices.ContainsFunc(out, func(c dr.Check) bool { return c.Node == n.ID && !c.OK }) {
					continue
				}
				c := dr.Check{ID: "automation:" + n.ID, System: sys.ID, Node: n.ID, OK: asked[n.ID], At: now,
					Text: fmt.Sprintf("%s waits until %s is paused", promote.ID, n.ID)}
				if !c.OK {
					c.Text = fmt.Sprintf("%s does not wait until %s is paused: it would be promoted behind its back; see docs/postgres.md", promote.ID, n.ID)
				}
				out = append(slices.DeleteFunc(out, func(o dr.Check) bool { return o.ID == c.ID }), c)
			}
		}
	}
	return out
}

// leftPaused reports whether an automation was paused for a promotion and, as far as the run knows, is paused still: the step
// that takes that back has not ended well, or there is none.
func leftPaused(s Situation) bool {
	members := map[string]bool{}
	for _, sys := range s.Slice.Systems {
		for _, n := range sys.Nodes {
			members[n.ID] = n.Role == "patroni"
		}
	}
	state := make(map[string]dr.StepState, len(s.Steps))
	for _, row := range s.Steps {
		state[row.Step] = row.State
	}
	held, freed := map[string]bool{}, map[string]bool{} // by system
	for _, st := range s.Slice.Steps {
		acts := func(st dr.Step) bool { return st.Kind == dr.ActionStep && members[st.Node] }
		switch {
		case promotes(st):
			needed(s.Slice, st, map[string]bool{}, func(before dr.Step) {
				held[st.System] = held[st.System] || acts(before) && (state[before.ID] == dr.StepOK || state[before.ID] == dr.StepUnknown)
			})
		case acts(st) && state[st.ID] == dr.StepOK:
			needed(s.Slice, st, map[string]bool{}, func(before dr.Step) { freed[st.System] = freed[st.System] || promotes(before) })
		}
	}
	maps.DeleteFunc(held, func(system string, _ bool) bool { return freed[system] })
	return s.Run.Mode != dr.Rehearsal && slices.Contains(slices.Collect(maps.Values(held)), true)
}

func promotes(st dr.Step) bool {
	return st.Call.Action == "postgres" && st.Call.Params["do"] == "promote"
}

// needed visits every step that must have ended before one may begin.
func needed(s *dr.Slice, st dr.Step, seen map[string]bool, visit func(dr.Step)) {
	for _, id := range st.Needs {
		if seen[id] {
			continue
		}
		seen[id] = true
		if i := slices.IndexFunc(s.Steps, func(o dr.Step) bool { return o.ID == id }); i >= 0 {
			visit(s.Steps[i])
			needed(s, s.Steps[i], seen, visit)
		}
	}
}
