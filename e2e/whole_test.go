package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// wholePlan has a step of every kind there is beside those of the tiny bank's own plans.
const wholePlan = `plan: whole
title: Move core and cards, by every kind of step
kind: switchover
pair: move-back
systems: [core, cards]
max_in_flight: 4
criteria:
  - {id: rto, metric: rto}
  - {id: nothing-lost, metric: lost, op: "==", value: 0}
steps:
  - {id: tell, title: Tell the management, action: notify, with: {to: contact:mail, after: requested, due: 15m, text: "The bank moves."}}
  - id: call
    title: Call the branches
    action: manual
    with: {text: "Call them."}
    class: once
  - id: stop
    title: Stop {node}
    on: {role: app, site: from}
    action: exec
    with: {argv: [tool, set, "{node}", stopped]}
    class: idempotent
    timeout: 5s
    needs: [call]
    probe: {action: exec, with: {argv: [tool, is, "{node}", stopped]}}
    undo: {action: exec, with: {argv: [tool, unset, "{node}", stopped]}}
    undo_probe: {action: exec, with: {argv: [tool, not, "{node}", stopped]}}
    ungraceful: try
  - id: compare
    title: Compare what {node} has
    on: {role: db, site: to}
    action: reconcile
    with:
      left: {action: exec, with: {argv: [tool, count, "{peer}"]}}
      right: {action: exec, with: {argv: [tool, count, "{node}"]}}
    class: read
    timeout: 5s
    needs: ["stop@all"]
  - id: promote
    title: Promote {node}
    on: {role: db, site: to}
    action: exec
    with: {argv: [tool, set, "{node}", primary]}
    class: once
    timeout: 5s
    hold: true
    needs: [compare]
    probe: {action: exec, with: {argv: [tool, is, "{node}", primary]}}
    no_return: true
    evidence: [recording]
  - id: start
    title: Start {node}
    on: {role: app, site: to}
    action: exec
    with: {argv: [tool, set, "{node}", started]}
    class: idempotent
    timeout: 5s
    needs: ["promote@all"]
    probe: {action: exec, with: {argv: [tool, is, "{node}", started]}}
  - id: prove
    title: Prove {system}
    per: system
    action: check
    probe: {action: exec, with: {argv: [tool, not, "{system}", broken]}}
    class: read
    timeout: 5s
    phase: verify
`

// wholeScene is a bank with the whole plan and something to compare.
func wholeScene(t *testing.T) *scene {
	t.Helper()
	s := prepareScene(t)
	if err := os.WriteFile(filepath.Join(s.dir, "org", "plans", "whole.yaml"), []byte(wholePlan), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fact("core-db-e.rows", `{"id": "1", "amount": 5}`+"\n"+`{"id": "2", "amount": 7}`+"\n")
	s.fact("core-db-w.rows", `{"id": "1", "amount": 5}`+"\n")
	s.open(nil)
	return s
}

func (s *scene) fact(name, content string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "facts", name), []byte(content), 0o600); err != nil {
		s.Fatal(err)
	}
}

// TestRowsTellTheWholeRun plays runs in which everything happens that can happen to one, and holds the
// tables against what journal rows and frozen plans tell by themselves. A report is made of those alone.
func TestRowsTellTheWholeRun(t *testing.T) {
	s := wholeScene(t)
	run := s.stoppedTwice()
	told := func() { t.Helper(); heldAgainstRows(t.Context(), t, s.app.Store, run) }
	told()
	s.pausedAt(run, dr.StepFailed) // the two sides differ
	s.fact("core-db-w.rows", `{"id": "1", "amount": 5}`+"\n"+`{"id": "2", "amount": 7}`+"\n")
	s.do("ann", run, dr.VerbHandover, fsm.Args{To: "fay"})
	s.do("fay", run, dr.VerbAccept, fsm.Args{})
	told()
	s.do("fay", run, dr.VerbRetry, fsm.Args{Step: "compare@core-db-w"})
	s.pausedAt(run, dr.HoldPoint)
	s.do("fay", run, dr.VerbContinue, fsm.Args{Step: "promote@core-db-w", Reason: "go"})
	v := await(t, s.app, run, dr.AtStandby)
	told()
	if core := v.Systems[0]; core.ID != "core" || core.Lost != 0 || core.State != "verified" {
		t.Errorf("core: %+v", core)
	}
	back := s.drill("move-back", run)
	s.until(run, func(v fsm.View) bool { return v.State.Ended() })
	told()
	heldAgainstRows(t.Context(), t, s.app.Store, back)
}

