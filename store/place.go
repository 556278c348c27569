package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Placements lists where systems live that were ever placed, by system.
func (r *Reader) Placements(ctx context.Context) ([]dr.Placement, error) {
	rows, err := r.q.Placements(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading placements: %w", err)
	}
	places := make([]dr.Placement, len(rows))
	for i, row := range rows {
		places[i] = placementOf(row)
	}
	return places, nil
}

// Placement reads where one system lives; NotFound means it was never moved and lives at home.
func (r *Reader) Placement(ctx context.Context, system string) (dr.Placement, error) {
	row, err := r.q.GetPlacement(ctx, system)
	if err != nil {
		return dr.Placement{}, fmt.Errorf("reading the placement of %s: %w", system, one(err, "placement", system))
	}
	return placementOf(row), nil
}

func placementOf(p queries.Placement) dr.Placement {
	return dr.Placement{System: p.System, Site: p.Site, Since: dr.FromMicros(p.SinceAt), Run: p.RunID,
		Proven: dr.FromMicros(p.ProvenAt), Previous: p.Previous}
}

// SetPlacement stores where a system lives now.
func (t *Tx) SetPlacement(ctx context.Context, p dr.Placement) error {
	err := t.q.PutPlacement(ctx, queries.PutPlacementParams{System: p.System, Site: p.Site, SinceAt: p.Since.Micros(), RunID: p.Run,
		ProvenAt: p.Proven.Micros(), Previous: p.Previous})
	if err != nil {
		return fmt.Errorf("storing the placement of %s: %w", p.System, err)
	}
	return nil
}

// Lock is a system or shared resource and the run that holds it.
type Lock struct {
	Name string
	Run  string
	Refs int // how often the run took it
	At   dr.Time
}

// Locks lists what is held, by name.
func (r *Reader) Locks(ctx context.Context) ([]Lock, error) {
	rows, err := r.q.Locks(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading locks: %w", err)
	}
	var locks []Lock
	for _, l := range rows {
		locks = append(locks, Lock{Name: l.Name, Run: l.RunID, Refs: int(l.Refs), At: dr.FromMicros(l.TakenAt)})
	}
	return locks, nil
}

// TakeLocks takes systems and shared resources for a run, all or none: Conflict names the first that
// another run holds, and that run. A name given twice, or held already by the same run, counts up.
func (t *Tx) TakeLocks(ctx context.Context, run string, names []string) error {
	refs := map[string]int64{}
	for _, name := range names {
		refs[name]++
	}
	now := t.s.opts.Clock.Time().Micros()
	for _, name := range slices.Sorted(maps.Keys(refs)) { // one order for all, so that two runs never wait in a circle
		n, err := t.q.TakeLock(ctx, queries.TakeLockParams{Name: name, RunID: run, Refs: refs[name], TakenAt: now})
		if err != nil {
			return fmt.Errorf("taking %s for run %s: %w", name, run, err)
		}
		if n == 1 {
			continue
		}
		holder, err := t.q.LockHolder(ctx, name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("asking who holds %s: %w", name, err)
		}
		return conflict("lock_held", dr.Args{"name": name, "run": holder})
	}
	return nil
}

// DropLocks gives back what a run holds: everything, or one count of each name given.
func (t *Tx) DropLocks(ctx context.Context, run string, names ...string) error {
	if len(names) == 0 {
		if err := t.q.DropLocks(ctx, run); err != nil {
			return fmt.Errorf("dropping the locks of run %s: %w", run, err)
		}
		return nil
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if _, err := t.q.ReleaseLock(ctx, name, run); err != nil {
			return fmt.Errorf("dropping %s of run %s: %w", name, run, err)
		}
	}
	if err := t.q.DropFreeLocks(ctx, run); err != nil {
		return fmt.Errorf("dropping the locks of run %s: %w", run, err)
	}
	return nil
}

// MoveLocks hands locks from one run to another, as from a run at the standby site to the one that
// brings its systems back. Names the first run does not hold are left alone.
func (t *Tx) MoveLocks(ctx context.Context, from, to string, names []string) error {
	for _, name := range slices.Sorted(slices.Values(names)) {
		if _, err := t.q.MoveLock(ctx, to, name, from); err != nil {
			return fmt.Errorf("handing %s from run %s to %s: %w", name, from, to, err)
		}
	}
	return nil
}

