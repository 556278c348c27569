package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// Token is a personal token, or an enrolment that may become one; only the hash of its secret is
// here.
type Token struct {
	ID      string
	Person  string
	Label   string
	Hash    string
	Scopes  []string // words without blanks
	Created dr.Time
	Expires dr.Time
	Revoked dr.Time
	Used    dr.Time // when it last opened a door; see [Tx.TouchToken]
}

// PutToken stores a new token.
func (t *Tx) PutToken(ctx context.Context, tok Token) error {
	err := t.q.PutToken(ctx, queries.PutTokenParams{ID: tok.ID, Person: tok.Person, Name: text(tok.Label), Hash: tok.Hash,
		Scopes: strings.Join(tok.Scopes, " "), MadeAt: tok.Created.Micros(), ExpiresAt: tok.Expires.Micros()})
	if err != nil {
		return fmt.Errorf("storing a token of %s: %w", tok.Person, err)
	}
	return nil
}

// RevokeToken ends a token, once; Conflict says that it had ended before.
func (t *Tx) RevokeToken(ctx context.Context, id string, at dr.Time) error {
	n, err := t.q.RevokeToken(ctx, at.Micros(), id)
	if err != nil {
		return fmt.Errorf("revoking token %s: %w", id, err)
	}
	if n != 1 {
		return conflict("token_gone", dr.Args{"token": id})
	}
	return nil
}

// RevokeTokensOf ends every token of a person and says how many there were.
func (t *Tx) RevokeTokensOf(ctx context.Context, person string, at dr.Time) (int, error) {
	n, err := t.q.RevokeTokensOf(ctx, at.Micros(), person)
	if err != nil {
		return 0, fmt.Errorf("revoking the tokens of %s: %w", person, err)
	}
	return int(n), nil
}

// TouchToken notes that a token was used. Callers do it seldom: it costs a commit.
func (t *Tx) TouchToken(ctx context.Context, id string, at dr.Time) error {
	if err := t.q.TouchToken(ctx, at.Micros(), id); err != nil {
		return fmt.Errorf("noting the use of token %s: %w", id, err)
	}
	return nil
}

// TokenByHash finds the token of a secret, ended ones too: the caller looks at Revoked and Expires.
func (r *Reader) TokenByHash(ctx context.Context, hash string) (Token, error) {
	row, err := r.q.TokenByHash(ctx, hash)
	if err != nil {
		return Token{}, fmt.Errorf("looking for a token: %w", one(err, "token", ""))
	}
	return tokenOf(row), nil
}

