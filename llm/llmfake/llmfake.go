// Package llmfake plays a model's server: the good ones, and each way in which a server, a proxy or a
// model is known to go wrong.
//
// A [Server] answers on this machine with the [Answer]s it was given, one for each request, the last one
// for all that follow, and remembers what it was asked. It refuses to be clever: it knows no schema
// and counts no tokens, and what a model "says" is what the test says.
package llmfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Query is what a client asked for.
type Query struct {
	Path        string
	Key         string // from Authorization or api-key
	Header      http.Header
	Raw         string
	Model       string    `json:"model"`
	Messages    []Message `json:"messages"`
	Input       []string  `json:"input"`
	Stream      bool      `json:"stream"`
	MaxTokens   int       `json:"max_tokens"`
	MaxNew      int       `json:"max_completion_tokens"`
	Temperature float64   `json:"temperature"`
	Format      *struct {
		Schema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Tools json.RawMessage `json:"tools"`
}

// Message is one of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Text is all that was said to the model.
func (q Query) Text() string {
	var parts []string
	for _, m := range q.Messages {
		parts = append(parts, m.Content)
	}
	return strings.Join(append(parts, q.Input...), "\n")
}

// Answer plays one answer.
type Answer func(w http.ResponseWriter, r *http.Request, q Query)

// Server is the fake. Hangs gets a value each time an answer begins to keep its client waiting.
type Server struct {
	URL   string // the base address, with /v1
	Hangs chan struct{}

	http    *httptest.Server
	mu      sync.Mutex
	answers []Answer
	asked   []Query
}

// New starts a server; Close ends it.
func New(answers ...Answer) *Server {
	s := &Server{answers: answers, Hangs: make(chan struct{}, 64)}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL + "/v1"
	return s
}

// Close ends all connections.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Asked is what came in so far.
func (s *Server) Asked() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Query(nil), s.asked...)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	q := Query{Path: r.URL.RequestURI(), Header: r.Header, Raw: string(raw), Key: r.Header.Get("Api-Key")}
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		q.Key = key
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		http.Error(w, `{"error":{"message":"not JSON","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	answer := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	answer(w, r.WithContext(r.Context()), q)
}

// hang waits until the client is gone.
func (s *Server) hang(r *http.Request) {
	s.Hangs <- struct{}{}
	<-r.Context().Done()
}

// Says streams a text in pieces of a few characters and ends well.
func Says(text string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		begin(w)
		speak(w, text)
		finish(w, "stop")
	}
}

// Obeys streams what a function makes of the question.
func Obeys(model func(q Query) string) Answer {
	return func(w http.ResponseWriter, r *http.Request, q Query) { Says(model(q))(w, r, q) }
}

// Ends streams a text and gives a reason for its end.
func Ends(text, reason string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		begin(w)
		speak(w, text)
		finish(w, reason)
	}
}

// Lines streams lines as they are, and closes.
func Lines(lines ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		begin(w)
		for _, line := range lines {
			_, _ = fmt.Fprintf(w, "%s\n\n", line)
		}
		flush(w)
	}
}

// Status answers with a status, headers as "Name: value", and a body.
func Status(code int, body string, headers ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Query) {
		w.Header().Set("Content-Type", "application/json")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// Problem is the usual body of an error.
func Problem(kind, message string) string {
	b, _ := json.Marshal(map[string]any{"error": map[string]any{"type": kind, "message": message}})
	return string(b)
}

// Chunk is one event with a piece of text.
func Chunk(text string) string {
	b, _ := json.Marshal(text)
	return `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":` + string(b) + `},"finish_reason":null}]}`
}

// End is the event that gives a reason.
func End(reason string) string {
	return `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

// Embeds answers with a vector for each input.
func Embeds(vector func(i int, text string) []float64) Answer {
	return func(w http.ResponseWriter, _ *http.Request, q Query) {
		var data []map[string]any
		for i, text := range q.Input {
			data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector(i, text)})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data, "usage": map[string]int{"total_tokens": 3 * len(q.Input)}})
	}
}

func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.WriteHeader(http.StatusOK)
}

func speak(w http.ResponseWriter, text string) {
	runes := []rune(text)
	for len(runes) > 0 {
		n := min(7, len(runes))
		_, _ = fmt.Fprintf(w, "%s\n\n", Chunk(string(runes[:n])))
		runes = runes[n:]
	}
	flush(w)
}

func finish(w http.ResponseWriter, reason string) {
	_, _ = fmt.Fprintf(w, "%s\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":10,\"total_tokens\":100}}\n\ndata: [DONE]\n\n", End(reason))
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
