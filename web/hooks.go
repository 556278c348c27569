package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// maxSignals is the largest body signals may come in: some thousand alerts.
const maxSignals = 4 << 20

// Hook is a source that may send signals: the path it posts to and its own secret.
type Hook struct {
	Kind   string // alertmanager | grafana | generic | change
	Name   string // /hooks/KIND/NAME; empty: /hooks/KIND
	Secret string
}

// Source is how signals of this hook are marked.
func (h Hook) Source() string { return sourceName(h.Kind, h.Name) }

func sourceName(kind, name string) string {
	if name == "" {
		return kind
	}
	return kind + "/" + name
}

// hooks are the sources, each with what it may send in a while.
type hooks struct {
	known map[string]*hook
	none  hook // what a source nobody knows is compared with
}

type hook struct {
	digest [sha256.Size]byte
	open   bool // on a demo server, from this machine only
	pace   pace
}

func newHooks(cfg Config) *hooks {
	h := &hooks{known: map[string]*hook{}}
	add := func(source string, one *hook) {
		one.pace.clock = cfg.Clock
		h.known[source] = one
	}
	if cfg.Demo {
		for _, kind := range []string{"alertmanager", "grafana", "generic", "change"} {
			add(kind, &hook{open: true})
		}
	}
	for _, one := range cfg.Hooks {
		add(one.Source(), &hook{digest: sha256.Sum256([]byte(one.Secret))})
	}
	return h
}

// hookSecret finds the secret in what senders can set: a bearer token, the password of basic
// authentication, or a header. An address is no place for one: proxies write it down.
func hookSecret(r *http.Request) string {
	if secret := r.Header.Get("X-Switchman-Secret"); secret != "" {
		return secret
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	secret, _ := bearer(r)
	return secret
}

// enterHook finds the source of a request and holds its secret against the known one, in the same time
// whether it is wrong in its first byte or its last, and whether there is such a source or not.
func (s *Server) enterHook(r *http.Request) (source string, h *hook, err error) {
	source = sourceName(r.PathValue("kind"), r.PathValue("name"))
	h, ok := s.hooks.known[source]
	if !ok {
		h = &s.hooks.none
	}
	given := sha256.Sum256([]byte(hookSecret(r)))
	right := subtle.ConstantTimeCompare(given[:], h.digest[:]) == 1
	switch {
	case ok && (right || h.open && s.originOf(r).near && loopbackName(r)):
		return source, h, nil
	case ok:
		return source, nil, s.refuseSignals(r, source, "secret", &dr.Error{Kind: dr.SignIn, ID: "hook_secret"})
	}
	return source, nil, s.refuseSignals(r, "unknown", "source", &dr.Error{Kind: dr.NotFound, ID: "hook_unknown"})
}

// hook takes what monitoring and pipelines say. It is stored before it is answered; what is made of it is
// another's work, which nobody here waits for.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	if err := s.takeHook(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) takeHook(w http.ResponseWriter, r *http.Request) error {
	if err := s.protect(r); err != nil {
		return err
	}
	source, h, err := s.enterHook(r)
	if err != nil {
		return err
	}
	decode, err := s.decoder(r.PathValue("kind"), r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.takeSignals(w, r, source, &h.pace, "", decode)
}

// decoder is how a kind of source speaks.
func (s *Server) decoder(kind, name string) (decoder, error) {
	switch kind {
	case "change":
		return alerts.Change, nil
	case "generic":
		c, err := s.cfg.Catalog()
		if err != nil {
			return nil, err
		}
		m, ok := c.AlertMapping(name)
		if !ok {
			return nil, &dr.Error{Kind: dr.Invalid, ID: "hook_no_mapping", Args: dr.Args{"name": first(name, "generic")}}
		}
		return func(source string, body []byte, at dr.Time) ([]dr.Signal, alerts.Left, error) {
			return alerts.Generic(alerts.Mapping(m), source, body, at)
		}, nil
	}
	return alerts.Alertmanager, nil
}

type decoder func(source string, body []byte, at dr.Time) ([]dr.Signal, alerts.Left, error)

// taken is the answer to signals.
type taken struct {
	Taken     int      `json:"taken"`               // new ones
	Known     int      `json:"known"`               // that were there already
	Truncated int      `json:"truncated,omitempty"` // the sender left out
	Skipped   []string `json:"skipped,omitempty"`   // could not be read, with their place
}

// takeSignals reads a body within the limits of its source, stores what it says and answers.
func (s *Server) takeSignals(w http.ResponseWriter, r *http.Request, source string, p *pace, by string, decode decoder) error {
	refuse := func(why string, err *dr.Error) error { return s.refuseSignals(r, source, why, err) }
	if wait := p.request(); wait > 0 {
		return s.slowDown(w, wait, refuse)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSignals))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse("size", &dr.Error{Kind: dr.Usage, ID: "body_too_large", Args: dr.Args{"limit": "4 MiB"}})
	}
	if err != nil {
		return fmt.Errorf("reading signals: %w", err)
	}
	signals, left, err := decode(source, body, s.cfg.Clock.Time())
	if err != nil {
		return refuse("malformed", &dr.Error{Kind: dr.Invalid, ID: "signals_malformed", Args: dr.Args{"problem": err.Error()}})
	}
	if wait := p.signals(len(signals)); wait > 0 {
		return s.slowDown(w, wait, refuse)
	}
	if by != "" {
		for i := range signals {
			signals[i].By = by
		}
	}
	fresh, err := s.queue.put(r.Context(), signals)
	if errors.Is(err, errQueueFull) {
		return s.slowDown(w, time.Second, refuse)
	}
	if err != nil {
		return err
	}
	s.metrics.signals.WithLabelValues("new").Add(float64(fresh))
	s.metrics.signals.WithLabelValues("known").Add(float64(len(signals) - fresh))
	s.metrics.signals.WithLabelValues("unreadable").Add(float64(len(left.Skipped)))
	answer(w, http.StatusOK, taken{Taken: fresh, Known: len(signals) - fresh, Truncated: left.Truncated, Skipped: left.Skipped})
	return nil
}

