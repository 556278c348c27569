package fsm

import (
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

func step(id string, needs ...string) dr.Step {
	return dr.Step{ID: id, System: "core", Kind: dr.ActionStep, Class: dr.Idempotent, Phase: "run", Needs: needs}
}

func rowsOf(s *dr.Slice, states ...dr.StepState) []dr.StepRow {
	rows := make([]dr.StepRow, len(s.Steps))
	for i, st := range s.Steps {
		rows[i] = dr.StepRow{Step: st.ID, State: states[i], Attempt: 1}
	}
	return rows
}

// TestOutcomeThatOvertakesItsLanding: a person's verb makes the runner read the store between an
// outcome's commit and its landing. The step must count once, and what waits for two must wait for two.
func TestOutcomeThatOvertakesItsLanding(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{step("a"), step("b"), step("c", "a", "b")}}
	b := newBoard(s, rowsOf(s, dr.StepOK, dr.StepIntent, dr.StepBlocked), nil, []bool{true, true, false})
	if b.flying != 2 || b.left[2] != 2 {
		t.Fatalf("flying %d, c waits for %d", b.flying, b.left[2])
	}
	b.landed(0, dr.StepOK)
	if i, _ := b.take(9); i >= 0 {
		t.Fatalf("%s was offered before both it needs were done", s.Steps[i].ID)
	}
	b.landed(1, dr.StepOK)
	if i, _ := b.take(9); i != 2 {
		t.Fatalf("take = %d", i)
	}
	b.landed(2, dr.StepOK)
	if moved, proven := b.arrived("core"); !moved || !proven || b.flying != 0 {
		t.Errorf("moved %v, proven %v, flying %d", moved, proven, b.flying)
	}
}

// TestRetryThatOvertakesALanding: a step failed, somebody had it tried again, and the runner read that from the
// store before the failure landed. The landing must not leave the step failed in the picture for good.
func TestRetryThatOvertakesALanding(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{step("a")}}
	r := &runner{again: make(chan struct{}, 1), run: dr.Run{State: dr.Running, Version: 9},
		board: newBoard(s, rowsOf(s, dr.StepReady), nil, []bool{true})}
	if err := r.land(landing{step: 0, to: dr.StepFail, fail: true, run: &dr.Run{State: dr.Paused, Version: 8}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.again:
	default:
		t.Error("nobody looks into the store again, where the step is ready")
	}
	if r.run.State != dr.Running {
		t.Errorf("the older news made the run %s", r.run.State)
	}
}

// TestFailureIsCountedOnce whether it was read from the store or landed.
func TestFailureIsCountedOnce(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{step("a")}}
	rows := []dr.StepRow{{Step: "a", State: dr.StepReady, Attempt: 2}}
	attempts := []dr.Attempt{{Step: "a", N: 1, State: dr.StepFail}, {Step: "a", N: 2, State: dr.StepFail}}
	if b := newBoard(s, rows, attempts, nil); b.tries[0] != 2 {
		t.Errorf("%d tries, want 2", b.tries[0])
	}
	if b := newBoard(s, rows, attempts, []bool{true}); b.tries[0] != 1 {
		t.Errorf("%d tries before the second has landed, want 1", b.tries[0])
	}
}

func TestBesideTheCriticalPathKeepsNobody(t *testing.T) {
	for _, end := range []dr.StepState{dr.StepFail, dr.StepUnknown} {
		tell := step("tell")
		tell.Off = true
		s := &dr.Slice{Steps: []dr.Step{tell, step("a", "tell")}}
		b := newBoard(s, rowsOf(s, end, dr.StepBlocked), nil, nil)
		if i, _ := b.take(9); i != 1 {
			t.Errorf("%s: what waits for the notice was not offered", end)
		}
		b.landed(1, dr.StepOK)
		if !b.settled("run", "") || !b.quiet() {
			t.Errorf("%s: the run would wait for ever", end)
		}
	}
}

func TestHandsCountInTheirGroup(t *testing.T) {
	a, b := step("a"), step("b")
	a.Kind, b.Kind, a.Group, b.Group, a.GroupMax, b.GroupMax = dr.ManualStep, dr.ManualStep, "g", "g", 1, 1
	s := &dr.Slice{Steps: []dr.Step{a, b}}
	board := newBoard(s, rowsOf(s, dr.StepBlocked, dr.StepBlocked), nil, nil)
	if i, _ := board.take(9); i != 0 || board.flying != 0 {
		t.Fatalf("take = %d, flying %d", i, board.flying)
	}
	if i, _ := board.take(9); i >= 0 {
		t.Error("two hands in a group of one")
	}
	board = newBoard(s, rowsOf(s, dr.StepIntent, dr.StepBlocked), nil, nil)
	if i, _ := board.take(9); i >= 0 {
		t.Error("two hands in a group of one after a look at the store")
	}
}

// TestUndoOrder walks back: last first, a step that failed half-way too, an undo that failed not again
// by itself.
func TestUndoOrder(t *testing.T) {
	a, b := step("a"), step("b", "a")
	a.Undo, b.Undo = &dr.Call{}, &dr.Call{}
	s := &dr.Slice{Steps: []dr.Step{a, b}}
	undo := []dr.Attempt{{Step: "b", N: 1, Purpose: "undo"}}
	for _, c := range []struct {
		name     string
		b        dr.StepState
		attempts []dr.Attempt
		want     []int
	}{
		{"done", dr.StepOK, nil, []int{1}},
		{"failed half-way", dr.StepFail, nil, []int{1}},
		{"undo failed", dr.StepFail, undo, nil},
		{"undo unknown", dr.StepUnknown, undo, nil},
		{"undo to be sent again", dr.StepReady, undo, []int{1}},
		{"undone", dr.StepUndone, undo, []int{0}},
		{"never sent", dr.StepNever, nil, []int{0}},
		{"left out", dr.StepSkipped, nil, []int{0}},
	} {
		board := newBoard(s, rowsOf(s, dr.StepOK, c.b), c.attempts, nil)
		got := board.undoReady()
		if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if board.undone() {
			t.Errorf("%s: nothing left to undo?", c.name)
		}
	}
}

func TestSystemWithoutStepsGoesWithTheRun(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{step("a")}}
	b := newBoard(s, rowsOf(s, dr.StepBlocked), nil, nil)
	if moved, _ := b.arrived("cards"); moved {
		t.Error("moved before anything was sent")
	}
	b.take(9)
	b.landed(0, dr.StepOK)
	if moved, proven := b.arrived("cards"); !moved || !proven {
		t.Error("not moved with the run")
	}
}

// What was left out counts as done, and is told apart.
func TestProgressTellsWhatWasSkipped(t *testing.T) {
	var rows []dr.StepRow
	for _, s := range []dr.StepState{dr.StepOK, dr.StepSkipped, dr.StepSkipped, dr.StepIntent, dr.StepFail, dr.StepUnknown, dr.StepBlocked} {
		rows = append(rows, dr.StepRow{State: s})
	}
	if got, want := progress(rows), (Progress{Done: 3, Skipped: 2, Total: 7, Flying: 1, Failed: 1, Unknown: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
