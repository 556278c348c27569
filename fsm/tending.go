package fsm

import (
	"context"
	"errors"
	"fmt"
	"github.com/switchman-dr/switchman/approval"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// tendLease is held by the one server that does what nobody asked for: gathers facts, lets rounds expire,
// notices changed files, calls people. Runs have leases of their own.
const tendLease = "tender"

// tending is this process among those that might tend.
type tending struct {
	mu      sync.Mutex
	epoch   int64 // of the lease while it is held; 0: it is not
	renewed time.Time
}

// leads takes or keeps the lease and says whether it is held. Without work nobody needs it; where one process
// has the store to itself there is no lease.
func (e *Engine) leads(ctx context.Context, work bool) (bool, error) {
	if e.cfg.Store.Dialect() == "sqlite" {
		return true, nil
	}
	t := &e.tending
	t.mu.Lock()
	defer t.mu.Unlock()
	now := e.cfg.Clock.Now()
	since := now.Sub(t.renewed)
	if t.epoch != 0 && since >= 0 && since < leaseRenews || !work {
		return t.epoch != 0, nil
	}
	if t.epoch == 0 {
		if taken, err := e.taken(ctx, tendLease); err != nil || taken { // looking costs no commit
			return false, err
		}
	}
	var epoch int64
	err := e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		got, held, err := tx.AcquireLease(ctx, tendLease, e.cfg.Instance, leaseHolds)
		if epoch = got; !held {
			epoch = 0
		}
		return err
	})
	if t.epoch = epoch; err != nil {
		t.epoch = 0
		return false, fmt.Errorf("taking the lease of who tends: %w", err)
	}
	t.renewed = now
	return t.epoch != 0, nil
}

// taken reports whether somebody else holds a lease now.
func (e *Engine) taken(ctx context.Context, name string) (taken bool, err error) {
	now, err := e.cfg.Store.Now(ctx)
	if err != nil {
		return false, err
	}
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		l, err := r.Lease(ctx, name)
		taken = err == nil && l.Holder != "" && l.Holder != e.cfg.Instance && l.Until.After(now.Time)
		if dr.KindOf(err) == dr.NotFound {
			err = nil
		}
		return err
	})
	return taken, err
}

// tends holds the lease for a transaction, so that one who was stopped and woken writes nothing.
func (e *Engine) tends(ctx context.Context, tx *store.Tx) error {
	if e.cfg.Store.Dialect() == "sqlite" {
		return nil
	}
	e.tending.mu.Lock()
	epoch := e.tending.epoch
	e.tending.mu.Unlock()
	return tx.Fence(ctx, tendLease, e.cfg.Instance, epoch)
}

// untend gives the lease back, so that another server goes on at once.
func (e *Engine) untend(ctx context.Context) {
	e.tending.mu.Lock()
	defer e.tending.mu.Unlock()
	if e.tending.epoch == 0 {
		return
	}
	err := e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.ReleaseLease(ctx, tendLease, e.cfg.Instance, e.tending.epoch)
	})
	if e.tending.epoch = 0; err != nil {
		e.cfg.Log.Warn("giving the lease of who tends back; it runs out by itself", "err", err)
	}
}

// tend is the loop behind everything nobody asked for: facts to gather, rounds that expire, files
// that change, runs that have no owner.
func (e *Engine) tend(ctx context.Context) {
	for {
		if err := e.round(ctx); err == nil {
			e.relieved("tend")
		} else if ctx.Err() == nil {
			e.complain("tend", "tending runs", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.kick:
		case <-e.cfg.Clock.After(time.Second):
		}
	}
}

// round looks once at every open run. Looks and calls wait for the world outside, so they go their own
// way: a mail server that does not answer must not keep a run from starting.
func (e *Engine) round(ctx context.Context) error {
	var runs []dr.Run
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		runs, err = r.Runs(ctx, store.Filter{States: openRunStates()})
		return err
	})
	if err != nil {
		return fmt.Errorf("listing open runs: %w", err)
	}
	leads, err := e.leads(ctx, len(runs) > 0)
	if err != nil {
		return err
	}
	e.keepLines(ctx, runs, leads)
	for _, run := range runs {
		if ctx.Err() != nil {
			return nil
		}
		switch run.State {
		case dr.Running, dr.Verifying, dr.RollingBack, dr.Paused:
			e.own(ctx, run.ID, run.Version)
		}
		e.aside(run.ID, func() {
			if err := e.tendOne(ctx, run, leads); err == nil {
				e.relieved(run.ID+"/tend", "run", run.ID)
			} else if ctx.Err() == nil && !errors.Is(err, store.ErrFenced) { // another server tends now
				e.complain(run.ID+"/tend", "tending a run", err, "run", run.ID, "state", run.State)
			}
		})
	}
	return nil
}

