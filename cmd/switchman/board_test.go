package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

func sampleView() fsm.View {
	at := dr.At(time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC))
	v := fsm.View{ID: "r1125-x7kq", Title: "Move the whole bank to the other site", Plan: "bank-switchover", Mode: dr.Drill, From: "east", To: "west", Environment: dr.Sample,
		State: dr.Running, Requester: "lin", Commander: "lin", Now: at.Plus(200_000), Clocks: dr.Clocks{Requested: at, Started: at.Plus(60_000)},
		Progress: fsm.Progress{Done: 54, Total: 163, Flying: 2, Unknown: 1}, Verbs: []dr.Verb{dr.VerbPause, dr.VerbForce}, Waiting: []string{"waiting_manual"}}
	for _, s := range []struct {
		id, site, state string
		done, total     int
		rto             dr.Millis
	}{{"identity", "west", "verified", 28, 28, 62_000}, {"ledger", "east", "moving", 20, 43, 0}, {"payments", "east", "moving", 6, 48, 0}, {"channels", "east", "waiting", 0, 46, 0}} {
		one := fsm.SystemView{Done: s.done, Total: s.total, RunSystem: dr.RunSystem{ID: s.id, Site: s.site, State: s.state, RTO: s.rto, RTOTarget: 600_000, Limit: 1_800_000, Lost: -1}}
		if s.rto > 0 {
			one.Restored, one.Lost = at.Plus(s.rto), 0
		}
		v.Systems = append(v.Systems, one)
	}
	v.Steps = []fsm.StepView{
		{ID: "promote@ledger-db-w1", State: dr.StepIntent, Started: at.Plus(196_800), Expect: 5000, Title: "Make ledger-db-w1 the primary", Kind: dr.ActionStep},
		{ID: "call-branches", State: dr.StepIntent, Started: at.Plus(100_000), Expect: 600_000, Title: "打电话给所有分行，确认柜台业务已经暂停并且没有客户在等待办理", Kind: dr.ManualStep},
		{ID: "drain@payments-gateway-e1", State: dr.StepUnknown, Started: at.Plus(150_000), Ended: at.Plus(180_000), Expect: 2000, Text: "no answer in 30 s\x1b[2J", Kind: dr.ActionStep},
		{ID: "freeze@ledger-db-e1", State: dr.StepOK, Title: "Stop writes"},
	}
	return v
}

func picture(v fsm.View, change func(*board)) string {
	b := board{view: v, rtoFrom: "requested", now: v.Now, voice: voice{"en", time.UTC}, wide: 79, high: 40, recent: []string{"03:03:16  promote@ledger-db-w1: about to be sent (attempt 1, do)."}}
	if change != nil {
		change(&b)
	}
	return strings.Join(b.lines(), "\n") + "\n"
}

func TestBoard(t *testing.T) {
	v := sampleView()
	golden(t, "testdata/board-running.txt", picture(v, nil))
	late := v
	late.Now = late.Clocks.Requested.Plus(700_000)
	late.State, late.Pause = dr.Paused, dr.OutcomeUnknown
	golden(t, "testdata/board-late.txt", picture(late, func(b *board) { b.trouble = "connection lost 12.0s ago; trying again" }))
	votes := v
	votes.State, votes.Steps, votes.Waiting, votes.Verbs = dr.AwaitingApproval, nil, []string{"waiting_votes"}, []dr.Verb{dr.VerbApprove, dr.VerbDeny}
	votes.Words = []fsm.Word{{Word: "amber", Number: 12}, {Word: "fjord", Number: 700}, {Word: "lantern", Number: 1022}}
	votes.Round = fsm.RoundView{Number: 1, Have: 1, Need: 2, Votes: []dr.Vote{{Person: "chen", Verdict: "approve"}}, Expires: v.Now.Plus(900_000)}
	votes.Checks = []dr.Check{{ID: "lag:ledger-stream", Level: "block", Text: "7.2 s behind, 5 s allowed"}}
	golden(t, "testdata/board-votes.txt", picture(votes, nil))
}

// TestBoardFitsEveryScreen: never wider, never higher, nothing that steers the terminal.
func TestBoardFitsEveryScreen(t *testing.T) {
	v := sampleView()
	for i := range 60 {
		v.Steps = append(v.Steps, fsm.StepView{ID: fmt.Sprint("stop@node-", i), State: dr.StepIntent, Started: v.Now, Title: "Stop"})
	}
	for _, wide := range []int{40, 60, 79, 200} {
		for _, high := range []int{10, 24, 60} {
			text := picture(v, func(b *board) { b.wide, b.high = wide, high })
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if len(lines) > high {
				t.Errorf("%d lines on a screen of %d", len(lines), high)
			}
			for _, line := range lines {
				if cells(line) > wide || strings.Contains(line, "\x1b") {
					t.Errorf("%d columns on a screen of %d: %q", cells(line), wide, line)
				}
			}
		}
	}
}
