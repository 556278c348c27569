package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

func TestDemoHeader(t *testing.T) {
	real, sample := open(t, false), open(t, true)
	for _, c := range []struct {
		name string
		h    *house
		ask  ask
		code int
		id   string
	}{
		{"a person of the sample", sample, ask{as: "ada"}, 200, ""},
		{"nobody of the sample", sample, ask{as: "mallory"}, 401, "person_unknown"},
		{"an onlooker", sample, ask{}, 200, ""},
		{"through a name of another machine", sample, ask{as: "ada", header: http.Header{"Host": {"rebound.example"}}}, 403, "demo_from_afar"},
		{"a server that is no demo", real, ask{as: "ada"}, 403, "as_outside_demo"},
		{"not even beside a good token", real, ask{as: "eli", token: real.token("ada")}, 403, "as_outside_demo"},
		{"a token on a demo", sample, ask{token: sample.token("ada")}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest("GET", "/api/runs", nil)
			req.RemoteAddr, req.Host = "127.0.0.1:4711", "127.0.0.1:8080"
			if host := c.ask.header.Get("Host"); host != "" {
				req.Host = host
			}
			if c.ask.as != "" {
				req.Header.Set(asHeader, c.ask.as)
			}
			if c.ask.token != "" {
				req.Header.Set("Authorization", "Bearer "+c.ask.token)
			}
			w := httptest.NewRecorder()
			c.h.server.Handler().ServeHTTP(w, req)
			if w.Code != c.code {
				t.Fatalf("HTTP %d, want %d: %s", w.Code, c.code, w.Body)
			}
			if c.id != "" {
				if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); p.ID != c.id {
					t.Errorf("id %s, want %s", p.ID, c.id)
				}
			}
		})
	}
}

func TestDemoListensToItsOwnMachine(t *testing.T) {
	h := open(t, true)
	req := httptest.NewRequest("GET", "/api/runs", nil)
	req.RemoteAddr, req.Host = "203.0.113.9:4711", "localhost:8080"
	req.Header.Set(asHeader, "ada")
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, req)
	if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); p.ID != "demo_from_afar" {
		t.Errorf("HTTP %d %+v", w.Code, p)
	}
}

func TestWrongTokens(t *testing.T) {
	h := open(t, false)
	good := h.token("ada")
	for name, token := range map[string]string{
		"another": strings.Replace(good, good[len(good)-2:len(good)-1], "A", 1) + "x", "cut": good[:len(good)-1], "empty": " ", "prefix": "swt_", "other": "hunter2",
		"unknown but well formed": tokenPrefix + strings.Repeat("A", 43),
	} {
		if got := h.do(ask{method: "GET", path: "/api/me", token: token}); got.code != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: HTTP %d", name, got.code)
		}
	}
	if got := h.do(ask{method: "GET", path: "/api/me", header: http.Header{"Authorization": {"Basic YWRhOng="}}}); got.code != http.StatusUnauthorized {
		t.Errorf("basic: HTTP %d", got.code)
	}
	h.clock.advance(31 * 24 * time.Hour)
	if p := h.do(ask{method: "GET", path: "/api/me", token: good}).problem(t); p.ID != "token_ended" {
		t.Errorf("after its time: %+v", p)
	}
	if p := h.do(ask{method: "GET", path: "/api/me", token: h.token("somebody-who-left")}).problem(t); p.ID != "person_unknown" {
		t.Errorf("of somebody who left: %+v", p)
	}
}

// newToken is the answer of POST /api/tokens.
type newToken struct {
	Token   string   `json:"token"`
	ID      string   `json:"id"`
	Person  string   `json:"person"`
	Scopes  []string `json:"scopes"`
	Expires dr.Time  `json:"expires_at"`
}

