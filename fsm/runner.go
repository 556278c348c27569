package fsm

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	leaseHolds  = 6 * time.Second // a run's owner may be silent this long before another takes it
	leaseRenews = 2 * time.Second
	awayTooLong = 10 * 60 * 1000 // ms; after this a person resumes the run, not the restart
	lookForSlot = 20 * time.Millisecond
	mostInHand  = 64 // steps in flight of one run, whatever its plan allows
)

// runner owns one moving run in this process. One goroutine decides, one per step in flight acts.
type runner struct {
	e        *Engine
	run      dr.Run // as of the last read; its state decides what may be sent
	slice    *dr.Slice
	board    *board
	epoch    int64
	send     sender
	done     chan landing
	outcomes outcomes
	again    chan struct{} // somebody's verb changed the run
	seen     atomic.Int64  // version of the run as last looked at; others may have moved it on
	holds    atomic.Bool   // the lease
	later    <-chan time.Time
}

// sender carries a step out and says what became of it.
type sender func(ctx context.Context, st dr.Step, job actions.Job) actions.Result

// landing is a step that has come to an outcome, durable already.
type landing struct {
	step int
	to   dr.StepState
	fail bool    // the attempt failed, whatever the step does now
	run  *dr.Run // the run as the outcome left it; nil if unchanged
	err  error
}

// own makes sure that somebody runs the run: this process, unless another holds the lease.
func (e *Engine) own(ctx context.Context, id string, version int64) {
	e.mu.Lock()
	if r, mine := e.runners[id]; mine || ctx.Err() != nil {
		e.mu.Unlock()
		if mine && version > r.seen.Load() { // decided through another server, perhaps, which cannot tell this one
			r.reload()
		}
		return
	}
	r := &runner{e: e, done: make(chan landing, mostInHand), again: make(chan struct{}, 1)}
	e.runners[id] = r
	e.wg.Add(1)
	e.mu.Unlock()
	go func() {
		defer e.wg.Done()
		err := r.live(ctx, id)
		e.mu.Lock()
		delete(e.runners, id)
		e.mu.Unlock()
		switch {
		case err == nil || errors.Is(err, errNotMine) || ctx.Err() != nil:
		case errors.Is(err, store.ErrFenced):
			e.cfg.Log.Info("another server carries the run; nothing more of it is written here", "run", id)
		default:
			e.complain(id+"/carry", "carrying out a run; it stands until the next try", err, "run", id)
		}
		if err == nil && r.run.State.Ended() {
			e.complaints.forget(id + "/")
		}
	}()
}

var errNotMine = errors.New("another process owns the run")

// reload tells the runner that its picture of the run is old.
func (r *runner) reload() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// lease is the name of a run's lease.
func lease(run string) string { return "run:" + run }

// live takes the lease, settles what a crash left open, and goes on until the run rests or ends.
func (r *runner) live(ctx context.Context, id string) error {
	if err := r.acquire(ctx, id); err != nil {
		return err
	}
	lost, stop := r.keep(ctx, id)
	defer func() {
		stop()
		r.release(ctx, id)
	}()
	if err := r.load(ctx, id); err != nil {
		return err
	}
	r.e.dial(r.run, r.slice)
	if err := r.recover(ctx); err != nil {
		return err
	}
	for {
		rest, err := r.turn(ctx)
		if err != nil || rest {
			err = r.drain(err)
			if r.run.State.Ended() {
				r.e.anchor(ctx, id, "end")
			}
			return err
		}
		r.e.relieved(id+"/carry", "run", id)
		r.seen.Store(r.run.Version)
		select {
		case l := <-r.done:
			err = r.landAll(l)
		case <-r.later:
			r.later = nil
		case <-r.again:
			err = r.load(ctx, id)
		case err = <-lost:
		case <-ctx.Done():
			return r.drain(nil)
		}
		if err != nil {
			return r.drain(err)
		}
	}
}

// drain waits for the steps in flight, so that their outcomes are written before the lease goes.
func (r *runner) drain(err error) error {
	for r.board != nil && r.board.flying > 0 {
		l := <-r.done
		if lerr := r.land(l); err == nil {
			err = lerr
		}
	}
	return err
}

func (r *runner) acquire(ctx context.Context, id string) error {
	return r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		epoch, held, err := tx.AcquireLease(ctx, lease(id), r.e.cfg.Instance, leaseHolds)
		if err != nil {
			return fmt.Errorf("taking the lease of %s: %w", id, err)
		}
		if !held {
			return errNotMine
		}
		r.epoch = epoch
		r.holds.Store(true)
		return nil
	})
}

func (r *runner) renew(ctx context.Context, id string) error {
	return r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.RenewLease(ctx, lease(id), r.e.cfg.Instance, r.epoch, leaseHolds)
	})
}

