package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const goodWords = "seven quiet harbours"

// browser is somebody at the console: it keeps its cookie and says which page it comes from.
type browser struct {
	h      *house
	cookie *http.Cookie
	secret string // of the authenticator
}

func (b *browser) do(method, path string, body any) reply {
	b.h.t.Helper()
	head := http.Header{"Origin": {b.h.url}, "Sec-Fetch-Site": {"same-origin"}}
	if b.cookie != nil {
		head.Set("Cookie", b.cookie.Name+"="+b.cookie.Value)
	}
	got := b.h.do(ask{method: method, path: path, body: body, header: head})
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == cookieName && c.MaxAge > 0 {
			b.cookie = c
		}
	}
	return got
}

// code is what the authenticator shows, one that was not used: half a minute goes by first.
func (b *browser) code() string {
	b.h.t.Helper()
	b.h.clock.advance(totpPeriod * time.Second)
	code, err := totp.GenerateCode(b.secret, b.h.clock.Now())
	if err != nil {
		b.h.t.Fatal(err)
	}
	return code
}

// enrolled takes a person through the whole enrolment: link, password, authenticator.
func (h *house) enrolled(person string) *browser {
	h.t.Helper()
	var link struct{ Enrolment string }
	h.do(ask{method: "POST", path: "/api/people/" + person + "/enrol", token: h.token("eli", "admin")}).into(h.t, &link)
	b := &browser{h: h}
	var begun struct {
		Secret string `json:"totp_secret"`
	}
	b.do("POST", "/api/enrolment", map[string]string{"enrolment": link.Enrolment, "password": goodWords}).into(h.t, &begun)
	b.secret = begun.Secret
	var me meView
	b.do("POST", "/api/enrolment/confirm", map[string]string{"enrolment": link.Enrolment, "totp": b.code()}).into(h.t, &me)
	if me.Person != person || me.Session == nil || b.cookie == nil {
		h.t.Fatalf("enrolled as %+v", me)
	}
	return b
}

func (h *house) rows(kind dr.RowKind) (out []Reading) {
	h.t.Helper()
	var page struct{ Rows []Reading }
	h.do(ask{method: "GET", path: "/api/journal?limit=1000", token: h.token("ada", "read")}).into(h.t, &page)
	for _, r := range page.Rows {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

func TestEnrolAndSignIn(t *testing.T) {
	h := open(t, false)
	var link struct{ Enrolment, Link string }
	h.do(ask{method: "POST", path: "/api/people/ada/enrol", token: h.token("eli", "admin")}).into(t, &link)
	if !strings.HasSuffix(link.Link, "/#/enrol/"+link.Enrolment) {
		t.Errorf("link %q", link.Link)
	}
	b := &browser{h: h}
	for password, id := range map[string]string{"short": "password_length", "aaaaaaaaaaaaaaaa": "password_common", "Password-2026!!": "password_common", strings.Repeat("ab", 100): "password_length", "switchman2026": "password_common"} {
		if p := b.do("POST", "/api/enrolment", map[string]string{"enrolment": link.Enrolment, "password": password}).problem(t); p.ID != id {
			t.Errorf("password %q: %s, want %s", password, p.ID, id)
		}
	}
	if p := b.do("POST", "/api/enrolment/confirm", map[string]string{"enrolment": link.Enrolment, "totp": "123456"}).problem(t); p.ID != "enrolment_not_begun" {
		t.Errorf("confirmed before it was begun: %+v", p)
	}
	var begun struct {
		Secret string `json:"totp_secret"`
		URI    string `json:"totp_uri"`
		QR     string `json:"qr_svg"`
	}
	b.do("POST", "/api/enrolment", map[string]string{"enrolment": link.Enrolment, "password": goodWords}).into(t, &begun)
	b.secret = begun.Secret
	if !strings.HasPrefix(begun.URI, "otpauth://totp/") || !strings.HasPrefix(begun.QR, "<svg") || len(begun.Secret) != 32 {
		t.Errorf("begun %+v", begun)
	}
	if p := b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()}).problem(t); p.ID != "sign_in_wrong" {
		t.Errorf("signed in before the confirmation: %+v", p)
	}
	if p := b.do("POST", "/api/enrolment/confirm", map[string]string{"enrolment": link.Enrolment, "totp": "000000"}).problem(t); p.ID != "enrolment_totp_wrong" {
		t.Errorf("a wrong number: %+v", p)
	}
	used := b.code()
	var me meView
	b.do("POST", "/api/enrolment/confirm", map[string]string{"enrolment": link.Enrolment, "totp": used}).into(t, &me)
	if me.Person != "ada" || me.Surface != "console" || me.Session == nil || !me.Session.Current || !me.Password {
		t.Errorf("me %+v", me)
	}
	if c := b.cookie; c == nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*3600 {
		t.Errorf("cookie %+v", b.cookie)
	}
	if p := b.do("POST", "/api/enrolment", map[string]string{"enrolment": link.Enrolment, "password": goodWords}).problem(t); p.ID != "enrolment_gone" {
		t.Errorf("the enrolment works twice: %+v", p)
	}
	if got := b.do("DELETE", "/api/session", nil); got.code != http.StatusNoContent {
		t.Errorf("signing out: HTTP %d", got.code)
	}
	if p := b.do("GET", "/api/me", nil).problem(t); p.ID != "session_ended" {
		t.Errorf("after signing out: %+v", p)
	}
	if p := b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": used}).problem(t); p.ID != "sign_in_wrong" {
		t.Errorf("a number worked twice: %+v", p)
	}
	b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()}).into(t, &me)
	if me.Person != "ada" {
		t.Errorf("me %+v", me)
	}
	h.neverSaid(goodWords, begun.Secret, used, b.cookie.Value, link.Enrolment)
	var what []string
	for _, r := range h.rows(dr.RowCredential) {
		var d dr.CredentialData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			t.Fatal(err)
		}
		what = append(what, d.What+" "+d.State)
	}
	if got := strings.Join(what, ", "); got != "enrolment made, password made, session made, session revoked, session made" {
		t.Errorf("rows: %s", got)
	}
}

