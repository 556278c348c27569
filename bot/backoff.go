package bot

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Busy is the error of a chat that is there and takes nothing more for a while: it is asked again after Wait,
// and nobody is called because of it.
type Busy struct{ Wait time.Duration }

// Error implements error.
func (b *Busy) Error() string { return fmt.Sprintf("asked to wait %s", b.Wait) }

// busiest is how long a chat is believed that asks to wait.
const busiest = dr.Millis(300_000)

// answers notes that the place is there and takes what it is told.
func (n *Narrator) answers() {
	n.fails, n.rest = 0, dr.Time{}
	n.setDown(dr.Time{})
}

// silence is an error of the place itself, as against one in making what it is to be told.
type silence struct{ error }

func (s silence) Unwrap() error { return s.error }

// heard marks what the place answered; a message it will never take is an answer too.
func heard(ref Ref, err error) (Ref, error) {
	if err != nil && dr.KindOf(err) != dr.Invalid {
		err = silence{err}
	}
	return ref, err
}

// backoff waits longer after each try that failed, for the whole place: a chat that is down is down for
// every run.
func (n *Narrator) backoff(ctx context.Context, o store.Outgoing, problem error) (dr.Millis, error) {
	now := n.bot.cfg.Clock.Time()
	if busy := (*Busy)(nil); errors.As(problem, &busy) { // it is there, and it says when
		n.answers()
		return n.delay(ctx, o, problem, now, min(max(dr.Millis(busy.Wait.Milliseconds()), leastRedraw), busiest))
	}
	if silent := errors.As(problem, &silence{}); silent && n.Down().IsZero() {
		n.setDown(now)
		n.bot.cfg.Log.WarnContext(ctx, "the place does not answer; runs go on, news wait", "place", n.name, "error", problem)
	} else if !silent && n.fails == 0 {
		n.bot.cfg.Log.WarnContext(ctx, "what the place is to be told cannot be made now; runs go on, news wait", "place", n.name, "error", problem)
	}
	wait := min(slowest, leastRedraw<<min(n.fails, 10))
	h := fnv.New32a()
	fmt.Fprint(h, o.Key, n.fails, n.place.Instance)
	wait += wait * dr.Millis(h.Sum32()%256) / 1024 // replicas and places spread out
	n.fails++
	return n.delay(ctx, o, problem, now, wait)
}

// delay lets the place rest, with the message it did not take and whatever comes after that.
func (n *Narrator) delay(ctx context.Context, o store.Outgoing, problem error, now dr.Time, wait dr.Millis) (dr.Millis, error) {
	n.rest = now.Plus(wait)
	err := n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.DelayOutbox(ctx, o.Key, clipLine(problem.Error(), 300), n.rest)
	})
	return wait, err
}
