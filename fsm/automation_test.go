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