// neverSaid: what was typed is in no log line, no row and no metric.
func (h *house) neverSaid(secrets ...string) {
	h.t.Helper()
	kept := h.logs.text() + string(h.do(ask{method: "GET", path: "/api/journal?limit=1000", token: h.token("ada", "read")}).raw) + string(h.do(ask{method: "GET", path: "/metrics"}).raw)
	for _, s := range secrets {
		if strings.Contains(kept, s) {
			h.t.Errorf("%q is kept somewhere", s)
		}
	}
}

// TestStrangersLearnNothing: who exists cannot be told from the answers.
func TestStrangersLearnNothing(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	b.cookie = nil
	right := b.code()
	var said []string
	for _, ask := range []map[string]string{
		{"person": "ada", "password": "wrong", "totp": right},
		{"person": "ada", "password": goodWords, "totp": "000000"},
		{"person": "ben", "password": goodWords, "totp": right},
		{"person": "nobody", "password": goodWords, "totp": right},
		{"person": "ada"},
	} {
		got := b.do("POST", "/api/session", ask)
		said = append(said, fmt.Sprint(got.code, string(got.raw)))
	}
	for _, s := range said {
		if s != said[0] {
			t.Errorf("answers differ: %s and %s", said[0], s)
		}
	}
}

// TestStrangersCostTheSame: a name nobody has goes the same way as any other, through the same queue.
func TestStrangersCostTheSame(t *testing.T) {
	h := open(t, false)
	h.logs.expected = true
	b := h.enrolled("ada")
	for range waiters {
		h.server.identity.hasher.queue <- struct{}{}
	}
	for _, name := range []string{"ada", "ben", "nobody"} {
		if p := b.do("POST", "/api/session", map[string]string{"person": name, "password": "x", "totp": "1"}).problem(t); p.ID != "sign_in_busy" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestAThousandWrongPasswords(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	other := *b
	b.cookie = nil
	before := len(h.rows(dr.RowRefusal))
	codes := map[int]int{}
	for i := range 1000 {
		got := b.do("POST", "/api/session", map[string]string{"person": "ada", "password": fmt.Sprint("guess ", i), "totp": "000000"})
		codes[got.code]++
	}
	if codes[http.StatusUnauthorized] > 10 || codes[http.StatusTooManyRequests] < 990 {
		t.Errorf("answers %v", codes)
	}
	if n := len(h.rows(dr.RowRefusal)) - before; n == 0 || n > 10 {
		t.Errorf("%d rows", n)
	}
	if p := b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()}).problem(t); p.ID != "too_many_tries" || p.Args["wait"] == "" {
		t.Errorf("the right password during the hold: %+v", p)
	}
	if got := other.do("GET", "/api/me", nil); got.code != http.StatusOK {
		t.Errorf("who is signed in is thrown out: HTTP %d", got.code)
	}
	h.clock.advance(16 * time.Minute)
	var me meView
	b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()}).into(t, &me)
}

