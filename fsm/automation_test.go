package fsm

import (
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// TestAutomated: every Patroni of a system is asked whether it is paused before its database is promoted, or no run begins.
func TestAutomated(t *testing.T) {
	s := &dr.Slice{
		Systems: []dr.System{{ID: "ledger", Nodes: []dr.Node{{ID: "e", Role: "patroni"}, {ID: "w", Role: "patroni"}, {ID: "db", Role: "db"}}}},
		Steps: []dr.Step{
			{ID: "paused@e", System: "ledger", Node: "e", Kind: dr.CheckStep},
			{ID: "paused@w", System: "ledger", Node: "w", Kind: dr.CheckStep},
			{ID: "freeze", System: "ledger", Needs: []string{"paused@e"}},
			{ID: "promote", System: "ledger", Needs: []string{"freeze"}, Call: dr.Call{Action: "postgres", Params: map[string]any{"do": "promote"}}},
		},
	}
	want := func(e, w bool) {
		t.Helper()
		got := map[string]bool{}
		for _, c := range automated(s, dr.Time{}) {
			got[c.Node] = c.OK
		}
		if len(got) != 2 || got["e"] != e || got["w"] != w {
			t.Errorf("%v", got)
		}
	}
	want(true, false)
	s.Steps[2].Needs = append(s.Steps[2].Needs, "paused@w")
	want(true, true)
	s.Steps[1].Kind = dr.ActionStep // it acts there and does not ask
	want(true, false)
	s.Steps[3].Call.Params["do"] = "freeze"
	if got := automated(s, dr.Time{}); len(got) > 0 {
		t.Errorf("without a promotion: %v", got)
	}
}

// TestLeftPaused: what was paused for a promotion is said to be paused until the step that takes that back has ended well, or
// the pause itself was undone.
func TestLeftPaused(t *testing.T) {
	promote := dr.Call{Action: "postgres", Params: map[string]any{"do": "promote"}}
	slice := &dr.Slice{
		Systems: []dr.System{{ID: "ledger", Nodes: []dr.Node{{ID: "w", Role: "patroni"}, {ID: "db", Role: "db"}}}},
		Steps: []dr.Step{
			{ID: "pause", System: "ledger", Node: "w", Kind: dr.ActionStep},
			{ID: "paused", System: "ledger", Node: "w", Kind: dr.CheckStep, Needs: []string{"pause"}},
			{ID: "promote", System: "ledger", Node: "db", Kind: dr.ActionStep, Needs: []string{"paused"}, Call: promote},
			{ID: "resume", System: "ledger", Node: "w", Kind: dr.ActionStep, Needs: []string{"promote"}},
		},
	}
	for _, c := range []struct {
		pause, resume dr.StepState
		want          bool
	}{
		{dr.StepReady, dr.StepBlocked, false}, {dr.StepFail, dr.StepBlocked, false}, {dr.StepOK, dr.StepBlocked, true}, {dr.StepUnknown, dr.StepNever, true},
		{dr.StepUndone, dr.StepNever, false}, {dr.StepOK, dr.StepFail, true}, {dr.StepOK, dr.StepSkipped, true}, {dr.StepOK, dr.StepOK, false},
	} {
		s := Situation{}
		s.Slice = slice
		s.Steps = []dr.StepRow{{Step: "pause", State: c.pause}, {Step: "paused", State: dr.StepOK}, {Step: "promote", State: dr.StepOK}, {Step: "resume", State: c.resume}}
		if got := leftPaused(s); got != c.want {
			t.Errorf("paused %s, taken back %s: %v", c.pause, c.resume, got)
		}
		s.Run.Mode = dr.Rehearsal
		if leftPaused(s) {
			t.Error("a rehearsal paused something")
		}
	}
}
