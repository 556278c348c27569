package fsm

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

// flight is one attempt in the air.
type flight struct {
	r      *runner
	run    dr.Run
	st     dr.Step
	a      dr.Attempt
	job    actions.Job
	forced bool
	tries  int // attempts of this step that failed before
	slice  *dr.Slice
	send   sender
	stop   <-chan struct{} // closed when the process stops
	proof  string          // what a notice's targets answered
}

// land sends the attempt, proves what it did, writes the outcome, and answers where the step is.
func (f *flight) land(ctx context.Context, i int) landing {
	e := f.r.e
	v, hush := e.listen(f.a)
	defer hush()
	f.job.Live = v.hear
	e.cfg.Point("before_dispatch")
	res := f.send(ctx, f.st, f.job)
	e.cfg.Point("after_dispatch")
	found := dr.Found("")
	if f.run.Mode != dr.Rehearsal {
		res, found = f.prove(ctx, res)
	}
	return f.write(ctx, i, res, found)
}

// probe is the look that tells whether this attempt's effect is there.
func (f *flight) probe() *dr.Call {
	if f.a.Purpose == "undo" {
		return f.st.UndoProbe
	}
	return f.st.Probe
}

// prove looks whether the effect is there. An exit code alone is never believed where a probe
// exists; an outcome nobody knows is looked at before anybody is asked.
func (f *flight) prove(ctx context.Context, res actions.Result) (actions.Result, dr.Found) {
	res = f.recalled(ctx, res)
	p := f.probe()
	if p == nil || f.st.Kind == dr.CheckStep || (res.State != dr.StepOK && res.State != dr.StepUnknown) {
		return res, ""
	}
	job := f.job
	job.Call, job.Class, job.Evidence = fillRun(*p, f.run.ID), dr.Read, nil
	deadline := f.r.e.cfg.Clock.Now().Add(min(f.st.Timeout.Duration(), 10*time.Second))
	for {
		sight := f.r.e.cfg.Eyes.Look(ctx, job)
		switch {
		case sight.Found == dr.FoundDone:
			if res.State == dr.StepUnknown {
				res.Text = "outcome unknown, then found done: " + sight.Text
			}
			res.State = dr.StepOK
			return res, sight.Found
		case res.State == dr.StepUnknown && sight.Found == dr.FoundNotDone:
			return res, sight.Found
		}
		if f.r.e.cfg.Clock.Now().After(deadline) {
			return contradicted(res, sight), sight.Found
		}
		<-f.r.e.cfg.Clock.After(100 * time.Millisecond)
	}
}

// longestRecall is how long a target is waited for that does not answer what became of an attempt.
const longestRecall = 2 * time.Minute

// recalled asks the target's own journal, where it keeps one, for the end nobody here heard. What never
// arrived is sent again under the same token, which starts nothing twice; what still runs is waited for.
func (f *flight) recalled(ctx context.Context, res actions.Result) actions.Result {
	e, sent := f.r.e, false
	deadline := e.cfg.Clock.Now().Add(min(f.st.Timeout.Duration(), longestRecall))
	for res.State == dr.StepUnknown {
		m, ok := e.cfg.Hands.Recall(ctx, f.job)
		switch {
		case !ok || m.State == actions.MemoryLost:
			return res
		case m.State == actions.MemoryEnded:
			res.State, res.Code, res.Text = dr.StepFail, m.Code, "outcome unknown, then told by the target itself: "+m.Text
			if m.Code == 0 {
				res.State = dr.StepOK
			}
			return res
		case m.State == actions.MemoryAbsent && !sent && f.run.State.Moving():
			sent = true
			res = f.send(ctx, f.st, f.job)
			continue
		}
		if e.cfg.Clock.Now().After(deadline) || !f.wait(time.Second) {
			return res
		}
	}
	return res
}

// contradicted is the result of a step that says it did what the probe does not see.
func contradicted(res actions.Result, sight actions.Sight) actions.Result {
	if res.State == dr.StepOK && sight.Found == dr.FoundNotDone {
		res.State, res.Text = dr.StepFail, "said done, but the probe does not find it: "+sight.Text
	} else if res.State == dr.StepOK {
		res.State, res.Text = dr.StepUnknown, "said done, but the probe cannot tell: "+sight.Text
	}
	return res
}

