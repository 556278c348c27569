package fsm

import (
	"log/slog"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

func TestConsequence(t *testing.T) {
	try := dr.Ungraceful{Do: "try"}
	for _, c := range []struct {
		name  string
		f     flight
		state dr.StepState
		found dr.Found
		to    dr.StepState
		pause dr.PauseReason
	}{
		{"done", flight{}, dr.StepOK, "", dr.StepOK, ""},
		{"undone", flight{a: dr.Attempt{Purpose: "undo"}}, dr.StepOK, "", dr.StepUndone, ""},
		{"failed", flight{}, dr.StepFail, "", dr.StepFail, dr.StepFailed},
		{"failed, to be tried twice", flight{st: dr.Step{Class: dr.Read, Retry: dr.Retry{Times: 2}}, tries: 1}, dr.StepFail, "", dr.StepReady, ""},
		{"failed, tried often enough", flight{st: dr.Step{Class: dr.Read, Retry: dr.Retry{Times: 2}}, tries: 2}, dr.StepFail, "", dr.StepFail, dr.StepFailed},
		{"once is not retried", flight{st: dr.Step{Class: dr.Once, Retry: dr.Retry{Times: 2}}}, dr.StepFail, "", dr.StepFail, dr.StepFailed},
		{"beside the path failed", flight{st: dr.Step{Off: true}}, dr.StepFail, "", dr.StepFail, ""},
		{"beside the path unknown", flight{st: dr.Step{Off: true, Class: dr.Once}}, dr.StepUnknown, "", dr.StepUnknown, ""},
		{"its undo failed", flight{st: dr.Step{Off: true}, a: dr.Attempt{Purpose: "undo"}}, dr.StepFail, "", dr.StepFail, dr.StepFailed},
		{"forced, tried", flight{st: dr.Step{Ungraceful: try}, forced: true}, dr.StepFail, "", dr.StepSkipped, ""},
		{"an undo is never left out", flight{st: dr.Step{Ungraceful: try}, forced: true, a: dr.Attempt{Purpose: "undo"}}, dr.StepFail, "", dr.StepFail, dr.StepFailed},
		{"unknown once", flight{st: dr.Step{Class: dr.Once}}, dr.StepUnknown, dr.FoundNotDone, dr.StepUnknown, dr.OutcomeUnknown},
		{"unknown, found not done", flight{st: dr.Step{Class: dr.Idempotent}}, dr.StepUnknown, dr.FoundNotDone, dr.StepReady, ""},
		{"unknown, nobody can tell", flight{st: dr.Step{Class: dr.Idempotent}}, dr.StepUnknown, dr.FoundInconclusive, dr.StepUnknown, dr.OutcomeUnknown},
		{"unknown time and again", flight{st: dr.Step{Class: dr.Read}, a: dr.Attempt{N: resends + 1, Purpose: "do"}}, dr.StepUnknown, "", dr.StepUnknown, dr.OutcomeUnknown},
		{"rehearsed, cut off", flight{st: dr.Step{Class: dr.Once}, run: dr.Run{Mode: dr.Rehearsal}}, dr.StepUnknown, "", dr.StepReady, ""},
	} {
		if c.f.a.Purpose == "" {
			c.f.a.Purpose = "do"
		}
		o := c.f.consequence(actions.Result{State: c.state}, c.found)
		if o.to != c.to || o.pause != c.pause || o.attempt != c.state {
			t.Errorf("%s: %+v, want %s %s", c.name, o, c.to, c.pause)
		}
	}
}

// TestForcedWhileInFlight: what was sent gracefully and does not go well in a system forced meanwhile
// asks nobody, as if it had failed before.
func TestForcedWhileInFlight(t *testing.T) {
	for do, want := range map[string]outcome{
		"skip": {to: dr.StepSkipped}, "try": {to: dr.StepSkipped}, "own": {to: dr.StepReady},
		"same": {to: dr.StepFail, pause: dr.StepFailed},
	} {
		f := flight{st: dr.Step{Ungraceful: dr.Ungraceful{Do: do}}, a: dr.Attempt{Purpose: "do"}}
		if got := f.overtaken(f.consequence(actions.Result{State: dr.StepFail}, "")); got.to != want.to || got.pause != want.pause {
			t.Errorf("%s: %+v", do, got)
		}
	}
}

// TestMeasureHidesNothing: every reconciliation counts, its newest attempt alone.
func TestMeasureHidesNothing(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{{ID: "a", System: "core"}, {ID: "b", System: "core"}, {ID: "c", System: "cards"}}}
	at := func(step string, n int, lost int64) dr.Attempt {
		return dr.Attempt{Step: step, N: n, Facts: map[string]int64{"lost": lost}}
	}
	sys := dr.RunSystem{ID: "core", RPO: -1, Lost: -1, Served: -1}
	measure(&sys, s, []dr.Attempt{at("a", 1, 5), at("b", 1, 0), at("c", 1, 7)})
	if sys.Lost != 5 || verdictOf(sys) != "missed_rpo" {
		t.Errorf("lost %d, %s: one side that lost nothing hides the other", sys.Lost, verdictOf(sys))
	}
	measure(&sys, s, []dr.Attempt{at("a", 1, 5), at("b", 1, 0), at("a", 2, 0)})
	if sys.Lost != 0 || sys.RPO != 0 || sys.Served != -1 || verdictOf(sys) != "passed" {
		t.Errorf("%+v: what was found again is not lost", sys)
	}
}

