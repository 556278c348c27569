package fsm

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// automated are the checks of systems that have an automation of their own, nodes with the role patroni. A promotion behind
// its back is undone by it, or makes a second primary: so each of them must have been asked, in a step that the promotion
// needs, whether it is paused. Where the plan does not ask, no run begins.
func automated(s *dr.Slice, now dr.Time) []dr.Check {
	var out []dr.Check
	for _, promote := range s.Steps {
		if !promote.Promotes() {
			continue
		}
		asked := map[string]bool{}
		s.Before(promote, func(st dr.Step) { asked[st.Node] = asked[st.Node] || st.Kind == dr.CheckStep })
		for _, sys := range s.Systems {
			for _, n := range sys.Nodes {
				if sys.ID != promote.System || n.Role != dr.Automation || slices.ContainsFunc(out, func(c dr.Check) bool { return c.Node == n.ID && !c.OK }) {
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

// leftPaused reports whether an automation was paused for a promotion and, as far as the run knows, is paused still.
func leftPaused(s Situation) bool {
	if s.Run.Mode == dr.Rehearsal {
		return false
	}
	state := make(map[string]dr.StepState, len(s.Steps))
	for _, row := range s.Steps {
		state[row.Step] = row.State
	}
	left, _ := dr.Automations(s.Slice, func(step string) dr.StepState { return state[step] })
	return len(left) > 0
}
