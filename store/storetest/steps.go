package storetest

import (
	"errors"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// attempt is attempt n of step a.
func (b *bench) attempt(run, step string, n int) dr.Attempt {
	return dr.Attempt{Run: run, Step: step, N: n, Token: run + "/" + step + "/" + strconv.Itoa(n), Epoch: 3, Purpose: "do", CallDigest: "sha256:00",
		State: dr.StepIntent, Intent: b.time.time()}
}

func (b *bench) steps(run string) []dr.StepRow {
	b.Helper()
	var steps []dr.StepRow
	b.read(func(r *store.Reader) (err error) {
		steps, err = r.Steps(b.Context(), run)
		return err
	})
	return steps
}

func steps(b *bench) {
	b.insert("r1")
	want := []dr.StepRow{{Run: "r1", Step: "z", State: dr.StepReady}, {Run: "r1", Step: "a", State: dr.StepBlocked}}
	b.write(func(tx *store.Tx) error { return tx.ReplaceSteps(b.Context(), "r1", want) })
	same(b, "steps in plan order", b.steps("r1"), want)
	want[1] = dr.StepRow{Run: "r1", Step: "a", State: dr.StepSkipped, Ended: b.time.time(), Reason: "not needed", By: "lin"}
	b.write(func(tx *store.Tx) error { return tx.SetStep(b.Context(), want[1]) })
	same(b, "steps", b.steps("r1"), want)
	b.read(func(r *store.Reader) error {
		got, err := r.Step(b.Context(), "r1", "a")
		same(b, "step", got, want[1])
		return err
	})
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error { return tx.SetStep(b.Context(), dr.StepRow{Run: "r1", Step: "nope"}) }); dr.KindOf(err) != dr.NotFound {
		b.Errorf("an unknown step: %v", err)
	}
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), b.attempt("r1", "z", 1)) })
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error { return tx.ReplaceSteps(b.Context(), "r1", want) }); err == nil {
		b.Error("steps were replaced although one was sent")
	}
}

func intentOnce(b *bench) {
	b.insert("r1")
	a := b.attempt("r1", "a", 1)
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
	b.read(func(r *store.Reader) error {
		got, err := r.Attempt(b.Context(), "r1", "a", 1)
		same(b, "attempt", got, a)
		return err
	})
	same(b, "step", b.steps("r1")[0], dr.StepRow{Run: "r1", Step: "a", State: dr.StepIntent, Attempt: 1, Started: b.time.time()})
	b.refused(dr.Conflict, "step_moved_on", func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
	b.refused(dr.Conflict, "step_moved_on", func(tx *store.Tx) error { return tx.Intent(b.Context(), b.attempt("r1", "a", 2)) })
	b.refused(dr.Conflict, "step_moved_on", func(tx *store.Tx) error { return tx.Intent(b.Context(), b.attempt("r1", "c", 1)) })
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error {
		other := b.attempt("r1", "b", 1)
		other.Token = a.Token
		return tx.Intent(b.Context(), other)
	}); err == nil {
		b.Error("one token was given to two attempts")
	}
	same(b, "step b", b.steps("r1")[1].State, dr.StepReady)
}

