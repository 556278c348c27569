package slackfake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// ackWithin is how long an app has to say that it got something.
const ackWithin = 3 * time.Second

// What a person sees when the app does not answer.
const (
	noSocket  = "dispatch_failed"   // nobody was listening
	noAnswer  = "operation_timeout" // somebody was, and said nothing in time
	noSlack   = "slack_is_down"
	cancelled = "cancelled" // whoever drove the person gave up
)

// redelivery is the pause before an event is sent again: about at once, after a minute, after five.
var redelivery = []time.Duration{0, time.Minute, 5 * time.Minute}

// envelope is one delivery to one app, until it is acknowledged or given up.
type envelope struct {
	id      string
	kind    string // events_api, slash_commands or interactive
	topic   string // the type of what is inside, such as app_mention or block_actions
	accepts bool   // whether an answer may ride on the acknowledgement
	payload json.RawMessage
	attempt int
	reason  string
	app     *app
	sent    time.Time
	done    chan outcome
}

// outcome is how a delivery ended.
type outcome struct {
	fault  string // "" when it was acknowledged in time
	answer json.RawMessage
	took   time.Duration
}

func (s *Server) uuid() string {
	a, b := s.random.Uint64(), s.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}

func (s *Server) envelope(a *app, kind string, payload any) *envelope {
	body, err := json.Marshal(payload)
	if err != nil {
		body = json.RawMessage("{}")
	}
	return &envelope{id: s.uuid(), kind: kind, topic: topic(body, kind), payload: body, app: a, accepts: kind != "events_api", done: make(chan outcome, 1)}
}

// topic is what faults on envelopes are told apart by.
func topic(body []byte, kind string) string {
	var p struct {
		Type  string
		Event struct{ Type string }
	}
	_ = json.Unmarshal(body, &p)
	return cmp.Or(p.Event.Type, p.Type, kind)
}

// post sends an envelope to one of the app's sockets, and says false when there is none.
func (s *Server) post(e *envelope) bool {
	now := s.clock.Now()
	if s.dead() {
		return false
	}
	k := s.pick(e.app)
	if k == nil {
		s.stats.Unheard++
		return false
	}
	e.sent = now
	e.app.pending[e.id] = e
	if s.faults.take(Reorder, e.topic, now) != nil {
		s.faults.held = append(s.faults.held, e)
		go s.releaseLater()
		return true
	}
	s.put1(k, e)
	if s.faults.take(Duplicate, e.topic, now) != nil {
		s.putAgain(e)
	}
	s.release()
	return true
}

// putAgain sends a second copy, maybe to another socket. An event comes in an envelope of its own.
func (s *Server) putAgain(e *envelope) {
	again := *e
	if e.kind == "events_api" {
		again.id = s.uuid()
	}
	if k := s.pick(e.app); k != nil {
		s.put1(k, &again)
	}
}

// release sends the envelopes that waited to be overtaken.
func (s *Server) release() {
	held := s.faults.held
	s.faults.held = nil
	for _, e := range slices.Backward(held) {
		if k := s.pick(e.app); k != nil {
			s.put1(k, e)
		}
	}
}

