package web

import (
	"context"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Scope narrows what a token may be used for; the roster and the rules narrow further.
type Scope string

// The scopes of personal tokens.
const (
	ScopeRead  Scope = "read"  // look at runs, plans, journal
	ScopeAct   Scope = "act"   // use verbs: request, vote, start, pause …
	ScopeIssue Scope = "issue" // be shown a security code
	ScopeAdmin Scope = "admin" // enrol people, end their credentials
)

// Scopes lists every scope.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeAct, ScopeIssue, ScopeAdmin} }

// The surface a vote or verb came through, as journal and report name it.
const surface = "cli"

// asHeader names the person on a demo server.
const asHeader = "X-Switchman-As"

// caller is who asks, found once per request.
type caller struct {
	actor    dr.Actor
	person   dr.Person
	scopes   []Scope
	token    store.Token // the credential used, zero without one
	enrolled bool        // holds an enrolment: may make a first token and nothing else
	owner    bool        // the socket's owner or root, without a token
	session  *session    // the browser's, nil without one
	ended    error       // why the session the browser named is none
}

func (c caller) may(scope Scope) bool { return slices.Contains(c.scopes, scope) }

// who finds out who asks, and lets them be answered in their own language where the request asks for none.
func (s *Server) who(r *http.Request) (caller, error) {
	c, err := s.caller(r)
	if c.person.Language != "" && r.Header.Get("Accept-Language") == "" {
		r.Header.Set("Accept-Language", c.person.Language)
	}
	return c, err
}

// caller finds out who asks. A request that names nobody gets a caller that may do nothing, so that
// routes open to nobody in particular decide for themselves.
func (s *Server) caller(r *http.Request) (caller, error) {
	as := r.Header.Get(asHeader)
	secret, bearer := bearer(r)
	if as != "" {
		return s.demoCaller(r, as)
	}
	if bearer {
		return s.tokenCaller(r, secret)
	}
	c := caller{actor: dr.Actor{Surface: surface}}
	if secret, ok := cookieOf(r); ok {
		in, err := s.sessionCaller(r, secret)
		if err == nil || dr.KindOf(err) != dr.SignIn {
			return in, err
		}
		c.ended = err // signing in anew must work all the same
	}
	at := connOf(r.Context())
	c.owner = at.socket && (at.uid == 0 || at.uid == s.owner)
	if s.cfg.Demo && s.originOf(r).near && loopbackName(r) {
		c.scopes = []Scope{ScopeRead} // onlookers are welcome at a demo
	}
	return c, nil
}

func bearer(r *http.Request) (string, bool) {
	value := r.Header.Get("Authorization")
	if value == "" {
		return "", false
	}
	scheme, secret, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", true // a credential of a kind we don't take is a wrong credential
	}
	return strings.TrimSpace(secret), true
}

func (s *Server) demoCaller(r *http.Request, as string) (caller, error) {
	if !s.cfg.Demo {
		return caller{}, s.refuseAtEdge(r, "", "edge_as_outside_demo", dr.Refuse("as_outside_demo", nil))
	}
	if !s.originOf(r).near || !loopbackName(r) {
		return caller{}, s.refuseAtEdge(r, "", "edge_demo_from_afar", dr.Refuse("demo_from_afar", nil))
	}
	p, err := s.person(r, as)
	if err != nil {
		return caller{}, err
	}
	return caller{actor: dr.Actor{Person: p.ID, Surface: surface}, person: p, scopes: Scopes()}, nil
}

