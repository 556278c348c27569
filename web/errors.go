package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// Problem is what every error looks like from outside.
type Problem struct {
	Kind    dr.ErrKind `json:"kind"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Ref     string     `json:"ref,omitempty"`
	ID      string     `json:"id,omitempty"`
	Args    dr.Args    `json:"args,omitempty"`
}

// status maps a kind to HTTP.
func status(e *dr.Error) int {
	switch e.ID {
	case "body_too_large":
		return http.StatusRequestEntityTooLarge
	case "too_many_tries", "signals_too_fast":
		return http.StatusTooManyRequests
	}
	switch e.Kind {
	case dr.Usage:
		return http.StatusBadRequest
	case dr.SignIn:
		return http.StatusUnauthorized
	case dr.Refused:
		return http.StatusForbidden
	case dr.NotFound:
		return http.StatusNotFound
	case dr.Conflict:
		return http.StatusConflict
	case dr.Invalid, dr.Unverified:
		return http.StatusUnprocessableEntity
	case dr.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail answers with an error in the reader's language. What nobody classified is logged here, the
// only place, under a reference the reader is given.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the reader left
	}
	code, p := s.problem(r, err)
	if p.Kind == dr.SignIn {
		w.Header().Set("WWW-Authenticate", `Bearer realm="switchman"`)
	}
	answer(w, code, map[string]Problem{"error": p})
}

// problem words an error for the reader.
func (s *Server) problem(r *http.Request, err error) (code int, p Problem) {
	var known *dr.Error
	ref := newRef()
	if !errors.As(err, &known) || known.Kind == dr.Unexpected && !locale.Has(known.ID) {
		known = &dr.Error{Kind: dr.Unexpected, ID: "unexpected_ref", Args: dr.Args{"ref": ref}, Err: err}
	}
	p = Problem{Kind: known.Kind, ID: known.ID, Args: known.Args}
	p.Message, p.Hint = locale.Error(s.language(r), known)
	if r.Header.Get("Sec-Fetch-Mode") != "" { // a browser asks, so a page of the console shows it
		p.Hint = bot.InChat(p.Hint)
	}
	if known.Kind == dr.Unexpected || known.Kind == dr.Unavailable {
		p.Ref = ref
		s.cfg.Log.ErrorContext(r.Context(), "request ended in an error", "ref", p.Ref, "method", r.Method, "route", r.Pattern, "error", err, "cause", known.Err)
	}
	return status(known), p
}

// newRef is short enough to be read out over the telephone.
func newRef() string { return strings.ToLower(rand.Text()[:8]) }

// answer writes one JSON document. A reader who hung up is no error of ours.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // journal rows keep the very bytes that were hashed
	_ = e.Encode(body)
}

// language is that of the reader: ?lang=, the browser's wish, the person's own (see who), or the
// organisation's first.
func (s *Server) language(r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); known(lang) {
		return lang
	}
	for wish := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(wish), ";")
		if main, _, _ := strings.Cut(strings.ToLower(tag), "-"); known(main) {
			return main
		}
	}
	if c, err := s.cfg.Catalog(); err == nil {
		for _, lang := range c.Organisation().Languages {
			if known(lang) {
				return lang
			}
		}
	}
	return "en"
}

func known(lang string) bool { return lang == "en" || lang == "zh" }
