package pull_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/alerts/pull"
	"github.com/switchman-dr/switchman/dr"
)

// TestAlerts: who asks is named, and nothing is believed without a bound.
func TestAlerts(t *testing.T) {
	const token = "very-secret-token"
	var seen *http.Request
	serve := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "[]") }
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r; serve(w, r) }))
	defer ts.Close()
	ask := func(o pull.Options) (string, error) {
		t.Helper()
		b, err := pull.New(o).Alerts(t.Context())
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("the error names the secret: %v", err)
		}
		return string(b), err
	}

	if got, err := ask(pull.Options{URL: ts.URL + "/am/"}); got != "[]" || err != nil || seen.URL.Path != "/am/api/v2/alerts" || seen.URL.Query().Get("silenced") != "false" || seen.Header.Get("Authorization") != "" {
		t.Errorf("%q %v %v", got, err, seen)
	}
	if _, err := ask(pull.Options{URL: ts.URL, Password: token}); err != nil || seen.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("%v %v", err, seen.Header)
	}
	if _, err := ask(pull.Options{URL: ts.URL, User: "switchman", Password: token}); err != nil {
		t.Error(err)
	} else if user, password, _ := seen.BasicAuth(); user != "switchman" || password != token {
		t.Errorf("asked as %s", user)
	}
	for what, bad := range map[string]http.HandlerFunc{
		"401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 1<<20)
			for range pull.Most>>20 + 1 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "[")
		},
	} {
		serve = bad
		if got, err := ask(pull.Options{URL: ts.URL, Password: token}); err == nil {
			t.Errorf("%s: %q", what, got)
		}
	}
	ts.Close()
	if _, err := ask(pull.Options{URL: ts.URL, Password: token}); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
}

// TestSlow: a caller who leaves is not kept waiting.
func TestSlow(t *testing.T) {
	hold := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer ts.Close()
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := pull.New(pull.Options{URL: ts.URL}).Alerts(ctx); err == nil {
		t.Error("an answer out of nowhere")
	}
}
