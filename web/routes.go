package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/switchman-dr/switchman/docs"
	"github.com/switchman-dr/switchman/dr"
)

// route is one line of the table below, which is the whole surface.
type route struct {
	method, path string
	scope        Scope // needed to come in; empty: the handler decides
	serve        func(*Server, http.ResponseWriter, *http.Request, caller) error
}

// routes lists every route. docs/openapi.yaml says the same in words, and a test compares them.
func routes() []route {
	return []route{
		{"GET", "/api/openapi.yaml", "", (*Server).openAPI},
		{"GET", "/api/me", "", (*Server).me},
		{"POST", "/api/session", "", (*Server).signIn},
		{"DELETE", "/api/session", "", (*Server).signOut},
		{"GET", "/api/sessions", ScopeRead, (*Server).listSessions},
		{"DELETE", "/api/sessions/{session}", ScopeRead, (*Server).endSession},
		{"POST", "/api/step-up", "", (*Server).stepUp},
		{"POST", "/api/enrolment", "", (*Server).enrol},
		{"POST", "/api/enrolment/confirm", "", (*Server).confirmEnrolment},
		{"GET", "/api/runs", ScopeRead, (*Server).listRuns},
		{"POST", "/api/runs", ScopeAct, (*Server).requestRun},
		{"GET", "/api/runs/{run}", ScopeRead, (*Server).showRun},
		{"GET", "/api/runs/{run}/report", ScopeRead, (*Server).readReport},
		{"GET", "/api/runs/{run}/report.html", ScopeRead, (*Server).readReport},
		{"GET", "/api/runs/{run}/report.md", ScopeRead, (*Server).readReport},
		{"GET", "/api/runs/{run}/report.json", ScopeRead, (*Server).readReport},
		{"GET", "/api/runs/{run}/report.zip", ScopeRead, (*Server).readReport},
		{"GET", "/api/runs/{run}/plan", ScopeRead, (*Server).showRunPlan},
		{"GET", "/api/runs/{run}/graph.svg", ScopeRead, (*Server).drawRunPlan},
		{"GET", "/api/runs/{run}/steps/{step}", ScopeRead, (*Server).showStep},
		{"POST", "/api/runs/{run}/{verb}", "", (*Server).act},
		{"GET", "/api/plans", ScopeRead, (*Server).listPlans},
		{"GET", "/api/plans/{plan}", ScopeRead, (*Server).showPlan},
		{"GET", "/api/plans/{plan}/graph.svg", ScopeRead, (*Server).drawPlan},
		{"GET", "/api/plans/{plan}/diff", ScopeRead, (*Server).diffPlan},
		{"GET", "/api/now", ScopeRead, (*Server).now},
		{"GET", "/api/organisation", ScopeRead, (*Server).organisation},
		{"GET", "/api/register", ScopeRead, (*Server).register},
		{"GET", "/api/placements", ScopeRead, (*Server).listPlacements},
		{"GET", "/api/replicas", ScopeRead, (*Server).listReplicas},
		{"POST", "/api/site", ScopeAct, (*Server).takeSite},
		{"GET", "/api/journal", ScopeRead, (*Server).readJournal},
		{"GET", "/api/events", ScopeRead, (*Server).events},
		{"GET", "/api/channel", ScopeRead, (*Server).readChannel},
		{"POST", "/api/channel", ScopeAct, (*Server).say},
		{"POST", "/api/channel/press", ScopeAct, (*Server).pressButton},
		{"POST", "/api/channel/submit", ScopeAct, (*Server).submitForm},
		{"GET", "/api/ask", ScopeRead, (*Server).ask},
		{"POST", "/api/ask", ScopeRead, (*Server).ask},
		{"GET", "/api/search", ScopeRead, (*Server).search},
		{"GET", "/api/runbooks", ScopeRead, (*Server).listRunbooks},
		{"POST", "/api/runbooks/sync", ScopeAct, (*Server).syncRunbooks},
		{"GET", "/api/runbooks/{runbook}", ScopeRead, (*Server).showRunbook},
		{"GET", "/api/runs/{run}/steps/{step}/runbook", ScopeRead, (*Server).stepRunbook},
		{"POST", "/api/feedback", ScopeRead, (*Server).judge},
		{"GET", "/api/feedback", ScopeRead, (*Server).listFeedback},
		{"DELETE", "/api/unanswered/{question}", ScopeAct, (*Server).settle},
		{"POST", "/api/signals", ScopeAct, (*Server).sendSignals},
		{"GET", "/api/situations", ScopeRead, (*Server).listSituations},
		{"GET", "/api/situations/{situation}", ScopeRead, (*Server).showSituation},
		{"POST", "/api/situations/{situation}/answer", ScopeAct, (*Server).answerSituation},
		{"GET", "/api/situations/{situation}/signals", ScopeRead, (*Server).situationSignals},
		{"GET", "/api/situations/{situation}/noise", ScopeRead, (*Server).situationNoise},
		{"GET", "/api/situations/{situation}/runbooks", ScopeRead, (*Server).situationRunbooks},
		{"GET", "/api/blobs/{digest}", ScopeRead, (*Server).readBlob},
		{"GET", "/api/people", ScopeRead, (*Server).listPeople},
		{"POST", "/api/people/{person}/enrol", "", (*Server).enrolPerson},
		{"POST", "/api/people/{person}/revoke", ScopeAdmin, (*Server).revokePerson},
		{"GET", "/api/tokens", ScopeRead, (*Server).listTokens},
		{"POST", "/api/tokens", "", (*Server).createToken},
		{"DELETE", "/api/tokens/{token}", ScopeRead, (*Server).revokeToken},
	}
}