// write stores the evidence, then the outcome with everything that follows from it.
func (f *flight) write(ctx context.Context, i int, res actions.Result, found dr.Found) landing {
	e := f.r.e
	a := f.a
	a.Outcome, a.Code, a.Text, a.Probe = e.now(), res.Code, res.Text, string(found)
	a.Masked, a.MaskRules, a.Dispatched, f.proof = res.Masked, res.MaskRules, a.Intent, res.Proof
	for _, file := range res.Files {
		err := f.persist("keeping evidence", func() error {
			blob, err := f.keep(ctx, file)
			if err == nil {
				a.Evidence = append(a.Evidence, blob)
			}
			return err
		})
		if err != nil {
			e.cfg.Log.Error("keeping evidence; the outcome is written without it", "run", a.Run, "step", a.Step, "err", err)
			a.Text += " (evidence could not be kept)"
		}
		if err := file.Remove(); err != nil {
			e.cfg.Log.Warn("removing spooled evidence", "run", a.Run, "step", a.Step, "err", err)
		}
	}
	l := landing{step: i}
	e.cfg.Point("before_outcome")
	l.err = f.persist("writing an outcome", func() (err error) {
		l.run, l.to, err = e.writeOutcome(ctx, f, a, f.consequence(res, found), res.Facts)
		return err
	})
	e.cfg.Point("after_outcome")
	l.fail = res.State == dr.StepFail
	if l.err == nil && l.to == dr.StepReady && f.st.Retry.Backoff > 0 {
		f.wait(f.st.Retry.Backoff.Duration())
	}
	return l
}

// persist writes something that must not be lost, again and again while the store is out of reach, such
// as on a full disk: what a step did is known now and may never be again. It gives up when the run is
// somebody else's or the process stops; whoever comes next then looks for itself.
func (f *flight) persist(doing string, write func() error) error {
	e, key := f.r.e, f.a.Run+"/"+doing // of all its steps: forty that wait for room are one trouble
	for {
		err := write()
		if dr.KindOf(err) != dr.Unavailable {
			e.relieved(key, "run", f.a.Run)
			return err
		}
		e.complain(key, doing+"; it is tried again every second", err, "run", f.a.Run, "step", f.a.Step)
		if !f.wait(time.Second) {
			return err
		}
	}
}

// wait lets time pass; false means that the process stops.
func (f *flight) wait(d time.Duration) bool {
	select {
	case <-f.stop:
		return false
	case <-f.r.e.cfg.Clock.After(d):
		return true
	}
}

func (f *flight) keep(ctx context.Context, file actions.File) (dr.Blob, error) {
	src, err := file.Open()
	if err != nil {
		return dr.Blob{}, fmt.Errorf("opening %s: %w", file.Name, err)
	}
	defer src.Close()
	return f.r.e.cfg.Store.PutBlob(ctx, file.Kind, file.Media, file.Name, io.Reader(src))
}

// outcome is what an attempt's result means for its step and its run.
type outcome struct {
	attempt dr.StepState // ok | failed | unknown
	to      dr.StepState // where the step goes
	why     string
	pause   dr.PauseReason
}

// consequence is the rule book after a step: what is sent again by itself, what is left out in a
// forced system, and what stops the run for a person.
func (f *flight) consequence(res actions.Result, found dr.Found) outcome {
	o := outcome{attempt: res.State, to: res.State}
	do := f.a.Purpose == "do"
	again := do && f.st.Class != dr.Once && f.tries < f.st.Retry.Times
	switch {
	case res.State == dr.StepOK:
		if !do {
			o.to = dr.StepUndone
		}
	case f.run.Mode == dr.Rehearsal: // cut off by a crash; nothing had gone out
		o.to, o.why = dr.StepReady, "rehearsed again"
	case res.State == dr.StepFail && again:
		o.to, o.why = dr.StepReady, "tried again by itself"
	case do && f.forced && f.st.Ungraceful.Do == "try":
		o.to, o.why = dr.StepSkipped, "forced: tried without success"
	case res.State == dr.StepFail && do && f.st.Off:
		o.why = "beside the critical path: the run goes on"
	case res.State == dr.StepFail:
		o.pause = dr.StepFailed
	case f.st.Class == dr.Read || (f.st.Class == dr.Idempotent && found == dr.FoundNotDone):
		o.to, o.why = dr.StepReady, "outcome unknown, then found not done: sent again"
		if f.a.N > resends {
			o.to, o.why, o.pause = dr.StepUnknown, "", dr.OutcomeUnknown
		}
	default:
		o.to, o.pause = dr.StepUnknown, dr.OutcomeUnknown
	}
	if do && f.st.Off && o.to == dr.StepUnknown {
		o.why, o.pause = "beside the critical path: the run goes on", ""
	}
	return o
}

// overtaken is the consequence for a step that was sent gracefully and did not go well, in a system
// that was forced while it was in the air: what its ungraceful form says, as for steps that had failed
// before. Nobody needs to be asked about a dead machine one step at a time.
func (f *flight) overtaken(o outcome) outcome {
	if to, ok := ungraceful(f.st); ok && f.a.Purpose == "do" && !f.forced {
		o.to, o.why, o.pause = to, "forced while in flight", ""
	}
	return o
}

// ungraceful is where a step goes that did not go well once its system is forced; false where the
// ungraceful form is the same as the graceful one.
func ungraceful(st dr.Step) (dr.StepState, bool) {
	switch st.Ungraceful.Do {
	case "skip", "try":
		return dr.StepSkipped, true
	case "own":
		return dr.StepReady, true
	}
	return "", false
}
