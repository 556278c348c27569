package slack

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	sweepEvery = 5 * time.Second
	abandoned  = dr.Millis(20_000) // after which what another server took is worked here
	sweepMost  = 500
	hands      = 16 // people answered at once
	nothing    = "{}"
	awaited    = dr.Millis(10 * 60_000) // until Slack has brought an event for the last time
)

// queue holds what waits to be worked, in order for each person.
type queue struct {
	mu     sync.Mutex
	taken  map[string]bool    // by key: waiting or being worked
	lanes  map[string][]heard // by user; there while somebody works it
	free   chan struct{}
	begin  func(user string)
	closed bool
}

func (q *queue) put(h heard) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.taken[h.keys[0]] {
		return
	}
	q.taken[h.keys[0]] = true
	q.line(h)
}

// add takes what was claimed.
func (q *queue) add(h heard) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		delete(q.taken, h.keys[0])
		return
	}
	q.line(h)
}

// line puts it behind what the same user said before. The lock is held.
func (q *queue) line(h heard) {
	_, busy := q.lanes[h.User]
	q.lanes[h.User] = append(q.lanes[h.User], h)
	if !busy {
		q.begin(h.User)
	}
}

// next is what a user said next; false ends the lane.
func (q *queue) next(user string, done string) (heard, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.taken, done)
	all := q.lanes[user]
	if len(all) == 0 || q.closed {
		delete(q.lanes, user)
		return heard{}, false
	}
	q.lanes[user] = all[1:]
	return all[0], true
}

// work answers what is in the inbox until the context ends, and sees that nothing is left lying there.
func (s *Slack) work(ctx context.Context) {
	var all sync.WaitGroup
	s.queue.open(func(user string) {
		all.Go(func() { s.lane(ctx, user) })
	})
	first := s.cfg.Store.Dialect() == "sqlite" // nobody else works it: what a crash left is ours at once
	for ctx.Err() == nil {
		wait := s.cfg.Clock.After(sweepEvery)
		if err := s.sweep(ctx, first); err != nil && ctx.Err() == nil {
			s.cfg.Log.ErrorContext(ctx, "looking into the inbox; it is looked at again", "error", err)
		} else {
			first = false
		}
		select {
		case <-ctx.Done():
		case <-wait:
		}
	}
	s.queue.close()
	all.Wait()
}

func (q *queue) open(begin func(string)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begin, q.closed = begin, false
	for user := range q.lanes {
		begin(user)
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// sweep takes up what nobody works: what a crash left, and what another server took and lost.
func (s *Slack) sweep(ctx context.Context, everything bool) error {
	var open []store.InboxEvent
	err := s.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		open, err = r.OpenInbox(ctx, sweepMost)
		return err
	})
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Time()
	for _, e := range open {
		if e.Surface != Surface || !everything && now.Since(e.Received) < abandoned {
			continue
		}
		var h heard
		if e.Body == nothing && now.Since(e.Received) < awaited {
			continue
		}
		if err := json.Unmarshal([]byte(e.Body), &h); err != nil || h.Kind == "" {
			s.cfg.Log.ErrorContext(ctx, "what was kept in the inbox cannot be read and is passed over", "event", e.Event, "error", err)
			s.done(ctx, e.Event)
			continue
		}
		h.keys = []string{e.Event}
		s.queue.put(h)
	}
	return nil
}

// lane works what one user said, one after the other.
func (s *Slack) lane(ctx context.Context, user string) {
	done := ""
	for {
		h, more := s.queue.next(user, done)
		if !more {
			return
		}
		select {
		case s.queue.free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.answer(ctx, h)
		s.done(ctx, h.keys[0])
		<-s.queue.free
		done = h.keys[0]
	}
}

// done marks what is answered, together with whatever comes in at that moment; at the end of the day alone.
func (s *Slack) done(ctx context.Context, event string) {
	s.cfg.Point("worked")
	marked := make(chan error, 1)
	f := frame{heard: heard{keys: []string{event}}, worked: true, kept: func(_ bool, err error) { marked <- err }}
	err := context.Canceled
	select {
	case s.frames <- f:
		select {
		case err = <-marked:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	if err != nil {
		_, err = s.keepAll(context.WithoutCancel(ctx), []frame{f})
	}
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "what came from Slack is answered and cannot be marked so", "event", event, "error", err)
	}
}