func TestLifeOfACredential(t *testing.T) {
	h := open(t, false)
	admin := h.token("eli", "admin", "read")
	var enrolment struct {
		Enrolment string `json:"enrolment"`
	}
	got := h.do(ask{method: "POST", path: "/api/people/ada/enrol", token: admin})
	if got.into(t, &enrolment); got.code != http.StatusCreated {
		t.Fatalf("HTTP %d", got.code)
	}
	if p := h.do(ask{method: "GET", path: "/api/runs", token: enrolment.Enrolment}).problem(t); p.ID != "enrolment_only" {
		t.Errorf("an enrolment opened a door: %+v", p)
	}
	if p := h.do(ask{method: "POST", path: "/api/tokens", token: enrolment.Enrolment, body: tokenRequest{Person: "ben"}}).problem(t); p.ID != "token_for_other" {
		t.Errorf("an enrolment made a token for somebody else: %+v", p)
	}
	var tok newToken
	h.do(ask{method: "POST", path: "/api/tokens", token: enrolment.Enrolment, body: tokenRequest{Label: "laptop", Scopes: []Scope{ScopeRead}, Days: 2}}).into(t, &tok)
	if tok.Person != "ada" || strings.Join(tok.Scopes, " ") != "read" || tok.Expires.Since(dr.At(h.clock.Now())) != 2*day {
		t.Errorf("token %+v", tok)
	}
	if p := h.do(ask{method: "POST", path: "/api/tokens", token: enrolment.Enrolment}).problem(t); p.ID != "token_ended" {
		t.Errorf("an enrolment was used twice: %+v", p)
	}
	if p := h.do(ask{method: "POST", path: "/api/tokens", token: tok.Token, body: tokenRequest{Scopes: []Scope{ScopeAct}}}).problem(t); p.ID != "token_grows" {
		t.Errorf("a token grew: %+v", p)
	}
	var child newToken
	h.do(ask{method: "POST", path: "/api/tokens", token: tok.Token, body: tokenRequest{Days: 90}}).into(t, &child)
	if !child.Expires.Equal(tok.Expires.Time) || strings.Join(child.Scopes, " ") != "read" {
		t.Errorf("a token's token %+v outlives %+v", child, tok)
	}
	var list struct {
		Tokens []tokenView `json:"tokens"`
	}
	h.do(ask{method: "GET", path: "/api/tokens", token: tok.Token}).into(t, &list)
	if len(list.Tokens) != 3 {
		t.Errorf("ada sees %d credentials, want enrolment and two tokens", len(list.Tokens))
	}
	if p := h.do(ask{method: "GET", path: "/api/tokens?person=eli", token: tok.Token}).problem(t); p.Kind != dr.Refused {
		t.Errorf("ada saw eli's tokens: %+v", p)
	}
	if p := h.do(ask{method: "DELETE", path: "/api/tokens/" + tok.ID, token: h.token("ben")}).problem(t); p.Kind != dr.NotFound {
		t.Errorf("ben ended ada's token: %+v", p)
	}
	h.do(ask{method: "DELETE", path: "/api/tokens/" + tok.ID, token: tok.Token}).into(t, &tokenView{})
	if p := h.do(ask{method: "GET", path: "/api/me", token: tok.Token}).problem(t); p.ID != "token_ended" {
		t.Errorf("a revoked token: %+v", p)
	}
	var ended struct{ Revoked int }
	h.do(ask{method: "POST", path: "/api/people/ada/revoke", token: admin}).into(t, &ended)
	if ended.Revoked != 1 {
		t.Errorf("%d ended, want the child only", ended.Revoked)
	}
	if p := h.do(ask{method: "GET", path: "/api/me", token: child.Token}).problem(t); p.ID != "token_ended" {
		t.Errorf("the child lives on: %+v", p)
	}
	h.secretsAreNowhere(admin, enrolment.Enrolment, tok.Token, child.Token)
}

