package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Place is where the narrator tells what happens: one channel of one surface.
type Place struct {
	Surface  string
	Dest     string
	Lang     string // everybody there reads it; empty: the organisation's first
	Each     bool   // draw in every language: the surface shows each reader their own
	Channel  string // whose readers decide which runbooks a card leads to, in the words of [Question]; empty: Dest
	Chat     Chat
	Instance string            // names this process in leases
	Point    func(name string) // called where a crash must be survived; tests die in it. nil: nothing
}

const (
	narratorHolds = 20 * time.Second // another replica takes over after this much silence
	narratorKeeps = dr.Millis(5000)  // the lease is kept alive after so long, before the next message
	batchRows     = 200
	leastRedraw   = dr.Millis(1000) // between two drawings of one board
	idle          = dr.Millis(5000) // longest wait for another server's rows, which wake nobody here
	slowest       = dr.Millis(60_000)
	queueLooked   = 2000
)

// What a message of the outbox is. Its body holds what to say, but for boards, which are drawn from the
// store when they are sent.
const (
	kindPost    = "post"
	kindWhisper = "whisper"
	kindBoard   = "board"  // the first drawing of a run's board: a post
	kindRedraw  = "redraw" // the board, drawn anew
	kindReport  = "report" // the report is ready: card, and the bundle where there is one
)

// told is the body of a message.
type told struct {
	Card   Card   `json:"card,omitzero"`
	Person string `json:"person,omitempty"`
	Run    string `json:"run,omitempty"`
	// Situation is what a living card is about that is not a run's.
	Situation string `json:"situation,omitempty"`
	// Wish is what the living card of a wish for another site tells.
	Wish *siteWish `json:"wish,omitempty"`
}

// Narrator tells one place what happens. It reads the journal from a durable cursor, queues what there
// is to say under keys that follow from the rows, in a transaction of its own, and then says it in that
// order, again and again until the place has taken it. Only one process at a time tells a place.
type Narrator struct {
	bot   *Bot
	place Place
	name  string // of cursor and lease, and the beginning of every key

	mu    sync.Mutex
	down  dr.Time // since when the place does not answer
	fails int     // tries that failed since
	rest  dr.Time // not to be asked before; zero when it takes what comes
	epoch int64   // of the lease, as it was taken last
	kept  dr.Time // when it was taken or kept alive
	drawn map[string]uint64
	blind string // why situations could not be looked at; told once
}

// Narrator makes the narrator of a place.
func (b *Bot) Narrator(p Place) *Narrator {
	if p.Point == nil {
		p.Point = func(string) {}
	}
	return &Narrator{bot: b, place: p, name: p.Surface + "/" + p.Dest, drawn: map[string]uint64{}}
}

// Run tells until the context ends.
func (n *Narrator) Run(ctx context.Context) {
	wake, stop := n.bot.cfg.Store.Watch()
	defer stop()
	trouble := ""
	for ctx.Err() == nil {
		wait, err := n.Pass(ctx)
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil:
			if err.Error() != trouble { // the same trouble is told once
				n.bot.cfg.Log.WarnContext(ctx, "the place is not told for now; nothing of it is lost", "place", n.name, "error", err)
			}
			trouble = err.Error()
			wait = max(wait, leastRedraw)
		}
		if wait <= 0 {
			continue
		}
		news := wake
		if !n.rest.IsZero() { // a place that is down is not asked more often because more happens
			news = nil
		}
		select {
		case <-ctx.Done():
		case <-news:
		case <-n.bot.cfg.Clock.After(wait.Duration()):
		}
	}
}

// Name says which place it is, as surface/channel.
func (n *Narrator) Name() string { return n.name }

// Down says since when the place does not answer; zero when it does.
func (n *Narrator) Down() dr.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

// setDown notes it, and tells the engine, which calls people out when it lasts.
func (n *Narrator) setDown(since dr.Time) {
	n.mu.Lock()
	n.down = since
	n.mu.Unlock()
	n.bot.cfg.Engine.Unheard(n.name, since)
}

// Pass reads what is new and says what is due. It answers how long nothing more will be due; 0 means
// that there is more at once.
func (n *Narrator) Pass(ctx context.Context) (wait dr.Millis, err error) {
	mine, more, err := n.read(ctx)
	if err == nil && !mine && !n.rest.IsZero() { // another server tells the place now, and knows how it fares
		n.answers()
	}
	if err != nil {
		return idle, err
	}
	if !mine {
		return n.tellsWish(ctx)
	}
	wait, err = n.speak(ctx)
	if more {
		wait = min(wait, 0)
	}
	return wait, err
}

// read turns new rows into queued messages: cursor and messages move in one transaction.
func (n *Narrator) read(ctx context.Context) (mine, more bool, err error) {
	open := n.goingOn(ctx)
	if fresh, err := n.fresh(ctx, open); err != nil || !fresh {
		return false, false, err // nothing waits, so nothing is said, and nobody needs the lease
	}
	err = n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		more = false
		var held bool
		var err error
		if n.epoch, held, err = tx.AcquireLease(ctx, n.lease(), n.place.Instance, narratorHolds); err != nil || !held {
			mine = false
			return err
		}
		mine, n.kept = true, n.bot.cfg.Clock.Time()
		s := &scribe{n: n, tx: tx, now: n.kept}
		cursor, err := s.begin(ctx, open)
		if err != nil {
			return err
		}
		rows, _, err := tx.Rows(ctx, cursor, batchRows)
		if err != nil {
			return err
		}
		if err := s.tell(ctx, rows); err != nil {
			return err
		}
		if err := s.keepUp(ctx, open); err != nil || len(rows) == 0 {
			return err
		}
		more = len(rows) == batchRows
		return tx.SetCursor(ctx, n.name, rows[len(rows)-1].Seq+1)
	})
	if err == nil && mine {
		n.place.Point("read")
	}
	return mine, more, err
}

