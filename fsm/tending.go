package fsm

import (
	"context"
	"fmt"
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
	looked  time.Time // at another's lease
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
