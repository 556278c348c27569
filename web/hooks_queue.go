package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	batch      = 500    // signals of one transaction: some milliseconds in which nobody else writes
	mostQueued = 20_000 // signals that wait; beyond, senders are asked to come again
	queueWaits = 20 * time.Second
)

// errQueueFull: too much waits to be stored already.
var errQueueFull = errors.New("too many signals are waiting to be stored")

// queue stores signals of many requests together, so that a flood of them takes one small transaction at a
// time and leaves room for everybody else's between two. Whoever waits first does the work for those behind;
// there is no worker to start or stop.
type queue struct {
	store *store.Store
	heard func() // told after signals were stored; may be nil

	turn    chan struct{} // held by whoever stores
	mu      sync.Mutex
	parts   []part
	waiting int
}

// part is at most a batch of one delivery.
type part struct {
	of      *delivery
	signals []dr.Signal
}

// delivery is what one request brought.
type delivery struct {
	left  int // parts not stored yet
	fresh int
	err   error
	done  chan struct{}
}

func newQueue(st *store.Store, heard func()) *queue {
	return &queue{store: st, heard: heard, turn: make(chan struct{}, 1)}
}

// put returns when all signals are stored, and says how many were new. A caller that leaves early finds
// them stored all the same.
func (q *queue) put(ctx context.Context, signals []dr.Signal) (fresh int, err error) {
	if len(signals) == 0 {
		return 0, nil
	}
	d, err := q.enter(signals)
	if err != nil {
		return 0, err
	}
	for {
		select {
		case <-d.done:
			return d.fresh, d.err
		case <-ctx.Done():
			return 0, ctx.Err()
		case q.turn <- struct{}{}:
			q.work(d)
			<-q.turn
		}
	}
}

func (q *queue) enter(signals []dr.Signal) (*delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting+len(signals) > mostQueued {
		return nil, errQueueFull
	}
	q.waiting += len(signals)
	d := &delivery{done: make(chan struct{})}
	for len(signals) > 0 {
		n := min(batch, len(signals))
		q.parts = append(q.parts, part{d, signals[:n]})
		signals = signals[n:]
		d.left++
	}
	return d, nil
}

// work stores until the caller's own delivery is done.
func (q *queue) work(d *delivery) {
	for {
		select {
		case <-d.done:
			return
		default:
		}
		parts := q.take()
		fresh, err := q.save(parts)
		q.settle(parts, fresh, err)
		if err == nil && q.heard != nil {
			q.heard()
		}
	}
}

// take is what comes first, up to a batch.
func (q *queue) take() []part {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.parts) && (n == 0 || size+len(q.parts[n].signals) <= batch) {
		size += len(q.parts[n].signals)
		n++
	}
	parts := q.parts[:n:n]
	q.parts = q.parts[n:]
	return parts
}

// save stores parts in one transaction and says how many signals of each were new.
func (q *queue) save(parts []part) (fresh []int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), queueWaits)
	defer cancel()
	var all []dr.Signal
	for _, p := range parts {
		all = append(all, p.signals...)
	}
	var stored []dr.Signal
	err = q.store.Write(ctx, func(tx *store.Tx) error {
		stored, err = tx.PutSignals(ctx, all)
		return err
	})
	fresh = make([]int, len(parts))
	if err != nil {
		return fresh, err
	}
	news := make(map[string]bool, len(stored))
	for _, s := range stored {
		news[s.Key] = true
	}
	for i, p := range parts {
		for _, s := range p.signals {
			if news[s.Key] {
				fresh[i]++
				delete(news, s.Key) // said twice, it was new once
			}
		}
	}
	return fresh, nil
}

func (q *queue) settle(parts []part, fresh []int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, p := range parts {
		q.waiting -= len(p.signals)
		if err != nil {
			p.of.err = err
		} else {
			p.of.fresh += fresh[i]
		}
		if p.of.left--; p.of.left == 0 {
			close(p.of.done)
		}
	}
}