func (h *house) secretsAreNowhere(admin string, secrets ...string) {
	h.t.Helper()
	text := h.logs.text() + string(h.do(ask{method: "GET", path: "/api/journal?limit=1000", token: admin}).raw) + string(h.do(ask{method: "GET", path: "/api/tokens", token: admin}).raw)
	for _, secret := range secrets {
		if strings.Contains(text, secret) || strings.Contains(text, fingerprint(secret)) {
			h.t.Errorf("a credential or its hash is kept where people read: %s", secret)
		}
	}
	for _, kind := range []string{`"made"`, `"revoked"`} {
		if !strings.Contains(text, kind) {
			h.t.Errorf("no journal row says %s", kind)
		}
	}
}

func TestTokenRequests(t *testing.T) {
	h := open(t, false)
	token := h.token("ada")
	for name, body := range map[string]any{
		"too long":      tokenRequest{Days: 91},
		"negative":      tokenRequest{Days: -1},
		"unknown scope": tokenRequest{Scopes: []Scope{"root"}},
		"long label":    tokenRequest{Label: strings.Repeat("中", 81)},
		"unknown field": `{"scope":["read"]}`,
	} {
		if got := h.do(ask{method: "POST", path: "/api/tokens", token: token, body: body, outside: true}); got.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: HTTP %d %s", name, got.code, got.raw)
		}
	}
}

// TestSocketOwner: whoever owns the socket makes the first credentials, and nothing else.
func TestSocketOwner(t *testing.T) {
	h := open(t, false)
	path := filepath.Join(t.TempDir(), SocketName)
	cfg := h.server.cfg
	cfg.Socket, cfg.Metrics = path, prometheus.NewRegistry()
	s := New(cfg)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("the socket stayed")
		}
	}()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("socket %v %v", info, err)
	}
	if err := New(cfg2(cfg)).Start(context.Background()); err == nil {
		t.Error("a second server took the socket of a living one")
	}
	client := dialSocket(h.check, path)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/api/people/ada/enrol", "", 201},
		{"POST", "/api/people/mallory/enrol", "", 404},
		{"POST", "/api/tokens", `{"person":"ada"}`, 201},
		{"POST", "/api/tokens", `{}`, 400},
		{"GET", "/api/me", "", 200},
		{"GET", "/api/runs", "", 401},
		{"POST", "/api/people/ada/revoke", "", 401},
		{"POST", "/api/runs", `{"plan":"move","mode":"drill","reason":"x"}`, 401},
		{"GET", "/api/tokens", "", 401},
	} {
		req, err := http.NewRequest(c.method, "http://switchman"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.code {
			t.Errorf("%s %s %s: HTTP %d, want %d", c.method, c.path, c.body, res.StatusCode, c.code)
		}
	}
}

func cfg2(cfg Config) Config {
	cfg.Metrics = prometheus.NewRegistry()
	return cfg
}

