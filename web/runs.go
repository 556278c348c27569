package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// verbs lists what may stand in the path. A request has its own route.
func verbs() []dr.Verb {
	return []dr.Verb{dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbIssue, dr.VerbStart, dr.VerbPause, dr.VerbResume,
		dr.VerbCancel, dr.VerbAbort, dr.VerbRollback, dr.VerbForce, dr.VerbSwitchback, dr.VerbClose, dr.VerbHandover, dr.VerbAccept,
		dr.VerbContinue, dr.VerbRetry, dr.VerbSkip, dr.VerbDone, dr.VerbDecide, dr.VerbOverride, dr.VerbPreflight,
		dr.VerbObserve, dr.VerbOrder, dr.VerbSignOff, dr.VerbFinding}
}

func (s *Server) listRuns(w http.ResponseWriter, r *http.Request, c caller) error {
	q := r.URL.Query()
	limit, err := number(q.Get("limit"), "limit", 50, 1, 500)
	if err != nil {
		return err
	}
	open, err := truth(q.Get("open"), "open")
	if err != nil {
		return err
	}
	views, err := s.cfg.Engine.List(r.Context(), c.actor, fsm.Filter{Open: open, System: q.Get("system"), Limit: int(limit)})
	if err != nil {
		return err
	}
	if views == nil {
		views = []fsm.View{}
	}
	answer(w, http.StatusOK, map[string]any{"runs": views})
	return nil
}

func (s *Server) requestRun(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask fsm.Request
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if no := s.watching(c, dr.VerbRequest); no != nil {
		return s.refuseAtEdge(r, c.actor.Person, "edge_observer", no)
	}
	view, err := s.cfg.Engine.Request(r.Context(), c.actor, ask)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/runs/"+view.ID)
	answer(w, http.StatusCreated, view)
	return nil
}

func (s *Server) showRun(w http.ResponseWriter, r *http.Request, c caller) error {
	view, err := s.cfg.Engine.View(r.Context(), c.actor, r.PathValue("run"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, view)
	return nil
}

// act hands one verb to the engine. Showing a code needs its own scope, so that a token left in a
// script cannot be made to print one.
func (s *Server) act(w http.ResponseWriter, r *http.Request, c caller) error {
	verb := dr.Verb(r.PathValue("verb"))
	if !slices.Contains(verbs(), verb) {
		return &dr.Error{Kind: dr.NotFound, ID: "no_such_verb", Args: dr.Args{"verb": printable(string(verb))}}
	}
	scope := ScopeAct
	if verb == dr.VerbIssue {
		scope = ScopeIssue
	}
	if err := s.need(r, c, scope); err != nil {
		return err
	}
	if no := s.watching(c, verb); no != nil {
		return s.refuseAtEdge(r, c.actor.Person, "edge_observer", no)
	}
	if err := s.stepUpFor(r.Context(), c, r.PathValue("run"), verb); err != nil {
		return err
	}
	var args fsm.Args
	if err := read(w, r, &args); err != nil {
		return err
	}
	if verb == dr.VerbIssue {
		return s.issue(w, r, c)
	}
	view, err := s.cfg.Engine.Do(r.Context(), c.actor, r.PathValue("run"), verb, args)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, view)
	return nil
}

func (s *Server) issue(w http.ResponseWriter, r *http.Request, c caller) error {
	issued, err := s.cfg.Engine.IssueCode(r.Context(), c.actor, r.PathValue("run"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"code": issued.Code.Reveal(), "expires_at": issued.Expires, "run": issued.View})
	return nil
}

// number reads a whole number from the query.
func number(text, name string, fallback, least, most int64) (int64, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, &dr.Error{Kind: dr.Usage, ID: "query_number", Args: dr.Args{"name": name, "least": strconv.FormatInt(least, 10), "most": strconv.FormatInt(most, 10)}}
	}
	return n, nil
}

func truth(text, name string) (bool, error) {
	switch text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, &dr.Error{Kind: dr.Usage, ID: "query_truth", Args: dr.Args{"name": name}}
}