// tendOne does what time, files and silence do to one run. Of several servers one does it, but for calls: each
// knows of places that it cannot reach.
func (e *Engine) tendOne(ctx context.Context, run dr.Run, leads bool) error {
	var err error
	state := run.State
	if !leads {
		state = ""
	}
	switch state {
	case dr.Draft, dr.Preflight:
		err = e.look(ctx, run.ID)
	case dr.AwaitingApproval, dr.AwaitingCode:
		err = e.tendRound(ctx, run)
	case dr.AtStandby:
		err = e.tendSoak(ctx, run)
	}
	if err != nil {
		return err
	}
	return e.callOut(ctx, run)
}

// aside does something for a run beside the loop, unless the last of it is still at it.
func (e *Engine) aside(run string, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tended[run] {
		return
	}
	e.tended[run] = true
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		do()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.tended, run)
	}()
}

func openRunStates() []dr.State {
	var open []dr.State
	for _, s := range dr.States() {
		if !s.Ended() {
			open = append(open, s)
		}
	}
	return open
}

// tendRound does what time and files do to an open round: it expires, or the slice changed.
func (e *Engine) tendRound(ctx context.Context, run dr.Run) error {
	current, err := e.compile(run)
	if err != nil {
		current = run.Digest // unreadable files void nothing; the start is refused while they are
	}
	s, err := e.readSituation(ctx, run.ID)
	if err != nil {
		return err
	}
	if _, _, late := approval.Expire(s.Case); !late && current == run.Digest {
		if run.State == dr.AwaitingCode && e.linesChanged(run, s.Slice) {
			return e.look(ctx, run.ID)
		}
		return nil
	}
	look, expired := false, false
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		look, expired = false, false
		if err := e.tends(ctx, tx); err != nil {
			return err
		}
		locked, err := tx.LockRun(ctx, run.ID)
		if err != nil || locked.Version != run.Version {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil || s.ClockStepped {
			return err
		}
		d := &decision{s: s, a: Act{Actor: dr.Itself()}, c: &Change{Run: cloneRun(locked)}}
		state, _, late := approval.Expire(s.Case)
		switch {
		case late && state == dr.Expired:
			expired = true
			d.endRound("expired", "")
			d.move(evExpire, "", "")
		case late && state == dr.AwaitingApproval:
			d.revokeCodes("quorum_lost")
			d.move(evQuorumOff, "", "")
		case current != locked.Digest:
			d.c.Recompile, look = true, true
		default:
			return nil
		}
		return e.apply(ctx, tx, &s, d.c)
	})
	if err == nil && look {
		return e.look(ctx, run.ID)
	}
	if err == nil && expired {
		e.anchor(ctx, run.ID, "end")
	}
	return err
}

// tendSoak says once that a run has served at the standby for as long as its plan wants: from then on
// it may go back, and nothing else would tell the people who wait for that.
func (e *Engine) tendSoak(ctx context.Context, run dr.Run) error {
	if run.Soaked || run.Mode == dr.Emergency {
		return nil
	}
	var plan *dr.Slice
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		plan, err = e.slice(ctx, r, run.Digest)
		return err
	})
	if err != nil || plan.Soak == 0 || e.now().Since(run.Clocks.Restored) < plan.Soak {
		return err
	}
	return e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := e.tends(ctx, tx); err != nil {
			return err
		}
		locked, err := tx.LockRun(ctx, run.ID)
		if err != nil || locked.Version != run.Version {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil || s.ClockStepped || soakLeft(s) > 0 {
			return err
		}
		locked.Soaked = true
		tx.Journal(newRow(s.Now, run.ID, dr.RowSoaked, dr.Itself(), dr.SoakedData{Wanted: s.Slice.Soak}))
		return tx.UpdateRun(ctx, &locked)
	})
}
