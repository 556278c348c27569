package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	sessionPrefix  = "sws_"
	consoleSurface = "console" // the surface votes of a session are counted as coming through
	sessionIdle    = 30 * minute
	sessionLife    = 12 * 60 * minute
	observerLife   = 4 * 60 * minute
	sessionsMost   = 20 // of one person; the oldest gives way
	stepUpLife     = 5 * minute
	touchSession   = time.Minute // between two notes of a session's use
	touchToken     = 5 * time.Minute

	// A browser takes the prefix __Host- only over HTTPS, and then only from this very host (RFC 6265bis,
	// section 4.1.3.2).
	cookieName       = "switchman_session"
	cookieNameSecure = "__Host-" + cookieName
)

// sessionDetail is what the store keeps of a session as JSON.
type sessionDetail struct {
	ID      string `json:"id"`
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
	Demo    bool   `json:"demo,omitempty"` // made without a password: good on a demo server only

	StepUp    dr.Time `json:"step_up,omitzero"`      // until when it holds
	StepUpRun string  `json:"step_up_run,omitempty"` // empty: the first run it is used for
}

// session is a browser somebody is signed in with.
type session struct {
	store.Session
	detail   sessionDetail
	readOnly bool
}

// sessionView is a session as its person sees it.
type sessionView struct {
	ID        string  `json:"id"`
	Person    string  `json:"person"`
	Created   dr.Time `json:"created_at"`
	Seen      dr.Time `json:"seen_at"`
	IdleUntil dr.Time `json:"idle_until"`
	Expires   dr.Time `json:"expires_at"`
	StepUp    dr.Time `json:"step_up_until,omitzero"`
	StepUpRun string  `json:"step_up_run,omitempty"`
	Address   string  `json:"address,omitempty"`
	Agent     string  `json:"agent,omitempty"`
	ReadOnly  bool    `json:"read_only,omitempty"`
	Current   bool    `json:"current,omitempty"`
}

func (s *Server) viewOfSession(one session, current string) sessionView {
	v := sessionView{ID: one.detail.ID, Person: one.Person, Created: one.Made, Seen: one.Used, IdleUntil: one.Used.Plus(sessionIdle), Expires: one.Expires,
		Address: one.detail.Address, Agent: one.detail.Agent, ReadOnly: one.readOnly, Current: one.Hash == current}
	if v.IdleUntil.After(one.Expires.Time) {
		v.IdleUntil = one.Expires
	}
	if one.detail.StepUp.After(s.cfg.Clock.Now()) {
		v.StepUp, v.StepUpRun = one.detail.StepUp, one.detail.StepUpRun
	}
	return v
}

// readOnly tells somebody who is an observer and nothing else.
func readOnly(p dr.Person) bool {
	return len(p.Roles) > 0 && !slices.ContainsFunc(p.Roles, func(r dr.Role) bool { return r != dr.Observer })
}

// observerVerbs are what an observer's session may do besides looking.
func observerVerbs() []dr.Verb {
	return []dr.Verb{dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff, dr.VerbOrder}
}

// touched keeps notes of use seldom, since each costs a commit.
type touched struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const touchedMost = 4096

// due says whether a note is due, and takes it as made.
func (t *touched) due(key string, now, kept time.Time, every time.Duration) bool {
	if since := now.Sub(kept); since < every && since >= 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[key]; ok {
		if since := now.Sub(last); since < every && since >= 0 {
			return false
		}
	}
	if t.last == nil || len(t.last) >= touchedMost {
		t.last = map[string]time.Time{}
	}
	t.last[key] = now
	return true
}

// cookieOf finds the session's secret in a request.
func cookieOf(r *http.Request) (string, bool) {
	for _, name := range []string{cookieNameSecure, cookieName} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value, true
		}
	}
	return "", false
}

// ownPage refuses what no page of ours has sent. Whoever says nothing of where a request comes from is no
// browser and has no use for a cookie.
func (s *Server) ownPage(r *http.Request) error {
	if sameOrigin(r) {
		return nil
	}
	return s.refuseAtEdge(r, "", "edge_cross_origin", dr.Refuse("cross_origin", nil))
}