func TestLimitsAreDurableAndPerAddress(t *testing.T) {
	h := open(t, false)
	for i := range 40 {
		b := &browser{h: h}
		b.do("POST", "/api/session", map[string]string{"person": fmt.Sprint("name ", i), "password": "x", "totp": "000000"})
	}
	again := New(cfg2(h.server.cfg)) // a restart forgives nothing
	w := httptest.NewRecorder()
	again.Handler().ServeHTTP(w, near("POST", "/api/session", `{"person":"ada","password":"x"}`))
	if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); p.ID != "too_many_tries" {
		t.Errorf("after 40 wrong tries from one address: %+v", p)
	}
}

// near is a request of a browser on this machine.
func near(method, path, body string) *http.Request {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr, req.Host = "127.0.0.1:1", "localhost"
	req.Header.Set("Origin", "http://localhost")
	req.Header.Set("Content-Type", "application/json")
	return req
}

func TestSessionsEnd(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	for range 3 {
		h.clock.advance(29 * time.Minute)
		if got := b.do("GET", "/api/runs", nil); got.code != http.StatusOK {
			t.Fatalf("in use: HTTP %d %s", got.code, got.raw)
		}
	}
	h.clock.advance(20 * time.Minute)
	b.do("GET", "/api/me", nil) // what a page asks by itself keeps nobody signed in
	h.clock.advance(11 * time.Minute)
	if p := b.do("GET", "/api/me", nil).problem(t); p.ID != "session_ended" {
		t.Errorf("after half an hour of rest: %+v", p)
	}
	b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()})
	for range 25 {
		h.clock.advance(29 * time.Minute)
		b.do("GET", "/api/runs", nil)
	}
	if p := b.do("GET", "/api/me", nil).problem(t); p.ID != "session_ended" {
		t.Errorf("after twelve hours: %+v", p)
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	second := &browser{h: h, secret: b.secret}
	second.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": second.code()})
	var list struct{ Sessions []sessionView }
	b.do("GET", "/api/sessions", nil).into(t, &list)
	if len(list.Sessions) != 2 || list.Sessions[0].Current || !list.Sessions[1].Current {
		t.Fatalf("sessions %+v", list)
	}
	if p := b.do("DELETE", "/api/sessions/s-none", nil).problem(t); p.ID != "no_such_session" {
		t.Errorf("%+v", p)
	}
	stranger := h.enrolled("ben")
	if p := stranger.do("DELETE", "/api/sessions/"+list.Sessions[0].ID, nil).problem(t); p.ID != "no_such_session" {
		t.Errorf("somebody else's session: %+v", p)
	}
	if got := b.do("DELETE", "/api/sessions/"+list.Sessions[0].ID, nil); got.code != http.StatusNoContent {
		t.Errorf("HTTP %d", got.code)
	}
	if p := second.do("GET", "/api/runs", nil).problem(t); p.ID != "session_ended" {
		t.Errorf("the other browser: %+v", p)
	}
	var gone struct{ Revoked int }
	h.do(ask{method: "POST", path: "/api/people/ada/revoke", token: h.token("eli", "admin")}).into(t, &gone)
	if gone.Revoked < 2 {
		t.Errorf("revoked %d, want the password and a session", gone.Revoked)
	}
	if got := b.do("GET", "/api/me", nil); got.code != http.StatusUnauthorized {
		t.Errorf("revoked and still there: HTTP %d", got.code)
	}
	if p := b.do("POST", "/api/session", map[string]string{"person": "ada", "password": goodWords, "totp": b.code()}).problem(t); p.ID != "sign_in_wrong" {
		t.Errorf("the password after a revocation: %+v", p)
	}
}

