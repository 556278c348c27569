package slack

import (
	"context"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// frame is something on its way into the inbox, and what is to be done once it is there; or what was worked and
// is to be marked so.
type frame struct {
	heard
	body   string
	done   bool // it need not be taken up again after a crash
	worked bool // it is there, and answered
	kept   func(fresh bool, c claim, err error)
}

const (
	gatherMost = 256  // frames in one transaction
	framesMost = 4096 // waiting for theirs; a connection that waits for the disk does not hear that it is to go
)

// gather stores whatever waits in one transaction, until the context ends: a commit takes as long for one
// frame as for many, and Slack is patient for three seconds with each.
func (s *Slack) gather(ctx context.Context) {
	for {
		var all []frame
		select {
		case <-ctx.Done():
			return
		case f := <-s.frames:
			all = append(all, f)
		}
		for waiting := true; waiting && len(all) < gatherMost; {
			select {
			case f := <-s.frames:
				all = append(all, f)
			default:
				waiting = false
			}
		}
		fresh, c, err := s.keepAll(ctx, all)
		for i, f := range all {
			f.kept(err == nil && fresh[i], c, err)
		}
	}
}

// keep stores one thing that came in under its keys; fresh is false when one of them was there.
func (s *Slack) keep(ctx context.Context, h heard, body string, done bool) (fresh bool, err error) {
	all, _, err := s.keepAll(ctx, []frame{{heard: h, body: body, done: done}})
	return err == nil && all[0], err
}

// keepAll stores things under the moment they are ours from, by the store's clock: the servers' own may differ.
func (s *Slack) keepAll(ctx context.Context, all []frame) (fresh []bool, c claim, err error) {
	c.since = s.cfg.Clock.Now()
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		fresh, c.at = make([]bool, len(all)), now
		for i, f := range all {
			if fresh[i], err = f.put(ctx, tx, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "what came from Slack cannot be stored and is not acknowledged", "frames", len(all), "error", err)
	}
	return fresh, c, err
}

func (f frame) put(ctx context.Context, tx *store.Tx, now dr.Time) (fresh bool, err error) {
	if f.worked {
		if err = tx.DoneInbox(ctx, Surface, f.keys[0], now); dr.KindOf(err) == dr.Conflict {
			err = nil // somebody has marked it already
		}
		return true, err
	}
	fresh = true
	for i, key := range f.keys {
		e := store.InboxEvent{Surface: Surface, Event: key, Received: now, Body: nothing}
		if i == 0 {
			e.Body = f.body
		}
		first, err := tx.PutInbox(ctx, e)
		if err != nil {
			return false, err
		}
		if !first {
			fresh = false
			continue
		}
		if i > 0 || f.done {
			if err := tx.DoneInbox(ctx, Surface, key, now); err != nil {
				return false, err
			}
		}
	}
	return fresh, nil
}

// submitted works a dialog that was sent and answers it in the acknowledgement; its fields are kept nowhere.
// A second copy is not acknowledged: the first one's answer would be lost for it.
func (s *Slack) submitted(ctx context.Context, h heard) (answer any, ok bool) {
	fresh, err := s.keep(ctx, h, nothing, true)
	if err != nil || !fresh {
		return nil, false
	}
	return s.now(ctx, h), true
}

// secret works what may hold a code, which is kept nowhere. It is acknowledged and marked once it is worked,
// so that a crash before has Slack bring it again: a code that was seen must not stay good.
func (s *Slack) secret(ctx context.Context, h heard) (ok bool) {
	if !s.queue.claim(h.keys[0]) {
		return true // the same message came as another event, and is being worked
	}
	handed := false
	defer func() {
		if !handed {
			s.queue.release(h.keys[0])
		}
	}()
	fresh, err := s.keep(ctx, h, nothing, false)
	if err == nil && !fresh {
		fresh, err = s.isOpen(ctx, h.keys[0])
	}
	if err != nil || !fresh {
		return err == nil
	}
	s.cfg.Point("stored")
	_, reply, err := s.ask(ctx, h)
	if err != nil {
		return false
	}
	h.Args, h.answer, handed = "", &reply, true
	s.queue.add(h)
	return true
}

// isOpen says whether something was stored and never worked.
func (s *Slack) isOpen(ctx context.Context, key string) (open bool, err error) {
	err = s.cfg.Store.Read(ctx, func(r *store.Reader) error {
		all, err := r.OpenInbox(ctx, sweepMost)
		open = slices.ContainsFunc(all, func(e store.InboxEvent) bool { return e.Surface == Surface && e.Event == key })
		return err
	})
	return open, err
}

// claim takes a key to be worked outside of the lanes; false when it is taken.
func (q *queue) claim(key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, taken := q.taken[key]; taken {
		return false
	}
	q.taken[key] = claim{}
	return true
}

// claimed says whether a key is taken here, and since when.
func (q *queue) claimed(key string) (c claim, taken bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, taken = q.taken[key]
	return c, taken
}

// again notes that what is taken was claimed anew.
func (q *queue) again(key string, c claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, taken := q.taken[key]; taken {
		q.taken[key] = c
	}
}

func (q *queue) release(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.taken, key)
}
