package actions_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

func TestHTTPOutcomes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 200
		fmt.Sscanf(r.URL.Path, "/%d", &status) //nolint:errcheck // 200 then
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
		fmt.Fprintln(w, `{"state": "primary"}`)
	}))
	defer server.Close()
	set := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{address(server)}})
	for _, c := range []struct {
		method, path string
		more         map[string]any
		want         dr.StepState
	}{
		{"GET", "/200", nil, dr.StepOK},
		{"POST", "/201", nil, dr.StepOK},
		{"GET", "/302", nil, dr.StepFail}, // never followed
		{"GET", "/302", map[string]any{"expect_status": []any{"3xx"}}, dr.StepOK},
		{"GET", "/500", nil, dr.StepFail},
		{"POST", "/400", nil, dr.StepFail},
		{"POST", "/409", map[string]any{"expect_status": []any{int64(200), 409.0}}, dr.StepOK},
		{"POST", "/408", nil, dr.StepUnknown},
		{"POST", "/500", nil, dr.StepUnknown},
		{"DELETE", "/502", nil, dr.StepUnknown},
		{"PUT", "/504", nil, dr.StepUnknown},
		{"POST", "/501", nil, dr.StepFail},
		{"POST", "/503", nil, dr.StepFail},
		{"POST", "/500", map[string]any{"expect_status": 500}, dr.StepOK},
		{"POST", "/200", map[string]any{"expect_body": "standby"}, dr.StepFail},
		{"POST", "/200", map[string]any{"expect_body": `"state": "primary"`}, dr.StepOK},
		{"POST", "/200", map[string]any{"expect_body": `\Aprimary`}, dr.StepFail},
	} {
		p := map[string]any{"method": c.method, "address": address(server), "path": c.path}
		for k, v := range c.more {
			p[k] = v
		}
		if r := set.Hands().Do(t.Context(), job("t", "http", p)); r.State != c.want {
			t.Errorf("%s %s %v: %s %q, want %s", c.method, c.path, c.more, r.State, r.Text, c.want)
		}
	}
}

// A request that was cut after sending is unknown, one that never left is failed.
func TestHTTPCutAfterSending(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096)) //nolint:errcheck // it has arrived
			conn.Close()                  //nolint:errcheck
		}
	}()
	set := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{l.Addr().String()}})
	r := set.Hands().Do(t.Context(), job("t", "http", map[string]any{"method": "POST", "address": l.Addr().String(), "body": "x"}))
	if r.State != dr.StepUnknown || !strings.Contains(r.Text, "was sent") {
		t.Errorf("%s %q", r.State, r.Text)
	}
}

func TestHTTPRefusals(t *testing.T) {
	arrived := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived = true }))
	defer server.Close()
	_, port, err := net.SplitHostPort(address(server))
	if err != nil {
		t.Fatal(err)
	}
	named := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{"localhost:" + port}})
	r := named.Hands().Do(t.Context(), job("t", "http", map[string]any{"address": "localhost:" + port}))
	if r.State != dr.StepFail || !strings.Contains(r.Text, "by number") {
		t.Errorf("a name that leads to this machine was followed: %s %q", r.State, r.Text)
	}
	set := actions.NewSet(actions.Options{Clock: realClock(), Refuse: []string{"127.0.0.9:80"}, AllowHTTP: []string{"127.0.0.9:80", address(server)}})
	for name, p := range map[string]map[string]any{
		"not allowed":    {"address": "127.0.0.2:" + port},
		"ourselves":      {"address": "127.0.0.9:80"},
		"host header":    {"headers": map[string]any{"Host": "x"}},
		"own key":        {"headers": map[string]any{"idempotency-key": "x"}, "method": "POST"},
		"proxy header":   {"headers": map[string]any{"Proxy-Authorization": "x"}},
		"split header":   {"headers": map[string]any{"X-A": "x\r\nX-B: y"}},
		"odd header":     {"headers": map[string]any{"X A": "x"}},
		"huge headers":   {"headers": map[string]any{"X-A": strings.Repeat("x", 40<<10)}},
		"body of a GET":  {"body": "x"},
		"query in path":  {"path": "/x?y"},
		"relative path":  {"path": "x"},
		"no port":        {"address": "127.0.0.1"},
		"credentials":    {"address": "user@" + address(server)},
		"status":         {"expect_status": "600"},
		"long pattern":   {"expect_body": strings.Repeat("x", 2000)},
		"broken pattern": {"expect_body": "("},
		"plain token":    {"bearer": "abcdefgh"},
	} {
		t.Run(name, func(t *testing.T) {
			if p["address"] == nil {
				p["address"] = address(server)
			}
			if r := set.Hands().Do(t.Context(), job("t", "http", p)); r.State != dr.StepFail || r.Text == "" {
				t.Errorf("%s %q", r.State, r.Text)
			}
		})
	}
	if arrived {
		t.Error("something was sent")
	}
}

func TestHTTPAddressesOfThePlan(t *testing.T) {
	server := httptest.NewServer(&site{seen: map[string]bool{}})
	defer server.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	hands := actions.NewSet(actions.Options{Clock: realClock()}).Hands()
	j := job("t", "http", map[string]any{"address": address(server), "path": "/is"})
	if s := hands.Look(t.Context(), j); s.Found != dr.FoundInconclusive {
		t.Errorf("an address from nowhere was called: %q", s.Text)
	}
	j.Addresses = []string{address(server)}
	if s := hands.Look(t.Context(), j); s.Found != dr.FoundDone {
		t.Errorf("%s %q", s.Found, s.Text)
	}
	j.Addresses, j.Node = nil, dr.Node{Address: address(server)}
	if s := hands.Look(t.Context(), j); s.Found != dr.FoundDone {
		t.Errorf("%s %q", s.Found, s.Text)
	}
}

func TestHTTPSChecksTheCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(&site{seen: map[string]bool{}})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that fails is the test
	server.StartTLS()
	defer server.Close()
	p := map[string]any{"address": address(server), "path": "/is", "tls": true}
	strange := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{address(server)}})
	if r := strange.Hands().Do(t.Context(), job("t", "http", p)); r.State != dr.StepFail || !strings.Contains(r.Text, "certificate") {
		t.Errorf("%s %q", r.State, r.Text)
	}
}

// Looking at a POST is refused before anything is sent.
func TestEyesDoNotPost(t *testing.T) {
	s := &site{seen: map[string]bool{}}
	server := httptest.NewServer(s)
	defer server.Close()
	eyes := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{address(server)}}).Eyes()
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		got := eyes.Look(t.Context(), job("t", "http", map[string]any{"address": address(server), "path": "/do", "method": method}))
		if got.Found != dr.FoundInconclusive || s.effects != 0 {
			t.Errorf("%s: %s %q", method, got.Found, got.Text)
		}
	}
}