func outcomeOnce(b *bench) {
	b.insert("r1")
	a := b.attempt("r1", "a", 1)
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
	b.time.forward(2 * time.Second)
	a.State, a.Outcome, a.Text = dr.StepUnknown, b.time.time(), "no answer"
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepUnknown) })
	a.State, a.Probe, a.Code, a.Text, a.Masked, a.MaskRules = dr.StepOK, "done", 0, "promoted", 2, []string{"password"}
	a.Evidence = []dr.Blob{{Digest: "sha256:11", Size: 3, Kind: "recording", Media: "application/x-asciicast"}}
	a.DecidedBy, a.Reason = "chen", "looked"
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepOK) })
	b.read(func(r *store.Reader) error {
		got, err := r.Attempt(b.Context(), "r1", "a", 1)
		same(b, "attempt", got, a)
		return err
	})
	same(b, "step", b.steps("r1")[0], dr.StepRow{Run: "r1", Step: "a", State: dr.StepOK, Attempt: 1,
		Started: a.Intent, Ended: a.Outcome, Reason: "looked", By: "chen"})
	a.State = dr.StepFail
	b.refused(dr.Conflict, "attempt_settled", func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepFail) })

	// An outcome of an older attempt must not move a step that was sent again.
	first, second := b.attempt("r1", "b", 1), b.attempt("r1", "b", 2)
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), first) })
	unknown := first
	unknown.State = dr.StepUnknown
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), unknown, dr.StepReady) })
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), second) })
	first.State = dr.StepOK
	b.refused(dr.Conflict, "step_moved_on", func(tx *store.Tx) error { return tx.Outcome(b.Context(), first, dr.StepOK) })
	b.read(func(r *store.Reader) error {
		all, err := r.Attempts(b.Context(), "r1")
		got := ""
		for _, x := range all {
			got += x.Step + strconv.Itoa(x.N) + " "
		}
		same(b, "attempts", got, "a1 b1 b2 ")
		_, missing := r.Attempt(b.Context(), "r1", "a", 9)
		if dr.KindOf(missing) != dr.NotFound {
			b.Errorf("an unknown attempt: %v", missing)
		}
		return err
	})
}

func undo(b *bench) {
	b.insert("r1")
	a := b.attempt("r1", "a", 1)
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
	a.State = dr.StepOK
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepOK) })
	u := b.attempt("r1", "a", 2)
	u.Purpose = "undo"
	b.refused(dr.Conflict, "step_moved_on", func(tx *store.Tx) error { return tx.Intent(b.Context(), u) })
	b.write(func(tx *store.Tx) error { return tx.IntentFrom(b.Context(), u, dr.StepOK) })
	u.State = dr.StepOK
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), u, dr.StepUndone) })
	same(b, "step", b.steps("r1")[0].State, dr.StepUndone)
}

func durations(b *bench) {
	for i, took := range []time.Duration{5 * time.Second, 3 * time.Second} {
		id := "r" + strconv.Itoa(i)
		b.insert(id)
		a := b.attempt(id, "a", 1)
		b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
		a.Dispatched = b.time.time().Plus(1000)
		b.time.forward(time.Second + took)
		a.State, a.Outcome = dr.StepOK, b.time.time()
		b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepOK) })
	}
	b.read(func(r *store.Reader) error {
		got, err := r.LastDurations(b.Context(), "bank-switchover")
		same(b, "durations", got, map[string]dr.Millis{"a": 3000})
		none, err2 := r.LastDurations(b.Context(), "other")
		same(b, "durations of another plan", none, map[string]dr.Millis{})
		return errors.Join(err, err2)
	})
}

// oddText is what machines print and people paste: it is kept, made storable where it is not text.
func oddText(b *bench) {
	b.insert("r1")
	odd := "灾备 \u202e \"quoted\" 'single' \\ \x00 \xff\xfe \x1b[31m"
	b.write(func(tx *store.Tx) error {
		return tx.SetStep(b.Context(), dr.StepRow{Run: "r1", Step: "b", State: dr.StepSkipped, Reason: odd, By: "lin"})
	})
	a := b.attempt("r1", "a", 1)
	b.write(func(tx *store.Tx) error { return tx.Intent(b.Context(), a) })
	a.State, a.Text, a.Reason = dr.StepOK, odd, odd
	b.write(func(tx *store.Tx) error { return tx.Outcome(b.Context(), a, dr.StepOK) })
	want := "灾备 \u202e \"quoted\" 'single' \\ \uFFFD \uFFFD \x1b[31m"
	same(b, "reason", b.steps("r1")[1].Reason, want)
	run := b.run("r1")
	run.Reason = odd
	b.write(func(tx *store.Tx) error { return tx.UpdateRun(b.Context(), &run) })
	same(b, "reason of the run", b.run("r1").Reason, "灾备 \u202e \"quoted\" 'single' \\ \x00 \uFFFD\uFFFD \x1b[31m")
}
