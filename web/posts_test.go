package web

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

// change is one operation of the document that changes something.
type change struct{ method, path string }

// changes reads them out of docs/openapi.yaml, one for every verb of a run, so that an operation nobody
// thought of here is tried as well.
func changes(t *testing.T) (out []change) {
	t.Helper()
	doc := newContract(t).doc
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		for method, op := range doc.Paths.Find(path).Operations() {
			if safeMethod(method) || strings.HasPrefix(path, "/hooks/") { // no person sends there: cookies and pages change nothing
				continue
			}
			for _, filled := range fill(path, op) {
				out = append(out, change{method, filled})
			}
		}
	}
	if len(out) < 35 {
		t.Fatalf("found %d operations only", len(out))
	}
	return out
}

func fill(path string, op *openapi3.Operation) []string {
	plain := strings.NewReplacer("{run}", "r1", "{person}", "ben", "{token}", "t-1", "{session}", "s-1", "{digest}", dr.Digest(nil)).Replace(path)
	if !strings.Contains(plain, "{verb}") {
		return []string{plain}
	}
	var all []string
	for _, v := range verbs() {
		all = append(all, strings.ReplaceAll(plain, "{verb}", string(v)))
	}
	return all
}

// send is a request to the edge itself, with the headers a browser or somebody else would send.
func (h *house) send(c change, head http.Header, cookie *http.Cookie) reply {
	req := httptest.NewRequest(c.method, c.path, strings.NewReader("{}"))
	req.RemoteAddr, req.Host = "127.0.0.1:1", "localhost"
	req.Header = head.Clone()
	req.Header.Set("Content-Type", "application/json")
	if cookie != nil {
		req.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, req)
	return reply{w.Code, w.Body.Bytes(), w.Header()}
}

// TestEveryChangeWantsOriginAndCookie: a browser's cookie does nothing without the page it belongs to, and
// a page does nothing without a cookie.
func TestEveryChangeWantsOriginAndCookie(t *testing.T) {
	h := open(t, false)
	cookie := h.enrolled("ada").cookie
	forged := &http.Cookie{Name: cookie.Name, Value: sessionPrefix + strings.Repeat("A", 43)}
	own := http.Header{"Origin": {"http://localhost"}, "Sec-Fetch-Site": {"same-origin"}}
	size := len(h.rows(dr.RowCredential))
	for _, c := range changes(t) {
		for name, try := range map[string]struct {
			head   http.Header
			cookie *http.Cookie
			ids    []string
		}{
			"a cookie without origin":         {http.Header{}, cookie, []string{"cross_origin"}},
			"a cookie from another site":      {http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, cookie, []string{"cross_origin"}},
			"a cookie from a sister site":     {http.Header{"Origin": {"https://www.bank.example"}, "Sec-Fetch-Site": {"same-site"}}, cookie, []string{"cross_origin"}},
			"a cookie from another port":      {http.Header{"Origin": {"http://localhost:9"}}, cookie, []string{"cross_origin"}},
			"a cookie from an opaque origin":  {http.Header{"Origin": {"null"}}, cookie, []string{"cross_origin"}},
			"own page, no cookie":             {own, nil, []string{"sign_in", "sign_in_wrong", "enrolment_gone", "too_many_tries", ""}},
			"own page, forged cookie":         {own, forged, []string{"session_ended", "sign_in", "sign_in_wrong", "enrolment_gone", "too_many_tries", ""}},
			"neither, as a script would send": {http.Header{}, nil, []string{"sign_in", "cross_origin", ""}},
		} {
			got := h.send(c, try.head, try.cookie)
			id := ""
			if got.code >= 400 {
				id = got.problem(t).ID
			}
			open := c.method == http.MethodDelete && c.path == "/api/session" // whoever has no session is signed out already
			if !slices.Contains(try.ids, id) || id == "" && !open {
				t.Errorf("%s %s with %s: HTTP %d %s", c.method, c.path, name, got.code, id)
			}
		}
	}
	if n := len(h.rows(dr.RowCredential)); n != size {
		t.Errorf("%d credentials were made or ended", n-size)
	}
}

// TestEveryProofIsAsked: which verbs want a second proof is the bot's table; the edge asks it for every
// verb, run by run.
func TestEveryProofIsAsked(t *testing.T) {
	h := open(t, false)
	b := h.enrolled("fay")
	for _, mode := range []dr.Mode{dr.Drill, dr.Emergency, dr.SurpriseDrill} {
		run := h.waitingRun(mode)
		for _, verb := range verbs() {
			if verb == dr.VerbCancel {
				continue // would end it
			}
			got := b.do("POST", "/api/runs/"+run+"/"+string(verb), map[string]any{"reason": "x", "text": "x"})
			asked := got.code == http.StatusForbidden && got.problem(t).ID == "step_up_needed"
			if want := bot.NeedsStepUp(verb, mode); asked != want {
				t.Errorf("%s of a %s: HTTP %d, want a proof asked for: %v", verb, mode, got.code, want)
			}
		}
		h.do(ask{method: "POST", path: "/api/runs/" + run + "/cancel", token: h.token("ada"), body: map[string]string{"reason": "x"}})
	}
	if got := b.do("POST", "/api/site", map[string]any{"site": "west", "confirm": true}); got.code != http.StatusForbidden || got.problem(t).ID != "step_up_needed" {
		t.Errorf("another site: HTTP %d, no proof was asked for", got.code)
	}
	err := h.server.stepUpFor(t.Context(), caller{actor: dr.Actor{Person: "fay"}, session: &session{}}, "", bot.TakeSite) // as a button in the channel
	if no := (*dr.Error)(nil); !errors.As(err, &no) || no.ID != "step_up_needed" {
		t.Errorf("another site by a button: %v", err)
	}
}

// waitingRun is a run that waits for votes.
func (h *house) waitingRun(mode dr.Mode) string {
	h.t.Helper()
	var v struct{ ID string }
	token := h.token("ada")
	h.do(ask{method: "POST", path: "/api/runs", token: token, body: map[string]string{"plan": "move", "mode": string(mode), "reason": "x"}}).into(h.t, &v)
	return h.untilToken(token, v.ID, dr.AwaitingApproval).ID
}
