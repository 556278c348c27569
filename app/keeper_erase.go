package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// errLater says that now is not the moment to erase.
var errLater = errors.New("a run is moving")

// erase ends evidence that no run needs any more: the content goes, rows and digests stay. On
// PostgreSQL the server that holds the lease does it.
func (k *keeper) erase(ctx context.Context) error {
	epoch, held, err := k.acquire(ctx)
	if err != nil {
		return err
	}
	next := erasesEvery
	if held {
		before := dr.At(k.clock.Now().Add(-k.keep))
		old, seen, more, err := k.old(ctx, before)
		if err == nil {
			err = k.eraseAll(ctx, old, seen, epoch)
		}
		if errors.Is(err, errLater) {
			more, err = true, nil
		}
		if err = errors.Join(err, k.release(ctx, epoch)); err != nil {
			return err
		}
		if more {
			next = eraseLater
		}
		k.erasing.WithLabelValues("ok").Inc()
	}
	k.eraseAt = k.clock.Now().Add(next)
	return nil
}

func (k *keeper) acquire(ctx context.Context) (epoch int64, held bool, err error) {
	err = k.store.Write(ctx, func(tx *store.Tx) (err error) {
		epoch, held, err = tx.AcquireLease(ctx, keeperLease, k.instance, leaseOfRound)
		return err
	})
	return epoch, held, err
}

func (k *keeper) release(ctx context.Context, epoch int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return k.store.Write(ctx, func(tx *store.Tx) error { return tx.ReleaseLease(ctx, keeperLease, k.instance, epoch) })
}

// old lists evidence kept before a moment, but for that of runs which are open or ended after it.
// Content is kept once: what an old run and a young one both name is young. seen is how long the
// journal was at that moment.
func (k *keeper) old(ctx context.Context, before dr.Time) (old []dr.Blob, seen int64, more bool, err error) {
	err = k.store.Read(ctx, func(r *store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		seen = head.Size
		first, err := r.BlobsBefore(ctx, before, 1)
		if err != nil || len(first) == 0 {
			return err // on most days there is nothing to do, and no run is looked at
		}
		young, err := youngEvidence(ctx, r, before)
		if err != nil {
			return err
		}
		blobs, err := r.BlobsBefore(ctx, before, erasesMost+len(young))
		if err != nil {
			return err
		}
		more = len(blobs) == erasesMost+len(young)
		for _, b := range blobs {
			if !young[b.Digest] {
				old = append(old, b)
			}
		}
		return nil
	})
	return old, seen, more, err
}

// youngEvidence names what must stay.
func youngEvidence(ctx context.Context, r *store.Reader, before dr.Time) (map[string]bool, error) {
	runs, err := r.Runs(ctx, store.Filter{Limit: 1 << 30})
	if err != nil {
		return nil, err
	}
	young := map[string]bool{}
	for _, run := range runs {
		if run.State.Ended() && run.Clocks.Ended.Before(before.Time) {
			continue
		}
		attempts, err := r.Attempts(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		for _, a := range attempts {
			for _, b := range a.Evidence {
				young[b.Digest] = true
			}
		}
	}
	return young, nil
}

// eraseAll erases in small transactions.
func (k *keeper) eraseAll(ctx context.Context, old []dr.Blob, seen, epoch int64) error {
	for n := 0; n < len(old); n += erasesAtOnce {
		part := old[n:min(n+erasesAtOnce, len(old))]
		var now int64
		err := k.store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.RenewLease(ctx, keeperLease, k.instance, epoch, leaseOfRound); err != nil {
				return err
			}
			var err error
			if now, err = calm(ctx, tx, seen); err != nil {
				return err
			}
			for _, b := range part {
				if err := tx.EraseBlob(ctx, dr.Itself(), b.Digest); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("erasing evidence: %w", err)
		}
		seen = now
		k.erased.Add(float64(len(part)))
	}
	if len(old) > 0 {
		k.log.Info("evidence was erased that had been kept long enough", "pieces", len(old), "days", int(k.keep.Hours()/24))
	}
	return nil
}

// calm answers errLater while a run moves, or when a step has ended since the evidence was looked
// at: what is kept for it may be the very content that was kept long ago. It answers how long the
// journal is now.
func calm(ctx context.Context, tx *store.Tx, seen int64) (int64, error) {
	if err := still(ctx, &tx.Reader); err != nil {
		return 0, err
	}
	rows, _, err := tx.Rows(ctx, seen, erasesMost)
	if err != nil {
		return 0, err
	}
	if len(rows) == erasesMost || slices.ContainsFunc(rows, func(r dr.Row) bool { return r.Kind == dr.RowOutcome }) {
		return 0, errLater
	}
	return seen + int64(len(rows)), nil
}

// still is errLater while a run is moving.
func still(ctx context.Context, r *store.Reader) error {
	moving, err := r.Runs(ctx, store.Filter{States: []dr.State{dr.Running, dr.Verifying, dr.RollingBack, dr.Paused}, Limit: 1})
	if err != nil {
		return err
	}
	if len(moving) > 0 {
		return errLater
	}
	return nil
}
