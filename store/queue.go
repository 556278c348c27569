package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Notice is a call-out to a person, with the answer it waits for.
type Notice struct {
	ID      string
	Run     string
	About   string // step | approval | unknown | paused | chat_down
	Person  string
	State   string // sent | failed | acknowledged
	Due     dr.Time
	Sent    dr.Time
	Acked   dr.Time
	AckedBy string
	Detail  string // JSON: channel, text, proof
}

// PutNotice stores a notice, or that it was sent again.
func (t *Tx) PutNotice(ctx context.Context, n Notice) error {
	err := t.q.PutNotice(ctx, queries.PutNoticeParams{ID: n.ID, RunID: n.Run, About: n.About, Person: n.Person, State: n.State,
		DueAt: n.Due.Micros(), SentAt: n.Sent.Micros(), Detail: n.Detail})
	if err != nil {
		return fmt.Errorf("storing a notice to %s: %w", n.Person, err)
	}
	return nil
}

// AckNotice notes the answer, once; Conflict says that somebody answered before.
func (t *Tx) AckNotice(ctx context.Context, id, person string, at dr.Time) error {
	n, err := t.q.AckNotice(ctx, at.Micros(), person, id)
	if err != nil {
		return fmt.Errorf("acknowledging notice %s: %w", id, err)
	}
	if n != 1 {
		return conflict("notice_answered", dr.Args{"notice": id})
	}
	return nil
}

// Notice reads one notice.
func (r *Reader) Notice(ctx context.Context, id string) (Notice, error) {
	n, err := r.q.GetNotice(ctx, id)
	if err != nil {
		return Notice{}, fmt.Errorf("reading notice %s: %w", id, one(err, "notice", id))
	}
	return noticeOf(n), nil
}

// Notices lists the notices of a run, or of all for an empty one, in the order they were sent.
func (r *Reader) Notices(ctx context.Context, run string) ([]Notice, error) {
	rows, err := r.q.Notices(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	notices := make([]Notice, len(rows))
	for i, n := range rows {
		notices[i] = noticeOf(n)
	}
	return notices, nil
}

func noticeOf(n queries.Notice) Notice {
	return Notice{ID: n.ID, Run: n.RunID, About: n.About, Person: n.Person, State: n.State, Due: dr.FromMicros(n.DueAt),
		Sent: dr.FromMicros(n.SentAt), Acked: dr.FromMicros(n.AckedAt), AckedBy: n.AckedBy, Detail: n.Detail}
}

// InboxEvent is something a surface told us, kept before it was acknowledged there.
type InboxEvent struct {
	Surface  string
	Event    string  // the surface's own id, by which a second delivery is known
	Received dr.Time // or claimed by another server since
	Body     string  // JSON; never a code
}

// PutInbox keeps an event. fresh is false when it came before.
func (t *Tx) PutInbox(ctx context.Context, e InboxEvent) (fresh bool, err error) {
	n, err := t.q.PutInbox(ctx, queries.PutInboxParams{Surface: e.Surface, Event: e.Event, ReceivedAt: e.Received.Micros(), Body: text(e.Body)})
	if err != nil {
		return false, fmt.Errorf("keeping event %s of %s: %w", e.Event, e.Surface, err)
	}
	return n == 1, nil
}

// OpenInbox lists events not worked yet, oldest first.
func (r *Reader) OpenInbox(ctx context.Context, limit int) ([]InboxEvent, error) {
	rows, err := r.q.OpenInbox(ctx, int32(min(max(limit, 0), 1<<30)))
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	events := make([]InboxEvent, len(rows))
	for i, e := range rows {
		events[i] = InboxEvent{Surface: e.Surface, Event: e.Event, Received: dr.FromMicros(e.ReceivedAt), Body: e.Body}
	}
	return events, nil
}

// ClaimInbox makes an event this server's to work, as of a moment, and keeps others from it as long as that is not
// long ago. ours is false when it was worked, or another server has claimed it, since it was read.
func (t *Tx) ClaimInbox(ctx context.Context, e InboxEvent, at dr.Time) (ours bool, err error) {
	n, err := t.q.ClaimInbox(ctx, queries.ClaimInboxParams{NowAt: at.Micros(), Surface: e.Surface, Event: e.Event, SeenAt: e.Received.Micros()})
	if err != nil {
		return false, fmt.Errorf("claiming event %s of %s: %w", e.Event, e.Surface, err)
	}
	return n == 1, nil
}

// DoneInbox marks an event worked and forgets its body; its id stays to know a second delivery.
func (t *Tx) DoneInbox(ctx context.Context, surface, event string, at dr.Time) error {
	n, err := t.q.DoneInbox(ctx, at.Micros(), surface, event)
	if err != nil {
		return fmt.Errorf("finishing event %s of %s: %w", event, surface, err)
	}
	if n != 1 {
		return conflict("event_done", dr.Args{"event": event})
	}
	return nil
}

// Outgoing is something to be told to a surface, under a key that makes telling it twice harmless.
type Outgoing struct {
	Key     string
	Surface string
	Dest    string
	Run     string
	Kind    string
	Body    string // JSON
	Made    dr.Time
	Due     dr.Time
	Tries   int
	Sent    dr.Time
	Ref     string // what the surface calls it
	Problem string // of the last try
}

// PutOutbox queues a message. fresh is false when its key was queued before.
func (t *Tx) PutOutbox(ctx context.Context, o Outgoing) (fresh bool, err error) {
	n, err := t.q.PutOutbox(ctx, queries.PutOutboxParams{ID: o.Key, Surface: o.Surface, Dest: o.Dest, RunID: o.Run, Kind: o.Kind,
		Body: text(o.Body), MadeAt: o.Made.Micros(), DueAt: o.Due.Micros()})
	if err != nil {
		return false, fmt.Errorf("queueing %s: %w", o.Key, err)
	}
	return n == 1, nil
}

// DueOutbox lists messages of a surface (all for an empty one) that are due, in the order they were made.
func (r *Reader) DueOutbox(ctx context.Context, surface string, now dr.Time, limit int) ([]Outgoing, error) {
	rows, err := r.q.DueOutbox(ctx, now.Micros(), surface, int32(min(max(limit, 0), 1<<30)))
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	out := make([]Outgoing, len(rows))
	for i, o := range rows {
		out[i] = outgoingOf(o)
	}
	return out, nil
}

// Outbox reads one message by its key.
func (r *Reader) Outbox(ctx context.Context, key string) (Outgoing, error) {
	o, err := r.q.GetOutbox(ctx, key)
	if err != nil {
		return Outgoing{}, fmt.Errorf("reading message %s: %w", key, one(err, "message", key))
	}
	return outgoingOf(o), nil
}

func outgoingOf(o queries.Outbox) Outgoing {
	return Outgoing{Key: o.ID, Surface: o.Surface, Dest: o.Dest, Run: o.RunID, Kind: o.Kind, Body: o.Body, Made: dr.FromMicros(o.MadeAt),
		Due: dr.FromMicros(o.DueAt), Tries: int(o.Tries), Sent: dr.FromMicros(o.SentAt), Ref: o.Ref, Problem: o.Problem}
}

// SentOutbox marks a message sent; Conflict says that it was before.
func (t *Tx) SentOutbox(ctx context.Context, key, ref string, at dr.Time) error {
	n, err := t.q.SentOutbox(ctx, at.Micros(), ref, key)
	if err != nil {
		return fmt.Errorf("marking %s sent: %w", key, err)
	}
	if n != 1 {
		return conflict("message_sent", dr.Args{"message": key})
	}
	return nil
}

// DelayOutbox notes a failed try and when the next one is due.
func (t *Tx) DelayOutbox(ctx context.Context, key, problem string, due dr.Time) error {
	if _, err := t.q.DelayOutbox(ctx, due.Micros(), text(problem), key); err != nil {
		return fmt.Errorf("delaying %s: %w", key, err)
	}
	return nil
}

// Cursor says up to which journal row a surface has been told; 0 for a new one.
func (r *Reader) Cursor(ctx context.Context, surface string) (int64, error) {
	seq, err := r.q.GetCursor(ctx, surface)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the cursor of %s: %w", surface, err)
	}
	return seq, nil
}