// mux mounts the table, and beside it what has to answer without knowing who asks.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) {
			if connOf(r.Context()).phone && !rt.onPhone(r) {
				s.noRoute(w, r)
				return
			}
			if err := s.enter(rt, w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	if s.cfg.Stage != nil {
		mux.HandleFunc("GET /api/demo/stage", s.notOnPhone(s.stage))
		mux.HandleFunc("POST /api/demo/stage", s.notOnPhone(s.stage))
	}
	mux.HandleFunc("POST /hooks/{kind}", s.notOnPhone(s.hook))
	mux.HandleFunc("POST /hooks/{kind}/{name}", s.notOnPhone(s.hook))
	mux.HandleFunc("GET /healthz", s.notOnPhone(s.healthz))
	mux.HandleFunc("GET /readyz", s.notOnPhone(s.readyz))
	mux.HandleFunc("GET /metrics", s.notOnPhone(promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{}).ServeHTTP))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if err := s.protect(r); err != nil {
			s.fail(w, r, err)
			return
		}
		s.console(w, r)
	})
	mux.HandleFunc("/", s.noRoute)
	return mux
}

func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, &dr.Error{Kind: dr.NotFound, ID: "no_such_route", Args: dr.Args{"path": printable(r.URL.Path)}})
}

// notOnPhone keeps a page of the service itself off the listener for telephones.
func (s *Server) notOnPhone(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if connOf(r.Context()).phone {
			s.noRoute(w, r)
			return
		}
		next(w, r)
	}
}

// onPhone says what the listener for telephones serves: signing in, seeing a run and its exact plan, a
// vote, a code. Names of people and places are read beside them, and the stream that keeps a page fresh.
func (rt route) onPhone(r *http.Request) bool {
	switch rt.method + " " + rt.path {
	case "GET /api/me", "POST /api/session", "DELETE /api/session", "POST /api/step-up", "GET /api/runs", "GET /api/runs/{run}",
		"GET /api/runs/{run}/plan", "GET /api/events", "GET /api/people", "GET /api/organisation":
		return true
	case "POST /api/runs/{run}/{verb}":
		switch dr.Verb(r.PathValue("verb")) {
		case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbIssue, dr.VerbStart:
			return true
		}
	}
	return false
}

func (s *Server) enter(rt route, w http.ResponseWriter, r *http.Request) error {
	if err := s.protect(r); err != nil {
		return err
	}
	c, err := s.who(r)
	if err != nil {
		return err
	}
	if rt.scope != "" {
		if err := s.need(r, c, rt.scope); err != nil {
			return err
		}
	}
	return rt.serve(s, w, r, c)
}

// middleware holds what is true for every answer.
func (s *Server) middleware(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, s.refuseAtEdge(r, "", "edge_cross_origin", dr.Refuse("cross_origin", nil)))
	}))
	guarded := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cache-Control", "no-store")
		rec := &recorder{ResponseWriter: w, code: http.StatusOK}
		begun := s.cfg.Clock.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.fail(rec, r, panicked(p))
			}
			s.metrics.observe(r, rec.code, s.cfg.Clock.Now().Sub(begun))
		}()
		guarded.ServeHTTP(rec, r)
	})
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request, _ caller) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(docs.OpenAPI()) // a reader who hung up is no error of ours
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readiness is the body of /readyz.
type readiness struct {
	Ready       bool    `json:"ready"`
	Version     string  `json:"version"`
	Demo        bool    `json:"demo,omitempty"`
	Environment string  `json:"environment,omitempty"`
	Checks      []Check `json:"checks"`
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	out := readiness{Ready: true, Version: s.cfg.Version, Demo: s.cfg.Demo, Checks: []Check{}}
	if c, err := s.cfg.Catalog(); err == nil {
		out.Environment = string(c.Organisation().Environment)
	}
	if s.cfg.Ready != nil {
		out.Checks = append(out.Checks, s.cfg.Ready(r.Context())...)
	}
	code := http.StatusOK
	for _, check := range out.Checks {
		if !check.OK {
			out.Ready, code = false, http.StatusServiceUnavailable
		}
	}
	answer(w, code, out)
}
