package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// PlanView is a compiled plan as `plan show` and the API show it.
type PlanView struct {
	Plan         string         `json:"plan"`
	Title        string         `json:"title"`
	Kind         dr.Kind        `json:"kind"`
	Mode         dr.Mode        `json:"mode"`
	Direction    dr.Direction   `json:"direction"`
	Environment  dr.Environment `json:"environment"`
	Pair         string         `json:"pair,omitempty"`
	From         string         `json:"from"`
	To           string         `json:"to"`
	Digest       string         `json:"digest"`
	Words        []fsm.Word     `json:"words"`
	Systems      []string       `json:"systems"`
	Rule         dr.Rule        `json:"rule"`
	Criteria     []dr.Criterion `json:"criteria"`
	Steps        []dr.Step      `json:"steps"`
	MaxInFlight  int            `json:"max_in_flight"`
	Soak         dr.Millis      `json:"soak_ms"`
	CriticalPath Path           `json:"critical_path"`
}

// Path is the longest way through a plan by the expected durations of its steps.
type Path struct {
	Total dr.Millis `json:"total_ms"`
	Steps []string  `json:"steps"`
}

// PlanOf shows a compiled plan.
func PlanOf(s *dr.Slice) (PlanView, error) {
	raw, err := s.Bytes()
	if err != nil {
		return PlanView{}, err
	}
	v := PlanView{Plan: s.Plan, Title: s.Title, Kind: s.Kind, Mode: s.Mode, Direction: s.Direction, Environment: s.Environment, Pair: s.Pair,
		From: s.From, To: s.To, Digest: dr.Digest(raw), Systems: []string{}, Rule: s.Rule, Criteria: slices.Clone(s.Criteria),
		Steps: slices.Clone(s.Steps), MaxInFlight: s.MaxInFlight, Soak: s.Soak}
	words, numbers := approval.Words(v.Digest)
	for i := range words {
		v.Words = append(v.Words, fsm.Word{Word: words[i], Number: numbers[i]})
	}
	for _, sys := range s.Systems {
		v.Systems = append(v.Systems, sys.ID)
	}
	expect := make(map[string]dr.Millis, len(s.Steps))
	for _, st := range s.Steps {
		expect[st.ID] = st.Expect
	}
	total, path := dr.CriticalPath(s.Steps, func(id string) dr.Millis { return expect[id] })
	v.CriticalPath = Path{Total: total, Steps: append([]string{}, path...)}
	if v.Criteria == nil {
		v.Criteria = []dr.Criterion{}
	}
	if v.Steps == nil {
		v.Steps = []dr.Step{}
	}
	return v, nil
}

func (s *Server) showPlan(w http.ResponseWriter, r *http.Request, _ caller) error {
	slice, err := s.compiled(r)
	if err != nil {
		return err
	}
	view, err := PlanOf(slice)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, view)
	return nil
}

// compiled is the plan of the path, compiled for the mode of the query.
func (s *Server) compiled(r *http.Request) (*dr.Slice, error) {
	c, err := s.files()
	if err != nil {
		return nil, err
	}
	mode := dr.Mode(r.URL.Query().Get("mode"))
	if mode == "" {
		mode = dr.Drill
	}
	if !slices.Contains(dr.Modes(), mode) {
		return nil, &dr.Error{Kind: dr.Usage, ID: "query_mode", Args: dr.Args{"mode": printable(string(mode))}}
	}
	id := r.PathValue("plan")
	if _, ok := c.Plan(id); !ok {
		return nil, &dr.Error{Kind: dr.NotFound, ID: "no_such_plan", Args: dr.Args{"plan": printable(id)}}
	}
	return c.Compile(catalog.Selection{Plan: id, Mode: mode, Profile: r.URL.Query().Get("profile")})
}

func (s *Server) listPlacements(w http.ResponseWriter, r *http.Request, _ caller) error {
	c, err := s.files()
	if err != nil {
		return err
	}
	var found []dr.Placement
	err = s.cfg.Store.Read(r.Context(), func(rd *store.Reader) (err error) {
		found, err = rd.Placements(r.Context())
		return err
	})
	if err != nil {
		return err
	}
	out := []dr.Placement{}
	for _, sys := range c.Organisation().Systems {
		at := dr.Placement{System: sys.ID, Site: sys.Home}
		for _, p := range found {
			if p.System == sys.ID {
				at = p
			}
		}
		out = append(out, at)
	}
	answer(w, http.StatusOK, map[string]any{"placements": out})
	return nil
}

// files are the organisation's files, or the reason why nobody can say anything about them.
func (s *Server) files() (*catalog.Catalog, error) {
	c, err := s.cfg.Catalog()
	if err != nil {
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	return c, nil
}

// findToken asks the store for a credential by the hash of its secret.
func (s *Server) findToken(ctx context.Context, hash string) (tok store.Token, err error) {
	err = s.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		tok, err = r.TokenByHash(ctx, hash)
		return err
	})
	return tok, err
}
