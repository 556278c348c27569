package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// TestRoutesAndDocumentAgree compares both ways: no route without words, no words without route.
func TestRoutesAndDocumentAgree(t *testing.T) {
	doc := newContract(t).doc
	var described []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	mounted := []string{"GET /healthz", "GET /readyz", "GET /metrics", "POST /hooks/{kind}", "POST /hooks/{kind}/{name}"}
	for _, rt := range routes() {
		mounted = append(mounted, rt.method+" "+rt.path)
	}
	slices.Sort(described)
	slices.Sort(mounted)
	if !slices.Equal(described, mounted) {
		t.Errorf("docs/openapi.yaml and the table of routes differ\ndescribed: %s\nmounted:   %s", strings.Join(described, ", "), strings.Join(mounted, ", "))
	}
}

func TestVerbsAndDocumentAgree(t *testing.T) {
	schema := newContract(t).doc.Components.Schemas["Verb"].Value
	var described []dr.Verb
	for _, v := range schema.Enum {
		described = append(described, dr.Verb(v.(string)))
	}
	if !slices.Equal(described, verbs()) {
		t.Errorf("described %v\nserved    %v", described, verbs())
	}
}

// sampleOf makes a request of a route that its description allows.
func sampleOf(rt route) ask {
	path := strings.NewReplacer("{run}", "r1", "{verb}", "pause", "{plan}", "move", "{person}", "ada", "{token}", "t-1", "{session}", "s-1", "{step}", "stop",
		"{runbook}", "runbooks%2Fledger.md", "{question}", "q", "{situation}", "s1", "{digest}", dr.Digest(nil)).Replace(rt.path)
	path += map[string]string{"GET /api/ask": "?question=x", "GET /api/search": "?query=x"}[rt.method+" "+rt.path]
	body := map[string]any{
		"POST /api/runs":                          map[string]string{"plan": "move", "mode": "drill", "reason": "x"},
		"POST /api/session":                       map[string]string{"person": "ada"},
		"POST /api/step-up":                       map[string]string{"totp": "123456"},
		"POST /api/enrolment":                     map[string]string{"enrolment": "swe_x", "password": "x"},
		"POST /api/enrolment/confirm":             map[string]string{"enrolment": "swe_x", "totp": "123456"},
		"POST /api/channel":                       map[string]string{"text": "help"},
		"POST /api/channel/press":                 map[string]string{"nonce": "n"},
		"POST /api/channel/submit":                map[string]any{"nonce": "n", "values": map[string]string{}},
		"POST /api/ask":                           map[string]string{"question": "x"},
		"POST /api/signals":                       map[string]any{"alerts": []any{}},
		"POST /api/situations/{situation}/answer": map[string]string{"answer": "not_this"},
		"POST /api/feedback":                      map[string]string{"asked": "x", "verdict": "helped"},
	}[rt.method+" "+rt.path]
	return ask{method: rt.method, path: path, body: body}
}

// TestEveryRouteAsksWho: without a credential nothing but the open routes answers.
func TestEveryRouteAsksWho(t *testing.T) {
	h := open(t, false)
	open := map[string]int{"GET /api/openapi.yaml": http.StatusOK, "DELETE /api/session": http.StatusNoContent,
		// These make a session, so they ask first whether a page of ours sent them.
		"POST /api/session": http.StatusForbidden, "POST /api/enrolment": http.StatusForbidden, "POST /api/enrolment/confirm": http.StatusForbidden}
	for _, rt := range routes() {
		want := http.StatusUnauthorized
		if code, ok := open[rt.method+" "+rt.path]; ok {
			want = code
		}
		if got := h.do(sampleOf(rt)); got.code != want {
			t.Errorf("%s %s without a credential: HTTP %d, want %d", rt.method, rt.path, got.code, want)
		}
	}
}

// TestScopes: a token opens what its scope says and nothing more.
func TestScopes(t *testing.T) {
	h := open(t, false)
	for scope, allowed := range map[string][]string{
		"read":  {"GET /api/runs", "GET /api/people", "GET /api/journal", "GET /api/plans", "GET /api/placements", "GET /api/tokens", "GET /api/me"},
		"act":   {"GET /api/me"},
		"issue": {"GET /api/me"},
		"admin": {"GET /api/me"},
	} {
		token := h.token("eli", scope)
		for _, line := range []string{"GET /api/runs", "GET /api/people", "GET /api/journal", "GET /api/plans", "GET /api/placements", "GET /api/tokens", "GET /api/me"} {
			method, path, _ := strings.Cut(line, " ")
			got := h.do(ask{method: method, path: path, token: token})
			if (got.code == http.StatusOK) != slices.Contains(allowed, line) {
				t.Errorf("scope %s, %s: HTTP %d", scope, line, got.code)
			}
		}
	}
	for _, c := range []struct {
		person, scope, method, path string
		refused                     string
	}{
		{"ada", "read", "POST", "/api/runs/r1/pause", "scope_missing"},
		{"dora", "act", "POST", "/api/runs/r1/issue_code", "scope_missing"},
		{"ada", "admin", "POST", "/api/people/ben/enrol", "admin_only"},
		{"eli", "act", "POST", "/api/people/ben/enrol", "scope_missing"},
	} {
		got := h.do(ask{method: c.method, path: c.path, token: h.token(c.person, c.scope)})
		if p := got.problem(t); got.code != http.StatusForbidden || p.ID != c.refused {
			t.Errorf("%s with %s, %s %s: HTTP %d %s", c.person, c.scope, c.method, c.path, got.code, p.ID)
		}
	}
}

func TestAnswersCarryTheirHeaders(t *testing.T) {
	h := open(t, false)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/me", "/api/openapi.yaml"} {
		got := h.do(ask{method: "GET", path: path})
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got.header.Get(name), want)
			}
		}
		if !strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no content security policy", path)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	h := open(t, false)
	for _, a := range []ask{{method: "GET", path: "/api/nothing"}, {method: "GET", path: "/"}, {method: "DELETE", path: "/api/runs"}} {
		a.outside = true
		if got := h.do(a); got.code != http.StatusNotFound && got.code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: HTTP %d", a.method, a.path, got.code)
		}
	}
}

func TestOtherSitesMayNotAct(t *testing.T) {
	h := open(t, true)
	got := h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: map[string]string{"plan": "move", "mode": "drill", "reason": "x"},
		header: http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}})
	if p := got.problem(t); p.ID != "cross_origin" {
		t.Errorf("got %+v", p)
	}
}

func TestMetricsNameRoutesOnly(t *testing.T) {
	h := open(t, true)
	h.do(ask{method: "GET", path: "/api/runs", as: "ada"})
	text := string(h.do(ask{method: "GET", path: "/metrics"}).raw)
	if !strings.Contains(text, `switchman_http_requests_total{code="200",route="GET /api/runs"} 1`) {
		t.Errorf("no count of the route:\n%s", text)
	}
	if strings.Contains(text, "ada") {
		t.Error("a person's name is among the metrics")
	}
}

func TestKinds(t *testing.T) {
	want := map[dr.ErrKind]int{dr.Usage: 400, dr.SignIn: 401, dr.Refused: 403, dr.NotFound: 404, dr.Conflict: 409, dr.Invalid: 422, dr.Unverified: 422, dr.Unavailable: 503, dr.Unexpected: 500}
	for _, kind := range slices.Sorted(maps.Keys(want)) {
		if got := status(&dr.Error{Kind: kind}); got != want[kind] {
			t.Errorf("%s is HTTP %d, want %d", kind, got, want[kind])
		}
	}
}