// Lease says who owns something for a while: a run's executor, or a singleton.
type Lease struct {
	Name   string
	Holder string // empty: given back
	Epoch  int64  // counts owners; see [Tx.Fence]
	Until  dr.Time
}

// Lease reads a lease; NotFound means nobody ever held it.
func (r *Reader) Lease(ctx context.Context, name string) (Lease, error) {
	l, err := r.q.GetLease(ctx, name)
	if err != nil {
		return Lease{}, fmt.Errorf("reading lease %s: %w", name, one(err, "lease", name))
	}
	return Lease{Name: l.Name, Holder: l.Holder, Epoch: l.Epoch, Until: dr.FromMicros(l.UntilAt)}, nil
}

// Leases lists what is held now, by name.
func (r *Reader) Leases(ctx context.Context) ([]Lease, error) {
	now, err := r.s.now(ctx, r.db)
	if err != nil {
		return nil, err
	}
	rows, err := r.q.Leases(ctx, now.Micros())
	if err != nil {
		return nil, fmt.Errorf("listing leases: %w", err)
	}
	var out []Lease
	for _, l := range rows {
		out = append(out, Lease{Name: l.Name, Holder: l.Holder, Epoch: l.Epoch, Until: dr.FromMicros(l.UntilAt)})
	}
	return out, nil
}

// AcquireLease takes a lease that is free, has run out, or is the holder's own, and gives its new
// epoch. held is false while somebody else has it, and at a site that takes no work.
func (t *Tx) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (epoch int64, held bool, err error) {
	if works, err := t.works(ctx); err != nil || !works {
		return 0, false, err
	}
	now, err := t.Now(ctx)
	if err != nil {
		return 0, false, err
	}
	epoch, err = t.q.AcquireLease(ctx, queries.AcquireLeaseParams{Name: name, Holder: holder, UntilAt: dr.At(now.Add(ttl)).Micros(), NowAt: now.Micros()})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("acquiring lease %s: %w", name, err)
	}
	return epoch, true, nil
}

// RenewLease moves the end of a lease that is still the holder's, or says [ErrFenced].
func (t *Tx) RenewLease(ctx context.Context, name, holder string, epoch int64, ttl time.Duration) error {
	now, err := t.Now(ctx)
	if err != nil {
		return err
	}
	if works, err := t.works(ctx); err != nil || !works {
		return fenced(0, err, "renewing", name)
	}
	n, err := t.q.RenewLease(ctx, queries.RenewLeaseParams{UntilAt: dr.At(now.Add(ttl)).Micros(), Name: name, Holder: holder, Epoch: epoch})
	return fenced(n, err, "renewing", name)
}

// ReleaseLease gives a lease back; one that is no longer the holder's is left alone.
func (t *Tx) ReleaseLease(ctx context.Context, name, holder string, epoch int64) error {
	if _, err := t.q.ReleaseLease(ctx, name, holder, epoch); err != nil {
		return fmt.Errorf("releasing lease %s: %w", name, err)
	}
	return nil
}

// Fence holds the lease's row for this transaction if the lease is the holder's in this epoch, and
// says [ErrFenced] otherwise. Every write of an executor begins with it, so that one that was stopped
// and woken writes nothing.
func (t *Tx) Fence(ctx context.Context, name, holder string, epoch int64) error {
	if t.s.d == sqlite { // the writer is alone: to look is to hold
		l, err := t.q.GetLease(ctx, name)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (l.Holder != holder || l.Epoch != epoch) {
			return ErrFenced
		}
		return fenced(1, err, "checking", name)
	}
	if works, err := t.works(ctx); err != nil || !works {
		return fenced(0, err, "checking", name)
	}
	n, err := t.q.Fence(ctx, name, holder, epoch)
	return fenced(n, err, "checking", name)
}

func fenced(n int64, err error, doing, name string) error {
	if err != nil {
		return fmt.Errorf("%s lease %s: %w", doing, name, err)
	}
	if n != 1 {
		return ErrFenced
	}
	return nil
}

// Now is [Store.Now] inside a transaction.
func (t *Tx) Now(ctx context.Context) (dr.Time, error) { return t.s.now(ctx, t.db) }
