package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func (s *Server) listTokens(w http.ResponseWriter, r *http.Request, c caller) error {
	person := r.URL.Query().Get("person")
	if !c.may(ScopeAdmin) || !c.person.Has(dr.Admin) {
		if person != "" && person != c.actor.Person || c.actor.Person == "" {
			return s.need(r, c, ScopeAdmin)
		}
		person = c.actor.Person
	}
	tokens, err := s.tokens(r.Context(), person)
	if err != nil {
		return err
	}
	out := []tokenView{}
	for _, t := range tokens {
		out = append(out, viewOf(t))
	}
	answer(w, http.StatusOK, map[string]any{"tokens": out})
	return nil
}

func (s *Server) createToken(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask tokenRequest
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if err := s.provenFor(r.Context(), c, credentialsRun); err != nil {
		return err
	}
	tok, err := s.grant(r, c, ask)
	if err != nil {
		return err
	}
	var used *store.Token
	if c.enrolled {
		used = &c.token
	}
	secret, err := s.make(r.Context(), c, tok, tokenPrefix, used)
	if err != nil {
		return err
	}
	answer(w, http.StatusCreated, map[string]any{"token": secret, "id": tok.ID, "person": tok.Person, "scopes": tok.Scopes, "expires_at": tok.Expires})
	return nil
}

// grant decides what a new token may be. A token breeds no token that can do more or lives longer
// than itself, so that a stolen one ends when it would have ended.
func (s *Server) grant(r *http.Request, c caller, ask tokenRequest) (store.Token, error) {
	if len(ask.Scopes) == 0 {
		ask.Scopes = []Scope{ScopeRead, ScopeAct, ScopeIssue}
		if c.token.ID != "" && !c.enrolled || c.session != nil && readOnly(c.person) {
			ask.Scopes = slices.Clone(c.scopes)
		}
	}
	if err := ask.check(); err != nil {
		return store.Token{}, err
	}
	now := s.cfg.Clock.Time()
	tok := store.Token{ID: newID("t-"), Person: c.actor.Person, Label: printable(ask.Label), Created: now, Expires: now.Plus(dr.Millis(ask.Days) * day)}
	for _, scope := range ask.Scopes {
		tok.Scopes = append(tok.Scopes, string(scope))
	}
	switch {
	case c.owner:
		p, err := s.subject(ask.Person)
		tok.Person = p.ID
		return tok, err
	case c.actor.Person == "":
		return tok, s.need(r, c, ScopeAct)
	case ask.Person != "" && ask.Person != c.actor.Person:
		return tok, s.refuseAtEdge(r, c.actor.Person, "edge_token_for_other", dr.Refuse("token_for_other", nil))
	case c.session != nil:
		return tok, s.within(r, c, ask.Scopes)
	case c.token.ID == "" || c.enrolled:
		return tok, nil
	}
	if err := s.within(r, c, ask.Scopes); err != nil {
		return tok, err
	}
	if tok.Expires.After(c.token.Expires.Time) {
		tok.Expires = c.token.Expires
	}
	return tok, nil
}

// within refuses scopes that the caller does not hold.
func (s *Server) within(r *http.Request, c caller, scopes []Scope) error {
	for _, scope := range scopes {
		if !c.may(scope) {
			return s.refuseAtEdge(r, c.actor.Person, "edge_token_grows", dr.Refuse("token_grows", dr.Args{"scope": string(scope)}))
		}
	}
	return nil
}

func (ask *tokenRequest) check() error {
	if ask.Days == 0 {
		ask.Days = tokenDays
	}
	if ask.Days < 1 || ask.Days > tokenMaxDays {
		return &dr.Error{Kind: dr.Invalid, ID: "token_days", Args: dr.Args{"most": fmt.Sprint(tokenMaxDays)}}
	}
	if len([]rune(ask.Label)) > labelRunes {
		return &dr.Error{Kind: dr.Invalid, ID: "token_label", Args: dr.Args{"most": fmt.Sprint(labelRunes)}}
	}
	slices.Sort(ask.Scopes)
	ask.Scopes = slices.Compact(ask.Scopes)
	for _, scope := range ask.Scopes {
		if !slices.Contains(Scopes(), scope) {
			return &dr.Error{Kind: dr.Invalid, ID: "scope_unknown", Args: dr.Args{"scope": printable(string(scope))}}
		}
	}
	return nil
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request, c caller) error {
	id := r.PathValue("token")
	tokens, err := s.tokens(r.Context(), "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tokens, func(t store.Token) bool { return t.ID == id })
	admin := c.may(ScopeAdmin) && c.person.Has(dr.Admin)
	// Somebody else's token is as good as none: ids are not told apart for strangers.
	if i < 0 || !admin && (c.actor.Person == "" || tokens[i].Person != c.actor.Person) {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_token", Args: dr.Args{"token": printable(id)}}
	}
	tok := tokens[i]
	if tok.Revoked.IsZero() {
		if tok, err = s.end(r.Context(), c, tok); err != nil {
			return err
		}
	}
	answer(w, http.StatusOK, viewOf(tok))
	return nil
}

// make stores a new credential by the hash of its secret, and ends the enrolment it was made
// with in the same transaction, so that an enrolment gives one token however often it is sent.
func (s *Server) make(ctx context.Context, c caller, tok store.Token, prefix string, used *store.Token) (string, error) {
	secret, err := newSecret(rand.Reader, prefix)
	if err != nil {
		return "", fmt.Errorf("drawing a credential: %w", err)
	}
	tok.Hash = fingerprint(secret)
	row, err := s.credentialRow(c, tok, "made")
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if used != nil {
			if err := tx.RevokeToken(ctx, used.ID, s.cfg.Clock.Time()); err != nil {
				return err
			}
		}
		if err := tx.PutToken(ctx, tok); err != nil {
			return err
		}
		tx.Journal(row)
		return nil
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// end revokes a credential and journals it.
func (s *Server) end(ctx context.Context, c caller, tok store.Token) (store.Token, error) {
	tok.Revoked = s.cfg.Clock.Time()
	row, err := s.credentialRow(c, tok, "revoked")
	if err != nil {
		return tok, err
	}
	return tok, s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeToken(ctx, tok.ID, tok.Revoked); err != nil {
			return err
		}
		tx.Journal(row)
		return nil
	})
}

func (s *Server) credentialRow(c caller, tok store.Token, state string) (dr.Row, error) {
	data, err := json.Marshal(dr.CredentialData{ID: tok.ID, Person: tok.Person, What: whatOf(tok), State: state})
	if err != nil {
		return dr.Row{}, fmt.Errorf("writing a credential row: %w", err)
	}
	return dr.Row{At: s.cfg.Clock.Time(), Kind: dr.RowCredential, Actor: c.actor.Person, Surface: c.actor.Surface, Data: data}, nil
}