func (s *Server) slowDown(w http.ResponseWriter, wait time.Duration, refuse func(string, *dr.Error) error) error {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return refuse("rate", &dr.Error{Kind: dr.Refused, ID: "signals_too_fast", Args: dr.Args{"wait": strconv.Itoa(seconds)}})
}

// refuseSignals journals that signals were not let in, at the rate of all refusals at the edge, and gives
// the refusal back.
func (s *Server) refuseSignals(r *http.Request, source, why string, refusal *dr.Error) error {
	s.metrics.refusals.WithLabelValues("hook_" + why).Inc()
	s.metrics.unheard.WithLabelValues(why).Inc()
	n := s.knocks.times("hook\x00" + why + "\x00" + source)
	if n == 0 {
		return refusal
	}
	raw, err := json.Marshal(dr.HookData{Source: source, Why: why, Times: n})
	if err == nil {
		err = s.cfg.Store.Write(context.WithoutCancel(r.Context()), func(tx *store.Tx) error {
			tx.Journal(dr.Row{At: s.cfg.Clock.Time(), Kind: dr.RowHook, Surface: "hook", Data: raw})
			return nil
		})
	}
	if err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "journaling signals that were not let in", "source", source, "why", why, "error", err)
	}
	return refusal
}

// sendSignals takes what a person sends with `switchman alert send`.
func (s *Server) sendSignals(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.takeSignals(w, r, "sent", &s.sent, c.actor.Person, sentSignals)
}

// sentSignals tells by its look what a file holds: a webhook of Alertmanager, one alert or a list of them,
// or changes.
func sentSignals(source string, body []byte, at dr.Time) ([]dr.Signal, alerts.Left, error) {
	one := map[string]json.RawMessage{}
	list := json.Unmarshal(body, &one) != nil
	if list {
		var all []map[string]json.RawMessage
		if json.Unmarshal(body, &all) == nil && len(all) > 0 {
			one = all[0]
		}
	}
	has := func(name string) bool { _, ok := one[name]; return ok }
	switch {
	case has("changes") || has("kind") && !has("labels"):
		return alerts.Change(source, body, at)
	case list:
		return alerts.Pulled(source, body, at)
	case has("labels") && !has("alerts"):
		return alerts.Pulled(source, []byte("["+strings.TrimSpace(string(body))+"]"), at)
	}
	return alerts.Alertmanager(source, body, at)
}