// sessionCaller finds who a cookie stands for. One whose session has ended is an old tab and no stranger:
// it leaves no row.
func (s *Server) sessionCaller(r *http.Request, secret string) (caller, error) {
	one, err := s.findSession(r.Context(), secret)
	if err == nil && one == nil {
		err = &dr.Error{Kind: dr.SignIn, ID: "session_ended"}
	}
	if err != nil {
		return caller{}, err
	}
	p, err := s.person(r, one.Person)
	if err != nil {
		return caller{}, err
	}
	if !safeMethod(r.Method) {
		if err := s.ownPage(r); err != nil {
			return caller{}, err
		}
	}
	if busy(r) && s.touched.due(one.Hash, s.cfg.Clock.Now(), one.Used.Time, touchSession) {
		now := s.cfg.Clock.Time()
		err := s.cfg.Store.Write(r.Context(), func(tx *store.Tx) error { return tx.TouchSession(r.Context(), one.Hash, now) })
		if err != nil {
			return caller{}, err
		}
		one.Used = now
	}
	c := caller{actor: dr.Actor{Person: p.ID, Surface: consoleSurface}, person: p, scopes: Scopes(), session: one}
	if one.readOnly = readOnly(p); one.readOnly {
		c.scopes = []Scope{ScopeRead, ScopeAct}
	}
	return c, nil
}

// busy tells what a person does from what an open page asks for by itself.
func busy(r *http.Request) bool {
	switch r.URL.Path {
	case "/api/events", "/api/now", "/api/me", "/api/health-of-parts":
		return false
	}
	return true
}

// findSession looks a secret up; nil for one that is not known or has ended.
func (s *Server) findSession(ctx context.Context, secret string) (*session, error) {
	if !wellFormed(secret, sessionPrefix) {
		return nil, nil
	}
	var found store.Session
	err := s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		found, err = rd.Session(ctx, fingerprint(secret))
		return err
	})
	if dr.KindOf(err) == dr.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	one, err := readSession(found)
	if err != nil || !s.alive(one) {
		return nil, err
	}
	return &one, nil
}

func readSession(found store.Session) (session, error) {
	one := session{Session: found}
	if err := json.Unmarshal([]byte(found.Detail), &one.detail); err != nil {
		return one, fmt.Errorf("reading a session: %w", err)
	}
	return one, nil
}

// alive: not past its end, not idle, and not made by a demo that had no passwords.
func (s *Server) alive(one session) bool {
	now := s.cfg.Clock.Now()
	return one.Surface == consoleSurface && now.Before(one.Expires.Time) && now.Before(one.Used.Plus(sessionIdle).Time) && one.detail.Demo == s.cfg.Demo
}

// stands says whether a caller is still who they were when a stream began: in the roster, and with a
// credential that has not ended.
func (s *Server) stands(ctx context.Context, c caller) bool {
	if c.actor.Person == "" {
		return true // an onlooker of a demo
	}
	files, err := s.cfg.Catalog()
	if err != nil {
		return false
	}
	if p, ok := files.Organisation().Roster.Person(c.actor.Person); !ok || p.Disabled {
		return false
	}
	switch {
	case c.session != nil:
		var found store.Session
		err = s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
			found, err = rd.Session(ctx, c.session.Hash)
			return err
		})
		if err != nil {
			return false
		}
		one, err := readSession(found)
		return err == nil && s.alive(one)
	case c.token.ID != "":
		tok, err := s.findToken(ctx, c.token.Hash)
		return err == nil && s.live(tok)
	}
	return true
}