// TestRosterIsAskedEachTime: leaving the roster ends a session at once.
func TestRosterIsAskedEachTime(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	files := h.server.cfg.Catalog
	h.server.cfg.Catalog = func() (*catalog.Catalog, error) { return nil, fmt.Errorf("files are away") }
	h.logs.expected = true
	if got := b.do("GET", "/api/me", nil); got.code != http.StatusServiceUnavailable {
		t.Errorf("without a roster: HTTP %d", got.code)
	}
	h.server.cfg.Catalog = files
	ctx, hash := context.Background(), fingerprint(b.cookie.Value)
	err := h.store.Write(ctx, func(tx *store.Tx) error { // the same browser, of somebody the roster no longer knows
		one, err := tx.Session(ctx, hash)
		if err != nil {
			return err
		}
		one.Person = "gone"
		return errors.Join(tx.DropSession(ctx, hash), tx.PutSession(ctx, one))
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := b.do("GET", "/api/runs", nil).problem(t); p.ID != "person_unknown" {
		t.Errorf("somebody who left: %+v", p)
	}
}

func TestStepUp(t *testing.T) {
	h := open(t, false)
	ada, dora, ben := h.enrolled("ada"), h.enrolled("dora"), h.enrolled("ben")
	var v fsm.View
	ada.do("POST", "/api/runs", fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "x"}).into(t, &v)
	token := h.token("ada")
	v = h.untilToken(token, v.ID, dr.AwaitingApproval)
	approve := fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}
	ben.do("POST", "/api/runs/"+v.ID+"/approve", approve).into(t, &v) // a drill's vote needs none
	h.do(ask{method: "POST", path: "/api/runs/" + v.ID + "/approve", token: h.token("cleo"), body: approve}).into(t, &v)
	issue := "/api/runs/" + v.ID + "/issue_code"
	if p := dora.do("POST", issue, nil).problem(t); p.ID != "step_up_needed" || p.Hint == "" || p.Args["run"] != v.ID {
		t.Errorf("issuing: %+v", p)
	}
	if p := dora.do("POST", "/api/step-up", map[string]string{"totp": "000000", "run": v.ID}).problem(t); p.ID != "step_up_wrong" {
		t.Errorf("a wrong number: %+v", p)
	}
	code := dora.code()
	dora.do("POST", "/api/step-up", map[string]string{"totp": code, "run": "another"})
	if p := dora.do("POST", issue, nil).problem(t); p.ID != "step_up_needed" {
		t.Errorf("a proof for another run: %+v", p)
	}
	if p := dora.do("POST", "/api/step-up", map[string]string{"totp": code, "run": v.ID}).problem(t); p.ID != "step_up_wrong" {
		t.Errorf("a number used twice: %+v", p)
	}
	var up struct{ Until dr.Time }
	dora.do("POST", "/api/step-up", map[string]string{"totp": dora.code(), "run": v.ID}).into(t, &up)
	h.clock.advance(5*time.Minute + time.Second)
	if p := dora.do("POST", issue, nil).problem(t); p.ID != "step_up_needed" {
		t.Errorf("after five minutes: %+v", p)
	}
	dora.do("POST", "/api/step-up", map[string]string{"totp": dora.code()}).into(t, &up) // for the first run it is used for
	var issued struct{ Code string }
	dora.do("POST", issue, nil).into(t, &issued)
	start := fsm.Args{Code: issued.Code, Confirmed: true}
	if p := ada.do("POST", "/api/runs/"+v.ID+"/start", start).problem(t); p.ID != "step_up_needed" {
		t.Errorf("entering a code: %+v", p)
	}
	ada.do("POST", "/api/step-up", map[string]string{"totp": ada.code(), "run": v.ID}).into(t, &up)
	ada.do("POST", "/api/runs/"+v.ID+"/start", start).into(t, &v)
	if v.Round.Votes[0].Via != "console" && v.Round.Votes[1].Via != "console" {
		t.Errorf("votes %+v", v.Round.Votes)
	}
	h.untilToken(token, v.ID, dr.AtStandby)
	h.neverSaid(issued.Code, code)
}

// untilToken is until for somebody with a token.
func (h *house) untilToken(token, run string, want dr.State) (v fsm.View) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		h.do(ask{method: "GET", path: "/api/runs/" + run, token: token}).into(h.t, &v)
		if v.State == want {
			return v
		}
		h.clock.advance(200 * time.Millisecond)
	}
	h.t.Fatalf("run is %s, want %s", v.State, want)
	return v
}

