package llm

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Usage is what was used in a day.
type Usage struct {
	Day    string `json:"day"` // 2026-11-20
	Tokens int    `json:"tokens"`
	Calls  int    `json:"calls"`
}

// budget bounds the tokens of a day. What a call may use is held while it goes on, so that calls side
// by side cannot pass the limit together. Servers that share a book see what the others used whenever they
// have used something themselves: together they pass the limit by no more than what is under way.
type budget struct {
	clock dr.Clock
	zone  *time.Location
	limit int
	book  func(context.Context, Usage) (Usage, error)
	log   *slog.Logger

	mu    sync.Mutex
	used  Usage
	owed  Usage // used and not booked yet
	asked bool  // the book was asked what this day has come to
	held  int
}

func newBudget(cfg Config) *budget {
	zone := cfg.Zone
	if zone == nil {
		zone = time.UTC
	}
	return &budget{clock: cfg.Clock, zone: zone, limit: cfg.Budget, book: cfg.Book, log: cfg.Log}
}

// turn begins a new day; the caller holds the lock.
func (b *budget) turn() {
	if day := b.clock.Now().In(b.zone).Format(time.DateOnly); day != b.used.Day {
		b.used, b.owed, b.asked = Usage{Day: day}, Usage{Day: day}, false
	}
}

// hold reserves tokens, or says that there are none left.
func (b *budget) hold(ctx context.Context, n int) error {
	b.mu.Lock()
	b.turn()
	ask := !b.asked
	b.mu.Unlock()
	if ask {
		b.enter(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit > 0 && b.used.Tokens+b.held+n > b.limit {
		return &Error{Kind: Spent}
	}
	b.held += n
	return nil
}

// settle gives a reservation back and counts what was really used.
func (b *budget) settle(ctx context.Context, held, used int) {
	b.mu.Lock()
	b.turn()
	b.held -= held
	if used > 0 {
		b.used.Tokens, b.used.Calls = b.used.Tokens+used, b.used.Calls+1
		b.owed.Tokens, b.owed.Calls = b.owed.Tokens+used, b.owed.Calls+1
	}
	b.mu.Unlock()
	if used > 0 {
		b.enter(ctx)
	}
}

// bookMost is how long the book may take; a call that is over waits for it.
const bookMost = 5 * time.Second

// enter books what is owed. A book that fails stops no answer: it is entered with the next one.
func (b *budget) enter(ctx context.Context) {
	if b.book == nil {
		return
	}
	b.mu.Lock()
	more := b.owed
	b.owed = Usage{Day: more.Day}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookMost)
	defer cancel()
	sum, err := b.book(ctx, more)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.log.ErrorContext(ctx, "booking what the model used; it is tried with the next answer", "error", err)
		if b.owed.Day == more.Day {
			b.owed.Tokens, b.owed.Calls = b.owed.Tokens+more.Tokens, b.owed.Calls+more.Calls
		}
	case b.used.Day == more.Day:
		b.asked = true
		b.used.Tokens, b.used.Calls = max(b.used.Tokens, sum.Tokens+b.owed.Tokens), max(b.used.Calls, sum.Calls+b.owed.Calls)
	}
}

func (b *budget) usage() Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn()
	return b.used
}

const (
	failuresInARow = 5
	shortRest      = 30 * time.Second
	longRest       = 5 * time.Minute
)

// breaker leaves a server alone that fails: after several failures in a row for a while, then one call
// tries it, and if that fails too, for twice as long.
type breaker struct {
	clock dr.Clock

	mu       sync.Mutex
	failures int
	rest     time.Duration
	until    time.Time
	trying   bool
}

func newBreaker(clock dr.Clock) *breaker { return &breaker{clock: clock} }

// enter says whether the server may be asked now.
func (b *breaker) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return nil
	}
	if left := b.until.Sub(b.clock.Now()); left > 0 {
		return &Error{Kind: Resting, After: left}
	}
	if b.trying {
		return &Error{Kind: Resting, After: b.rest}
	}
	b.trying = true
	return nil
}

// leave notes how a call ended. Only what speaks about the server counts: a caller who went away and a
// prompt that was refused do not.
func (b *breaker) leave(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	probe := b.trying
	b.trying = false
	switch KindOf(err) {
	case Cancelled, Spent:
		return
	case Unreachable, Late, Busy, Denied, Unknown, Broken:
		b.failures++
	default:
		b.failures, b.rest, b.until = 0, 0, time.Time{}
		return
	}
	if probe || b.failures >= failuresInARow {
		b.rest = min(max(2*b.rest, shortRest), longRest)
		b.until = b.clock.Now().Add(b.rest)
		b.failures = 0
	}
}

// guard ends a call at its deadline, and a stream that has begun when nothing more comes. The caller
// calls beat with every sign of life and stop at the end.
func (c *Client) guard(ctx context.Context) (guarded context.Context, beat, stop func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	beats := make(chan struct{}, 1)
	deadline := c.cfg.Clock.After(c.cfg.Deadline)
	go func() {
		var silence <-chan time.Time
		for {
			select {
			case <-guarded.Done():
				return
			case <-deadline:
				cancel(errDeadline)
			case <-silence:
				cancel(errSilence)
			case <-beats:
				silence = c.cfg.Clock.After(c.cfg.Idle)
			}
		}
	}()
	beat = func() {
		select {
		case beats <- struct{}{}:
		default:
		}
	}
	return guarded, beat, func() { cancel(context.Canceled) }
}

// again retries what may pass: refusals for want of time, lost connections and gateways twice, an
// internal error once, and nothing once the answer has begun.
func (c *Client) again(ctx context.Context, b *breaker, try func() (begun bool, err error)) (attempts int, err error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	defer func() { b.leave(err) }()
	for pause := 500 * time.Millisecond; ; pause *= 3 {
		attempts++
		begun, tried := try()
		if tried == nil {
			return attempts, nil
		}
		e := fault(ctx, tried)
		wait := max(pause, e.After)
		if begun || attempts > retries(e) || wait > 20*time.Second {
			return attempts, e
		}
		select {
		case <-ctx.Done():
			return attempts, fault(ctx, ctx.Err())
		case <-c.cfg.Clock.After(wait):
		}
	}
}

func retries(e *Error) int {
	switch {
	case e.Kind == Unreachable && e.Status == 500:
		return 1
	case e.Kind == Unreachable, e.Kind == Busy:
		return 2
	}
	return 0
}