// TestStaleSocket: a socket a crash left behind is taken over.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), SocketName)
	first, err := listenSocket(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := listenSocket(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if _, err := listenSocket(context.Background(), "/"+strings.Repeat("d", 120)); err == nil {
		t.Error("a path too long for a socket was taken")
	}
}

// refusals reads the refusal rows there are.
func (h *house) refusals() []dr.RefusalData {
	h.t.Helper()
	var out []dr.RefusalData
	err := h.store.Read(context.Background(), func(r *store.Reader) error {
		rows, _, err := r.Rows(context.Background(), 0, 10_000)
		for _, row := range rows {
			var d dr.RefusalData
			if row.Kind == dr.RowRefusal && json.Unmarshal(row.Data, &d) == nil {
				out = append(out, d)
			}
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func TestKnockingIsJournaledAtABoundedRate(t *testing.T) {
	h := open(t, false)
	for range 50 {
		h.do(ask{method: "GET", path: "/api/runs"})
	}
	rows := h.refusals()
	if len(rows) != 1 || rows[0].Rule != "edge_nobody" || rows[0].ID != "sign_in" {
		t.Fatalf("50 knocks left %+v", rows)
	}
	h.clock.advance(time.Minute)
	h.do(ask{method: "GET", path: "/api/runs"})
	if rows = h.refusals(); len(rows) != 2 || rows[1].Times != 50 {
		t.Errorf("a minute later: %+v", rows)
	}
}

func TestManyStrangersDoNotFillTheJournal(t *testing.T) {
	k := newKnocks(dr.Clock{Now: (&clock{now: time.Unix(0, 0)}).Now})
	rows := 0
	for i := range 5000 {
		if k.times(string(rune('a'+i%26))+time.Duration(i).String()) > 0 {
			rows++
		}
	}
	if rows > knockRows || len(k.seen) > knockKinds {
		t.Errorf("%d rows, %d remembered", rows, len(k.seen))
	}
}

func TestBodies(t *testing.T) {
	h := open(t, true)
	for _, c := range []struct {
		name, body, kind string
		code             int
	}{
		{"doubled key", `{"plan":"move","plan":"back","mode":"drill","reason":"x"}`, "", 422},
		{"unknown key", `{"plan":"move","mode":"drill","reason":"x","force":true}`, "", 422},
		{"form", `plan=move`, "application/x-www-form-urlencoded", 400},
		{"too large", `{"plan":"` + strings.Repeat("x", maxBody) + `"}`, "", 413},
		{"not JSON", `{`, "", 422},
	} {
		a := ask{method: "POST", path: "/api/runs", as: "ada", body: c.body, outside: true}
		if c.kind != "" {
			a.header = http.Header{"Content-Type": {c.kind}}
		}
		if got := h.do(a); got.code != c.code {
			t.Errorf("%s: HTTP %d, want %d: %s", c.name, got.code, c.code, got.raw)
		}
	}
}

func TestLanguages(t *testing.T) {
	h := open(t, false)
	for _, c := range []struct{ query, header, want string }{
		{"", "", "I don't know who is asking."},
		{"?lang=zh", "", "无法确认请求者的身份。"},
		{"", "zh-CN,zh;q=0.9,en;q=0.8", "无法确认请求者的身份。"},
		{"?lang=en", "zh-CN", "I don't know who is asking."},
		{"", "fr", "I don't know who is asking."},
	} {
		got := h.do(ask{method: "GET", path: "/api/runs" + c.query, header: http.Header{"Accept-Language": {c.header}}})
		if p := got.problem(t); p.Message != c.want || p.Hint == "" {
			t.Errorf("%q %q: %q", c.query, c.header, p.Message)
		}
	}
}

// A page of the console is told what to type in its channel, a program what to type on the host.
func TestHintsFitTheReader(t *testing.T) {
	h := open(t, true)
	for _, c := range []struct{ mode, want string }{{"", "`switchman run list`"}, {"cors", "`/dr status`"}} {
		got := h.do(ask{method: "GET", path: "/api/runs/r-none", as: "ada", header: http.Header{"Sec-Fetch-Mode": {c.mode}}})
		if p := got.problem(t); !strings.Contains(p.Hint, c.want) {
			t.Errorf("%q: %q, want %s", c.mode, p.Hint, c.want)
		}
	}
}

// TestUnexpectedErrorsShowAReferenceOnly: the reader gets a reference, the log the reason.
func TestUnexpectedErrorsShowAReferenceOnly(t *testing.T) {
	h := open(t, true)
	h.logs.expected = true
	cfg := cfg2(h.server.cfg)
	cfg.Catalog = func() (*catalog.Catalog, error) { return nil, errors.New("disk on fire at /secret/path") }
	s := New(cfg)
	for _, path := range []string{"/api/plans", "/api/people"} {
		req := httptest.NewRequest("GET", path, nil)
		req.RemoteAddr, req.Host = "127.0.0.1:1", "localhost"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t)
		if p.Ref == "" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %s", path, w.Body)
		}
		if text := h.logs.text(); !strings.Contains(text, p.Ref) || !strings.Contains(text, "disk on fire") {
			t.Errorf("the log does not hold %s and its reason", p.Ref)
		}
	}
}

func TestACrashOfOneRequestIsOneAnswer(t *testing.T) {
	h := open(t, true)
	h.logs.expected = true
	cfg := cfg2(h.server.cfg)
	cfg.Engine = nil
	s := New(cfg)
	req := httptest.NewRequest("GET", "/api/runs", nil)
	req.RemoteAddr, req.Host = "127.0.0.1:1", "localhost"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); w.Code != 500 || p.Ref == "" || strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("HTTP %d %s", w.Code, w.Body)
	}
}

func TestBlobs(t *testing.T) {
	h := open(t, true)
	blob, err := h.store.PutBlob(context.Background(), "output", "text/html", "<a>.html", strings.NewReader("<script>alert(1)</script>"))
	if err != nil {
		t.Fatal(err)
	}
	got := h.do(ask{method: "GET", path: "/api/blobs/" + blob.Digest, as: "ada"})
	if got.code != 200 || string(got.raw) != "<script>alert(1)</script>" || got.header.Get("Content-Type") != "application/octet-stream" ||
		!strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") || got.header.Get("Content-Disposition") != `attachment; filename="-a-.html"` {
		t.Errorf("HTTP %d %v", got.code, got.header)
	}
	if p := h.do(ask{method: "GET", path: "/api/blobs/" + dr.Digest([]byte("x")), as: "ada"}).problem(t); p.Kind != dr.NotFound {
		t.Errorf("unknown digest: %+v", p)
	}
	if got := h.do(ask{method: "GET", path: "/api/blobs/../../etc", as: "ada", outside: true}); got.code == 200 {
		t.Error("a path was taken for a digest")
	}
}