func TestVotesOutsideDrillsNeedStepUp(t *testing.T) {
	h := open(t, false)
	ben := h.enrolled("ben")
	token := h.token("ada")
	var v fsm.View
	h.do(ask{method: "POST", path: "/api/runs", token: token, body: fsm.Request{Plan: "move", Mode: dr.Emergency, Reason: "x"}}).into(t, &v)
	v = h.untilToken(token, v.ID, dr.AwaitingApproval)
	for _, verb := range []string{"approve", "deny", "withdraw"} {
		if p := ben.do("POST", "/api/runs/"+v.ID+"/"+verb, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce, Reason: "x"}).problem(t); p.ID != "step_up_needed" {
			t.Errorf("%s in an emergency: %+v", verb, p)
		}
	}
	if p := ben.do("POST", "/api/runs/"+v.ID+"/pause", nil).problem(t); p.ID == "step_up_needed" {
		t.Error("stopping must not wait for a telephone")
	}
}

// TestASessionBreedsNoToken without a proof: a token would be one by itself.
func TestASessionBreedsNoToken(t *testing.T) {
	h := open(t, false)
	b, admin := h.enrolled("ada"), h.enrolled("eli")
	if p := b.do("POST", "/api/tokens", tokenRequest{}).problem(t); p.ID != "step_up_needed" {
		t.Errorf("a token: %+v", p)
	}
	if p := admin.do("POST", "/api/people/ben/enrol", nil).problem(t); p.ID != "step_up_needed" {
		t.Errorf("an enrolment: %+v", p)
	}
	b.do("POST", "/api/step-up", map[string]string{"totp": b.code()})
	if got := b.do("POST", "/api/tokens", tokenRequest{Scopes: []Scope{ScopeRead}}); got.code != http.StatusCreated {
		t.Errorf("HTTP %d %s", got.code, got.raw)
	}
}

func TestObserversWatch(t *testing.T) {
	h := open(t, false)
	obi := h.enrolled("obi")
	var me meView
	obi.do("GET", "/api/me", nil).into(t, &me)
	if !me.Session.ReadOnly || me.Session.Expires.Since(me.Session.Created) != observerLife {
		t.Errorf("session %+v", me.Session)
	}
	token := h.token("ada")
	var v fsm.View
	h.do(ask{method: "POST", path: "/api/runs", token: token, body: fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "x"}}).into(t, &v)
	v = h.untilToken(token, v.ID, dr.AwaitingApproval)
	for _, try := range []struct {
		path string
		body any
	}{{"/api/runs", fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "x"}}, {"/api/runs/" + v.ID + "/cancel", nil}, {"/api/runs/" + v.ID + "/approve", fsm.Args{Confirmed: true}}} {
		if p := obi.do("POST", try.path, try.body).problem(t); p.ID != "observers_watch" {
			t.Errorf("%s: %+v", try.path, p)
		}
	}
	if got := obi.do("POST", "/api/runs/"+v.ID+"/observe", fsm.Args{Text: "all calm"}); got.code != http.StatusOK {
		t.Errorf("observing: HTTP %d %s", got.code, got.raw)
	}
}

func TestDemoIsAnybody(t *testing.T) {
	h := open(t, true)
	b := &browser{h: h}
	var me meView
	b.do("POST", "/api/session", map[string]string{"person": "cleo"}).into(t, &me)
	if me.Person != "cleo" || !me.Demo || len(me.People) != 10 {
		t.Errorf("me %+v", me)
	}
	if p := b.do("POST", "/api/session", map[string]string{"person": "nobody"}).problem(t); p.ID != "person_unknown" {
		t.Errorf("%+v", p)
	}
	far := near("POST", "/api/session", `{"person":"cleo"}`)
	far.RemoteAddr = "10.0.0.5:1"
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, far)
	if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
		t.Errorf("from afar: HTTP %d", w.Code)
	}
	cfg := cfg2(h.server.cfg)
	cfg.Demo = false
	real := New(cfg)
	one := near("GET", "/api/runs", "")
	one.AddCookie(b.cookie)
	w = httptest.NewRecorder()
	real.Handler().ServeHTTP(w, one)
	if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); p.ID != "session_ended" {
		t.Errorf("a session of a demo at a real server: %+v", p)
	}
}