func (s *Server) tokenCaller(r *http.Request, secret string) (caller, error) {
	wrong := &dr.Error{Kind: dr.SignIn, ID: "token_unknown"}
	if !wellFormed(secret, tokenPrefix) && !wellFormed(secret, enrolmentPrefix) {
		return caller{}, s.refuseAtEdge(r, "", "edge_token", wrong)
	}
	hash := fingerprint(secret)
	tok, err := s.findToken(r.Context(), hash)
	if err != nil {
		if dr.KindOf(err) == dr.NotFound {
			return caller{}, s.refuseAtEdge(r, "", "edge_token", wrong)
		}
		return caller{}, err
	}
	// The index found the row; this comparison takes the same time wherever two hashes differ.
	if subtle.ConstantTimeCompare([]byte(tok.Hash), []byte(hash)) != 1 {
		return caller{}, s.refuseAtEdge(r, "", "edge_token", wrong)
	}
	if !tok.Revoked.IsZero() || !s.cfg.Clock.Time().Before(tok.Expires.Time) {
		return caller{}, s.refuseAtEdge(r, tok.Person, "edge_token_ended", &dr.Error{Kind: dr.SignIn, ID: "token_ended"})
	}
	p, err := s.person(r, tok.Person)
	if err != nil {
		return caller{}, err
	}
	if err := s.noteUse(r.Context(), tok); err != nil {
		return caller{}, err
	}
	c := caller{actor: dr.Actor{Person: p.ID, Surface: surface, Token: tok.ID}, person: p, token: tok}
	if strings.HasPrefix(secret, enrolmentPrefix) {
		c.enrolled = true
		return c, nil
	}
	for _, name := range tok.Scopes {
		c.scopes = append(c.scopes, Scope(name))
	}
	return c, nil
}

// noteUse keeps when a token last opened a door, give or take a few minutes.
func (s *Server) noteUse(ctx context.Context, tok store.Token) error {
	if !s.touched.due(tok.ID, s.cfg.Clock.Now(), tok.Used.Time, touchToken) {
		return nil
	}
	return s.cfg.Store.Write(ctx, func(tx *store.Tx) error { return tx.TouchToken(ctx, tok.ID, s.cfg.Clock.Time()) })
}

// person looks somebody up in the roster as it is now, so that leaving it ends every credential
// at once.
func (s *Server) person(r *http.Request, id string) (dr.Person, error) {
	c, err := s.cfg.Catalog()
	if err != nil {
		return dr.Person{}, &dr.Error{Kind: dr.Unavailable, ID: "roster_unreadable", Err: err}
	}
	p, ok := c.Organisation().Roster.Person(id)
	if !ok || p.Disabled {
		return dr.Person{}, s.refuseAtEdge(r, id, "edge_person", &dr.Error{Kind: dr.SignIn, ID: "person_unknown", Args: dr.Args{"person": printable(id)}})
	}
	return p, nil
}

// need refuses callers without the scope.
func (s *Server) need(r *http.Request, c caller, scope Scope) error {
	switch {
	case c.may(scope):
		if scope == ScopeAdmin && !c.person.Has(dr.Admin) {
			return s.refuseAtEdge(r, c.actor.Person, "edge_role", dr.Refuse("admin_only", dr.Args{"person": c.person.Name}))
		}
		return nil
	case c.enrolled:
		return s.refuseAtEdge(r, c.actor.Person, "edge_scope", dr.Refuse("enrolment_only", nil))
	case c.ended != nil:
		return c.ended
	case c.actor.Person != "":
		return s.refuseAtEdge(r, c.actor.Person, "edge_scope", dr.Refuse("scope_missing", dr.Args{"scope": string(scope)}))
	case s.cfg.Demo:
		return s.refuseAtEdge(r, "", "edge_nobody", &dr.Error{Kind: dr.SignIn, ID: "sign_in_demo"})
	}
	return s.refuseAtEdge(r, "", "edge_nobody", &dr.Error{Kind: dr.SignIn, ID: "sign_in"})
}

// printable keeps what a stranger sent short and on one line.
func printable(text string) string {
	out := []rune{}
	for _, c := range text {
		if len(out) == 40 {
			return string(out) + "…"
		}
		if c < ' ' || c == 0x7f || c == '\u2028' || c == '\u2029' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}
