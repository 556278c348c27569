package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

const (
	maxBody    = 1 << 20 // bytes of a request, and of an answer that are looked at
	maxPattern = 1 << 10 // bytes of expect_body
)

// httpAction sends one request to a node of the plan or an allowed address.
type httpAction struct {
	form
	host *host
}

func newHTTP(h *host) *httpAction {
	return &httpAction{host: h, form: newForm(dr.ActionSpec{
		Name: "http",
		Title: "Send one request. An answer as expected is ok, another one is failed; no answer after sending, and 408 or 5xx (but 501, 503) to anything but GET and HEAD, is unknown. " +
			"As a probe (GET or HEAD only): as expected done, answered otherwise not done, no answer inconclusive. No redirects, no proxies.",
		Kind:     dr.ActionStep,
		Classes:  []dr.Class{dr.Read, dr.Idempotent, dr.Once},
		CanProbe: true,
		Example:  `{action: http, with: {address: "{address}", path: /health, expect_status: 200, expect_body: '"ready": *true'}, class: read}`,
		Params: []dr.ParamSpec{
			{Name: "method", Type: "string", Enum: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, Doc: "GET when not given"},
			{Name: "address", Type: "string", Required: true, Pattern: `(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}`, Doc: "host:port of a node of the plan or of the allow-list"},
			{Name: "path", Type: "string", Pattern: `/[^?#\s]*`, Doc: "begins with /, written plainly; / when not given"},
			{Name: "query", Type: "map", Doc: "query parameters; a value may be secret:NAME"},
			{Name: "headers", Type: "map", Doc: "header fields; a value may be secret:NAME. Idempotency-Key carries the step's token by itself."},
			{Name: "bearer", Type: "string", Secret: true, Doc: "secret:NAME sent as Authorization: Bearer"},
			{Name: "body", Type: "string", Doc: "what to send, at most 1 MiB; may be secret:NAME"},
			{Name: "tls", Type: "bool", Doc: "speak HTTPS; the certificate is always checked"},
			{Name: "server_name", Type: "string", Pattern: `[A-Za-z0-9][A-Za-z0-9.-]*`, Doc: "name in the certificate when address is a number"},
			{Name: "expect_status", Type: "list", Doc: "statuses that are as expected, such as 200 or 2xx; 2xx when not given"},
			{Name: "expect_body", Type: "string", Doc: `RE2 pattern of at most 1 kB that must be found in the first MiB of the answer; anchor it with \A and \z to match the whole`},
		},
	}, "query", "headers", "bearer", "body")}
}

// Do sends the request. Idempotency-Key carries the token; whether a repeat is harmless is the target's word.
func (x *httpAction) Do(ctx context.Context, job Job) Result {
	s, q, err := x.request(job, false)
	if err != nil {
		return s.refused(err)
	}
	a := s.fetch(ctx, q, maxBody)
	state := q.judge(a)
	k := s.keep(false)
	k.Write(a.dump()) //nolint:errcheck // a keeper never fails
	k.close()
	r := s.result(state, a.code(), "%s", q.words(ctx, job, a))
	r.Files = k.files(state)
	r.Facts = facts(a.body)
	r.Masked, r.MaskRules = s.count.Count, s.count.Rules
	return r
}

// Look asks with GET or HEAD.
func (x *httpAction) Look(ctx context.Context, job Job) Sight {
	s, q, err := x.request(job, true)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	a := s.fetch(ctx, q, maxBody)
	found := dr.FoundNotDone
	switch {
	case a.err != nil:
		found = dr.FoundInconclusive
	case q.expected(a):
		found = dr.FoundDone
	}
	return s.sight(found, facts(a.body), "%s", q.words(ctx, job, a))
}

// request is a checked call.
type request struct {
	method  string
	url     url.URL
	header  http.Header
	body    string
	server  string
	status  []string
	pattern *regexp.Regexp
	allow   []string
}

func (x *httpAction) request(job Job, look bool) (*scene, *request, error) {
	s, err := x.host.scene(x.form, job)
	if err != nil {
		return s, nil, err
	}
	p := s.params
	q := &request{method: p.textOr("method", http.MethodGet), body: p.text("body"), server: p.text("server_name"), header: http.Header{}}
	q.url = url.URL{Scheme: "http", Host: p.text("address"), Path: p.textOr("path", "/")}
	if p.yes("tls") {
		q.url.Scheme = "https"
	}
	values := url.Values{}
	for name, v := range p.pairs("query") {
		values.Set(name, v)
	}
	q.url.RawQuery = values.Encode()
	q.allow = slices.Concat(x.host.AllowHTTP, job.Addresses, []string{job.Node.Address})
	switch {
	case !slices.Contains(q.allow, q.url.Host):
		return s, nil, fmt.Errorf("%s is neither a node of the plan nor in the allow-list", q.url.Host)
	case look && !q.safe():
		return s, nil, fmt.Errorf("a look may only GET or HEAD, not %s", q.method)
	case q.safe() && q.body != "":
		return s, nil, fmt.Errorf("%s carries no body", q.method)
	}
	if err := q.headers(p, job); err != nil {
		return s, nil, err
	}
	return s, q, q.expectations(p)
}

