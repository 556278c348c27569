package web

import (
	"net/http"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// situationRunbooks lists the runbooks that fit a situation, of those the reader may see.
func (s *Server) situationRunbooks(w http.ResponseWriter, r *http.Request, c caller) error {
	from, err := s.situations()
	if err != nil {
		return err
	}
	x, err := from.Get(r.Context(), r.PathValue("situation"))
	if err != nil {
		return err
	}
	out := []knowledge.Cited{}
	if s.cfg.Library != nil {
		signals, err := from.Signals(r.Context(), x.ID)
		if err != nil {
			return err
		}
		found, err := s.cfg.Library.Fitting(r.Context(), s.alone(r, c), x, signals)
		if err != nil {
			return err
		}
		out = append(out, found...)
	}
	answer(w, http.StatusOK, map[string]any{"runbooks": out})
	return nil
}

// stage hands what breaks and mends the sample bank to the demo, for whoever may press buttons here.
func (s *Server) stage(w http.ResponseWriter, r *http.Request) {
	err := s.protect(r)
	if err == nil {
		_, err = s.who(r)
	}
	if err == nil && !s.cfg.Demo {
		err = &dr.Error{Kind: dr.NotFound, ID: "no_such_route", Args: dr.Args{"path": r.URL.Path}}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.cfg.Stage.ServeHTTP(w, r)
}
