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
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
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
	b, err := bot.New(bot.Config{Engine: s.cfg.Engine, Store: h.store, Catalog: s.cfg.Catalog, Clock: dc, Log: s.cfg.Log, Secret: []byte("0123456789abcdef"), Library: s.cfg.Library})
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Bot, s.cfg.Chat = b, NewConsole(h.store, dc, redact.New("hunter2-known"))
	return b.Narrator(bot.Place{Surface: "console", Dest: ConsoleChannel, Each: true, Chat: s.cfg.Chat, Instance: "test"})
}

type channel struct {
	Cards []struct {
		ID      string   `json:"id"`
		Version int64    `json:"version"`
		Person  string   `json:"person"`
		Text    string   `json:"text"`
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
		if e.Person != "" && e.Person != "ben" && e.Text == "" {
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

// TestChannelKeepsWhatIsTyped: question and answer are there for everybody, in order and after a reload,
// each reader's own language; buttons are the asker's, secrets nobody's.
func TestChannelKeepsWhatIsTyped(t *testing.T) {
	h := open(t, true)
	talk(t, h)
	code := "DRC-0123-4567-89AB-C"
	lines := []string{"status", `request move drill "password=Zx81kkLmq77 hunter2-known"`, "my code is " + code, "nonsense"}
	var last struct {
		bot.Reply
		Line, Answer string
	}
	for _, text := range lines {
		h.do(ask{method: "POST", path: "/api/channel?lang=en", as: "ada", body: map[string]string{"text": text}}).into(t, &last)
		if len(last.Card.Others) > 0 || last.Card.Lang != "en" || last.Line == "" || last.Answer == "" {
			t.Errorf("%s: answered in %s and %d more; kept as %q, %q", text, last.Card.Lang, len(last.Card.Others), last.Line, last.Answer)
		}
		h.clock.advance(1e9)
	}
	run := ""
	read := func(as, lang string) channel {
		t.Helper()
		var all channel
		r := h.do(ask{method: "GET", path: "/api/channel?lang=" + lang, as: as})
		for _, never := range []string{code, "Zx81kkLmq77", "hunter2", `"others":`} {
			if strings.Contains(string(r.raw), never) {
				t.Errorf("the channel shows %s", never)
			}
		}
		r.into(t, &all)
		if len(all.Cards) != 2*len(lines) {
			t.Fatalf("%d entries of %d lines", len(all.Cards), len(lines))
		}
		for i := range lines {
			q, a := all.Cards[2*i], all.Cards[2*i+1]
			if q.Person != "ada" || q.Text == "" || len(q.Card.Parts) != 0 || a.Person != "" || a.Text != "" || len(a.Card.Parts) == 0 || a.Card.Lang != lang {
				t.Errorf("%s in %s: %+v", lines[i], lang, []any{q, a})
			}
			if a.Card.Run != "" {
				run = a.Card.Run
			}
		}
		if all.Cards[4].Text != "[redacted:security_code]" || all.Cards[0].Text != "status" || all.Cards[len(all.Cards)-1].ID != last.Answer {
			t.Errorf("%q, %q", all.Cards[0].Text, all.Cards[4].Text)
		}
		return all
	}
	en, zh := read("ben", "en"), read("ben", "zh")
	if e, z := en.Cards[1].Card.Parts[0].Text, zh.Cards[1].Card.Parts[0].Text; !strings.HasPrefix(e, "Open runs") || !strings.HasPrefix(z, "进行中的运行") {
		t.Errorf("%q and %q", e, z)
	}
	nonces := func(as string) (n int) {
		for _, e := range read(as, "en").Cards {
			for _, p := range e.Card.Parts {
				for _, a := range p.Actions {
					if a.Nonce != "" {
						n++
					}
				}
			}
		}
		return n
	}
	h.do(ask{method: "POST", path: "/api/channel", as: "ada", body: map[string]string{"text": "status " + run}}).into(t, &last)
	lines = append(lines, "status "+run)
	if mine, theirs := nonces("ada"), nonces("ben"); mine == 0 || theirs != 0 {
		t.Errorf("ada sees %d buttons of hers, ben %d", mine, theirs)
	}
	err := h.store.Read(context.Background(), func(r *store.Reader) error {
		rows, err := r.CardsBefore(context.Background(), ConsoleChannel, "", 1<<62, 100)
		for _, row := range rows {
			for _, never := range []string{code, "Zx81kkLmq77", "hunter2"} {
				if strings.Contains(row.Body, never) {
					t.Errorf("the store holds %s: %s", never, row.Body)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCardsSpeakToEachReader: one row of the journal is one card, shown to each in their own language, by
// reload and over the stream.
func TestCardsSpeakToEachReader(t *testing.T) {
	h := open(t, true)
	n := talk(t, h)
	if _, err := n.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
	streamed := map[string]chan string{}
	for _, lang := range []string{"en", "zh"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/api/events?lang="+lang, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		ch := make(chan string, 100)
		streamed[lang] = ch
		go func() {
			lines := bufio.NewScanner(res.Body)
			lines.Buffer(nil, 1<<20)
			event := ""
			for lines.Scan() {
				if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
					event = name
				}
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == "card" {
					ch <- data
				}
			}
		}()
	}
	h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: map[string]any{"plan": "move", "mode": "drill", "reason": "to see it"}})
	for range 3 {
		if _, err := n.Pass(context.Background()); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(2e9)
	}
	want := map[string]string{"en": "asks for a run", "zh": "申请运行"}
	for lang, words := range want {
		var all channel
		h.do(ask{method: "GET", path: "/api/channel?lang=" + lang, as: "ben"}).into(t, &all)
		raw, _ := json.Marshal(all)
		if !strings.Contains(string(raw), words) || strings.Contains(string(raw), want[map[string]string{"en": "zh", "zh": "en"}[lang]]) {
			t.Errorf("%s reads %s", lang, raw)
		}
		for _, e := range all.Cards {
			if e.Card.Lang != lang {
				t.Errorf("%s was shown a card in %s", lang, e.Card.Lang)
			}
		}
		for sent := ""; !strings.Contains(sent, words); {
			select {
			case sent = <-streamed[lang]:
			case <-time.After(10 * time.Second):
				t.Fatalf("%s was not sent the news in their language", lang)
			}
			if !strings.Contains(sent, `"lang":"`+lang+`"`) || strings.Contains(sent, `"others"`) {
				t.Errorf("%s was sent %s", lang, sent)
			}
		}
	}
}
