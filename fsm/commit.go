package fsm

import (
	"context"
	"sync"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// outcomes makes the outcomes of one run's steps durable. While the disk works on one commit, those
// that come in wait and then share the next, so that forty steps that land at one moment cost two
// commits and not forty.
type outcomes struct {
	mu      sync.Mutex
	waiting []*pendingOutcome
	busy    bool
}

// pendingOutcome is one that waits to be written.
type pendingOutcome struct {
	write func(tx *store.Tx) (*dr.Run, error)
	run   *dr.Run // as it left the run; nil if unchanged
	err   error
	done  chan struct{}
}

// put returns when the outcome is durable, or is known not to be.
func (o *outcomes) put(ctx context.Context, s *store.Store, write func(tx *store.Tx) (*dr.Run, error)) (*dr.Run, error) {
	e := &pendingOutcome{write: write, done: make(chan struct{})}
	o.mu.Lock()
	o.waiting = append(o.waiting, e)
	if !o.busy {
		o.busy = true
		go o.work(context.WithoutCancel(ctx), s)
	}
	o.mu.Unlock()
	<-e.done
	return e.run, e.err
}

// work writes until nothing waits.
func (o *outcomes) work(ctx context.Context, s *store.Store) {
	for {
		o.mu.Lock()
		batch := o.waiting
		o.waiting = nil
		o.busy = len(batch) > 0
		o.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if commit(ctx, s, batch) != nil && len(batch) > 1 {
			for i := range batch { // one of them may have spoilt it for all
				commit(ctx, s, batch[i:i+1])
			}
		}
		for _, e := range batch {
			close(e.done)
		}
	}
}

// commit writes outcomes in one transaction and tells each of them how it went.
func commit(ctx context.Context, s *store.Store, batch []*pendingOutcome) error {
	err := s.Write(ctx, func(tx *store.Tx) (err error) {
		for _, e := range batch {
			if e.run, err = e.write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, e := range batch {
		if e.err = err; err != nil {
			e.run = nil
		}
	}
	return err
}