// stoppedTwice carries a run of the whole plan through two rounds to its first failure.
func (s *scene) stoppedTwice() (run string) {
	s.Helper()
	s.fact("core.broken", "") // preflight finds it, and somebody overrides it
	v, err := s.app.Engine.Request(s.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: "whole", Mode: dr.Drill, Reason: "drill"})
	if err != nil {
		s.Fatal(err)
	}
	run = v.ID
	v = await(s, s.app, run, dr.AwaitingApproval)
	s.do("bob", run, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	heldAgainstRows(s.Context(), s.T, s.app.Store, run)
	s.do("ann", run, dr.VerbOverride, fsm.Args{Check: "probe:core-ok", Reason: "known"})
	v = s.view(run)
	s.do("bob", run, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	s.do("cat", run, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	if err := os.Remove(filepath.Join(s.dir, "facts", "core.broken")); err != nil {
		s.Fatal(err)
	}
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return stepOf(v, "call").State == dr.StepIntent })
	heldAgainstRows(s.Context(), s.T, s.app.Store, run)
	s.clock.advance(20_000_000_000)
	s.do("bob", run, dr.VerbDone, fsm.Args{Step: "call"})
	return run
}

// TestRowsTellWhatNeverArrived: runs that are aborted with a hand still asked for, forced, and rolled back.
func TestRowsTellWhatNeverArrived(t *testing.T) {
	s := wholeScene(t)
	began := func() string {
		run := s.ready("whole", "")
		s.begin(run)
		s.until(run, func(v fsm.View) bool {
			return stepOf(v, "call").State == dr.StepIntent && stepOf(v, "tell").State == dr.StepOK
		})
		return run
	}
	why := fsm.Args{Reason: "enough", Confirmed: true}
	aborted := began()
	s.do("ann", aborted, dr.VerbAbort, why)
	await(t, s.app, aborted, dr.Failed)
	undone := began()
	s.do("bob", undone, dr.VerbSkip, fsm.Args{Step: "call", Reason: "nobody answers"})
	s.pausedAt(undone, dr.StepFailed)
	s.do("ann", undone, dr.VerbForce, why)
	s.do("fay", undone, dr.VerbForce, why)
	s.pausedAt(undone, dr.StepFailed)
	heldAgainstRows(t.Context(), t, s.app.Store, undone)
	s.do("ann", undone, dr.VerbRollback, why)
	await(t, s.app, undone, dr.RolledBack)
	looked := s.rehearsed("whole")
	for _, run := range []string{aborted, undone, looked} {
		heldAgainstRows(t.Context(), t, s.app.Store, run)
	}
}

// rehearsed carries a rehearsal to its end.
func (s *scene) rehearsed(plan string) string {
	s.Helper()
	v, err := s.app.Engine.Request(s.Context(), dr.Actor{Person: "ann"}, fsm.Request{Plan: plan, Mode: dr.Rehearsal, Reason: "look"})
	if err != nil {
		s.Fatal(err)
	}
	await(s, s.app, v.ID, dr.Closed)
	return v.ID
}

func stepOf(v fsm.View, id string) fsm.StepView {
	for _, st := range v.Steps {
		if st.ID == id {
			return st
		}
	}
	return fsm.StepView{}
}

func (s *scene) pausedAt(run string, why dr.PauseReason) {
	s.Helper()
	s.until(run, func(v fsm.View) bool { return v.State == dr.Paused && v.Pause == why })
}

func (s *scene) until(run string, so func(fsm.View) bool) {
	s.Helper()
	awaitView(s, s.app, run, so, "where the story wants it")
}