func TestTransport(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("ada")
	cfg := cfg2(h.server.cfg)
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	s := New(cfg)
	for name, c := range map[string]struct {
		from, host, proto, via string
		ok                     bool
	}{
		"this machine":                  {from: "127.0.0.1:1", host: "localhost", ok: true},
		"another machine":               {from: "10.0.0.9:1", host: "dr.bank.example"},
		"a trusted proxy over HTTPS":    {from: "10.0.0.1:1", host: "dr.bank.example", proto: "https", via: "10.9.9.9", ok: true},
		"a trusted proxy over HTTP":     {from: "10.0.0.1:1", host: "dr.bank.example", proto: "http", via: "10.9.9.9"},
		"somebody playing the proxy":    {from: "10.0.0.9:1", host: "dr.bank.example", proto: "https", via: "10.9.9.9"},
		"an unknown proxy on this host": {from: "127.0.0.1:1", host: "localhost", proto: "https", via: "10.9.9.9"},
	} {
		req := httptest.NewRequest("POST", "/api/session", bytes.NewReader([]byte(`{"person":"ada","password":"`+goodWords+`","totp":"`+b.code()+`"}`)))
		req.RemoteAddr, req.Host = c.from, c.host
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		if c.proto != "" {
			req.Header.Set("X-Forwarded-Proto", c.proto)
			req.Header.Set("X-Forwarded-For", c.via)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if (w.Code == http.StatusOK) != c.ok {
			t.Errorf("%s: HTTP %d %s", name, w.Code, w.Body)
			continue
		}
		for _, cookie := range w.Result().Cookies() {
			if secure := c.proto == "https"; cookie.Secure != secure || strings.HasPrefix(cookie.Name, "__Host-") != secure {
				t.Errorf("%s: cookie %+v", name, cookie)
			}
		}
		if !c.ok {
			if p := (reply{w.Code, w.Body.Bytes(), nil}).problem(t); p.ID != "plain_http" || p.Hint == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
}

func TestTokensRememberTheirUse(t *testing.T) {
	h := open(t, false)
	token := h.token("ada")
	used := func() dr.Time {
		var list struct{ Tokens []tokenView }
		h.do(ask{method: "GET", path: "/api/tokens", token: token}).into(t, &list)
		return list.Tokens[0].Used
	}
	first := used()
	if first != dr.At(h.clock.Now()) {
		t.Errorf("used at %s", first)
	}
	h.clock.advance(4 * time.Minute)
	if again := used(); again != first {
		t.Errorf("a note after four minutes: %s", again)
	}
	h.clock.advance(2 * time.Minute)
	if later := used(); later != dr.At(h.clock.Now()) {
		t.Errorf("used at %s", later)
	}
}

func TestReadersLanguage(t *testing.T) {
	h := open(t, false)
	p := h.do(ask{method: "GET", path: "/api/plans/none", token: h.token("cleo")}).problem(t)
	if !strings.Contains(p.Message, "预案") {
		t.Errorf("cleo reads %q", p.Message)
	}
	p = h.do(ask{method: "GET", path: "/api/plans/none", token: h.token("cleo"), header: http.Header{"Accept-Language": {"en-GB"}}}).problem(t)
	if strings.Contains(p.Message, "预案") {
		t.Errorf("asked for English: %q", p.Message)
	}
}

// FuzzSplitHash: what is kept is read back, and nothing else fits anything.
func FuzzSplitHash(f *testing.F) {
	h := newHasher([]byte("k"))
	kept, err := h.make(context.Background(), strings.NewReader(strings.Repeat("s", saltBytes)), typed{goodWords})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kept)
	f.Add("")
	f.Add("a2id-19m-2-1$$")
	f.Add(kept + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		salt, hash, ok := splitHash(text)
		if len(salt) != saltBytes || len(hash) != hashBytes {
			t.Fatalf("%d bytes of salt, %d of hash", len(salt), len(hash))
		}
		if again := joinHash(salt, hash); ok && again != text {
			t.Errorf("%q is taken for %q", text, again)
		}
	})
}

func TestTypedShowsNothing(t *testing.T) {
	secret := typed{"hunter2hunter2"}
	raw, err := json.Marshal(map[string]any{"a": secret, "b": signInRequest{Password: secret}})
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprintf("%v %+v %#v %s %x %q %d", secret, secret, secret, secret, secret, secret, secret) + string(raw); strings.Contains(said, "hunter2") || strings.Contains(said, "68756e") {
		t.Errorf("said %s", said)
	}
}