func TestExcepted(t *testing.T) {
	s := &dr.Slice{Steps: []dr.Step{{ID: "a"}, {ID: "hand", Kind: dr.ManualStep}, {ID: "compare", Kind: dr.ReconcileStep, System: "core"}},
		Criteria: []dr.Criterion{{Metric: "lost", Op: "=="}, {Metric: "rpo", System: "channels"}}}
	good := dr.Run{Systems: []dr.RunSystem{{State: "verified", Verdict: "passed", Lost: 0}}}
	lost, unmeasured := cloneRun(good), cloneRun(good)
	lost.Systems[0].Lost, unmeasured.Systems[0].Lost = 2, -1
	missed, overridden, halfway := cloneRun(good), cloneRun(good), cloneRun(good)
	missed.Systems[0].Verdict, halfway.Systems[0].State = "missed_rto", "moved"
	overridden.Overrides = []dr.Override{{Check: "lag:x"}}
	for _, c := range []struct {
		name string
		run  dr.Run
		row  dr.StepRow
		want bool
	}{
		{"clean", good, dr.StepRow{Step: "a", State: dr.StepOK}, false},
		{"done by hand as planned", good, dr.StepRow{Step: "hand", State: dr.StepOK, By: "ann"}, false},
		{"left out by rule", good, dr.StepRow{Step: "a", State: dr.StepSkipped}, false},
		{"left out by a person", good, dr.StepRow{Step: "a", State: dr.StepSkipped, By: "ann"}, true},
		{"decided by a person", good, dr.StepRow{Step: "a", State: dr.StepOK, By: "ann"}, true},
		{"a notice failed", good, dr.StepRow{Step: "a", State: dr.StepFail}, true},
		{"a notice may not have arrived", good, dr.StepRow{Step: "a", State: dr.StepUnknown}, true},
		{"lost", lost, dr.StepRow{}, true},
		{"not measured", unmeasured, dr.StepRow{}, true},
		{"too late", missed, dr.StepRow{}, true},
		{"overridden", overridden, dr.StepRow{}, true},
		{"half-way", halfway, dr.StepRow{}, true},
	} {
		if got := excepted(c.run, s, []dr.StepRow{c.row}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestOutcomeIsKeptUntilThereIsRoom: what a step did is known now and may never be again.
func TestOutcomeIsKeptUntilThereIsRoom(t *testing.T) {
	full, gone := &dr.Error{Kind: dr.Unavailable, ID: "disk_full"}, &dr.Error{Kind: dr.Conflict, ID: "lease_lost"}
	soon := make(chan time.Time)
	close(soon)
	never := make(chan time.Time)
	stopped := make(chan struct{})
	close(stopped)
	for _, c := range []struct {
		name    string
		answers []error
		stop    chan struct{}
		after   chan time.Time
		want    error
	}{
		{"room at once", []error{nil}, nil, soon, nil},
		{"room later", []error{full, full, nil}, nil, soon, nil},
		{"the run is another's", []error{full, gone}, nil, soon, gone},
		{"the process stops", []error{full}, stopped, never, full},
	} {
		clock := dr.Clock{Now: time.Now, After: func(time.Duration) <-chan time.Time { return c.after }}
		f := flight{r: &runner{e: &Engine{cfg: Config{Clock: clock, Log: slog.New(slog.DiscardHandler)}}}, stop: c.stop}
		tries := 0
		err := f.persist("writing", func() error { tries++; return c.answers[tries-1] })
		if err != c.want || tries != len(c.answers) {
			t.Errorf("%s: %v after %d tries", c.name, err, tries)
		}
	}
}

// TestRTOClock: each of the policy's words is a moment of the run, and the request stands in for one that is not known.
func TestRTOClock(t *testing.T) {
	at := func(minute int) dr.Time { return dr.At(time.Date(2026, 11, 20, 3, minute, 0, 0, time.UTC)) }
	run := dr.Run{Clocks: dr.Clocks{Impact: at(1), Declared: at(2), Ordered: at(3), Requested: at(4), Started: at(5)}}
	for from, want := range map[string]dr.Time{"impact": at(1), "declared": at(2), "ordered": at(3), "requested": at(4), "started": at(5)} {
		if got := rtoClock(run, from); got != want {
			t.Errorf("from %s: %v, wanted %v", from, got, want)
		}
		if got := rtoClock(dr.Run{Clocks: dr.Clocks{Requested: at(4)}}, from); got != at(4) {
			t.Errorf("from %s, unknown: %v", from, got)
		}
	}
}