// keep renews the lease until stop, whatever the runner waits for meanwhile: a look at a target or a last step may
// take longer than a lease. lost says when another process has it. A database that is away is asked again; what
// is written under a lease that ran out meanwhile and was taken is refused.
func (r *runner) keep(ctx context.Context, id string) (lost <-chan error, stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	gone, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.e.cfg.Clock.After(leaseRenews):
			}
			if err := r.renew(ctx, id); errors.Is(err, store.ErrFenced) {
				gone <- err
				return
			}
		}
	}()
	return gone, func() { cancel(); <-done }
}

// release gives the lease back; if that fails it simply runs out.
func (r *runner) release(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := r.e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.ReleaseLease(ctx, lease(id), r.e.cfg.Instance, r.epoch)
	})
	if err != nil {
		r.e.cfg.Log.Warn("giving a lease back; it runs out by itself", "run", id, "err", err)
	}
}

// load reads run and steps. Steps in flight keep their place on the board.
func (r *runner) load(ctx context.Context, id string) error {
	return r.e.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		run, err := rd.Run(ctx, id)
		if err != nil {
			return err
		}
		slice, err := r.e.slice(ctx, rd, run.Digest)
		if err != nil {
			return err
		}
		rows, err := rd.Steps(ctx, id)
		if err != nil {
			return fmt.Errorf("reading steps: %w", err)
		}
		attempts, err := rd.Attempts(ctx, id)
		if err != nil {
			return fmt.Errorf("reading attempts: %w", err)
		}
		var air []bool
		if r.board != nil {
			air = r.board.air
		}
		r.run, r.slice, r.board = run, slice, newBoard(slice, rows, attempts, air)
		if run.Mode == dr.Rehearsal {
			last, err := rd.LastDurations(ctx, run.Plan)
			if err != nil {
				return fmt.Errorf("reading how long steps took: %w", err)
			}
			r.send = rehearsing(r.e.cfg.Eyes, last)
		} else {
			r.send = acting(r.e.cfg.Hands)
		}
		return nil
	})
}

// landAll takes an outcome into the picture, and with it those that came meanwhile, so that what
// they were waited for by is sent together.
func (r *runner) landAll(l landing) error {
	for {
		if err := r.land(l); err != nil {
			return err
		}
		select {
		case l = <-r.done:
		default:
			return nil
		}
	}
}

// land takes an outcome into the picture.
func (r *runner) land(l landing) error {
	if l.err != nil {
		r.board.landed(l.step, dr.StepUnknown)
		return l.err
	}
	if l.fail {
		r.board.tries[l.step]++
	}
	r.board.landed(l.step, l.to)
	if l.run != nil && l.run.Version >= r.run.Version { // landings may overtake each other
		r.run = *l.run
	}
	if r.board.carried[l.step] {
		r.reload() // its outcome is older than the picture: somebody may have sent it again since, before it landed here
	}
	if l.to == dr.StepReady && r.run.State != dr.Running && r.run.State != dr.Verifying {
		r.reload() // somebody may have taken the step out of the plan while it was in the air
	}
	return nil
}

// turn does everything that can be done now. rest means that nothing is left to do here until
// somebody's verb or a new owner.
func (r *runner) turn(ctx context.Context) (rest bool, err error) {
	if r.run.State == dr.Running || r.run.State == dr.Verifying || r.run.State == dr.Paused {
		if err := r.arrivals(ctx); err != nil {
			return false, err
		}
	}
	switch {
	case r.run.State == dr.Paused && r.run.EndAsked != "" && r.board.flying == 0:
		return true, r.end(ctx)
	case r.run.State == dr.RollingBack:
		return r.undoTurn(ctx)
	case r.run.State == dr.Running || r.run.State == dr.Verifying:
		return r.stepTurn(ctx)
	case r.run.State == dr.Paused:
		return false, nil // keep the lease: the run is ours until it moves on
	}
	return true, nil
}

// stepTurn sends what may go and moves the run along when a phase is through.
func (r *runner) stepTurn(ctx context.Context) (rest bool, err error) {
	for {
		out, hold, err := r.gather(ctx)
		if err == nil && len(out) == 0 {
			if hold != "" && r.board.flying == 0 {
				return false, r.pause(ctx, dr.HoldPoint, hold)
			}
			break
		}
		if err != nil {
			return false, err
		}
		if sent, err := r.dispatchAll(ctx, out); err != nil || !sent || !r.run.State.Moving() {
			return false, err
		}
	}
	if r.run.State == dr.Running && r.board.settled("run", "") {
		if err := r.advance(ctx, evMoved); err != nil {
			return false, err
		}
	}
	if r.run.State == dr.Verifying && r.board.settled("run", "") && r.board.settled("verify", "") && r.board.quiet() {
		return true, r.finish(ctx)
	}
	return false, nil
}

// slot takes a place among all steps in flight of this process. Without one the runner looks again
// shortly: places come free in other runs too.
func (r *runner) slot() bool {
	select {
	case r.e.slots <- struct{}{}:
		return true
	default:
		r.later = r.e.cfg.Clock.After(lookForSlot)
		return false
	}
}

func (r *runner) free() { <-r.e.slots }
