package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// lastRun is how a plan went the last time.
type lastRun struct {
	Run    string    `json:"run"`
	Mode   dr.Mode   `json:"mode"`
	State  dr.State  `json:"state"`
	At     dr.Time   `json:"at"`
	Ended  dr.Time   `json:"ended_at,omitzero"`
	Total  dr.Millis `json:"total_ms"`
	RTO    dr.Millis `json:"rto_ms,omitempty"`
	Digest string    `json:"digest"`
}

// planInfo is a plan in the list, with what is known of its freshness.
type planInfo struct {
	catalog.PlanInfo
	Last     *lastRun  `json:"last,omitempty"` // that moved something: a rehearsal shows what would happen, not that it does
	Drill    *lastRun  `json:"last_ok_drill,omitempty"`
	Rehearse *lastRun  `json:"last_rehearsal,omitempty"`
	Changed  *bool     `json:"changed_since_drill,omitempty"`
	Target   dr.Millis `json:"rto_target_ms,omitempty"`
	Mistakes []string  `json:"mistakes,omitempty"`
}

func (s *Server) listPlans(w http.ResponseWriter, r *http.Request, c caller) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	runs, err := s.cfg.Engine.List(r.Context(), c.actor, fsm.Filter{Limit: 500})
	if err != nil {
		return err
	}
	out := []planInfo{}
	for _, p := range files.Plans() {
		one := planInfo{PlanInfo: p, Target: strictest(files.Organisation(), p.Systems)}
		for _, problem := range files.Problems(p.ID) {
			if problem.Severity == catalog.Error {
				one.Mistakes = append(one.Mistakes, problem.Where()+": "+problem.Text)
			}
		}
		one.lastRuns(runs)
		if one.Drill != nil {
			if changed, err := s.changedSince(r.Context(), files, p.ID, one.Drill.Run); err == nil {
				differs := len(changed) > 0
				one.Changed = &differs
			}
		}
		out = append(out, one)
	}
	answer(w, http.StatusOK, map[string]any{"plans": out})
	return nil
}

// lastRuns finds what the plan's newest runs were; runs come newest first.
func (p *planInfo) lastRuns(runs []fsm.View) {
	for _, v := range runs {
		switch {
		case v.Plan != p.ID || !v.State.Started():
			continue
		case v.Mode == dr.Rehearsal:
			if p.Rehearse == nil {
				p.Rehearse = lastOf(v)
			}
			continue
		case p.Last == nil:
			p.Last = lastOf(v)
		}
		if p.Drill == nil && (v.Mode == dr.Drill || v.Mode == dr.SurpriseDrill) && bot.Succeeded(v) {
			p.Drill = lastOf(v)
		}
	}
}

func lastOf(v fsm.View) *lastRun {
	l := &lastRun{Run: v.ID, Mode: v.Mode, State: v.State, At: v.Clocks.Started, Ended: v.Clocks.Ended, Digest: v.Digest}
	if until := v.Clocks.Restored; !until.IsZero() { // a list holds no times worked out
		l.Total = until.Since(l.At)
	}
	for _, sys := range v.Systems {
		l.RTO = max(l.RTO, sys.RTO)
	}
	return l
}

// strictest is the shortest RTO among a plan's systems; 0 when none has one.
func strictest(org dr.Organisation, systems []string) (least dr.Millis) {
	for _, id := range systems {
		if sys, ok := org.System(id); ok && sys.RTO > 0 && (least == 0 || sys.RTO < least) {
			least = sys.RTO
		}
	}
	return least
}

// changedSince says in words what differs between a plan compiled today, for the very selection a run
// had, and what that run had frozen.
func (s *Server) changedSince(ctx context.Context, files *catalog.Catalog, plan, run string) ([]string, error) {
	old, frozen, err := s.frozen(ctx, run)
	if err != nil {
		return nil, err
	}
	sel := catalog.Selection{Plan: plan, Mode: old.Mode, Profile: old.Profile, Overrides: old.Overrides, Challenge: old.Challenge, Parent: old.Parent}
	if info, ok := files.Plan(plan); ok && len(old.Systems) < len(info.Systems) {
		for _, sys := range old.Systems {
			sel.Systems = append(sel.Systems, sys.ID)
		}
	}
	today, err := files.Compile(sel)
	if err != nil {
		return nil, err
	}
	if changed := catalog.Diff(frozen, today); changed != nil {
		return changed, nil
	}
	return []string{}, nil
}

// frozen reads a run with the plan it froze.
func (s *Server) frozen(ctx context.Context, id string) (run dr.Run, slice *dr.Slice, err error) {
	var raw []byte
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		if run, err = rd.Run(ctx, id); err == nil {
			raw, err = rd.Slice(ctx, run.Digest)
		}
		return err
	})
	if err != nil {
		return run, nil, err
	}
	slice = &dr.Slice{}
	if err := json.Unmarshal(raw, slice); err != nil {
		return run, nil, fmt.Errorf("reading the frozen plan of %s: %w", id, err)
	}
	slice.Index()
	return run, slice, nil
}

// diffPlan compares a plan as it is now with a run's.
func (s *Server) diffPlan(w http.ResponseWriter, r *http.Request, _ caller) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	plan := r.PathValue("plan")
	if _, ok := files.Plan(plan); !ok {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_plan", Args: dr.Args{"plan": printable(plan)}}
	}
	out := struct {
		Plan    string   `json:"plan"`
		Run     string   `json:"run"`
		Mode    dr.Mode  `json:"mode"`
		Changed []string `json:"changed"`
	}{Plan: plan, Run: r.URL.Query().Get("run"), Changed: []string{}}
	if out.Run == "" {
		if out.Run, err = s.lastOfPlan(r.Context(), plan, dr.Time{}); err != nil {
			return err
		}
	}
	if out.Run != "" {
		run, _, err := s.frozen(r.Context(), out.Run)
		if err != nil {
			return err
		}
		if run.Plan != plan {
			return &dr.Error{Kind: dr.Usage, ID: "diff_other_plan", Args: dr.Args{"run": run.ID, "plan": run.Plan}}
		}
		out.Mode = run.Mode
		if out.Changed, err = s.changedSince(r.Context(), files, plan, run.ID); err != nil {
			return err
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// lastOfPlan is the newest run of a plan that moved something, requested before a moment; zero: any.
func (s *Server) lastOfPlan(ctx context.Context, plan string, before dr.Time) (id string, err error) {
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		runs, err := rd.Runs(ctx, store.Filter{Limit: 500})
		i := slices.IndexFunc(runs, func(run dr.Run) bool {
			return run.Plan == plan && run.Mode != dr.Rehearsal && !run.Clocks.Started.IsZero() && (before.IsZero() || run.Clocks.Requested.Before(before.Time))
		})
		id = ""
		if i >= 0 {
			id = runs[i].ID
		}
		return err
	})
	return id, err
}
