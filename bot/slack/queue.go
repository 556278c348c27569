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
	abandoned  = dr.Millis(20_000) // after which what another server took, and did not claim again, is worked here
	claimAgain = abandoned / 2     // after which what still waits here is claimed again
	sweepMost  = 500
	hands      = 16 // people answered at once
	nothing    = "{}"
	awaited    = dr.Millis(10 * 60_000) // until Slack has brought an event for the last time
)

// queue holds what waits to be worked, in order for each person.
type queue struct {
	mu     sync.Mutex
	taken  map[string]claim   // by key: waiting or being worked
	lanes  map[string][]heard // by user; there while somebody works it
	free   chan struct{}
	begin  func(user string)
	closed bool
}

// claim is what makes an event of the inbox ours, and nobody else's.
type claim struct {
	at    dr.Time   // as the inbox has it; zero: it was never to be had by others
	since time.Time // the same moment by our own clock
}

func (q *queue) put(h heard, c claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, taken := q.taken[h.keys[0]]; q.closed || taken {
		return
	}
	q.taken[h.keys[0]] = c
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

// sweep takes up what nobody works: what a crash left, and what another server took and lost. Of several servers
// one claims it. What waits here for long is claimed again, so that no other takes it for lost.
func (s *Slack) sweep(ctx context.Context, everything bool) error {
	var open []store.InboxEvent
	err := s.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		open, err = r.OpenInbox(ctx, sweepMost)
		return err
	})
	if err != nil || len(open) == 0 {
		return err
	}
	now, err := s.cfg.Store.Now(ctx) // the servers' own clocks may differ
	if err != nil {
		return err
	}
	var due []store.InboxEvent
	for _, e := range open {
		_, taken := s.queue.claimed(e.Event)
		age := now.Since(e.Received)
		if e.Surface == Surface && (everything || age >= abandoned || taken && age >= claimAgain) && (e.Body != nothing || age >= awaited) {
			due = append(due, e)
		}
	}
	return s.takeUp(ctx, due, now)
}

// takeUp works what can be claimed, in its order.
func (s *Slack) takeUp(ctx context.Context, due []store.InboxEvent, now dr.Time) error {
	for i, e := range due {
		c := claim{now.Plus(dr.Millis(i)), s.cfg.Clock.Now()} // so that they stay in their order
		if ours, err := s.claims(ctx, e, c); err != nil {
			return err
		} else if !ours {
			continue
		}
		var h heard
		if err := json.Unmarshal([]byte(e.Body), &h); err != nil || h.Kind == "" {
			s.cfg.Log.ErrorContext(ctx, "what was kept in the inbox cannot be read and is passed over", "event", e.Event, "error", err)
			s.done(ctx, e.Event)
			continue
		}
		h.keys = []string{e.Event}
		s.queue.put(h, c)
	}
	return nil
}

// claims makes an event ours in the inbox, where nobody else did meanwhile.
func (s *Slack) claims(ctx context.Context, e store.InboxEvent, c claim) (ours bool, err error) {
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) (err error) {
		ours, err = tx.ClaimInbox(ctx, e, c.at)
		return err
	})
	if err == nil && ours {
		s.queue.again(e.Event, c)
	}
	return ours, err
}

// ours says whether what is next is still this server's to answer. It may not be when the server stood still for so
// long that another took it for lost.
func (s *Slack) ours(ctx context.Context, key string) bool {
	c, _ := s.queue.claimed(key)
	now := s.cfg.Clock.Now()
	if c.at.IsZero() || now.Sub(c.since) < claimAgain.Duration() {
		return true
	}
	at, err := s.cfg.Store.Now(ctx)
	if err == nil {
		var ours bool
		if ours, err = s.claims(ctx, store.InboxEvent{Surface: Surface, Event: key, Received: c.at}, claim{at, now}); err == nil {
			return ours
		}
	}
	s.cfg.Log.WarnContext(ctx, "asking whether what waited for long is still to be answered here; it is answered", "event", key, "error", err)
	return true
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
		if s.ours(ctx, h.keys[0]) {
			s.answer(ctx, h)
			s.done(ctx, h.keys[0])
		}
		<-s.queue.free
		done = h.keys[0]
	}
}

// done marks what is answered, together with whatever comes in at that moment; at the end of the day alone.
func (s *Slack) done(ctx context.Context, event string) {
	s.cfg.Point("worked")
	marked := make(chan error, 1)
	f := frame{heard: heard{keys: []string{event}}, worked: true, kept: func(_ bool, _ claim, err error) { marked <- err }}
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
		_, _, err = s.keepAll(context.WithoutCancel(ctx), []frame{f})
	}
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "what came from Slack is answered and cannot be marked so", "event", event, "error", err)
	}
}
