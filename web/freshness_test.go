package web

import (
	"strings"
	"testing"
	"time"

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

// TestRowsSayWhatPeopleSay: states, events and people by the words and names people know, moments in the
// organisation's zone; and a row that names somebody nobody knows keeps the id.
func TestRowsSayWhatPeopleSay(t *testing.T) {
	n := naming{zone: time.FixedZone("here", 8*3600), names: map[string]string{"person/ada": "Ada", "person/ben": "Ben", "site/east": "Pier East", "site/west": "Pier West", "plan/move": "Move it"},
		step: func(string) map[string]string { return map[string]string{"confirm": "Confirm that east is lost"} }}
	for _, c := range []struct {
		kind         dr.RowKind
		data, en, zh string
	}{
		{dr.RowState, `{"from":"awaiting_approval","to":"awaiting_code","event":"quorum"}`, "It was waiting for votes and is now waiting for its code: all votes are there.", "状态由“等待审批”变为“等待安全码”：票数已齐。"},
		{dr.RowState, `{"from":"running","to":"paused","event":"pause","pause":"hold_point"}`, "It was running and is now paused: a hold point.", "状态由“切换中”变为“已暂停”：停留点。"},
		{dr.RowIntent, `{"step":"confirm","n":1,"purpose":"do"}`, "Confirm that east is lost: begins, attempt 1.", "Confirm that east is lost：开始执行（第1次）。"},
		{dr.RowRequested, `{"plan":"move","mode":"drill","from":"east","to":"west","reason":"spring"}`, "Ada asked for Move it (drill), Pier East to Pier West: spring", "Ada申请执行Move it（演练），由Pier East切换到Pier West：spring"},
		{dr.RowVote, `{"person":"ada","verdict":"approve","have":1,"need":2}`, "Ada: yes, 1 of 2 votes. ", "Ada：批准，已有1票，需要2票。"},
		{dr.RowCodeIssued, `{"issuer":"dora","expires_at":"2026-11-26T21:30:00.000Z"}`, "dora was shown a one-time code, good until 2026-11-27 05:30.", "已向dora显示一次性安全码，有效期至2026-11-27 05:30。"},
		{dr.RowCommand, `{"from":"ada","to":"ben","accepted":true}`, "Ben took command from Ada.", "Ben已接替Ada担任指挥。"},
		{dr.RowCommand, `{"from":"ada","to":"ben"}`, "Ada asks Ben to take command.", "Ada请求将指挥权移交Ben。"},
		{dr.RowRefusal, `{"verb":"approve","id":"roster_empty"}`, "Ada was refused (approve): ", "已拒绝Ada的操作（批准）："},
	} {
		row := dr.Row{Kind: c.kind, Run: "r1", Actor: "ada", Data: []byte(c.data)}
		for lang, want := range map[string]string{"en": c.en, "zh": c.zh} {
			if got := n.reading(lang, row).Text; !strings.HasPrefix(got, want) {
				t.Errorf("%s in %s reads %q, want %q", c.kind, lang, got, want)
			}
		}
	}
}

// A system is being moved until it has arrived and was proven, not until somebody closes the run.
func TestWhatIsBeingMoved(t *testing.T) {
	for _, c := range []struct {
		mode         dr.Mode
		state        dr.State
		system, want string
	}{
		{dr.Drill, dr.AwaitingCode, "waiting", "no"}, {dr.Drill, dr.Running, "waiting", "yes"}, {dr.Drill, dr.Verifying, "moved", "yes"},
		{dr.Drill, dr.Verifying, "verified", "no"}, {dr.Drill, dr.Paused, "moving", "yes"}, {dr.Emergency, dr.AtStandby, "verified", "no"},
		{dr.Emergency, dr.AtStandby, "failed", "no"}, {dr.Drill, dr.RollingBack, "verified", "yes"}, {dr.Rehearsal, dr.Running, "moving", "no"}, {dr.Drill, dr.Closed, "verified", "no"},
	} {
		v := fsm.View{Mode: c.mode, State: c.state, Systems: []fsm.SystemView{{RunSystem: dr.RunSystem{ID: "ledger", State: c.system}}}}
		if got := moves(v, "ledger"); got != (c.want == "yes") || moves(v, "other") {
			t.Errorf("a %s that is %s with its system %s: being moved %v", c.mode, c.state, c.system, got)
		}
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
