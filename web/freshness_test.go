package web

import (
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// TestRehearsalsAreNoRuns: whatever a rehearsal came to, the plan has not moved anything by it.
func TestRehearsalsAreNoRuns(t *testing.T) {
	runs := []fsm.View{
		{ID: "r6", Plan: "move", Mode: dr.Rehearsal, State: dr.Closed, Verdict: "rehearsed"},
		{ID: "r5", Plan: "back", Mode: dr.Drill, State: dr.Closed},
		{ID: "r4", Plan: "move", Mode: dr.Drill, State: dr.AwaitingApproval},
		{ID: "r3", Plan: "move", Mode: dr.Drill, State: dr.Failed},
		{ID: "r2", Plan: "move", Mode: dr.Rehearsal, State: dr.Closed},
		{ID: "r1", Plan: "move", Mode: dr.SurpriseDrill, State: dr.ClosedWithExceptions, Verdict: "exceptions"},
		{ID: "r0", Plan: "move", Mode: dr.Drill, State: dr.Closed, Verdict: "passed"},
	}
	p := planInfo{PlanInfo: catalog.PlanInfo{ID: "move"}}
	p.lastRuns(runs)
	if p.Last == nil || p.Last.Run != "r3" || p.Rehearse == nil || p.Rehearse.Run != "r6" || p.Drill == nil || p.Drill.Run != "r1" {
		t.Errorf("last %+v, rehearsed %+v, drilled %+v", p.Last, p.Rehearse, p.Drill)
	}
	p = planInfo{PlanInfo: catalog.PlanInfo{ID: "move"}}
	if p.lastRuns(runs[:1]); p.Last != nil || p.Drill != nil || p.Rehearse == nil {
		t.Errorf("a plan that was only rehearsed ran: %+v", p)
	}
}

// TestRowsReadInBothLanguages: no word of ours is left as the journal writes it.
func TestRowsReadInBothLanguages(t *testing.T) {
	for _, what := range []string{"token", "enrolment", "sheet", "password", "session"} {
		row := dr.Row{Kind: dr.RowCredential, Data: []byte(`{"id":"t-1","person":"ada","what":"` + what + `","state":"revoked"}`)}
		if got := ReadingOf("zh", row).Text; strings.Contains(got, what) || strings.Contains(got, "revoked") || !strings.Contains(got, "ada") {
			t.Errorf("%s reads %s", what, got)
		}
	}
	for _, why := range []string{"quorum_lost", "denied", "expired", "cancelled", "plan_changed", "locked", "replaced", fsm.Leaked} {
		row := dr.Row{Kind: dr.RowCodeRevoked, Data: []byte(`{"id":"c","issuer":"dora","reason":"` + why + `"}`)}
		for _, lang := range []string{"en", "zh"} {
			if got := ReadingOf(lang, row).Text; strings.Contains(got, why) && why != "denied" && why != "cancelled" || got == string(row.Kind) {
				t.Errorf("%s reads %s", why, got)
			}
		}
	}
}
