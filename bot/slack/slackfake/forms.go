package slackfake

import (
	"context"
	"encoding/json"
)

// interaction is what all payloads of clicks and forms have in common.
func (s *Server) interaction(kind string, a *app, u *User) obj {
	return obj{"type": kind, "token": "verification-token", "api_app_id": a.ID, "enterprise": nil, "is_enterprise_install": false,
		"team": obj{"id": s.team.ID, "domain": s.team.Domain}, "user": obj{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.Team}}
}

// Click works an element of a message or a view: a button, a menu, an input.
func (p Person) Click(ctx context.Context, press Press) Act {
	s := p.s
	s.mu.Lock()
	e, trigger, why := p.press(press)
	if why != "" {
		s.mu.Unlock()
		return cannot(why)
	}
	if e == nil { // an input that tells the app nothing until the form is sent
		s.mu.Unlock()
		return Act{}
	}
	ok := s.post(e)
	s.mu.Unlock()
	if !ok {
		return Act{Error: noSocket, Trigger: trigger}
	}
	got := act(s.wait(ctx, e))
	got.Trigger, got.Answer = trigger, nil
	return got
}

// press prepares what the app hears of a click.
func (p Person) press(press Press) (e *envelope, trigger, why string) {
	s := p.s
	u, why := p.who()
	if why == "" && (u.Bot || u.Workflow) {
		why = "not_a_person"
	}
	if why != "" {
		return nil, "", why
	}
	m, v, el, why := p.target(u, press)
	if why != "" {
		return nil, "", why
	}
	value := press.Value
	if press.Option != nil {
		value = press.Option
	}
	action, err := pressed(el, value, s.stamp())
	if err != nil {
		return nil, "", err.Error()
	}
	held := p.keep(m, v, el, value)
	if _, keeps := stateful[el.kind()]; keeps && word(el.block, "type") == "input" && el.block["dispatch_action"] != true {
		return nil, "", ""
	}
	if m != nil {
		trigger = s.newTrigger(m.app, u, nil)
		payload := s.interaction("block_actions", m.app, u)
		s.onMessage(payload, u, m, values(blockList(m.blocks), held))
		payload["trigger_id"], payload["actions"] = trigger, []obj{action}
		return s.envelope(m.app, "interactive", payload), trigger, ""
	}
	over := v
	if v.kind == "home" {
		over = nil
	}
	trigger = s.newTrigger(v.app, u, over)
	payload := s.interaction("block_actions", v.app, u)
	payload["trigger_id"], payload["actions"] = trigger, []obj{action}
	payload["view"], payload["container"] = v.wire(), obj{"type": "view", "view_id": v.id}
	return s.envelope(v.app, "interactive", payload), trigger, ""
}

// target finds what is clicked on: an element of a view of theirs, or of a message they see.
func (p Person) target(u *User, press Press) (m *message, v *view, e element, why string) {
	var list []obj
	if press.View != "" {
		if v = p.s.views[press.View]; v == nil || v.user != u {
			return nil, nil, e, "view_not_found"
		}
		list = v.blocks
	} else {
		if m, why = p.message(press.Channel, press.TS); why != "" {
			return nil, nil, e, why
		}
		list = blockList(m.blocks)
	}
	e, ok := match(list, press.Action, press.Block)
	if !ok {
		why = "no_such_element"
	}
	return m, v, e, why
}

// onMessage adds what only clicks on messages tell.
func (s *Server) onMessage(payload obj, u *User, m *message, state obj) {
	container := obj{"type": "message", "message_ts": m.ts, "channel_id": m.channel.ID, "is_ephemeral": m.only != ""}
	if m.thread != "" {
		container["thread_ts"] = m.thread
	}
	payload["container"], payload["channel"] = container, obj{"id": m.channel.ID, "name": m.channel.called()}
	payload["state"], payload["response_url"] = obj{"values": state}, s.newAnswerURL(m.app, m.channel, u, m)
	if m.only == "" {
		payload["message"] = m.wire(true)
	}
}

// message finds what a person clicks on, if they see it.
func (p Person) message(channel, ts string) (*message, string) {
	u, c, why := p.place(channel)
	if why != "" {
		return nil, why
	}
	m := c.find(ts)
	if m == nil || m.only != "" && m.only != u.ID {
		return nil, "message_not_found"
	}
	if m.app == nil {
		return nil, "no_such_element"
	}
	return m, ""
}

// keep remembers what was put into an input, per person on a message.
func (p Person) keep(m *message, v *view, e element, value any) map[string]obj {
	filled, err := fill(e, value)
	block, action := e.id()
	if v != nil {
		if err == nil {
			v.state[block+"\x00"+action] = filled
		}
		return v.state
	}
	if m.state == nil {
		m.state = map[string]obj{}
	}
	if err == nil {
		m.state[p.id+block+"\x00"+action] = filled
	}
	mine := map[string]obj{}
	for key, o := range m.state {
		if len(key) > len(p.id) && key[:len(p.id)] == p.id {
			mine[key[len(p.id):]] = o
		}
	}
	return mine
}

// Values are what a person puts into a form: by block, by action.
type Values map[string]map[string]any

