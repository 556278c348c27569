package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// identity is how this server knows people by password: its hasher, its vault, and a made-up person who
// is compared with whenever somebody unknown signs in, so that both take the same time.
type identity struct {
	hasher *hasher
	vault  *vault
	dummy  store.Identity // its password fits nothing
}

// newIdentity is nil without a secret: then nobody signs in with a password, and the server says so.
func newIdentity(secret []byte, log *slog.Logger) *identity {
	if len(secret) == 0 {
		return nil
	}
	v, err := newVault(secret)
	if err != nil {
		log.Error("nobody can sign in with a password", "error", err)
		return nil
	}
	totp, _, err := newTOTP(rand.Reader, "nobody", "nobody")
	if err != nil {
		log.Error("nobody can sign in with a password", "error", err)
		return nil
	}
	return &identity{hasher: newHasher(secret), vault: v, dummy: store.Identity{TOTP: v.put("", totp)}}
}

// signInRequest is the body of POST /api/session.
type signInRequest struct {
	Person   string `json:"person"`
	Password typed  `json:"password,omitempty"`
	TOTP     typed  `json:"totp,omitempty"`
}

// signIn makes a session out of a password and a second factor; on a demo out of a name.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := s.ownPage(r); err != nil {
		return err
	}
	var ask signInRequest
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if s.cfg.Demo {
		return s.beSomebody(w, r, ask.Person)
	}
	t := s.triesOf(r, "sign-in", ask.Person)
	wait, err := s.reserve(r.Context(), t)
	if err != nil {
		return err
	}
	if wait > 0 {
		return s.refuseAtEdge(r, s.onRoster(ask.Person), "edge_too_many_tries", tooMany(wait))
	}
	p, counter, ok, err := s.prove(r.Context(), ask)
	if err != nil {
		return err
	}
	wrong := &dr.Error{Kind: dr.SignIn, ID: "sign_in_wrong"}
	if !ok {
		if err := s.failed(r.Context(), t); err != nil {
			return err
		}
		return s.refuseAtEdge(r, s.onRoster(ask.Person), "edge_sign_in", wrong)
	}
	err = s.enterAs(w, r, p, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.MoveCounter(ctx, p.ID, counter), tx.DropStrike(ctx, t.pair))
	})
	if dr.KindOf(err) == dr.Conflict { // somebody was faster with this very code
		if err := s.failed(r.Context(), t); err != nil {
			return err
		}
		return s.refuseAtEdge(r, p.ID, "edge_sign_in", wrong)
	}
	return err
}

// onRoster keeps made-up names out of the journal's actors.
func (s *Server) onRoster(id string) string {
	if c, err := s.cfg.Catalog(); err == nil {
		if p, ok := c.Organisation().Roster.Person(id); ok {
			return p.ID
		}
	}
	return ""
}

// prove compares both factors. All of it is done whoever is named, and in the same order.
func (s *Server) prove(ctx context.Context, ask signInRequest) (p dr.Person, counter int64, ok bool, err error) {
	if s.identity == nil {
		return p, 0, false, &dr.Error{Kind: dr.Unavailable, ID: "sign_in_off"}
	}
	c, err := s.files()
	if err != nil {
		return p, 0, false, err
	}
	p, known := c.Organisation().Roster.Person(ask.Person)
	known = known && !p.Disabled
	kept, found := s.identity.dummy, false
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		one, err := rd.Identity(ctx, ask.Person, "")
		if dr.KindOf(err) == dr.NotFound {
			return nil
		}
		if err == nil && known {
			kept, found = one, true
		}
		return err
	})
	if err != nil {
		return p, 0, false, err
	}
	fits, err := s.identity.hasher.fits(ctx, ask.Password, kept.Password)
	if err != nil {
		return p, 0, false, err
	}
	secret, err := s.identity.vault.get(kept.Person, kept.TOTP)
	if err != nil {
		return p, 0, false, err
	}
	counter, second := matchTOTP(secret, ask.TOTP, s.cfg.Clock.Time(), kept.Counter)
	return p, counter, found && fits && second, nil
}

// enterAs signs somebody in: what else has to be written, the session and its row in one transaction,
// then the cookie.
func (s *Server) enterAs(w http.ResponseWriter, r *http.Request, p dr.Person, also func(context.Context, *store.Tx) error) error {
	ctx := r.Context()
	secret, err := newSessionSecret()
	if err != nil {
		return err
	}
	var one session
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		if one, err = s.newSession(ctx, tx, r, p, secret); err != nil {
			return err
		}
		old := s.cfg.Clock.Time().Plus(-day)
		return errors.Join(tx.DropOldStrikes(ctx, old), s.sessionRow(tx, dr.Actor{Person: p.ID, Surface: consoleSurface}, p.ID, one.detail.ID, "session", "made"))
	})
	if err != nil {
		return err
	}
	s.setCookie(w, r, secret, one.Expires.Since(one.Made))
	c := caller{actor: dr.Actor{Person: p.ID, Surface: consoleSurface}, person: p, scopes: Scopes(), session: &one}
	return s.me(w, r, c)
}

