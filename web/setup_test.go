package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/docs"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// clock is moved by hand; what waits on it is woken when its moment has come.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []wait
}

type wait struct {
	at time.Time
	ch chan time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- c.now
		return ch
	}
	c.waits = append(c.waits, wait{c.now.Add(d), ch})
	return ch
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var later []wait
	for _, w := range c.waits {
		if w.at.After(c.now) {
			later = append(later, w)
			continue
		}
		w.ch <- c.now
	}
	c.waits = later
}

// house is a server on real parts: SQLite, the engine, files, the actions.
type house struct {
	t      *testing.T
	server *Server
	url    string
	store  *store.Store
	clock  *clock
	check  *contract
	logs   *logBook
	tokens map[string]string
}

// logBook fails the test for every logged error nobody announced.
type logBook struct {
	mu       sync.Mutex
	expected bool
	lines    []string
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

func open(t *testing.T, demo bool) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}, logs: &logBook{}, tokens: map[string]string{}}
	dc := dr.Clock{Now: h.clock.Now, After: h.clock.After}
	log := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	h.store, err = store.Open(context.Background(), store.Options{Dir: t.TempDir(), Organisation: "pier-bank", Environment: dr.Test, Clock: dc, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	set := actions.NewSet(actions.Options{Clock: dc, Log: log, Stdout: io.Discard, Dir: t.TempDir(), SpoolDir: t.TempDir()})
	files := files(t, set)
	engine := fsm.New(fsm.Config{Store: h.store, Catalog: files, Hands: set.Hands(), Eyes: set.Eyes(), Clock: dc,
		Pepper: bytes.Repeat([]byte("p"), 32), Log: log, Version: "test", Instance: "test", Parallel: 4})
	if err := engine.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.server = New(Config{Engine: engine, Store: h.store, Catalog: files, Clock: dc, Log: log, Metrics: prometheus.NewRegistry(), Version: "test", Demo: demo, Secret: bytes.Repeat([]byte("k"), 32),
		Ready: func(context.Context) []Check { return []Check{{Name: "store", OK: true}} }})
	ts := httptest.NewUnstartedServer(h.server.Handler())
	ts.Config.ConnContext = withConn
	ts.Start()
	h.url, h.check = ts.URL, newContract(t)
	t.Cleanup(func() {
		close(h.server.closing)
		ts.Close()
		logged := h.logs.text() // what is cut off by the stop below is the engine's own business
		if err := engine.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
		if !h.logs.expected && strings.Contains(logged, "level=ERROR") {
			t.Errorf("errors were logged that nobody announced:\n%s", logged)
		}
	})
	return h
}

func files(t *testing.T, set *actions.Set) func() (*catalog.Catalog, error) {
	t.Helper()
	c, problems := catalog.Load(os.DirFS("testdata/org"), set.Specs(), "test", time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC))
	if n := catalog.Errors(problems); n > 0 {
		t.Fatal(catalog.FormatProblems(problems))
	}
	return func() (*catalog.Catalog, error) { return c, nil }
}

// token gives a person a credential, put into the store directly.
func (h *house) token(person string, scopes ...string) string {
	h.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"read", "act", "issue", "admin"}
	}
	secret, err := newSecret(rand.Reader, tokenPrefix)
	if err != nil {
		h.t.Fatal(err)
	}
	now := dr.At(h.clock.Now())
	err = h.store.Write(context.Background(), func(tx *store.Tx) error {
		return tx.PutToken(context.Background(), store.Token{ID: newID("t-"), Person: person, Hash: fingerprint(secret), Scopes: scopes, Created: now, Expires: now.Plus(30 * day)})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// ask sends one request as somebody and reads the answer; the contract is checked on the way.
type ask struct {
	method, path string
	as, token    string
	body         any
	header       http.Header
	outside      bool // the request itself breaks the contract on purpose
}

type reply struct {
	code   int
	raw    []byte
	header http.Header
}

func (h *house) do(a ask) reply {
	h.t.Helper()
	var body io.Reader
	switch b := a.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), a.method, h.url+a.path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	for name, values := range a.header {
		req.Header[name] = values
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.as != "" {
		req.Header.Set(asHeader, a.as)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	client := &http.Client{Transport: &checked{contract: h.check, outside: a.outside}}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{res.StatusCode, raw, res.Header}
}

func (r reply) problem(t *testing.T) Problem {
	t.Helper()
	var body struct {
		Error Problem `json:"error"`
	}
	if err := json.Unmarshal(r.raw, &body); err != nil || body.Error.Kind == "" {
		t.Fatalf("HTTP %d without an error: %s", r.code, r.raw)
	}
	return body.Error
}

func (r reply) into(t *testing.T, out any) {
	t.Helper()
	if r.code >= 300 {
		t.Fatalf("HTTP %d: %s", r.code, r.raw)
	}
	if err := json.Unmarshal(r.raw, out); err != nil {
		t.Fatalf("%v: %s", err, r.raw)
	}
}

// contract is docs/openapi.yaml, ready to judge.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

func newContract(t *testing.T) *contract {
	t.Helper()
	for _, media := range []string{"image/svg+xml", "text/html", "text/markdown", "application/zip"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	doc, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &contract{doc, router}
}

// checked is a round-tripper that holds every request and every answer against the contract.
type checked struct {
	contract *contract
	outside  bool
	via      http.RoundTripper // nil: the network
}

func (c *checked) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	in, err := c.input(req, sent)
	if err != nil {
		return nil, err
	}
	if in != nil && !c.outside {
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			return nil, err
		}
	}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	via := c.via
	if via == nil {
		via = http.DefaultTransport
	}
	res, err := via.RoundTrip(req)
	if err != nil || in == nil {
		return res, err
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, nil // without end; the events have tests of their own
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(raw))
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	out.SetBodyBytes(raw)
	return res, openapi3filter.ValidateResponse(req.Context(), out)
}

// input finds the route in the document; nil for a path that is not there on purpose.
func (c *checked) input(req *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	plain := req.Clone(req.Context())
	plain.Body = io.NopCloser(bytes.NewReader(body))
	plain.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	route, params, err := c.contract.router.FindRoute(plain)
	if err != nil {
		if c.outside {
			return nil, nil
		}
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}, nil
}

// dialSocket is a client for a unix socket, held against the contract as well.
func dialSocket(c *contract, path string) *http.Client {
	return &http.Client{Transport: &checked{contract: c, via: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}}}
}
