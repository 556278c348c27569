package slack

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/dr"
)

const (
	sockets   = 2 // while one is exchanged the other listens
	shortest  = 100 * time.Millisecond
	patience  = 10 * time.Second // longest pause between two tries
	deaf      = dr.Millis(15_000)
	slowRetry = 30 * time.Second // after an answer that a person has to mend, such as a revoked token
)

// socket keeps one connection open until the context ends. One that Slack takes away is read on until the
// next is there.
func (s *Slack) socket(ctx context.Context, n int, line *line) {
	var reading sync.WaitGroup
	defer reading.Wait()
	var old *link
	down := s.cfg.Clock.Now()
	for try := 0; ctx.Err() == nil; try++ {
		k, err := s.open(ctx)
		if err != nil {
			if s.rest(ctx, n, try, line, s.cfg.Clock.Now().Sub(down), err) {
				down = s.cfg.Clock.Now()
			}
			continue
		}
		opened := s.cfg.Clock.Now()
		line.set(n, k)
		if before := old; before != nil {
			reading.Go(func() { s.retire(ctx, before) })
		}
		reading.Go(func() { s.listen(ctx, k, line, reading.Go) })
		select {
		case <-k.going:
		case <-ctx.Done():
		}
		line.set(n, nil)
		old, down = k, s.cfg.Clock.Now()
		if down.Sub(opened) < shortest { // Slack greets and turns away: not as fast as it can
			s.rest(ctx, n, try, line, 0, nil)
		}
	}
}

// rest waits before the next try, the longer the longer it has been in vain, and no longer than until another
// socket is open: then Slack is back, and it answers true.
func (s *Slack) rest(ctx context.Context, n, try int, line *line, since time.Duration, err error) (back bool) {
	pause := min(max(since/8, shortest), patience)
	var said api.SlackErrorResponse
	var slow *api.RateLimitedError
	others := line.news[n]
	switch {
	case errors.As(err, &slow):
		pause, others = max(pause, slow.RetryAfter), nil
	case errors.As(err, &said) && refused(said.Err):
		pause, others = slowRetry, nil
		s.cfg.Log.ErrorContext(ctx, "Slack refuses the app; runs go on, and so does the console", "error", said.Err)
	}
	select {
	case <-ctx.Done():
	case <-others:
		return true
	case <-s.cfg.Clock.After(pause + spread(pause, n, try)):
	}
	return false
}

// refused are answers that only a person can mend.
func refused(code string) bool {
	switch code {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type", "missing_scope", "no_permission":
		return true
	}
	return false
}

// spread keeps sockets and servers from coming back in step.
func spread(d time.Duration, n, try int) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(n), byte(try)})
	return d * time.Duration(h.Sum32()%256) / 1024
}

// line knows whether Slack is heard by any socket.
type line struct {
	of   *Slack
	news [sockets]chan struct{} // another socket is open

	mu    sync.Mutex
	up    [sockets]*link
	since dr.Time // when the last one went down; zero while one is up
	told  bool
	late  []lateAck // for the next connection
}

// lateAck is an acknowledgement whose connection was gone.
type lateAck struct {
	raw []byte
	at  dr.Time
}

func (s *Slack) newLine() *line {
	l := &line{of: s, since: s.cfg.Clock.Time()}
	for n := range l.news {
		l.news[n] = make(chan struct{}, 1)
	}
	return l
}

// set notes which connection a socket has now; nil: none.
func (l *line) set(n int, k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up[n] = k
	now := l.of.cfg.Clock.Time()
	if k == nil {
		if l.any() == nil && l.since.IsZero() {
			l.since = now
		}
		return
	}
	for other, news := range l.news {
		if other == n {
			continue
		}
		select {
		case news <- struct{}{}:
		default: // it has not heard the last one yet
		}
	}
	for _, a := range l.late {
		if now.Since(a.at) < dr.Millis(ackWithin.Milliseconds()) {
			_ = k.send(a.raw) // Slack has waited for it too long otherwise
		}
	}
	l.late, l.since = nil, dr.Time{}
	if l.told {
		l.told = false
		l.of.cfg.Alarm(dr.Time{})
		l.of.cfg.Log.Info("Slack is heard again")
	}
}

// any is a connection that is open. The lock is held.
func (l *line) any() *link {
	for _, k := range l.up {
		if k != nil {
			return k
		}
	}
	return nil
}

// send writes an acknowledgement on any connection, or on the next.
func (l *line) send(raw []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.up {
		if k != nil && k.send(raw) == nil {
			return
		}
	}
	l.late = append(l.late, lateAck{raw, l.of.cfg.Clock.Time()})
}

// watch raises the alarm once no socket has been up for a while.
func (l *line) watch(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-l.of.cfg.Clock.After(time.Second):
		}
		l.look()
	}
}

func (l *line) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told && !l.since.IsZero() && l.of.cfg.Clock.Time().Since(l.since) > deaf {
		l.told = true
		l.of.cfg.Alarm(l.since)
		l.of.cfg.Log.Error("Slack is not heard; runs go on, and so does the console", "since", l.since)
	}
}