// ours are header fields that belong to the connection or to Switchman.
var ours = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Te", "Trailer", "Expect", "Idempotency-Key"}

func (q *request) headers(p params, job Job) error {
	q.header.Set("User-Agent", "switchman")
	if !q.safe() {
		q.header.Set("Idempotency-Key", job.Token)
		q.header.Set("Content-Type", "text/plain; charset=utf-8")
		if strings.HasPrefix(q.body, "{") || strings.HasPrefix(q.body, "[") {
			q.header.Set("Content-Type", "application/json")
		}
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(p.pairs("headers"))) {
		v := p.pairs("headers")[name]
		size += len(name) + len(v)
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case slices.Contains(ours, canonical) || strings.HasPrefix(canonical, "Proxy-"):
			return fmt.Errorf("the header %s cannot be set", quote(name))
		case !headerName.MatchString(name) || strings.ContainsAny(v, "\r\n"):
			return fmt.Errorf("%s is no header field of one line", quote(name))
		}
		q.header.Set(name, v)
	}
	if b := p.text("bearer"); b != "" {
		if strings.ContainsAny(b, "\r\n") {
			return errors.New("the bearer token has more than one line")
		}
		q.header.Set("Authorization", "Bearer "+b)
	}
	if size > 32<<10 {
		return errors.New("headers of more than 32 KiB")
	}
	return nil
}

var (
	headerName = regexp.MustCompile("\\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\\z")
	statusForm = regexp.MustCompile(`\A[1-5](?:[0-9]{2}|xx)\z`)
)

func (q *request) expectations(p params) error {
	q.status = p.list("expect_status")
	if len(q.status) == 0 {
		q.status = []string{"2xx"}
	}
	for _, s := range q.status {
		if !statusForm.MatchString(s) {
			return fmt.Errorf("expect_status: %s is no status such as 200 or 2xx", quote(s))
		}
	}
	text := p.text("expect_body")
	if text == "" {
		return nil
	}
	if len(text) > maxPattern {
		return fmt.Errorf("expect_body is longer than %d bytes", maxPattern)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return fmt.Errorf("expect_body: %w", err)
	}
	q.pattern = re
	return nil
}

// safe methods change nothing at the target (RFC 9110, 9.2.1).
func (q *request) safe() bool { return q.method == http.MethodGet || q.method == http.MethodHead }

func (q *request) statusFits(status int) bool {
	text := strconv.Itoa(status)
	return slices.Contains(q.status, text) || slices.Contains(q.status, text[:1]+"xx")
}

func (q *request) expected(a answer) bool {
	return a.err == nil && q.statusFits(a.status) && (q.pattern == nil || q.pattern.Match(a.body))
}

// judge says what may honestly be said about an answer.
func (q *request) judge(a answer) dr.StepState {
	switch {
	case a.err != nil && a.sent:
		return dr.StepUnknown
	case a.err != nil:
		return dr.StepFail
	case q.expected(a):
		return dr.StepOK
	case q.safe() || q.statusFits(a.status):
		return dr.StepFail
	}
	switch a.status {
	case http.StatusNotImplemented, http.StatusServiceUnavailable:
		return dr.StepFail // says itself that nothing was done
	case http.StatusRequestTimeout:
		return dr.StepUnknown
	}
	if a.status >= 500 {
		return dr.StepUnknown // broke off, or a gateway that does not know either
	}
	return dr.StepFail
}

func (q *request) words(ctx context.Context, job Job, a answer) string {
	what := q.method + " " + q.url.Host + q.url.Path
	switch {
	case a.err != nil && ctx.Err() != nil && a.sent:
		return what + " was sent: " + why(ctx, job.Timeout)
	case a.err != nil && a.sent:
		return fmt.Sprintf("%s was sent, the answer is lost: %v", what, a.err)
	case a.err != nil:
		return fmt.Sprintf("%s was not sent: %v", what, a.err)
	case q.expected(a):
		return what + ": " + a.line()
	case !q.statusFits(a.status):
		return fmt.Sprintf("%s: %s (expected %s)", what, a.line(), strings.Join(q.status, ", "))
	}
	return fmt.Sprintf("%s: %s (the answer is not as expected)", what, a.line())
}
