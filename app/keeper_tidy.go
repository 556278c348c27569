package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	tidyEvery  = 24 * time.Hour
	tidyAtOnce = 500                // rows of a kind in one transaction
	tidyRounds = 40                 // transactions in one round
	sentStays  = 7 * 24 * time.Hour // a message that was taken is looked at no more, but for days something may have to be found out
	cardsStay  = 50_000             // newest cards of the channel that stay at most
)

// tidy lets go of what was said long ago: cards and lines of the channel, and messages that were taken.
// The journal tells all of it for ever. What an open run needs stays however old it is, and while a run
// moves nothing is done. Of servers that share a database one does it; the others look again later.
func (k *keeper) tidy(ctx context.Context) error {
	now := k.clock.Now()
	p := store.Pruning{Sent: dr.At(now.Add(-sentStays)), Keep: math.MaxInt32, Most: tidyAtOnce}
	if k.said > 0 {
		p.Cards, p.Keep = dr.At(now.Add(-k.said)), cardsStay
	}
	epoch, held, err := k.acquire(ctx)
	if err != nil {
		return err
	}
	next := eraseLater
	for range tidyRounds {
		if !held {
			break
		}
		more := false
		err := k.store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.RenewLease(ctx, keeperLease, k.instance, epoch, leaseOfRound); err != nil {
				return err
			}
			if err := still(ctx, &tx.Reader); err != nil {
				return err
			}
			cards, sent, err := tx.Prune(ctx, p)
			more = cards == tidyAtOnce || sent == tidyAtOnce
			return err
		})
		if errors.Is(err, errLater) {
			break
		}
		if err != nil {
			return errors.Join(fmt.Errorf("removing what was said long ago: %w", err), k.release(ctx, epoch))
		}
		if !more {
			next = tidyEvery
			break
		}
	}
	k.tidyAt = now.Add(next)
	if !held {
		return nil
	}
	return k.release(ctx, epoch)
}
