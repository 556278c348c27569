package slackfake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const largestBody = 4 << 20

// failure is an answer that is not ok. Slack's errors are words, not sentences.
type failure struct {
	code string
	with obj
}

func (f *failure) Error() string { return f.code }

func fail(code string) *failure { return &failure{code: code} }

// args are the arguments of a call, whichever of the three encodings they came in.
type args map[string]string

func (a args) str(name string) string { return a[name] }

func (a args) has(name string) bool { return a[name] != "" }

// flag reads a boolean as Slack does: true, 1 and t.
func (a args) flag(name string, otherwise bool) bool {
	if a[name] == "" {
		return otherwise
	}
	on, err := strconv.ParseBool(a[name])
	return err == nil && on
}

// raw is an argument that holds JSON, or nil; broken is the error when it does not.
func (a args) raw(name, broken string) (json.RawMessage, error) {
	text := a[name]
	if text == "" || text == "null" {
		return nil, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, fail(broken)
	}
	return json.RawMessage(text), nil
}

// list splits "a,b" or ["a","b"].
func (a args) list(name string) []string {
	text := a[name]
	var many []string
	if json.Unmarshal([]byte(text), &many) == nil {
		return many
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// parse reads the arguments of a request body. Query parameters count too, as they do in Slack.
func parse(contentType string, body []byte, query url.Values) (args, error) {
	a := args{}
	add := func(v url.Values) {
		for key, values := range v {
			a[key] = values[len(values)-1]
		}
	}
	add(query)
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
	case err != nil:
		return nil, fail("invalid_post_type")
	case kind == "application/json":
		return a, a.object(body)
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fail("invalid_form_data")
		}
		add(form)
	case kind == "multipart/form-data":
		form, err := parts(body, params["boundary"])
		if err != nil {
			return nil, fail("invalid_form_data")
		}
		add(form)
	default:
		return nil, fail("invalid_post_type")
	}
	return a, nil
}

// object adds the members of a JSON body; what is no string stays JSON.
func (a args) object(body []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		if json.Valid(body) {
			return fail("json_not_object")
		}
		return fail("invalid_json")
	}
	for key, raw := range members {
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			a[key] = text
		default:
			a[key] = string(bytes.TrimSpace(raw))
		}
	}
	return nil
}

// call is one call of a method, checked and ready to be worked.
type call struct {
	args
	method string
	app    *app
	origin string
}

// method is one row of the table of methods.
type method struct {
	tier   tier
	socket bool     // wants an app-level token
	scopes []string // one of them is enough
	do     func(*Server, *call) (obj, error)
}

// serveAPI answers one call of the Web API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if err != nil {
		reply(w, http.StatusRequestEntityTooLarge, obj{"ok": false, "error": "request_too_large"})
		return
	}
	a, err := parse(r.Header.Get("Content-Type"), body, r.URL.Query())
	if err != nil {
		s.answer(w, name, nil, err)
		return
	}
	token := a.str("token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	s.mu.Lock()
	o, err := s.work(&call{args: a, method: name, origin: "http://" + r.Host}, token)
	if g, ok := s.tokens[token]; ok && !g.socket && !g.revoked {
		w.Header().Set("X-OAuth-Scopes", strings.Join(g.app.scopes, ","))
	}
	lost := err == nil && s.faults.take(LostAnswer, name, s.clock.Now()) != nil
	s.mu.Unlock()
	if lost {
		panic(http.ErrAbortHandler) // the act is done, and nobody hears of it
	}
	s.answer(w, name, o, err)
}

// work holds a call against the rules that are the same for all methods, then does it.
func (s *Server) work(c *call, token string) (obj, error) {
	now := s.clock.Now()
	if f := s.faults.take(RateLimited, c.method, now); f != nil {
		return nil, tooFast(f.left(now))
	}
	if f := s.faults.take(APIError, c.method, now); f != nil {
		return nil, fail(f.Code)
	}
	m, ok := methods[c.method]
	if !ok {
		return nil, &failure{code: "unknown_method", with: obj{"req_method": c.method}}
	}
	g, ok := s.tokens[token]
	switch {
	case token == "":
		return nil, fail("not_authed")
	case !ok:
		return nil, fail("invalid_auth")
	case g.revoked:
		return nil, fail("token_revoked")
	case g.app.user.Deleted:
		return nil, fail("account_inactive")
	case g.socket != m.socket:
		return nil, fail("not_allowed_token_type")
	}
	c.app, g.app.origin = g.app, c.origin
	if len(m.scopes) > 0 && !slices.ContainsFunc(m.scopes, func(need string) bool { return slices.Contains(g.app.scopes, need) }) {
		return nil, &failure{code: "missing_scope", with: obj{"needed": strings.Join(m.scopes, ","), "provided": strings.Join(g.app.scopes, ",")}}
	}
	if wait := s.spend(c, m.tier, now); wait > 0 {
		return nil, tooFast(wait)
	}
	return m.do(s, c)
}

// answer writes what a call led to.
func (s *Server) answer(w http.ResponseWriter, name string, o obj, err error) {
	status := http.StatusOK
	var f *failure
	switch {
	case errors.As(err, &f):
		o = obj{"ok": false, "error": f.code}
		for key, v := range f.with {
			o[key] = v
		}
		if after, ok := f.with["retry_after"]; ok {
			delete(o, "retry_after")
			w.Header().Set("Retry-After", strconv.Itoa(after.(int)))
			status = http.StatusTooManyRequests
		}
	default:
		if o == nil {
			o = obj{}
		}
		o["ok"] = true
	}
	s.mu.Lock()
	s.stats.called(name, f)
	s.mu.Unlock()
	reply(w, status, o)
}

func idOf(o obj) string { return word(o, "id") }

// page cuts a list by cursor and limit. A cursor names the item that comes next, so that what is
// new meanwhile neither repeats nor hides anything.
func page[T any](c *call, all []T, usual, most int, name func(T) string) ([]T, obj, error) {
	limit, from := usual, 0
	if c.has("limit") {
		n, err := strconv.Atoi(c.str("limit"))
		if err != nil || n < 0 {
			return nil, nil, fail("invalid_limit")
		}
		if n > 0 {
			limit = min(n, most)
		}
	}
	if c.has("cursor") {
		text, err := base64.StdEncoding.DecodeString(c.str("cursor"))
		next, ok := strings.CutPrefix(string(text), "next:")
		from = slices.IndexFunc(all, func(v T) bool { return name(v) == next })
		if err != nil || !ok || from < 0 {
			return nil, nil, fail("invalid_cursor")
		}
	}
	to := min(from+limit, len(all))
	meta := obj{"next_cursor": ""}
	if to < len(all) {
		meta["next_cursor"] = base64.StdEncoding.EncodeToString([]byte("next:" + name(all[to])))
	}
	return all[from:to], meta, nil
}