// SetCursor moves it.
func (t *Tx) SetCursor(ctx context.Context, surface string, seq int64) error {
	if err := t.q.SetCursor(ctx, surface, seq); err != nil {
		return fmt.Errorf("moving the cursor of %s: %w", surface, err)
	}
	return nil
}

// Pruning says what of a conversation may go. What belongs to a run that has not ended always stays, and so
// do the newest card and the newest drawing, by which the next ones are numbered.
type Pruning struct {
	Sent  dr.Time // messages sent before this, but for those a run's board hangs on
	Cards dr.Time // cards of runs nothing was said about since, and lines and answers from before; boards' messages too
	Keep  int     // newest cards that stay at most
	Most  int     // rows of each kind in one transaction
}

// Prune removes what may go, oldest first, and says how much that was: as much as Most means that there
// may be more.
func (t *Tx) Prune(ctx context.Context, p Pruning) (cards, sent int64, err error) {
	open := ","
	for _, st := range dr.States() {
		if !st.Ended() {
			open += string(st) + ","
		}
	}
	most := int32(min(max(p.Most, 0), 1<<30))
	floor, err := t.q.CardFloor(ctx, int32(min(max(p.Keep, 1), 1<<30)))
	if err != nil {
		return 0, 0, fmt.Errorf("counting cards: %w", err)
	}
	cards, err = t.q.DropCards(ctx, queries.DropCardsParams{Floor: floor, Before: p.Cards.Micros(), Open: open, MaxRows: most})
	if err != nil {
		return 0, 0, fmt.Errorf("removing old cards: %w", err)
	}
	sent, err = t.q.DropSent(ctx, queries.DropSentParams{Before: p.Sent.Micros(), BoardsBefore: p.Cards.Micros(), Open: open, MaxRows: most})
	if err != nil {
		return cards, 0, fmt.Errorf("removing sent messages: %w", err)
	}
	return cards, sent, nil
}
