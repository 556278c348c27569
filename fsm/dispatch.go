package fsm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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

// fillRun puts the run's id where a call asks for it.
func fillRun(c dr.Call, run string) dr.Call {
	out := dr.Call{Action: c.Action, Params: make(map[string]any, len(c.Params))}
	for k, v := range c.Params {
		out.Params[k] = fill(v, run)
	}
	return out
}

func fill(v any, run string) any {
	switch t := v.(type) {
	case string:
		if t == "{run}" {
			return run
		}
	case []string:
		list := make([]string, len(t))
		for i := range t {
			list[i], _ = fill(t[i], run).(string)
		}
		return list
	case map[string]string:
		m := make(map[string]string, len(t))
		for k := range t {
			m[k], _ = fill(t[k], run).(string)
		}
		return m
	case dr.Call: // such as the two looks of a reconciliation
		return fillRun(t, run)
	}
	return v
}
