package dr

import (
	"testing"
	"time"
)

// at is a moment of the little story below, in seconds.
func at(seconds int64) Time {
	return At(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)).Plus(Millis(seconds * 1000))
}

// TestTimes: votes from 10 to 100, then steps; a hand and a pause wait side by side; one system is
// proven while the run goes on.
func TestTimes(t *testing.T) {
	s := &Slice{Steps: []Step{{ID: "a", Kind: ActionStep, Phase: "run"}, {ID: "hand", Kind: ManualStep, Phase: "run"},
		{ID: "b", Kind: ActionStep, Phase: "run", Needs: []string{"a"}}}}
	moves := []Move{{at(10), AwaitingApproval}, {at(100), Running}, {at(120), Paused}, {at(140), Running}}
	do := func(step string, from, to int64) Attempt {
		a := Attempt{Step: step, Purpose: "do", Intent: at(from)}
		if to > 0 {
			a.Outcome = at(to)
		}
		return a
	}
	attempts := []Attempt{do("a", 100, 110), do("hand", 110, 0), do("b", 140, 0)}
	run := Run{State: Running, Clocks: Clocks{Requested: at(0), Restored: at(115)}}
	got := MeasureTimes(run, moves, attempts, s, at(150))
	want := Times{Total: 150_000, Machine: 20_000, People: 130_000, CriticalPath: 40_000}
	if got != want {
		t.Errorf("running: %+v, want %+v", got, want)
	}
	run.State, run.Clocks.Ended = Failed, at(160)
	got = MeasureTimes(run, append(moves, Move{at(160), Failed}), attempts, s, at(9999))
	want = Times{Total: 160_000, Machine: 30_000, People: 140_000, CriticalPath: 50_000}
	if got != want {
		t.Errorf("failed long ago: %+v, want %+v", got, want)
	}
}
