package fsm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// resends bounds how often a step that time and again turns out not done is sent by itself.
const resends = 5

// acting carries steps out with the hands.
func acting(h actions.Hands) sender {
	return func(ctx context.Context, st dr.Step, job actions.Job) actions.Result {
		if st.Kind == dr.CheckStep && st.Probe != nil {
			params := map[string]any{"call": fillRun(*st.Probe, job.Run)}
			for _, name := range []string{"for", "every"} {
				if v, ok := job.Call.Params[name]; ok {
					params[name] = v
				}
			}
			job.Call.Params = params
		}
		return h.Do(ctx, job)
	}
}

// rehearsing only looks: it is given eyes, and eyes have no method that acts.
func rehearsing(eyes actions.Eyes) sender {
	return func(ctx context.Context, st dr.Step, job actions.Job) actions.Result {
		if st.Probe == nil {
			return actions.Result{State: dr.StepOK, Text: "would " + st.Title}
		}
		job.Call = *st.Probe
		sight := eyes.Look(ctx, job)
		return actions.Result{State: dr.StepOK, Text: fmt.Sprintf("would %s; now: %s", st.Title, sight.Found)}
	}
}

// shape is how a step is sent in this run: its own call, or what its ungraceful form says once the
// system is forced. skip means that it is left out.
func shape(st dr.Step, forced bool) (call dr.Call, skip bool) {
	if forced {
		switch st.Ungraceful.Do {
		case "skip":
			return st.Call, true
		case "own":
			if st.Ungraceful.Call != nil {
				return *st.Ungraceful.Call, false
			}
		}
	}
	return st.Call, false
}

func (r *runner) forced(system string) bool {
	s := r.run.System(system)
	return s != nil && s.Forced
}

// dispatch makes the intent of a step durable and then sends it. A step that is left out, or that a
// person carries out, needs no sending: then flew is false, and what is left out has landed at once.
func (r *runner) dispatch(ctx context.Context, i int) (landed *landing, flew bool, err error) {
	st := r.slice.Steps[i]
	call, skip := shape(st, r.forced(st.System))
	if skip {
		landed, err = r.leaveOut(ctx, i, "forced: left out as its ungraceful form says")
		return landed, false, err
	}
	a, err := r.newAttempt(i, fillRun(call, r.run.ID), "do")
	if err != nil {
		return nil, false, err
	}
	run, err := r.intend(ctx, st, a, r.board.was[i])
	if err != nil {
		return nil, false, err
	}
	if run == nil { // paused meanwhile: nothing was written, nothing goes out
		r.board.landed(i, r.board.was[i])
		r.reload()
		return nil, false, nil
	}
	r.run = *run
	r.board.attempt[i], r.board.undoing[i] = a.N, false
	if st.Kind == dr.ManualStep && r.run.Mode != dr.Rehearsal {
		return nil, false, nil // stays in intent until a person says done
	}
	r.fly(ctx, i, st, a, call)
	return nil, true, nil
}

// fly sends one attempt in its own goroutine. The context given to the hands is not cut when the
// process stops: a once step is never cut short by us, only by its own time-out.
func (r *runner) fly(ctx context.Context, i int, st dr.Step, a dr.Attempt, call dr.Call) {
	keep := context.WithoutCancel(ctx)
	run, forced, tries := r.run, r.forced(st.System), r.board.tries[i]
	job := r.job(st, a, call)
	r.e.wg.Add(1)
	go func() {
		defer r.e.wg.Done()
		defer func() { <-r.e.slots }()
		f := flight{r: r, run: run, st: st, a: a, job: job, forced: forced, tries: tries}
		r.done <- f.land(keep, i)
	}()
}

func (r *runner) newAttempt(i int, call dr.Call, purpose string) (dr.Attempt, error) {
	token, err := r.e.nonce()
	if err != nil {
		return dr.Attempt{}, err
	}
	b, err := json.Marshal(call)
	if err != nil {
		return dr.Attempt{}, fmt.Errorf("writing the call of %s: %w", r.slice.Steps[i].ID, err)
	}
	return dr.Attempt{Run: r.run.ID, Step: r.slice.Steps[i].ID, N: r.board.attempt[i] + 1, Token: token, Epoch: r.epoch, Purpose: purpose,
		CallDigest: dr.Digest(b), State: dr.StepIntent, Intent: r.e.now()}, nil
}