// releaseLater does so when nothing came to overtake them.
func (s *Server) releaseLater() {
	select {
	case <-s.clock.After(time.Second):
	case <-s.done:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

// pick chooses among the app's sockets at random, as Slack does.
func (s *Server) pick(a *app) *socket {
	var open []*socket
	for _, k := range a.sockets {
		if k.ready {
			open = append(open, k)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[s.random.IntN(len(open))]
}

func (s *Server) put1(k *socket, e *envelope) {
	frame := obj{"envelope_id": e.id, "type": e.kind, "accepts_response_payload": e.accepts, "payload": e.payload}
	if e.kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = e.attempt, e.reason
	}
	s.stats.Sent++
	k.tell(frame)
	if s.faults.take(DropSocket, e.topic, s.clock.Now()) != nil {
		k.ready = false
		k.send(nil)
	}
}

// acked settles an envelope. An acknowledgement counts on any socket of the app, since clients
// carry theirs over a reconnect; a second one counts for nothing.
func (s *Server) acked(a *app, id string, answer json.RawMessage) {
	e := a.pending[id]
	if e == nil {
		s.stats.AcksUnknown++
		return
	}
	delete(a.pending, id)
	took := s.clock.Now().Sub(e.sent)
	if took > ackWithin {
		s.stats.AcksLate++
		e.done <- outcome{fault: noAnswer}
		return
	}
	s.stats.acked(took)
	e.done <- outcome{answer: answer, took: took}
}

// wait waits for the acknowledgement, at most as long as Slack does.
func (s *Server) wait(ctx context.Context, e *envelope) outcome {
	fault := noAnswer
	select {
	case o := <-e.done:
		return o
	case <-s.clock.After(ackWithin):
	case <-ctx.Done():
		fault = cancelled
	case <-s.done:
		fault = noSlack
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case o := <-e.done: // it came at the last moment
		return o
	default:
	}
	delete(e.app.pending, e.id)
	s.stats.Unacked++
	return outcome{fault: fault, took: s.clock.Now().Sub(e.sent)}
}

// event delivers one event to every app that wants it and sits in the channel.
func (s *Server) event(kind string, c *Channel, event obj) {
	for _, a := range s.apps {
		if slices.Contains(a.events, kind) && (c == nil || c.has(a.user.ID)) {
			s.sendEvent(a, c, event)
		}
	}
}

func (s *Server) sendEvent(a *app, c *Channel, event obj) {
	payload := obj{"token": "verification-token", "team_id": s.team.ID, "context_team_id": s.team.ID, "context_enterprise_id": nil, "api_app_id": a.ID,
		"event": event, "type": "event_callback", "event_id": s.next("Ev"), "event_time": s.clock.Now().Unix(),
		"is_ext_shared_channel": c != nil && c.ExtShared, "event_context": "4-" + s.secret(),
		"authorizations": []obj{{"enterprise_id": nil, "team_id": s.team.ID, "user_id": a.user.ID, "is_bot": true, "is_enterprise_install": false}}}
	e := s.envelope(a, "events_api", payload)
	ok := s.post(e)
	go s.insist(e, ok)
}

// insist sends an event again until it is acknowledged or Slack gives up. What the app missed while
// Slack itself was out is not sent again.
func (s *Server) insist(e *envelope, posted bool) {
	for _, pause := range append(slices.Clone(redelivery), -1) {
		reason := "connection_failed" // of the next one
		if posted {
			if s.wait(context.Background(), e).fault == "" {
				return
			}
			reason = "timeout"
		}
		if pause < 0 {
			break
		}
		select {
		case <-s.clock.After(pause):
		case <-s.done:
			return
		}
		s.mu.Lock()
		again := &envelope{id: s.uuid(), kind: e.kind, topic: e.topic, payload: e.payload, attempt: e.attempt + 1, reason: reason, app: e.app, done: make(chan outcome, 1)}
		e = again
		s.stats.Redelivered++
		posted = s.post(e)
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.stats.GivenUp++
	s.mu.Unlock()
}

// Deliver sends an envelope made by hand, such as a forged click, and waits for the answer.
func (s *Server) Deliver(ctx context.Context, kind string, payload any) Act {
	s.mu.Lock()
	e := s.envelope(s.app, kind, payload)
	ok := s.post(e)
	s.mu.Unlock()
	if !ok {
		return Act{Error: noSocket}
	}
	return act(s.wait(ctx, e))
}

// eventTo delivers an event to one app, if it subscribes to it.
func (s *Server) eventTo(a *app, kind string, c *Channel, event obj) {
	if slices.Contains(a.events, kind) {
		s.sendEvent(a, c, event)
	}
}
