package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	day           = dr.Millis(24 * 60 * 60 * 1000)
	enrolmentLife = day
	tokenDays     = 30 // when nobody says otherwise
	tokenMaxDays  = 90
	labelRunes    = 80
)

// personView is one line of the roster with what the store knows about the person.
type personView struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Roles    []dr.Role `json:"roles"`
	Teams    []string  `json:"teams"`
	Language string    `json:"language,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	OnDuty   bool      `json:"on_duty"`
	Tokens   int       `json:"tokens"`
	Password bool      `json:"password,omitempty"`
}

// tokenView is a credential without anything secret.
type tokenView struct {
	ID      string   `json:"id"`
	Person  string   `json:"person"`
	What    string   `json:"what"`
	Label   string   `json:"label,omitempty"`
	Scopes  []string `json:"scopes"`
	Created dr.Time  `json:"created_at"`
	Expires dr.Time  `json:"expires_at"`
	Revoked dr.Time  `json:"revoked_at,omitzero"`
	Used    dr.Time  `json:"used_at,omitzero"`
}

// tokenRequest is the body of POST /api/tokens.
type tokenRequest struct {
	Person string  `json:"person,omitempty"`
	Label  string  `json:"label,omitempty"`
	Scopes []Scope `json:"scopes,omitempty"`
	Days   int     `json:"days,omitempty"`
}

func viewOf(t store.Token) tokenView {
	return tokenView{ID: t.ID, Person: t.Person, What: whatOf(t), Label: t.Label, Scopes: append([]string{}, t.Scopes...), Created: t.Created, Expires: t.Expires, Revoked: t.Revoked, Used: t.Used}
}

// whatOf tells an enrolment from a token: only an enrolment has no scope.
func whatOf(t store.Token) string {
	if len(t.Scopes) == 0 {
		return "enrolment"
	}
	return "token"
}

func (s *Server) listPeople(w http.ResponseWriter, r *http.Request, _ caller) error {
	c, err := s.files()
	if err != nil {
		return err
	}
	tokens, err := s.tokens(r.Context(), "")
	if err != nil {
		return err
	}
	live := map[string]int{}
	for _, t := range tokens {
		if s.live(t) && whatOf(t) == "token" {
			live[t.Person]++
		}
	}
	able, err := s.enrolledPeople(r.Context())
	if err != nil {
		return err
	}
	out := s.roster(c)
	for i := range out {
		out[i].Tokens, out[i].Password = live[out[i].ID], slices.Contains(able, out[i].ID)
	}
	answer(w, http.StatusOK, map[string]any{"people": out})
	return nil
}

// roster is everybody, without what the store knows.
func (s *Server) roster(c *catalog.Catalog) []personView {
	org := c.Organisation()
	zone, now := zoneOf(org.TimeZone), s.cfg.Clock.Time()
	out := []personView{}
	for _, p := range org.Roster.People {
		out = append(out, personView{OnDuty: !p.Disabled && approval.OnDuty(p, zone, now), ID: p.ID, Name: p.Name, Roles: append([]dr.Role{}, p.Roles...),
			Teams: append([]string{}, p.Teams...), Language: p.Language, Disabled: p.Disabled})
	}
	return out
}

// enrolledPeople are those who can sign in with a password.
func (s *Server) enrolledPeople(ctx context.Context) (out []string, err error) {
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		out, err = rd.People(ctx)
		return err
	})
	return out, err
}

// zoneOf loads the zone duty is read in; catalog has checked it, UTC is for a machine without zones.
func zoneOf(name string) *time.Location {
	if zone, err := time.LoadLocation(name); err == nil {
		return zone
	}
	return time.UTC
}

func (s *Server) enrolPerson(w http.ResponseWriter, r *http.Request, c caller) error {
	if !c.owner {
		if err := s.need(r, c, ScopeAdmin); err != nil {
			return err
		}
	}
	if err := s.provenFor(r.Context(), c, credentialsRun); err != nil {
		return err
	}
	p, err := s.subject(r.PathValue("person"))
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Time()
	tok := store.Token{ID: newID("e-"), Person: p.ID, Created: now, Expires: now.Plus(enrolmentLife)}
	secret, err := s.make(r.Context(), c, tok, enrolmentPrefix, nil)
	if err != nil {
		return err
	}
	answer(w, http.StatusCreated, map[string]any{"person": p.ID, "enrolment": secret, "link": s.link("enrol/" + secret), "expires_at": tok.Expires})
	return nil
}

// link is where a person opens something in the console: at the address people use, where one is set, or
// else at the server's own. Without either it is the path alone.
func (s *Server) link(room string) string {
	base := strings.TrimRight(s.cfg.ConsoleURL, "/")
	if base == "" && s.Addr() != "" {
		base = "http://" + s.Addr()
	}
	return base + "/#/" + room
}

// revokePerson ends every credential of a person at once. It also works for somebody who has left
// the roster, because that is when it is wanted most.
func (s *Server) revokePerson(w http.ResponseWriter, r *http.Request, c caller) error {
	id := r.PathValue("person")
	if err := s.provenFor(r.Context(), c, credentialsRun); err != nil {
		return err
	}
	tokens, err := s.tokens(r.Context(), id)
	if err != nil {
		return err
	}
	n := 0
	for _, t := range tokens {
		if !s.live(t) {
			continue
		}
		if _, err := s.end(r.Context(), c, t); err != nil {
			return err
		}
		n++
	}
	out, err := s.shutOut(r.Context(), c, id)
	if err != nil {
		return err
	}
	if n += out; n == 0 {
		if _, err := s.subject(id); err != nil {
			return err
		}
	}
	answer(w, http.StatusOK, map[string]any{"person": id, "revoked": n})
	return nil
}

// subject finds a person of the roster that something is to be done for.
func (s *Server) subject(id string) (dr.Person, error) {
	if id == "" {
		return dr.Person{}, &dr.Error{Kind: dr.Usage, ID: "person_missing"}
	}
	c, err := s.files()
	if err != nil {
		return dr.Person{}, err
	}
	p, ok := c.Organisation().Roster.Person(id)
	if !ok {
		return dr.Person{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_person", Args: dr.Args{"person": printable(id)}}
	}
	return p, nil
}

func (s *Server) live(t store.Token) bool {
	return t.Revoked.IsZero() && s.cfg.Clock.Time().Before(t.Expires.Time)
}

func (s *Server) tokens(ctx context.Context, person string) (out []store.Token, err error) {
	err = s.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		out, err = r.Tokens(ctx, person)
		return err
	})
	return out, err
}