// Tokens lists the tokens of a person, or of everybody for an empty one.
func (r *Reader) Tokens(ctx context.Context, person string) ([]Token, error) {
	rows, err := r.q.Tokens(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	tokens := make([]Token, len(rows))
	for i, row := range rows {
		tokens[i] = tokenOf(row)
	}
	return tokens, nil
}

func tokenOf(t queries.Token) Token {
	return Token{ID: t.ID, Person: t.Person, Label: t.Name, Hash: t.Hash, Scopes: strings.Fields(t.Scopes), Created: dr.FromMicros(t.MadeAt),
		Expires: dr.FromMicros(t.ExpiresAt), Revoked: dr.FromMicros(t.RevokedAt), Used: dr.FromMicros(t.UsedAt)}
}

// Session is somebody signed in at a surface; only the hash of its secret is here.
type Session struct {
	Hash    string
	Person  string
	Surface string
	Made    dr.Time
	Expires dr.Time
	Used    dr.Time
	Detail  string // JSON of the surface
}

// PutSession stores a session, or that a known one was used.
func (t *Tx) PutSession(ctx context.Context, s Session) error {
	err := t.q.PutSession(ctx, queries.PutSessionParams{Hash: s.Hash, Person: s.Person, Surface: s.Surface, MadeAt: s.Made.Micros(),
		ExpiresAt: s.Expires.Micros(), UsedAt: s.Used.Micros(), Detail: s.Detail})
	if err != nil {
		return fmt.Errorf("storing a session of %s: %w", s.Person, err)
	}
	return nil
}

// Session finds a session by the hash of its secret; the caller looks at Expires.
func (r *Reader) Session(ctx context.Context, hash string) (Session, error) {
	s, err := r.q.GetSession(ctx, hash)
	if err != nil {
		return Session{}, fmt.Errorf("looking for a session: %w", one(err, "session", ""))
	}
	return sessionOf(s), nil
}

// DropSession signs out; DropSessionsOf signs a person out everywhere.
func (t *Tx) DropSession(ctx context.Context, hash string) error {
	if err := t.q.DropSession(ctx, hash); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// DropSessionsOf signs a person out everywhere.
func (t *Tx) DropSessionsOf(ctx context.Context, person string) error {
	if err := t.q.DropSessionsOf(ctx, person); err != nil {
		return fmt.Errorf("ending the sessions of %s: %w", person, err)
	}
	return nil
}

// Nonce is something that works once, such as a drawn button.
type Nonce struct {
	Nonce   string
	Purpose string
	Person  string // empty: anybody's
	Detail  string
	Expires dr.Time
}

// PutNonce stores a new nonce.
func (t *Tx) PutNonce(ctx context.Context, n Nonce) error {
	err := t.q.PutNonce(ctx, queries.PutNonceParams{Nonce: n.Nonce, Purpose: n.Purpose, Person: n.Person, Detail: n.Detail, ExpiresAt: n.Expires.Micros()})
	if err != nil {
		return fmt.Errorf("storing a nonce for %s: %w", n.Purpose, err)
	}
	return nil
}

// TakeNonce uses a nonce up. Conflict says that it is unknown, used or past its time.
func (t *Tx) TakeNonce(ctx context.Context, purpose, nonce string) (Nonce, error) {
	now := t.s.opts.Clock.Time().Micros()
	n, err := t.q.TakeNonce(ctx, queries.TakeNonceParams{UsedAt: now, Nonce: nonce, Purpose: purpose, NowAt: now})
	if errors.Is(err, sql.ErrNoRows) {
		return Nonce{}, conflict("nonce_gone", nil)
	}
	if err != nil {
		return Nonce{}, fmt.Errorf("taking a nonce for %s: %w", purpose, err)
	}
	return Nonce{Nonce: n.Nonce, Purpose: n.Purpose, Person: n.Person, Detail: n.Detail, Expires: dr.FromMicros(n.ExpiresAt)}, nil
}

// Nonce looks at a nonce that still works and leaves it unused, as a button on a board that several people
// may press. Conflict says that it is unknown, used or past its time.
func (r *Reader) Nonce(ctx context.Context, purpose, nonce string) (Nonce, error) {
	n, err := r.q.GetNonce(ctx, nonce, purpose, r.s.opts.Clock.Time().Micros())
	if errors.Is(err, sql.ErrNoRows) {
		return Nonce{}, conflict("nonce_gone", nil)
	}
	if err != nil {
		return Nonce{}, fmt.Errorf("looking for a nonce for %s: %w", purpose, err)
	}
	return Nonce{Nonce: n.Nonce, Purpose: n.Purpose, Person: n.Person, Detail: n.Detail, Expires: dr.FromMicros(n.ExpiresAt)}, nil
}

// DropOld forgets sessions and nonces that ended, and inbox events done before a moment.
func (t *Tx) DropOld(ctx context.Context, inboxBefore dr.Time) error {
	now := t.s.opts.Clock.Time().Micros()
	err := errors.Join(t.q.DropOldSessions(ctx, now), t.q.DropOldNonces(ctx, now), t.q.DropOldInbox(ctx, inboxBefore.Micros()))
	if err != nil {
		return fmt.Errorf("forgetting what has ended: %w", err)
	}
	return nil
}
