package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// enrolRequest is the body of POST /api/enrolment.
type enrolRequest struct {
	Enrolment typed `json:"enrolment"`
	Password  typed `json:"password"`
}

// confirmRequest is the body of POST /api/enrolment/confirm.
type confirmRequest struct {
	Enrolment typed `json:"enrolment"`
	TOTP      typed `json:"totp"`
}

// enrol takes a new password and answers with the second factor, this once. Nothing counts yet: an
// authenticator that did not take the secret would lock its owner out.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := s.ownPage(r); err != nil {
		return err
	}
	var ask enrolRequest
	if err := read(w, r, &ask); err != nil {
		return err
	}
	tok, p, err := s.enrolmentOf(r, ask.Enrolment)
	if err != nil {
		return err
	}
	org := s.organisationName()
	if err := goodPassword(ask.Password, p, org); err != nil {
		return err
	}
	hash, err := s.identity.hasher.make(r.Context(), rand.Reader, ask.Password)
	if err != nil {
		return err
	}
	secret, uri, err := newTOTP(rand.Reader, org, p.ID)
	if err != nil {
		return err
	}
	picture, err := qrSVG(uri)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Write(r.Context(), func(tx *store.Tx) error {
		return tx.PutIdentity(r.Context(), store.Identity{Person: p.ID, Enrolment: tok.ID, Password: hash, TOTP: s.identity.vault.put(p.ID, secret), Made: s.cfg.Clock.Time()})
	})
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]string{"person": p.ID, "totp_secret": secret, "totp_uri": uri, "qr_svg": picture})
	return nil
}

// enrolmentOf finds a live enrolment and whose it is.
func (s *Server) enrolmentOf(r *http.Request, secret typed) (store.Token, dr.Person, error) {
	if s.identity == nil {
		return store.Token{}, dr.Person{}, &dr.Error{Kind: dr.Unavailable, ID: "sign_in_off"}
	}
	gone := &dr.Error{Kind: dr.SignIn, ID: "enrolment_gone"}
	if !wellFormed(secret.reveal(), enrolmentPrefix) {
		return store.Token{}, dr.Person{}, s.refuseAtEdge(r, "", "edge_enrolment", gone)
	}
	tok, err := s.findToken(r.Context(), fingerprint(secret.reveal()))
	if dr.KindOf(err) == dr.NotFound || err == nil && !s.live(tok) {
		return store.Token{}, dr.Person{}, s.refuseAtEdge(r, tok.Person, "edge_enrolment", gone)
	}
	if err != nil {
		return store.Token{}, dr.Person{}, err
	}
	p, err := s.person(r, tok.Person)
	return tok, p, err
}

// confirmEnrolment makes the new password count once its second factor has been seen to work. What the
// person signed in with before, and wherever they are signed in, ends with it.
func (s *Server) confirmEnrolment(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := s.ownPage(r); err != nil {
		return err
	}
	var ask confirmRequest
	if err := read(w, r, &ask); err != nil {
		return err
	}
	tok, p, err := s.enrolmentOf(r, ask.Enrolment)
	if err != nil {
		return err
	}
	t := s.triesOf(r, "enrol", p.ID)
	wait, err := s.reserve(r.Context(), t)
	if err != nil {
		return err
	}
	if wait > 0 {
		return s.refuseAtEdge(r, p.ID, "edge_too_many_tries", tooMany(wait))
	}
	kept, counter, err := s.waiting(r, p, tok, ask.TOTP)
	if err != nil {
		return err
	}
	return s.enterAs(w, r, p, func(ctx context.Context, tx *store.Tx) error {
		kept.Enrolment, kept.Counter = "", counter
		if _, err := tx.DropIdentity(ctx, p.ID); err != nil {
			return err
		}
		if err := errors.Join(tx.PutIdentity(ctx, kept), tx.RevokeToken(ctx, tok.ID, s.cfg.Clock.Time()), tx.DropSessionsOf(ctx, p.ID), tx.DropStrike(ctx, t.pair)); err != nil {
			return err
		}
		return s.sessionRow(tx, dr.Actor{Person: p.ID, Surface: consoleSurface}, p.ID, tok.ID, "password", "made")
	})
}

// waiting is the identity that waits for its confirmation, if the code shows that its second factor works.
func (s *Server) waiting(r *http.Request, p dr.Person, tok store.Token, code typed) (kept store.Identity, counter int64, err error) {
	err = s.cfg.Store.Read(r.Context(), func(rd *store.Reader) (err error) {
		kept, err = rd.Identity(r.Context(), p.ID, tok.ID)
		return err
	})
	if dr.KindOf(err) == dr.NotFound {
		return kept, 0, &dr.Error{Kind: dr.Usage, ID: "enrolment_not_begun"}
	}
	if err != nil {
		return kept, 0, err
	}
	secret, err := s.identity.vault.get(p.ID, kept.TOTP)
	if err != nil {
		return kept, 0, err
	}
	counter, ok := matchTOTP(secret, code, s.cfg.Clock.Time(), 0)
	if !ok {
		return kept, 0, s.refuseAtEdge(r, p.ID, "edge_enrolment", dr.Refuse("enrolment_totp_wrong", nil))
	}
	return kept, counter, nil
}

func (s *Server) organisationName() string {
	c, err := s.cfg.Catalog()
	if err != nil {
		return ""
	}
	return first(c.Organisation().Name, c.Organisation().ID)
}

func marshal(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("writing %T: %w", v, err)
	}
	return string(raw), nil
}