func (r *runner) job(st dr.Step, a dr.Attempt, call dr.Call) actions.Job {
	node, _ := r.slice.Node(st.Node)
	return actions.Job{Token: a.Token, Run: r.run.ID, Step: st.ID, Attempt: a.N, Node: node, Call: fillRun(call, r.run.ID), Class: st.Class,
		Timeout: st.Timeout, Evidence: st.Evidence, Challenge: r.slice.Challenge, Watermark: watermark(r.slice), Addresses: addresses(r.slice)}
}

// intend writes the intent. It answers nil if the run may not send now.
func (r *runner) intend(ctx context.Context, st dr.Step, a dr.Attempt, from dr.StepState) (*dr.Run, error) {
	r.e.cfg.Point("before_intent")
	var out *dr.Run
	err := r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		out = nil
		if err := tx.Fence(ctx, lease(r.run.ID), r.e.cfg.Instance, r.epoch); err != nil {
			return err
		}
		state, err := tx.LockState(ctx, r.run.ID)
		if err != nil {
			return err
		}
		if !state.Moving() {
			return nil
		}
		run := r.run
		if run.Clocks.FirstEffect.IsZero() && st.Class != dr.Read && run.Mode != dr.Rehearsal {
			if run, err = tx.LockRun(ctx, run.ID); err != nil {
				return err
			}
			run.Clocks.FirstEffect = a.Intent
			if err := tx.UpdateRun(ctx, &run); err != nil {
				return err
			}
		}
		if err := tx.IntentFrom(ctx, a, from); err != nil {
			return err
		}
		tx.Journal(newRow(a.Intent, a.Run, dr.RowIntent, dr.Itself(),
			dr.IntentData{Step: a.Step, N: a.N, Token: a.Token, Purpose: a.Purpose, CallDigest: a.CallDigest, Class: st.Class}))
		out = &run
		return nil
	})
	r.e.cfg.Point("after_intent")
	return out, err
}

// flight is one attempt in the air.
type flight struct {
	r      *runner
	run    dr.Run
	st     dr.Step
	a      dr.Attempt
	job    actions.Job
	forced bool
	tries  int // attempts of this step that failed before
}

// land sends the attempt, proves what it did, writes the outcome, and answers where the step is.
func (f *flight) land(ctx context.Context, i int) landing {
	e := f.r.e
	e.cfg.Point("before_dispatch")
	res := f.r.send(ctx, f.st, f.job)
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
	a.Masked, a.MaskRules, a.Dispatched = res.Masked, res.MaskRules, a.Intent
	for _, file := range res.Files {
		blob, err := f.keep(ctx, file)
		if err != nil {
			e.cfg.Log.Error("keeping evidence; the outcome is written without it", "run", a.Run, "step", a.Step, "err", err)
			a.Text += " (evidence could not be kept)"
			continue
		}
		a.Evidence = append(a.Evidence, blob)
	}
	o := f.consequence(res, found)
	e.cfg.Point("before_outcome")
	run, err := e.writeOutcome(ctx, f, a, o, res.Facts)
	e.cfg.Point("after_outcome")
	if err == nil && o.to == dr.StepReady && f.st.Retry.Backoff > 0 {
		<-e.cfg.Clock.After(f.st.Retry.Backoff.Duration())
	}
	return landing{step: i, to: o.to, fail: o.attempt == dr.StepFail, run: run, err: err}
}

func (f *flight) keep(ctx context.Context, file actions.File) (dr.Blob, error) {
	defer file.Remove()
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
	again := f.st.Class != dr.Once && f.tries < f.st.Retry.Times && f.a.Purpose == "do"
	switch {
	case res.State == dr.StepOK:
		if f.a.Purpose == "undo" {
			o.to = dr.StepUndone
		}
	case res.State == dr.StepFail && again:
		o.to, o.why = dr.StepReady, "tried again by itself"
	case f.forced && f.st.Ungraceful.Do == "try":
		o.to, o.why = dr.StepSkipped, "forced: tried without success"
	case res.State == dr.StepFail && f.st.Off:
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
	return o
}

// addresses are the targets a step may call over HTTP: those of the plan's own nodes.
func addresses(s *dr.Slice) []string {
	var out []string
	for _, sys := range s.Systems {
		for _, n := range sys.Nodes {
			if n.Address != "" {
				out = append(out, n.Address)
			}
		}
	}
	return out
}