// Submit fills in the uppermost modal and sends it.
func (p Person) Submit(ctx context.Context, viewID string, in Values) Act {
	s := p.s
	s.mu.Lock()
	v, why := p.top(viewID)
	if why == "" && v.body["submit"] == nil {
		why = "no_submit_button"
	}
	if why != "" {
		s.mu.Unlock()
		return cannot(why)
	}
	if errs, why := v.put(in); why != "" || len(errs) > 0 {
		s.mu.Unlock()
		return Act{Error: why, Errors: errs}
	}
	trigger := s.newTrigger(v.app, v.user, v)
	payload := s.interaction("view_submission", v.app, v.user)
	payload["trigger_id"], payload["view"], payload["response_urls"] = trigger, v.wire(), []obj{}
	e := s.envelope(v.app, "interactive", payload)
	ok := s.post(e)
	s.mu.Unlock()
	if !ok {
		return Act{Error: noSocket, Trigger: trigger}
	}
	got := act(s.wait(ctx, e))
	got.Trigger = trigger
	if got.Error == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		got.Errors, got.Error = s.submitted(v, got.Answer)
	}
	return got
}

// top finds the person's uppermost modal.
func (p Person) top(id string) (*view, string) {
	u, why := p.who()
	if why != "" {
		return nil, why
	}
	v := p.s.views[id]
	if v == nil || v.user != u || v.kind != "modal" {
		return nil, "view_not_found"
	}
	if u.open[len(u.open)-1] != v {
		return nil, "view_is_covered"
	}
	return v, ""
}

// put fills inputs in, and says what Slack's own form would complain about.
func (v *view) put(in Values) (map[string]string, string) {
	for block, inner := range in {
		for action, value := range inner {
			e, ok := match(v.blocks, action, block)
			if !ok {
				return nil, "no_such_element"
			}
			filled, err := fill(e, value)
			if err != nil {
				return nil, err.Error()
			}
			v.state[block+"\x00"+action] = filled
		}
	}
	errs := map[string]string{}
	all := values(v.blocks, v.state)
	for _, e := range elements(v.blocks) {
		block, action := e.id()
		if held, ok := all[block].(obj); ok && held[action] != nil {
			if text := complaint(e, held[action].(obj)); text != "" {
				errs[block] = text
			}
		}
	}
	if len(errs) > 0 {
		return errs, "invalid_input"
	}
	return nil, ""
}

// submitted does what the app answered to a form.
func (s *Server) submitted(v *view, answer json.RawMessage) (map[string]string, string) {
	var said struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &said) != nil {
		return nil, "invalid_response"
	}
	if s.views[v.id] == nil {
		return nil, "" // closed meanwhile
	}
	switch said.Action {
	case "":
		s.closeView(v)
	case "clear":
		s.closeAll(v.user)
	case "errors":
		for block := range said.Errors {
			if !v.asks(block) {
				return nil, "invalid_response"
			}
		}
		if len(said.Errors) == 0 {
			return nil, "invalid_response"
		}
		return said.Errors, ""
	case "update", "push":
		next, err := s.draft(string(said.View), "modal", "/view")
		if err == nil && said.Action == "push" {
			err = s.push(v.user, next, v.app)
		} else if err == nil {
			s.replace(v, next)
		}
		if err != nil {
			s.stats.Errors["ack_"+err.Error()]++
			return nil, "invalid_response"
		}
	default:
		return nil, "invalid_response"
	}
	return nil, ""
}

// asks says whether a block of the view is an input, below which an error can stand.
func (v *view) asks(block string) bool {
	for _, b := range v.blocks {
		if word(b, "block_id") == block && word(b, "type") == "input" {
			return true
		}
	}
	return false
}

// CloseView closes the uppermost modal. The app hears of it if it asked to.
func (p Person) CloseView(ctx context.Context, viewID string) Act {
	s := p.s
	s.mu.Lock()
	v, why := p.top(viewID)
	if why != "" {
		s.mu.Unlock()
		return cannot(why)
	}
	cleared := v.body["clear_on_close"] == true
	var e *envelope
	ok := false
	if v.body["notify_on_close"] == true {
		payload := s.interaction("view_closed", v.app, v.user)
		payload["view"], payload["is_cleared"] = v.wire(), cleared
		e = s.envelope(v.app, "interactive", payload)
		e.accepts = false
		ok = s.post(e)
	}
	if cleared {
		s.closeAll(v.user)
	} else {
		s.closeView(v)
	}
	s.mu.Unlock()
	if !ok {
		return Act{}
	}
	got := act(s.wait(ctx, e))
	got.Error, got.Answer = "", nil // the modal is gone whatever the app says
	return got
}

// OpenHome opens the Home tab of the app under test.
func (p Person) OpenHome() Act {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u, why := p.who()
	if why == "" && u.Stranger {
		why = "app_not_found"
	}
	if why != "" {
		return cannot(why)
	}
	ts := s.stamp()
	e := obj{"type": "app_home_opened", "user": u.ID, "channel": s.direct(s.app, u.ID).ID, "tab": "home", "event_ts": ts}
	if u.home != nil {
		e["view"] = u.home.wire()
	}
	s.eventTo(s.app, "app_home_opened", nil, e)
	return Act{TS: ts}
}
