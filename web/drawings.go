package web

import (
	"context"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// drawingsKept is how long what one page found in the store is good for others: drawings of another server
// ring no bell here.
const drawingsKept = time.Second

// drawings keeps the cards that the page that looked last found new. All open pages are woken by one ring of
// the bell and look for the same; the first of them reads the store for all.
type drawings struct {
	mu    sync.Mutex
	rings uint64 // of the bell, before the store was read
	at    time.Time
	after int64
	cards []store.Card
}

// since lists the cards drawn after a change, in the order of their drawings. rings is how often the bell had
// rung before the caller asked: what it rang for is in the answer.
func (d *drawings) since(ctx context.Context, from *store.Store, clock dr.Clock, rings uint64, after int64) ([]store.Card, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := clock.Now()
	if age := now.Sub(d.at); d.after == after && d.rings >= rings && age >= 0 && age < drawingsKept {
		return d.cards, nil
	}
	var all []store.Card
	err := from.Read(ctx, func(rd *store.Reader) error {
		all = nil
		for last := after; ; last = all[len(all)-1].Change {
			found, err := rd.CardsChanged(ctx, last, page)
			all = append(all, found...)
			if err != nil || len(found) < page {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if len(all) <= page {
		d.rings, d.at, d.after, d.cards = rings, now, after, all
	}
	return all, nil
}
