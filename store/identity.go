package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Identity is what a person signs in with. The password is hashed and the TOTP secret sealed by the
// caller; the store could not use either.
type Identity struct {
	Person    string
	Enrolment string // id of the enrolment being redeemed; empty: the one that counts
	Password  string
	TOTP      string
	Counter   int64 // of the last TOTP code taken
	Made      dr.Time
}

// PutIdentity stores an identity; one for the same person and enrolment is replaced.
func (t *Tx) PutIdentity(ctx context.Context, i Identity) error {
	err := t.q.PutIdentity(ctx, queries.PutIdentityParams{Person: i.Person, Enrolment: i.Enrolment, Password: i.Password, Totp: i.TOTP,
		Counter: i.Counter, MadeAt: i.Made.Micros()})
	if err != nil {
		return fmt.Errorf("storing the identity of %s: %w", i.Person, err)
	}
	return nil
}

// Identity finds what a person signs in with, or what waits for an enrolment's confirmation.
func (r *Reader) Identity(ctx context.Context, person, enrolment string) (Identity, error) {
	i, err := r.q.GetIdentity(ctx, person, enrolment)
	if err != nil {
		return Identity{}, fmt.Errorf("looking for an identity: %w", one(err, "identity", person))
	}
	return Identity{Person: i.Person, Enrolment: i.Enrolment, Password: i.Password, TOTP: i.Totp, Counter: i.Counter, Made: dr.FromMicros(i.MadeAt)}, nil
}

// People lists who can sign in with a password.
func (r *Reader) People(ctx context.Context) ([]string, error) {
	people, err := r.q.IdentityPeople(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing who can sign in: %w", err)
	}
	return people, nil
}

// DropIdentity takes a person's password and TOTP away, also those that wait for confirmation, and says
// whether there was anything.
func (t *Tx) DropIdentity(ctx context.Context, person string) (bool, error) {
	n, err := t.q.DropIdentity(ctx, person)
	if err != nil {
		return false, fmt.Errorf("dropping the identity of %s: %w", person, err)
	}
	return n > 0, nil
}

// MoveCounter uses a TOTP code up. Conflict says that it, or a later one, was used before.
func (t *Tx) MoveCounter(ctx context.Context, person string, counter int64) error {
	n, err := t.q.MoveCounter(ctx, counter, person)
	if err != nil {
		return fmt.Errorf("using up a code of %s: %w", person, err)
	}
	if n != 1 {
		return conflict("totp_used", nil)
	}
	return nil
}

// Strike is a count of failed tries under a name.
type Strike struct {
	Name  string
	Fails int
	Since dr.Time
	Until dr.Time // refused before this moment
}

// AddStrike counts one try more and says how many there are; a count begun before forget starts anew.
func (t *Tx) AddStrike(ctx context.Context, name string, now, forget dr.Time) (int, error) {
	n, err := t.q.AddStrike(ctx, name, now.Micros(), forget.Micros())
	if err != nil {
		return 0, fmt.Errorf("counting a failed try: %w", err)
	}
	return int(n), nil
}

// HoldStrike refuses further tries under a name until a moment.
func (t *Tx) HoldStrike(ctx context.Context, name string, until dr.Time) error {
	if err := t.q.HoldStrike(ctx, until.Micros(), name); err != nil {
		return fmt.Errorf("holding off further tries: %w", err)
	}
	return nil
}

// Strike reads a count; a name nobody failed under has an empty one.
func (r *Reader) Strike(ctx context.Context, name string) (Strike, error) {
	s, err := r.q.GetStrike(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return Strike{Name: name}, nil
	}
	if err != nil {
		return Strike{}, fmt.Errorf("reading a count of failed tries: %w", err)
	}
	return Strike{Name: s.Name, Fails: int(s.Fails), Since: dr.FromMicros(s.SinceAt), Until: dr.FromMicros(s.UntilAt)}, nil
}

// DropStrike forgives what was counted under a name.
func (t *Tx) DropStrike(ctx context.Context, name string) error {
	if err := t.q.DropStrike(ctx, name); err != nil {
		return fmt.Errorf("forgiving failed tries: %w", err)
	}
	return nil
}

// DropOldStrikes forgets counts begun before a moment that hold nothing off any more.
func (t *Tx) DropOldStrikes(ctx context.Context, forget dr.Time) error {
	if err := t.q.DropOldStrikes(ctx, forget.Micros(), t.s.opts.Clock.Time().Micros()); err != nil {
		return fmt.Errorf("forgetting failed tries: %w", err)
	}
	return nil
}

