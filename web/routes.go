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
		{"GET", "/api/runs", ScopeRead, (*Server).listRuns},
		{"POST", "/api/runs", ScopeAct, (*Server).requestRun},
		{"GET", "/api/runs/{run}", ScopeRead, (*Server).showRun},
		{"GET", "/api/runs/{run}/report", ScopeRead, (*Server).readReport},
		{"POST", "/api/runs/{run}/{verb}", "", (*Server).act},
		{"GET", "/api/plans", ScopeRead, (*Server).listPlans},
		{"GET", "/api/plans/{plan}", ScopeRead, (*Server).showPlan},
		{"GET", "/api/placements", ScopeRead, (*Server).listPlacements},
		{"GET", "/api/journal", ScopeRead, (*Server).readJournal},
		{"GET", "/api/events", ScopeRead, (*Server).events},
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
			if err := s.enter(rt, w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &dr.Error{Kind: dr.NotFound, ID: "no_such_route", Args: dr.Args{"path": printable(r.URL.Path)}})
	})
	return mux
}

func (s *Server) enter(rt route, w http.ResponseWriter, r *http.Request) error {
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