// beSomebody lets the visitor of a demo be a person of its roster. Only this machine may: the transport
// was checked before, but a demo behind a proxy that we trust would still be open to everybody.
func (s *Server) beSomebody(w http.ResponseWriter, r *http.Request, id string) error {
	if !s.originOf(r).near || !loopbackName(r) {
		return s.refuseAtEdge(r, "", "edge_demo_from_afar", dr.Refuse("demo_from_afar", nil))
	}
	p, err := s.person(r, id)
	if err != nil {
		return err
	}
	return s.enterAs(w, r, p, func(context.Context, *store.Tx) error { return nil })
}

// stepUpRequest is the body of POST /api/step-up.
type stepUpRequest struct {
	TOTP typed  `json:"totp"`
	Run  string `json:"run,omitempty"`
}

// stepUp takes one more code of the second factor. It holds for one run.
func (s *Server) stepUp(w http.ResponseWriter, r *http.Request, c caller) error {
	if c.actor.Person == "" {
		return s.need(r, c, ScopeAct)
	}
	var ask stepUpRequest
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if c.session == nil {
		return &dr.Error{Kind: dr.Usage, ID: "step_up_no_session"}
	}
	until := s.cfg.Clock.Time().Plus(stepUpLife)
	if !s.cfg.Demo {
		if err := s.proveAgain(r, c, ask.TOTP); err != nil {
			return err
		}
	}
	if err := s.markStepUp(r.Context(), c.session, until, ask.Run); err != nil {
		return err
	}
	out := map[string]any{"until": until}
	if ask.Run != "" {
		out["run"] = ask.Run
	}
	answer(w, http.StatusOK, out)
	return nil
}

// proveAgain checks a second factor of somebody who is signed in, under the same limits as a sign-in.
func (s *Server) proveAgain(r *http.Request, c caller, code typed) error {
	ctx, id := r.Context(), c.actor.Person
	t := s.triesOf(r, "step-up", id)
	wait, err := s.reserve(ctx, t)
	if err != nil {
		return err
	}
	if wait > 0 {
		return s.refuseAtEdge(r, id, "edge_too_many_tries", tooMany(wait))
	}
	if s.identity == nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "sign_in_off"}
	}
	var kept store.Identity
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		kept, err = rd.Identity(ctx, id, "")
		return err
	})
	if err != nil {
		return err
	}
	secret, err := s.identity.vault.get(id, kept.TOTP)
	if err != nil {
		return err
	}
	counter, ok := matchTOTP(secret, code, s.cfg.Clock.Time(), kept.Counter)
	if ok {
		err = s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
			return errors.Join(tx.MoveCounter(ctx, id, counter), tx.DropStrike(ctx, t.pair))
		})
		if dr.KindOf(err) != dr.Conflict {
			return err
		}
	}
	if err := s.failed(ctx, t); err != nil {
		return err
	}
	return s.refuseAtEdge(r, id, "edge_step_up", dr.Refuse("step_up_wrong", nil))
}

func (s *Server) markStepUp(ctx context.Context, one *session, until dr.Time, run string) error {
	return s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Session(ctx, one.Hash)
		if err != nil {
			return err
		}
		fresh, err := readSession(now)
		if err != nil {
			return err
		}
		fresh.detail.StepUp, fresh.detail.StepUpRun = until, printable(run)
		raw, err := marshal(fresh.detail)
		if err != nil {
			return err
		}
		one.detail = fresh.detail
		return tx.MarkSession(ctx, one.Hash, raw)
	})
}

// steppedUp says whether a caller has just proven who they are, for this run. Callers without a session
// hold a personal token, which is a proof of its own; on a demo the page asks for a confirmation instead.
func (s *Server) steppedUp(ctx context.Context, c caller, run string) (bool, error) {
	if c.session == nil || s.cfg.Demo {
		return true, nil
	}
	d := c.session.detail
	if !d.StepUp.After(s.cfg.Clock.Now()) {
		return false, nil
	}
	if d.StepUpRun == "" {
		return true, s.markStepUp(ctx, c.session, d.StepUp, run)
	}
	return d.StepUpRun == run, nil
}
