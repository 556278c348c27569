package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

func notThere(t *testing.T, h http.Handler, paths ...string) {
	t.Helper()
	for _, path := range paths {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, fromHere(http.MethodGet, path))
		if w.Code != http.StatusNotFound {
			t.Errorf("GET %s: HTTP %d", path, w.Code)
		}
	}
}

// fromHere is a request from this machine.
func fromHere(method, path string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "127.0.0.1:8080"
	return r
}

func TestConsoleFiles(t *testing.T) {
	h := open(t, false)
	h.server.cfg.Console = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "assets/app-1a2b.js": {Data: []byte("x()")}, "mark.svg": {Data: []byte("<svg/>")}}
	for path, want := range map[string]struct{ kind, cache string }{
		"/":                   {"text/html; charset=utf-8", "no-cache"},
		"/assets/app-1a2b.js": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/mark.svg":           {"image/svg+xml", "no-cache"},
	} {
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, fromHere(http.MethodGet, path))
		got := w.Header()
		if w.Code != http.StatusOK || got.Get("Content-Type") != want.kind || got.Get("Cache-Control") != want.cache {
			t.Errorf("%s: HTTP %d, %q, %q", path, w.Code, got.Get("Content-Type"), got.Get("Cache-Control"))
		}
		policy := got.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval';", "base-uri 'none'"} {
			if !strings.Contains(policy, rule) {
				t.Errorf("%s: the policy lacks %s: %s", path, rule, policy)
			}
		}
		if strings.Contains(policy, "script-src 'self' 'unsafe") || got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, got)
		}
		again := fromHere(http.MethodGet, path)
		again.Header.Set("If-None-Match", got.Get("ETag"))
		w = httptest.NewRecorder()
		if h.server.Handler().ServeHTTP(w, again); w.Code != http.StatusNotModified {
			t.Errorf("%s asked for again: HTTP %d", path, w.Code)
		}
	}
	notThere(t, h.server.Handler(), "/index.html/", "/assets", "/assets/", "/nothing", "/..%2fgo.mod", "/assets%2f..%2f..%2fgo.mod", "/api", "/api/nothing")
}

// TestPhoneListener: on the second listener nothing but signing in, voting and codes is there.
func TestPhoneListener(t *testing.T) {
	h := open(t, false)
	h.server.cfg.Console = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	token := h.token("ben")
	there := func(method, path string) int {
		r := fromHere(method, path)
		r.Header.Set("Authorization", "Bearer "+token)
		r = r.WithContext(withPhone(r.Context(), nil))
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusNotFound && !strings.Contains(w.Body.String(), "no_such_route") {
			return 0 // the route is there, what it was asked for is not
		}
		return w.Code
	}
	for _, line := range []string{"GET /", "GET /api/me", "GET /api/runs", "GET /api/runs/r1", "GET /api/runs/r1/plan", "POST /api/runs/r1/approve", "POST /api/runs/r1/issue_code", "DELETE /api/session", "POST /api/step-up"} {
		method, path, _ := strings.Cut(line, " ")
		if code := there(method, path); code == http.StatusNotFound {
			t.Errorf("%s is not there", line)
		}
	}
	served := 0
	for _, rt := range append(routes(), route{method: "GET", path: "/healthz"}, route{method: "GET", path: "/readyz"}, route{method: "GET", path: "/metrics"}) {
		a := sampleOf(rt)
		if rt.path == "/api/events" {
			continue // has no end
		}
		if there(a.method, a.path) != http.StatusNotFound {
			served++
		}
	}
	if served != 9 {
		t.Errorf("%d routes are served to telephones, want 9: a new route belongs there only on purpose", served)
	}
}

// TestOrigin: who is believed about where a request came from.
func TestOrigin(t *testing.T) {
	h := open(t, false)
	h.server.cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, c := range []struct {
		name, remote string
		header       map[string]string
		code         int
		address      string
	}{
		{"this machine", "127.0.0.1:1", nil, 401, "127.0.0.1"},
		{"this machine, the newer way", "[::1]:1", nil, 401, "::1"},
		{"another machine", "192.0.2.7:1", nil, 403, "192.0.2.7"},
		{"another machine that says it is a proxy", "192.0.2.7:1", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}, 403, "192.0.2.7"},
		{"a proxy without TLS", "10.1.2.3:1", map[string]string{"X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.7"}, 403, "192.0.2.7"},
		{"a proxy that says nothing", "10.1.2.3:1", nil, 403, "10.1.2.3"},
		{"a proxy with TLS", "10.1.2.3:1", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}, 401, "192.0.2.7"},
		{"a proxy on this machine", "127.0.0.1:1", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}, 401, "192.0.2.7"},
		{"what stands before the last hop anybody can write", "10.1.2.3:1", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1, 192.0.2.7, 10.1.9.9"}, 401, "192.0.2.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := fromHere(http.MethodGet, "/api/runs")
			r.RemoteAddr = c.remote
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.server.Handler().ServeHTTP(w, r)
			if w.Code != c.code {
				t.Errorf("HTTP %d, want %d: %s", w.Code, c.code, w.Body)
			}
			if got := h.server.originOf(r).addr.String(); got != c.address {
				t.Errorf("came from %s, want %s", got, c.address)
			}
		})
	}
}

