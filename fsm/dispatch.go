package fsm

import (
	"context"
	"encoding/json"
	"errors"
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

// rehearsing only looks: it is given eyes, and eyes have no method that acts. It says what the step
// would do, what is true now, and what it took the last time it was done for real.
func rehearsing(eyes actions.Eyes, last map[string]dr.Millis) sender {
	return func(ctx context.Context, st dr.Step, job actions.Job) actions.Result {
		text := "would: " + st.Title
		if st.Probe != nil {
			job.Call = fillRun(*st.Probe, job.Run)
			sight := eyes.Look(ctx, job)
			text += fmt.Sprintf("; now: %s (%s)", sight.Found, sight.Text)
		}
		if took, ok := last[st.ID]; ok {
			text += "; took " + took.String() + " last time"
		}
		return actions.Result{State: dr.StepOK, Text: text}
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

// sending is a step on its way out: it has a slot and its place on the board, no intent yet.
type sending struct {
	i    int
	st   dr.Step
	from dr.StepState // where the store has it until the intent
	call dr.Call
	a    dr.Attempt
}

// gather takes all steps that may go now, each with a slot. What is left out of a forced system is
// written at once and makes room for what waited for it. hold names a step that waits for a person.
func (r *runner) gather(ctx context.Context) (out []sending, hold string, err error) {
	for r.slot() {
		i, hold := r.board.take(mostInHand)
		if i < 0 {
			r.free()
			return out, hold, nil
		}
		s := sending{i: i, st: r.slice.Steps[i], from: r.board.was[i]}
		call, skip := shape(s.st, r.forced(s.st.System))
		if skip {
			r.free()
			err = r.leaveOut(ctx, i, "forced: left out as its ungraceful form says")
		} else {
			s.call = call
			s.a, err = r.newAttempt(i, fillRun(call, r.run.ID), "do")
			out = append(out, s)
		}
		if err != nil {
			r.putBack(out)
			return nil, "", err
		}
	}
	return out, "", nil
}

// putBack undoes taking: nothing of these went out.
func (r *runner) putBack(out []sending) {
	for _, s := range out {
		r.free()
		r.board.landed(s.i, s.from)
	}
}

// together counts the steps at the front whose intents are made durable by one commit. A step that
// may be sent only once has a commit of its own, right before it goes out: a crash in between then
// leaves one such step for a person to look at, not all of them.
func together(out []sending) int {
	for n, s := range out {
		if s.st.Class == dr.Once {
			return max(1, n)
		}
	}
	return len(out)
}

// dispatchAll sends steps in as few commits as may be; see together.
func (r *runner) dispatchAll(ctx context.Context, out []sending) (sent bool, err error) {
	for len(out) > 0 {
		n := together(out)
		if sent, err = r.dispatch(ctx, out[:n]); err != nil || !sent {
			r.putBack(out[n:])
			return false, err
		}
		out = out[n:]
	}
	return true, nil
}

// dispatch makes the intents of steps durable and then sends them. A step that a person carries out
// needs no sending. sent is false if the run was paused meanwhile: nothing was written, nothing goes out.
func (r *runner) dispatch(ctx context.Context, out []sending) (sent bool, err error) {
	run, err := r.intend(ctx, out)
	if err != nil || run == nil {
		r.putBack(out)
		r.reload()
		return false, err
	}
	r.run = *run
	for _, s := range out {
		r.board.attempt[s.i], r.board.undoing[s.i] = s.a.N, false
		if s.st.Kind == dr.ManualStep && r.run.Mode != dr.Rehearsal {
			r.free() // stays in intent until a person says done
			continue
		}
		r.fly(ctx, s)
	}
	return true, nil
}

// fly sends one attempt in its own goroutine. The context given to the hands is not cut when the
// process stops: a once step is never cut short by us, only by its own time-out.
func (r *runner) fly(ctx context.Context, s sending) {
	keep := context.WithoutCancel(ctx)
	f := flight{r: r, run: r.run, st: s.st, a: s.a, job: r.job(s.st, s.a, s.call), forced: r.forced(s.st.System), tries: r.board.tries[s.i],
		slice: r.slice, send: r.send, stop: ctx.Done()}
	r.e.wg.Add(1)
	go func() {
		defer r.e.wg.Done()
		defer func() { <-r.e.slots }()
		r.done <- f.land(keep, s.i)
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

// intend writes the intents in one commit. It answers nil if the run may not send now, or one of the
// steps is not where the picture of the run has it.
func (r *runner) intend(ctx context.Context, out []sending) (*dr.Run, error) {
	r.pass("before_intent", len(out))
	var changed *dr.Run
	err := r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		changed = nil
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
		for _, s := range out {
			if run.Clocks.FirstEffect.IsZero() && s.st.Class != dr.Read && run.Mode != dr.Rehearsal {
				if run, err = firstEffect(ctx, tx, run.ID, s.a.Intent); err != nil {
					return err
				}
			}
			if err := tx.IntentFrom(ctx, s.a, s.from); err != nil {
				return err
			}
			tx.Journal(newRow(s.a.Intent, s.a.Run, dr.RowIntent, dr.Itself(),
				dr.IntentData{Step: s.a.Step, N: s.a.N, Token: s.a.Token, Purpose: s.a.Purpose, CallDigest: s.a.CallDigest, Class: s.st.Class}))
		}
		changed = &run
		return nil
	})
	r.pass("after_intent", len(out))
	if dr.KindOf(err) == dr.Conflict && !errors.Is(err, store.ErrFenced) {
		return nil, nil // a person moved one of the steps meanwhile
	}
	return changed, err
}

// pass passes a point once for each of n steps.
func (r *runner) pass(point string, n int) {
	for range n {
		r.e.cfg.Point(point)
	}
}

// firstEffect notes when the run began to change something outside.
func firstEffect(ctx context.Context, tx *store.Tx, id string, at dr.Time) (dr.Run, error) {
	run, err := tx.LockRun(ctx, id)
	if err != nil {
		return run, err
	}
	run.Clocks.FirstEffect = at
	return run, tx.UpdateRun(ctx, &run)
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
	slice  *dr.Slice
	send   sender
	stop   <-chan struct{} // closed when the process stops
}

// land sends the attempt, proves what it did, writes the outcome, and answers where the step is.
func (f *flight) land(ctx context.Context, i int) landing {
	e := f.r.e
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
	for try := 0; ; try++ {
		err := write()
		if dr.KindOf(err) != dr.Unavailable {
			return err
		}
		if try%60 == 0 {
			f.r.e.cfg.Log.Error(doing+"; it is tried again every second", "run", f.a.Run, "step", f.a.Step, "err", err)
		}
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