// newSession makes a session inside a transaction; the secret goes into the cookie and nowhere else.
func (s *Server) newSession(ctx context.Context, tx *store.Tx, r *http.Request, p dr.Person, secret string) (session, error) {
	now := s.cfg.Clock.Time()
	life := sessionLife
	if readOnly(p) {
		life = observerLife
	}
	one := session{Session: store.Session{Hash: fingerprint(secret), Person: p.ID, Surface: consoleSurface, Made: now, Expires: now.Plus(life), Used: now},
		readOnly: readOnly(p), detail: sessionDetail{ID: newID("s-"), Address: s.originOf(r).place(), Agent: agentOf(r), Demo: s.cfg.Demo}}
	raw, err := json.Marshal(one.detail)
	if err != nil {
		return one, fmt.Errorf("writing a session: %w", err)
	}
	one.Detail = string(raw)
	old, err := tx.SessionsOf(ctx, p.ID)
	if err != nil {
		return one, err
	}
	for i, o := range old {
		if i >= sessionsMost-1 || !now.Before(o.Expires.Time) {
			if err := tx.DropSession(ctx, o.Hash); err != nil {
				return one, err
			}
		}
	}
	return one, tx.PutSession(ctx, one.Session)
}

// agentOf is what the browser calls itself, short.
func agentOf(r *http.Request) string { return printable(r.UserAgent()) }

// setCookie hands the session to the browser.
func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, secret string, life dr.Millis) {
	c := &http.Cookie{Name: cookieName, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(life.Duration().Seconds())}
	if s.originOf(r).https {
		c.Name, c.Secure = cookieNameSecure, true
	}
	http.SetCookie(w, c)
}

// clearCookies makes the browser forget.
func clearCookies(w http.ResponseWriter) {
	for _, name := range []string{cookieName, cookieNameSecure} {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1, Secure: name == cookieNameSecure})
	}
}

func newSessionSecret() (string, error) {
	secret, err := newSecret(rand.Reader, sessionPrefix)
	if err != nil {
		return "", fmt.Errorf("drawing a session: %w", err)
	}
	return secret, nil
}

// sessionRow journals the life of a session. On a demo, where being somebody else is a click, it would
// tell nothing.
func (s *Server) sessionRow(tx *store.Tx, by dr.Actor, person, id, what, state string) error {
	if s.cfg.Demo {
		return nil
	}
	data, err := json.Marshal(dr.CredentialData{ID: id, Person: person, What: what, State: state})
	if err != nil {
		return fmt.Errorf("writing a credential row: %w", err)
	}
	tx.Journal(dr.Row{At: s.cfg.Clock.Time(), Kind: dr.RowCredential, Actor: by.Person, Surface: by.Surface, Data: data})
	return nil
}

func (s *Server) listSessions(w http.ResponseWriter, r *http.Request, c caller) error {
	all, err := s.sessionsOf(r.Context(), c.actor.Person)
	if err != nil {
		return err
	}
	here := ""
	if c.session != nil {
		here = c.session.Hash
	}
	out := []sessionView{}
	for _, one := range all {
		one.readOnly = readOnly(c.person)
		out = append(out, s.viewOfSession(one, here))
	}
	answer(w, http.StatusOK, map[string]any{"sessions": out})
	return nil
}

// sessionsOf are the live sessions of a person, newest first.
func (s *Server) sessionsOf(ctx context.Context, person string) (out []session, err error) {
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		found, err := rd.SessionsOf(ctx, person)
		for _, f := range found {
			if one, bad := readSession(f); bad == nil && s.alive(one) {
				out = append(out, one)
			}
		}
		return err
	})
	return out, err
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request, c caller) error {
	id := r.PathValue("session")
	all, err := s.sessionsOf(r.Context(), c.actor.Person)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(one session) bool { return one.detail.ID == id })
	if i < 0 {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_session", Args: dr.Args{"session": printable(id)}}
	}
	if err := s.dropSession(r.Context(), c.actor, all[i]); err != nil {
		return err
	}
	if c.session != nil && all[i].Hash == c.session.Hash {
		clearCookies(w)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signOut ends the session that asks. It succeeds for one that has ended already.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, c caller) error {
	if c.session != nil {
		if err := s.dropSession(r.Context(), c.actor, *c.session); err != nil {
			return err
		}
	}
	clearCookies(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) dropSession(ctx context.Context, by dr.Actor, one session) error {
	err := s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.DropSession(ctx, one.Hash), s.sessionRow(tx, by, one.Person, one.detail.ID, "session", "revoked"))
	})
	if err == nil {
		s.ended.ring()
	}
	return err
}