// talk gives a house a bot and its channel.
func talk(t *testing.T, h *house) *bot.Narrator {
	t.Helper()
	dc := dr.Clock{Now: h.clock.Now, After: h.clock.After}
	s := h.server
	b, err := bot.New(bot.Config{Engine: s.cfg.Engine, Store: h.store, Catalog: s.cfg.Catalog, Clock: dc, Log: s.cfg.Log, Secret: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Bot, s.cfg.Chat = b, NewConsole(h.store, dc)
	return b.Narrator(bot.Place{Surface: "console", Dest: ConsoleChannel, Chat: s.cfg.Chat, Instance: "test"})
}

type channel struct {
	Cards []struct {
		ID      string   `json:"id"`
		Version int64    `json:"version"`
		Person  string   `json:"person"`
		Card    bot.Card `json:"card"`
	} `json:"cards"`
	Commands []bot.Offer `json:"commands"`
}

// TestChannel: what somebody types is answered, what happens is told to everybody as cards, and a button
// of one of them does what it says.
func TestChannel(t *testing.T) {
	h := open(t, true)
	n := talk(t, h)
	tell := func() {
		t.Helper()
		for range 5 {
			if _, err := n.Pass(context.Background()); err != nil {
				t.Fatal(err)
			}
			h.clock.advance(2 * 1e9)
		}
	}
	tell()
	var said bot.Reply
	h.do(ask{method: "POST", path: "/api/channel", as: "ada", body: map[string]string{"text": `request move drill "to see it"`}}).into(t, &said)
	press := func(r bot.Reply, person string) bot.Reply {
		t.Helper()
		for _, part := range r.Card.Parts {
			for _, a := range part.Actions {
				if a.Nonce != "" {
					var out bot.Reply
					h.do(ask{method: "POST", path: "/api/channel/press", as: person, body: map[string]any{"nonce": a.Nonce, "confirmed": true}}).into(t, &out)
					return out
				}
			}
		}
		t.Fatalf("no button in %+v", r)
		return r
	}
	if said.Run == "" {
		if said.Form != nil {
			values := map[string]string{}
			for _, f := range said.Form.Fields {
				values[f.Name] = f.Value
			}
			var out bot.Reply
			h.do(ask{method: "POST", path: "/api/channel/submit", as: "ada", body: map[string]any{"nonce": said.Form.Nonce, "values": values}}).into(t, &out)
			said = out
		} else {
			said = press(said, "ada")
		}
	}
	if said.Run == "" || !said.Done {
		t.Fatalf("no run was requested: %+v", said)
	}
	tell()
	var all channel
	h.do(ask{method: "GET", path: "/api/channel", as: "ben"}).into(t, &all)
	if len(all.Cards) == 0 || len(all.Commands) < 10 {
		t.Fatalf("%d cards, %d commands", len(all.Cards), len(all.Commands))
	}
	boards := 0
	for _, e := range all.Cards {
		if e.Card.Kind == "board" && e.Card.Run == said.Run {
			boards++
		}
		if e.Person != "" && e.Person != "ben" {
			t.Errorf("ben sees what was whispered to %s", e.Person)
		}
	}
	if boards != 1 {
		t.Errorf("%d boards of the run, want 1", boards)
	}
	if got := h.do(ask{method: "POST", path: "/api/channel", body: map[string]string{"text": "help"}}); got.code != http.StatusUnauthorized {
		t.Errorf("an onlooker types: HTTP %d", got.code)
	}
	if got := h.do(ask{method: "GET", path: "/api/channel?before=c-nothing", as: "ben"}); got.code != http.StatusNotFound {
		t.Errorf("before a card that is not there: HTTP %d", got.code)
	}
}

// TestCardsAreStreamed: an open page is sent new cards, those whispered to somebody else left out.
func TestCardsAreStreamed(t *testing.T) {
	h := open(t, true)
	talk(t, h)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	chat, ctx := h.server.cfg.Chat, context.Background()
	card := func(text string) bot.Card {
		return bot.Card{Kind: "said", Lang: "en", Parts: []bot.Part{{Kind: bot.PartText, Text: text}}}
	}
	if err := chat.Whisper(ctx, ConsoleChannel, "ada", card("for ada alone")); err != nil {
		t.Fatal(err)
	}
	ref, err := chat.Post(ctx, ConsoleChannel, card("first"), "k")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := chat.Post(ctx, ConsoleChannel, card("never"), "k"); err != nil || again != ref {
		t.Fatalf("the same key again: %s, %v", again, err)
	}
	if err := chat.Update(ctx, ref, card("second")); err != nil {
		t.Fatal(err)
	}
	if err := chat.Update(ctx, "c-nothing", card("x")); dr.KindOf(err) != dr.Invalid {
		t.Errorf("drawing a card that is not there: %v", err)
	}
	lines := bufio.NewScanner(res.Body)
	last := ""
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, "for ada alone") || strings.HasPrefix(line, "id:") {
			t.Fatalf("streamed: %s", line)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e entry
		if err := json.Unmarshal([]byte(data), &e); err != nil || e.ID != string(ref) {
			t.Fatalf("%s: %v", line, err)
		}
		if last = string(e.Card); strings.Contains(last, "second") {
			return
		}
	}
	t.Errorf("the stream ended at %q", last)
}
