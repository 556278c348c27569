package llmfake

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Silent streams a text and then says nothing more.
func (s *Server) Silent(text string) Answer {
	return func(w http.ResponseWriter, r *http.Request, _ Query) {
		begin(w)
		speak(w, text)
		s.hang(r)
	}
}

// Slow gives no headers.
func (s *Server) Slow() Answer {
	return func(_ http.ResponseWriter, r *http.Request, _ Query) { s.hang(r) }
}

// Pings keeps the connection alive, and its client waiting for the first word.
func (s *Server) Pings() Answer {
	return func(w http.ResponseWriter, r *http.Request, _ Query) {
		begin(w)
		_, _ = io.WriteString(w, strings.Repeat(":\n\n", 300))
		flush(w)
		s.hang(r)
	}
}

// Endless streams a piece again and again until its client goes away.
func Endless(event string) Answer {
	return func(w http.ResponseWriter, r *http.Request, _ Query) {
		begin(w)
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintf(w, "%s\n\n", event); err != nil {
				return
			}
			flush(w)
		}
	}
}

// Reset closes the connection before any answer.
func Reset() Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// Cut streams a text and loses the connection in the middle of an event.
func Cut(text string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		begin(w)
		speak(w, text)
		_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"cont`)
		flush(w)
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// Page is what a proxy answers instead of the server.
func Page(code int) Answer {
	return Status(code, "<!doctype html><title>Bad gateway</title><p>"+strings.Repeat("The server is away. ", 50_000), "Content-Type: text/html")
}