// fresh looks whether there is anything to write: rows beyond the cursor, or a lease to keep alive for
// messages that still wait. Most looks find nothing, and a look costs no commit.
func (n *Narrator) fresh(ctx context.Context, open []dr.Situation) (yes bool, err error) {
	err = n.bot.cfg.Store.Read(ctx, func(r *store.Reader) error {
		cursor, err := r.Cursor(ctx, n.name)
		if err != nil {
			return err
		}
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		queued, err := r.DueOutbox(ctx, n.name, forever(), 1)
		if yes = cursor == 0 || head.Size > cursor || len(queued) > 0; yes || err != nil {
			return err
		}
		yes, err = n.behind(ctx, r, open)
		return err
	})
	return yes, err
}

// forever is after everything that will ever be due.
func forever() dr.Time { return dr.At(time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)) }

// begin is the cursor; a place told for the first time begins now, not with years of history, and is
// shown the runs and situations that are open.
func (s *scribe) begin(ctx context.Context, going []dr.Situation) (int64, error) {
	n, tx := s.n, s.tx
	cursor, err := tx.Cursor(ctx, n.name)
	if err != nil || cursor > 0 {
		return cursor, err
	}
	head, err := tx.Head(ctx)
	if err != nil {
		return 0, err
	}
	open, err := tx.Runs(ctx, store.Filter{States: openStates()})
	if err != nil {
		return 0, err
	}
	for i := len(open) - 1; i >= 0; i-- {
		if err := s.board(ctx, open[i].ID, head.Size, s.now); err != nil {
			return 0, err
		}
	}
	for _, one := range going {
		if err := s.wall(ctx, one.ID, told{Situation: one.ID}, head.Size, s.now); err != nil {
			return 0, err
		}
	}
	return head.Size, tx.SetCursor(ctx, n.name, head.Size)
}

func openStates() (open []dr.State) {
	for _, s := range dr.States() {
		if !s.Ended() {
			open = append(open, s)
		}
	}
	return open
}

// speak sends what is due, in order for each run. A message that has to wait holds back what comes
// after it about the same run; a place that does not answer holds back everything.
func (n *Narrator) speak(ctx context.Context) (wait dr.Millis, err error) {
	var queue []store.Outgoing
	err = n.bot.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		queue, err = r.DueOutbox(ctx, n.name, forever(), queueLooked)
		return err
	})
	if err != nil {
		return idle, err
	}
	if now := n.bot.cfg.Clock.Time(); now.Before(n.rest.Time) {
		return max(1, n.rest.Since(now)), nil
	}
	wait = idle
	held := map[string]bool{}
	for _, o := range queue {
		now := n.bot.cfg.Clock.Time()
		switch {
		case ctx.Err() != nil:
			return idle, ctx.Err()
		case held[o.Run]:
			continue
		case o.Due.After(now.Time):
			wait = min(wait, max(1, o.Due.Since(now)))
			held[o.Run] = o.Kind != kindRedraw // news need not wait for a picture
			continue
		}
		if err := n.keep(ctx); errors.Is(err, store.ErrFenced) {
			return idle, nil // another server tells the place now
		} else if err != nil {
			return idle, err
		}
		ref, err := n.send(ctx, o)
		n.place.Point("sent")
		if err != nil {
			if ctx.Err() != nil {
				return idle, ctx.Err()
			}
			if dr.KindOf(err) != dr.Invalid {
				return n.backoff(ctx, o, err)
			}
			n.bot.cfg.Log.ErrorContext(ctx, "a message will never be taken and is given up", "place", n.name, "key", o.Key, "error", err)
		} else if !n.rest.IsZero() {
			if n.fails > 0 {
				n.bot.cfg.Log.InfoContext(ctx, "the place is told again", "place", n.name, "down_since", n.Down())
			}
			n.answers()
		}
		if err := n.mark(ctx, o.Key, ref); err != nil {
			return idle, err
		}
		n.place.Point("marked")
	}
	if len(queue) == queueLooked {
		wait = 0
	}
	return wait, nil
}

func (n *Narrator) lease() string { return "narrator/" + n.name }

// keep keeps the lease alive while messages go out slowly, or says that it is lost: then not one more is sent.
func (n *Narrator) keep(ctx context.Context) error {
	now := n.bot.cfg.Clock.Time()
	if since := now.Since(n.kept); since >= 0 && since < narratorKeeps {
		return nil
	}
	err := n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.RenewLease(ctx, n.lease(), n.place.Instance, n.epoch, narratorHolds)
	})
	if err == nil {
		n.kept = now
	}
	return err
}

// mark notes that a message was taken. Another replica that has noted it before did the same work. It needs no
// lease: what was sent was sent, and whoever has the lease now must not send it again.
func (n *Narrator) mark(ctx context.Context, key string, ref Ref) error {
	return n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		err := tx.SentOutbox(ctx, key, string(ref), n.bot.cfg.Clock.Time())
		if dr.KindOf(err) == dr.Conflict {
			return nil
		}
		return err
	})
}
