package fsm

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

var update = flag.Bool("update", false, "write generated documents instead of comparing them")

// TestStateMachineDocument keeps docs/state-machine.md what the table says.
func TestStateMachineDocument(t *testing.T) {
	const path = "../docs/state-machine.md"
	want := "# The life of a run\n\nDrawn from the table in `fsm/table.go`; `go test ./fsm -update` draws it anew.\n" +
		"A resume goes back to the state the pause interrupted.\n" +
		"A code that was seen in the open is revoked without a move: the run stays approved and waits for a new one.\n\n```mermaid\n" + Diagram() + "```\n"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Fatalf("%s is not what the table says (%v); run go test ./fsm -update", path, err)
	}
}

func TestEndsHaveNoWayOut(t *testing.T) {
	for _, m := range Moves() {
		for _, from := range m.From {
			if from.Ended() {
				t.Errorf("%s leads out of %s, which is an end", m.Event, from)
			}
		}
	}
}

func TestEveryStateIsReachable(t *testing.T) {
	reached := map[dr.State]bool{dr.Draft: true}
	for range dr.States() {
		for _, m := range Moves() {
			if slices.ContainsFunc(m.From, func(s dr.State) bool { return reached[s] }) {
				reached[m.To] = true
			}
		}
	}
	for _, s := range dr.States() {
		if !reached[s] {
			t.Errorf("no way leads to %s", s)
		}
	}
}

func TestResumeGoesBackToWhereThePauseCame(t *testing.T) {
	for _, from := range []dr.State{dr.Running, dr.Verifying, dr.RollingBack} {
		r := dr.Run{State: from}
		moveRun(&r, evPause, dr.ByOperator, dr.Time{})
		if r.State != dr.Paused || r.Pause != dr.ByOperator {
			t.Fatalf("pausing from %s: %s %s", from, r.State, r.Pause)
		}
		moveRun(&r, evResume, "", dr.Time{})
		if r.State != from || r.Pause != "" {
			t.Errorf("resuming to %s led to %s %s", from, r.State, r.Pause)
		}
	}
}

func TestImpossibleMoveChangesNothing(t *testing.T) {
	r := dr.Run{State: dr.Closed}
	moveRun(&r, evPause, dr.ByOperator, dr.Time{})
	if r.State != dr.Closed || r.Pause != "" {
		t.Errorf("a closed run was paused: %+v", r)
	}
}
