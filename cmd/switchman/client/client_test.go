package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(Options{Server: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		server, token string
		ok            bool
	}{
		{"unix:/run/switchman.sock", "t", true},
		{"http://127.0.0.1:8080", "t", true},
		{"http://[::1]:8080/", "t", true},
		{"https://dr.example", "t", true},
		{"http://dr.example", "", true},
		{"http://dr.example", "t", false},
		{"http://127.0.0.1.dr.example", "t", false},
		{"dr.example", "", false},
		{"ftp://dr.example", "", false},
		{"http://lin:x@127.0.0.1", "", false},
		{"", "", false},
	} {
		if _, err := New(Options{Server: c.server, Token: c.token}); (err == nil) != c.ok {
			t.Errorf("New(%q, token %q) = %v, want accepted: %v", c.server, c.token, err, c.ok)
		}
	}
}

func TestErrorsKeepKindHintAndReference(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"kind":"refused","message":"No.","hint":"Ask.","ref":"abc","id":"x","args":{"a":"b"}}}`))
	})
	err := c.Call(context.Background(), "GET", "/api/runs", nil, nil)
	var p *Problem
	var e *dr.Error
	if !errors.As(err, &p) || !errors.As(err, &e) {
		t.Fatalf("got %T", err)
	}
	if e.Kind != dr.Refused || e.Message != "No." || e.Hint != "Ask." || p.Ref != "abc" || e.Args["a"] != "b" || dr.KindOf(err) != dr.Refused {
		t.Errorf("got %+v ref %q", e, p.Ref)
	}
}

func TestNotAServer(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>hello</h1>", http.StatusBadGateway) })
	if err := c.Call(context.Background(), "GET", "/", nil, nil); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
	})
	if err := c.Call(context.Background(), "GET", "/", nil, nil); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	c, err := New(Options{Server: "unix:" + filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Call(context.Background(), "GET", "/", nil, nil); !errors.Is(err, ErrNotRunning) || dr.KindOf(err) != dr.Unavailable {
		t.Errorf("no socket: %v", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Call(context.Background(), "GET", "/", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("socket left behind: %v", err)
	}
}

func TestWhoAsks(t *testing.T) {
	var got http.Header
	var query string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, query = r.Header, r.URL.RawQuery
		_, _ = w.Write([]byte("{}"))
	}))
	defer srv.Close()
	c, err := New(Options{Server: srv.URL, Token: "secret", Lang: "zh"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Call(context.Background(), "GET", "/x?a=b", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got.Get("Authorization") != "Bearer secret" || query != "a=b&lang=zh" {
		t.Errorf("headers %v, query %q", got, query)
	}
	if err := c.As("lin").Call(context.Background(), "GET", "/x", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got.Get("X-Switchman-As") != "lin" || got.Get("Authorization") != "" {
		t.Errorf("headers %v", got)
	}
}

func TestEvents(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("run") != "r1" || r.URL.Query().Get("from") != "3" {
			t.Errorf("query %s", r.URL.RawQuery)
		}
		_, _ = w.Write([]byte(": hello\n\nid: 3\nevent: vote\ndata: {\"seq\":3,\"kind\":\"vote\",\"at\":null,\"data\":{},\"text\":\"a\"}\n\nid: 4\ndata: {\"seq\":4,\"kind\":\"vote\",\"at\":null,\"data\":{},\"text\":\"b\"}\n\n"))
	})
	var texts []string
	for ev, err := range c.Events(context.Background(), "r1", 3) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, ev.Text)
	}
	if strings.Join(texts, "") != "ab" {
		t.Errorf("got %q", texts)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"data: {}\n\n", ": c\n\ndata: a\ndata: b\n\n", "id: 1\nevent: x\ndata:y\n\n", "\n\n\n", "data"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		err := parse(strings.NewReader(string(in)), func(data []byte) error {
			if strings.Contains(string(data), "\n\n\n") && !strings.Contains(string(in), "data") {
				t.Fatalf("made up %q", data)
			}
			return nil
		})
		_ = err // any input is read without a crash; errors are the scanner's
	})
}

// TestWatch: each answer is handed on as it comes, and an error on the way is the server's own.
func TestWatch(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("asked by %s, for %s", r.Method, r.Header.Get("Accept"))
		}
		fmt.Fprint(w, "event: told\ndata: {\"n\":1}\n\nevent: told\ndata: {\"n\":2}\n\n")
		fmt.Fprint(w, "event: error\ndata: {\"kind\":\"unavailable\",\"message\":\"gone\",\"hint\":\"wait\"}\n\n")
	})
	var got []string
	err := c.Watch(t.Context(), "/api/ask", map[string]string{"question": "q"}, func(raw []byte) error {
		got = append(got, string(raw))
		return nil
	})
	var p *Problem
	if !errors.As(err, &p) || p.Told.Kind != dr.Unavailable || p.Told.Hint != "wait" || strings.Join(got, "") != `{"n":1}{"n":2}` {
		t.Errorf("%v, after %v", err, got)
	}
}
