package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// Of several servers that share a database one writes what is kept of runbooks: their vectors, and when each
// was seen to change. The others read: each has an index of its own, over its own copy of the files, with
// the vectors the one has made. Whoever holds the lease keeps it with every writing; when it falls silent,
// another goes on where it was.
const (
	indexerLease = "runbooks"
	indexerHolds = 30 * time.Second
	indexerLooks = 10 * time.Second // how often others look for new vectors, or for the lease
)

// errFollows says that another server writes.
var errFollows = errors.New("another server encodes the runbooks")

// indexer is this process among those that might write.
type indexer struct {
	store    *store.Store
	instance string
	epoch    atomic.Int64 // of the lease held last; 0: never
}

// leads takes or keeps the lease within a transaction; false: another one has it, and nothing is to be written.
func (i *indexer) leads(ctx context.Context, tx *store.Tx) (bool, error) {
	epoch, held, err := tx.AcquireLease(ctx, indexerLease, i.instance, indexerHolds)
	if held {
		i.epoch.Store(epoch)
	}
	return held, err
}

// keep takes or keeps the lease by itself; the error is errFollows while another one has it.
func (i *indexer) keep(ctx context.Context) error {
	return i.write(ctx, func(*store.Tx) error { return nil })
}

// write writes if this process leads, and says errFollows if it does not.
func (i *indexer) write(ctx context.Context, fn func(*store.Tx) error) error {
	return i.store.Write(ctx, func(tx *store.Tx) error {
		held, err := i.leads(ctx, tx)
		if err == nil && !held {
			err = errFollows
		}
		if err != nil {
			return err
		}
		return fn(tx)
	})
}

// vectors are kept by whoever leads and read by all.
func (i *indexer) vectors() knowledge.Keep {
	kept := knowledge.KeepIn(i.store)
	kept.Save = func(ctx context.Context, model string, passages map[string][][]float32) error {
		return i.write(ctx, func(tx *store.Tx) error { return tx.PutVectors(ctx, model, passages) })
	}
	return kept
}

// release lets another server go on at once.
func (i *indexer) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if i.epoch.Load() == 0 {
		return nil
	}
	return i.store.Write(ctx, func(tx *store.Tx) error { return tx.ReleaseLease(ctx, indexerLease, i.instance, i.epoch.Load()) })
}
