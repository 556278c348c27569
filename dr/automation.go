package dr

import "slices"

// Automation is the node role of a member of a system's own automation, which promotes by itself while nobody has paused it.
const Automation = "patroni"

// Automations says of which systems a run paused the automation for a promotion without, as far as the run knows, taking that
// back: the step that does has not ended well, or there is none. freed are those where it has.
func Automations(s *Slice, state func(step string) StepState) (left, freed []string) {
	members := map[string]bool{}
	for _, sys := range s.Systems {
		for _, n := range sys.Nodes {
			members[n.ID] = n.Role == Automation
		}
	}
	acts := func(st Step) bool { return st.Kind == ActionStep && members[st.Node] }
	note := func(all *[]string, system string) {
		if !slices.Contains(*all, system) {
			*all = append(*all, system)
		}
	}
	for _, st := range s.Steps {
		switch {
		case st.Promotes():
			s.Before(st, func(before Step) {
				if got := state(before.ID); acts(before) && (got == StepOK || got == StepUnknown) {
					note(&left, st.System)
				}
			})
		case acts(st) && state(st.ID) == StepOK:
			s.Before(st, func(before Step) {
				if before.Promotes() {
					note(&freed, st.System)
				}
			})
		}
	}
	return slices.DeleteFunc(left, func(system string) bool { return slices.Contains(freed, system) }), freed
}

// Promotes reports whether a step makes a standby the primary.
func (st Step) Promotes() bool {
	return st.Call.Action == "postgres" && st.Call.Params["do"] == "promote"
}

// Before visits every step that must have ended before one may begin, once.
func (s *Slice) Before(st Step, visit func(Step)) {
	seen := map[string]bool{}
	var walk func(Step)
	walk = func(st Step) {
		for _, id := range st.Needs {
			if seen[id] {
				continue
			}
			seen[id] = true
			if i := slices.IndexFunc(s.Steps, func(o Step) bool { return o.ID == id }); i >= 0 {
				visit(s.Steps[i])
				walk(s.Steps[i])
			}
		}
	}
	walk(st)
}