func TestPlansAndPeople(t *testing.T) {
	h := open(t, true)
	var plan PlanView
	h.do(ask{method: "GET", path: "/api/plans/move?mode=emergency", as: "ada"}).into(t, &plan)
	if plan.Mode != dr.Emergency || len(plan.Words) != 3 || plan.CriticalPath.Total != 1000 || plan.Rule.RTOFrom != "requested" {
		t.Errorf("plan %+v", plan)
	}
	if p := h.do(ask{method: "GET", path: "/api/plans/nothing", as: "ada"}).problem(t); p.ID != "no_such_plan" {
		t.Errorf("%+v", p)
	}
	if p := h.do(ask{method: "GET", path: "/api/plans/move?mode=x", as: "ada", outside: true}).problem(t); p.Kind != dr.Usage {
		t.Errorf("%+v", p)
	}
	var people struct{ People []personView }
	h.token("ada")
	h.do(ask{method: "GET", path: "/api/people", as: "ada"}).into(t, &people)
	if len(people.People) != 10 || people.People[0].Tokens != 1 || people.People[1].Tokens != 0 {
		t.Errorf("people %+v", people)
	}
	var plans struct{ Plans []catalog.PlanInfo }
	h.do(ask{method: "GET", path: "/api/plans", as: "ada"}).into(t, &plans)
	if len(plans.Plans) != 2 {
		t.Errorf("plans %+v", plans)
	}
	if p := h.do(ask{method: "POST", path: "/api/runs/r-none/pause", as: "ada", body: fsm.Args{}}).problem(t); p.Kind != dr.NotFound {
		t.Errorf("%+v", p)
	}
	if p := h.do(ask{method: "GET", path: "/api/runs?limit=0", as: "ada", outside: true}).problem(t); p.ID != "query_number" {
		t.Errorf("%+v", p)
	}
	if p := h.do(ask{method: "POST", path: "/api/runs/r1/explode", as: "ada", outside: true}).problem(t); p.ID != "no_such_verb" {
		t.Errorf("%+v", p)
	}
}

func FuzzWellFormed(f *testing.F) {
	f.Add("swt_" + strings.Repeat("A", 43))
	f.Add("swe_x")
	f.Add("")
	f.Add("swt_000000000000000000000000000000000000000000\r0")
	f.Fuzz(func(t *testing.T, text string) {
		if wellFormed(text, tokenPrefix) && len(text) != len(tokenPrefix)+43 {
			t.Errorf("%q passes for a credential", text)
		}
	})
}
