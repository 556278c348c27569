package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
)

// need is one thing that waits for the person who asks.
type need struct {
	Run   string    `json:"run"`
	Title string    `json:"title"`
	Verb  dr.Verb   `json:"verb"`
	Verbs []dr.Verb `json:"verbs"`
	Text  string    `json:"text"`
}

// systemNow is where a system lives now.
type systemNow struct {
	System string  `json:"system"`
	Name   string  `json:"name"`
	Site   string  `json:"site"`
	Home   string  `json:"home"`
	Since  dr.Time `json:"since,omitzero"`
	Run    string  `json:"run,omitempty"`
	Moving string  `json:"moving,omitempty"`
	Proven dr.Time `json:"proven,omitzero"`
	Lag    string  `json:"lag,omitempty"`
	LagAt  dr.Time `json:"lag_at,omitzero"`
}

// Health is one part of what is configured.
type Health struct {
	Name       string  `json:"name"`
	OK         bool    `json:"ok"`
	Configured bool    `json:"configured"`
	Text       string  `json:"text,omitempty"`
	Since      dr.Time `json:"since,omitzero"`
}

// now answers what somebody who opens the console at night wants to know first.
func (s *Server) now(w http.ResponseWriter, r *http.Request, c caller) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	runs, err := s.cfg.Engine.List(r.Context(), c.actor, fsm.Filter{Open: true, Limit: 100})
	if err != nil {
		return err
	}
	if runs == nil {
		runs = []fsm.View{}
	}
	for i := range runs { // a list does not say what somebody may do
		if runs[i], err = s.cfg.Engine.View(r.Context(), c.actor, runs[i].ID); err != nil {
			return err
		}
	}
	systems, err := s.systemsNow(r.Context(), files, runs)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"now": s.cfg.Clock.Time(), "needs_me": needsOf(s.language(r), c.actor.Person, runs), "runs": runs,
		"systems": systems, "health": s.health(r.Context())})
	return nil
}

func needsOf(lang, person string, runs []fsm.View) []need {
	out := []need{}
	for _, v := range runs {
		if mine := bot.NeedsOf(v); len(mine) > 0 && person != "" {
			out = append(out, need{Run: v.ID, Title: v.Title, Verb: mine[0], Verbs: mine, Text: locale.Term(lang, "verb", string(mine[0])) + " — " + v.Title})
		}
	}
	return out
}

func (s *Server) systemsNow(ctx context.Context, files *catalog.Catalog, runs []fsm.View) ([]systemNow, error) {
	var found []dr.Placement
	var recent []dr.Run
	err := s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		if found, err = rd.Placements(ctx); err == nil {
			recent, err = rd.Runs(ctx, store.Filter{Limit: 50})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := []systemNow{}
	for _, sys := range files.Organisation().Systems {
		one := systemNow{System: sys.ID, Name: sys.Name, Site: sys.Home, Home: sys.Home}
		if i := slices.IndexFunc(found, func(p dr.Placement) bool { return p.System == sys.ID }); i >= 0 {
			one.Site, one.Since, one.Run, one.Proven = found[i].Site, found[i].Since, found[i].Run, found[i].Proven
		}
		for _, v := range runs {
			if moves(v, sys.ID) {
				one.Moving = v.ID
			}
		}
		one.Lag, one.LagAt = lagOf(sys.ID, recent)
		out = append(out, one)
	}
	return out, nil
}

// moves says whether a run is at moving a system: not any more once it has arrived and was proven, however
// long the run stays open after that.
func moves(v fsm.View, system string) bool {
	if v.Mode == dr.Rehearsal || !v.State.Moving() && v.State != dr.Paused {
		return false
	}
	return slices.ContainsFunc(v.Systems, func(x fsm.SystemView) bool {
		return x.ID == system && (x.State != "verified" || v.State == dr.RollingBack)
	})
}

// lagOf is what the newest preflight said of a system's replication.
func lagOf(system string, recent []dr.Run) (string, dr.Time) {
	var text []string
	var at dr.Time
	for _, run := range recent {
		for _, check := range run.Checks {
			if check.System != system || !strings.HasPrefix(check.ID, "lag:") {
				continue
			}
			if check.At.After(at.Time) {
				text, at = nil, check.At
			}
			if check.At.Equal(at.Time) {
				text = append(text, check.Text)
			}
		}
	}
	return strings.Join(text, "; "), at
}

// health is what is configured and how it fares: what readiness looks at, and what is merely useful.
func (s *Server) health(ctx context.Context) []Health {
	out := []Health{}
	if s.cfg.Ready != nil {
		for _, check := range s.cfg.Ready(ctx) {
			out = append(out, Health{Name: check.Name, OK: check.OK, Configured: true, Text: check.Text})
		}
	}
	if s.cfg.Parts != nil {
		out = append(out, s.cfg.Parts(ctx)...)
	}
	return out
}