// TouchSession notes that a session was used. Callers do it seldom: it costs a commit.
func (t *Tx) TouchSession(ctx context.Context, hash string, at dr.Time) error {
	if err := t.q.TouchSession(ctx, at.Micros(), hash); err != nil {
		return fmt.Errorf("noting the use of a session: %w", err)
	}
	return nil
}

// MarkSession changes a session's detail. Conflict says that the session has ended.
func (t *Tx) MarkSession(ctx context.Context, hash, detail string) error {
	n, err := t.q.MarkSession(ctx, detail, hash)
	if err != nil {
		return fmt.Errorf("marking a session: %w", err)
	}
	if n != 1 {
		return conflict("session_gone", nil)
	}
	return nil
}

// SessionsOf lists where a person is signed in, newest first; the caller looks at Expires.
func (r *Reader) SessionsOf(ctx context.Context, person string) ([]Session, error) {
	rows, err := r.q.SessionsOf(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("listing the sessions of %s: %w", person, err)
	}
	out := make([]Session, len(rows))
	for i, s := range rows {
		out[i] = sessionOf(s)
	}
	return out, nil
}

func sessionOf(s queries.Session) Session {
	return Session{Hash: s.Hash, Person: s.Person, Surface: s.Surface, Made: dr.FromMicros(s.MadeAt), Expires: dr.FromMicros(s.ExpiresAt),
		Used: dr.FromMicros(s.UsedAt), Detail: s.Detail}
}

// Card is one card of the console's channel.
type Card struct {
	ID      string
	Dest    string
	Person  string // seen by this person only; empty: by everybody
	Place   int64  // order in the channel, from 1
	Change  int64  // order of drawings over all cards, from 1
	Version int64  // drawings of this card
	Body    string // JSON
	Made    dr.Time
	Run     string // the run it is about; empty: none
}

// PutCard appends a card; one with the same id stays as it is.
func (t *Tx) PutCard(ctx context.Context, c Card) error {
	_, err := t.q.PutCard(ctx, queries.PutCardParams{ID: c.ID, Dest: c.Dest, Person: c.Person, Body: text(c.Body), MadeAt: c.Made.Micros(), RunID: c.Run})
	if err != nil {
		return fmt.Errorf("storing a card: %w", err)
	}
	return nil
}

// RedrawCard draws a card anew.
func (t *Tx) RedrawCard(ctx context.Context, id, body string) error {
	n, err := t.q.RedrawCard(ctx, text(body), id)
	if err != nil {
		return fmt.Errorf("drawing card %s anew: %w", id, err)
	}
	if n != 1 {
		return missing("card", id)
	}
	return nil
}

// Card reads one card.
func (r *Reader) Card(ctx context.Context, id string) (Card, error) {
	c, err := r.q.GetCard(ctx, id)
	if err != nil {
		return Card{}, fmt.Errorf("reading a card: %w", one(err, "card", id))
	}
	return cardOf(c), nil
}

// CardsBefore lists cards a person may see, newest first, of those before a place.
func (r *Reader) CardsBefore(ctx context.Context, dest, person string, place int64, limit int) ([]Card, error) {
	rows, err := r.q.CardsBefore(ctx, queries.CardsBeforeParams{Dest: dest, Person: person, Place: place, MaxRows: int32(min(max(limit, 0), 1<<30))})
	if err != nil {
		return nil, fmt.Errorf("listing cards: %w", err)
	}
	return cardsOf(rows), nil
}

// CardsChanged lists cards drawn after a change, in the order of their drawings.
func (r *Reader) CardsChanged(ctx context.Context, change int64, limit int) ([]Card, error) {
	rows, err := r.q.CardsChanged(ctx, change, int32(min(max(limit, 0), 1<<30)))
	if err != nil {
		return nil, fmt.Errorf("listing new cards: %w", err)
	}
	return cardsOf(rows), nil
}

// LastCardChange is the newest drawing's number; 0 without cards.
func (r *Reader) LastCardChange(ctx context.Context) (int64, error) {
	n, err := r.q.LastCardChange(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the newest card: %w", err)
	}
	return n, nil
}

func cardsOf(rows []queries.ConsoleCard) []Card {
	out := make([]Card, len(rows))
	for i, c := range rows {
		out[i] = cardOf(c)
	}
	return out
}

func cardOf(c queries.ConsoleCard) Card {
	return Card{ID: c.ID, Dest: c.Dest, Person: c.Person, Place: c.Place, Change: c.Change, Version: c.Version, Body: c.Body, Made: dr.FromMicros(c.MadeAt), Run: c.RunID}
}
