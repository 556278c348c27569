package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// meView is who the server takes somebody for, and what a page has to know before it draws anything.
type meView struct {
	Person   string       `json:"person"`
	Name     string       `json:"name,omitempty"`
	Roles    []dr.Role    `json:"roles,omitempty"`
	Teams    []string     `json:"teams,omitempty"`
	Language string       `json:"language,omitempty"`
	Surface  string       `json:"surface"`
	Scopes   []Scope      `json:"scopes"`
	Token    string       `json:"token,omitempty"`
	Session  *sessionView `json:"session,omitempty"`
	Owner    bool         `json:"owner,omitempty"`
	Demo     bool         `json:"demo,omitempty"`
	Stage    bool         `json:"stage,omitempty"`
	Password bool         `json:"password,omitempty"`
	Rooms    []string     `json:"rooms,omitempty"`

	Organisation string         `json:"organisation,omitempty"`
	Environment  dr.Environment `json:"environment,omitempty"`
	TimeZone     string         `json:"time_zone,omitempty"`
	Languages    []string       `json:"languages,omitempty"`
	Version      string         `json:"version,omitempty"`
	OnDuty       bool           `json:"on_duty,omitempty"`
	People       []personView   `json:"people,omitempty"`
}

func (s *Server) me(w http.ResponseWriter, r *http.Request, c caller) error {
	if c.actor.Person == "" && !c.owner && !s.cfg.Demo {
		return s.need(r, c, ScopeRead)
	}
	out := meView{Person: c.actor.Person, Name: c.person.Name, Roles: c.person.Roles, Teams: c.person.Teams, Language: c.person.Language,
		Surface: c.actor.Surface, Scopes: append([]Scope{}, c.scopes...), Token: c.actor.Token, Owner: c.owner, Demo: s.cfg.Demo, Stage: s.cfg.Stage != nil, Version: s.cfg.Version}
	if c.session != nil {
		view := s.viewOfSession(*c.session, c.session.Hash)
		out.Session = &view
		able, err := s.enrolledPeople(r.Context())
		if err != nil {
			return err
		}
		out.Password = slices.Contains(able, c.person.ID)
	}
	if connOf(r.Context()).phone {
		out.Rooms = []string{"approve", "code"}
	}
	if files, err := s.cfg.Catalog(); err == nil { // without files there is less to say, and still who one is
		org := files.Organisation()
		out.Organisation, out.Environment, out.TimeZone, out.Languages = org.Name, org.Environment, org.TimeZone, org.Languages
		out.OnDuty = c.person.ID != "" && approval.OnDuty(c.person, zoneOf(org.TimeZone), s.cfg.Clock.Time())
		if s.cfg.Demo {
			out.People = s.roster(files)
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// shutOut ends a person's password, second factor and sessions, and says how many things ended.
func (s *Server) shutOut(ctx context.Context, c caller, person string) (n int, err error) {
	all, err := s.sessionsOf(ctx, person)
	if err != nil {
		return 0, err
	}
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		n = len(all)
		had, err := tx.DropIdentity(ctx, person)
		if err != nil {
			return err
		}
		if had {
			n++
			if err := s.sessionRow(tx, c.actor, person, "", "password", "revoked"); err != nil {
				return err
			}
		}
		return tx.DropSessionsOf(ctx, person)
	})
	s.ended.ring()
	return n, err
}
