package web

import (
	"context"
	"net/http"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/draw"
	"github.com/switchman-dr/switchman/store"
)

// runPlan is a run's frozen plan, beside what changed since the run of it before.
type runPlan struct {
	PlanView
	Last    string   `json:"last_run,omitempty"`
	Changed []string `json:"changed"`
}

func (s *Server) showRunPlan(w http.ResponseWriter, r *http.Request, _ caller) error {
	run, slice, err := s.frozen(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	view, err := PlanOf(slice)
	if err != nil {
		return err
	}
	out := runPlan{PlanView: view, Changed: []string{}}
	if out.Last, err = s.lastOfPlan(r.Context(), run.Plan, run.Clocks.Requested); err != nil {
		return err
	}
	if out.Last != "" {
		_, before, err := s.frozen(r.Context(), out.Last)
		if err != nil {
			return err
		}
		out.Changed = append(out.Changed, catalog.Diff(before, slice)...)
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (s *Server) drawRunPlan(w http.ResponseWriter, r *http.Request, _ caller) error {
	_, slice, err := s.frozen(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	return picture(w, slice)
}

func (s *Server) drawPlan(w http.ResponseWriter, r *http.Request, _ caller) error {
	slice, err := s.compiled(r)
	if err != nil {
		return err
	}
	return picture(w, slice)
}

// picture draws a plan. The drawing holds its own style and nothing that runs.
func picture(w http.ResponseWriter, slice *dr.Slice) error {
	view, err := PlanOf(slice)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
	_, _ = w.Write(draw.Plan(slice, view.CriticalPath.Steps)) // a reader who hung up is no error of ours
	return nil
}

// attemptView is one try of a step.
type attemptView struct {
	N        int              `json:"n"`
	State    dr.StepState     `json:"state"`
	Purpose  string           `json:"purpose"`
	Started  dr.Time          `json:"started_at"`
	Ended    dr.Time          `json:"ended_at,omitzero"`
	Took     dr.Millis        `json:"took_ms,omitempty"`
	Text     string           `json:"text"`
	Code     int              `json:"code"`
	Probe    string           `json:"probe,omitempty"`
	By       string           `json:"by,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Facts    map[string]int64 `json:"facts,omitempty"`
	Evidence []dr.Blob        `json:"evidence"`
}

// showStep tells everything about one step of a run: what it would do, and every try of it.
func (s *Server) showStep(w http.ResponseWriter, r *http.Request, _ caller) error {
	_, slice, err := s.frozen(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	id := r.PathValue("step")
	step, ok := slice.Step(id)
	if !ok {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_step", Args: dr.Args{"step": printable(id)}}
	}
	attempts, err := s.attempts(r.Context(), r.PathValue("run"), id)
	if err != nil {
		return err
	}
	out := map[string]any{"step": step, "attempts": attempts}
	if live, ok := s.cfg.Engine.Live(r.PathValue("run"), id); ok {
		out["live"] = live
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (s *Server) attempts(ctx context.Context, run, step string) ([]attemptView, error) {
	out := []attemptView{}
	err := s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		out = []attemptView{}
		all, err := rd.Attempts(ctx, run)
		for _, a := range all {
			if a.Step != step {
				continue
			}
			v := attemptView{N: a.N, State: a.State, Purpose: a.Purpose, Started: a.Intent, Ended: a.Outcome, Text: a.Text, Code: a.Code, Probe: a.Probe,
				By: a.DecidedBy, Reason: a.Reason, Facts: a.Facts, Evidence: append([]dr.Blob{}, a.Evidence...)}
			if !a.Dispatched.IsZero() {
				v.Started = a.Dispatched
			}
			if !a.Outcome.IsZero() {
				v.Took = a.Outcome.Since(v.Started)
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}
