package slackfake

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	deepest      = 3       // modals on top of each other
	largestView  = 250_000 // bytes
	triggerLives = 3 * time.Second
)

// trigger is the right to open one modal for one person, for three seconds.
type trigger struct {
	app  *app
	user *User
	at   time.Time
	used bool
	over *view // the modal it came from, if it came from one
}

// view is one modal or Home tab.
type view struct {
	id, kind, hash, external, root, previous string
	app                                      *app
	user                                     *User
	body                                     obj // as the app sent it
	blocks                                   []obj
	state                                    map[string]obj
}

// wire is the view as methods and payloads tell it.
func (v *view) wire() obj {
	o := obj{"id": v.id, "team_id": v.app.user.Team, "app_id": v.app.ID, "app_installed_team_id": v.app.user.Team, "bot_id": v.app.botID,
		"type": v.kind, "hash": v.hash, "external_id": v.external, "root_view_id": v.root, "previous_view_id": nil, "callback_id": "",
		"private_metadata": "", "clear_on_close": false, "notify_on_close": false, "close": nil, "submit": nil, "blocks": v.blocks,
		"state": obj{"values": values(v.blocks, v.state)}}
	for _, key := range []string{"title", "close", "submit", "callback_id", "private_metadata", "clear_on_close", "notify_on_close"} {
		if v.body[key] != nil {
			o[key] = v.body[key]
		}
	}
	if v.kind == "home" {
		o["title"] = obj{"type": "plain_text", "text": "View Title", "emoji": true}
	}
	if v.previous != "" {
		o["previous_view_id"] = v.previous
	}
	return o
}

// newTrigger gives the app three seconds to answer a person with a modal.
func (s *Server) newTrigger(a *app, u *User, over *view) string {
	now := s.clock.Now()
	s.sweep(now)
	id := s.next("1") + "." + s.next("2") + "." + s.secret()
	s.triggers[id] = &trigger{app: a, user: u, at: now, over: over}
	return id
}

// Exchanged says whether a person was shown a modal for what they did.
func (s *Server) Exchanged(trigger string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.triggers[trigger]
	return t != nil && t.used
}

// exchange uses a trigger up.
func (s *Server) exchange(c *call) (*trigger, error) {
	t := s.triggers[c.str("trigger_id")]
	switch {
	case t == nil || t.app != c.app:
		return nil, fail("invalid_trigger_id")
	case t.used:
		return nil, fail("exchanged_trigger_id")
	case s.clock.Now().Sub(t.at) > triggerLives:
		return nil, fail("expired_trigger_id")
	}
	return t, nil
}

// draft reads and checks the view an app sends.
func (s *Server) draft(raw string, kind string, at string) (*view, error) {
	if len(raw) > largestView {
		return nil, fail("view_too_large")
	}
	v := &view{}
	if err := json.Unmarshal([]byte(raw), &v.body); err != nil || v.body == nil {
		return nil, refusal("invalid_arguments", []problem{{"must provide an object", at}})
	}
	v.kind, v.external = word(v.body, "type"), word(v.body, "external_id")
	if v.kind != kind {
		return nil, refusal("invalid_arguments", []problem{{"must be of type " + kind, at + "/type"}})
	}
	in := &inspector{}
	in.view(v.body, at)
	list, err := json.Marshal(v.body["blocks"])
	if err != nil {
		return nil, err
	}
	where := map[string]surface{"modal": inModal, "home": inHome}[kind]
	blocks, problems := s.inspect(list, where, at+"/blocks")
	if problems = append(in.problems, problems...); len(problems) > 0 {
		return nil, refusal("invalid_arguments", problems)
	}
	v.blocks = blocks
	return v, nil
}

// view checks a view without its blocks, which are checked one by one.
func (in *inspector) view(body obj, at string) {
	bare := obj{}
	for k, v := range body {
		bare[k] = v
	}
	bare["blocks"] = []any{}
	in.problems = append(in.problems, schemas().check(word(body, "type"), bare, at)...)
	for _, l := range ofView {
		in.bound(body, at, l)
	}
	list, _ := body["blocks"].([]any)
	for _, b := range list {
		if o, ok := b.(map[string]any); ok && word(o, "type") == "input" && body["submit"] == nil && word(body, "type") == "modal" {
			in.blame(at, "missing required field: submit")
			return
		}
	}
}

// show gives a checked view its place.
func (s *Server) show(v *view, a *app, u *User) error {
	if v.external != "" && slices.ContainsFunc(s.all(), func(o *view) bool { return o.external == v.external && o.app == a }) {
		return fail("duplicate_external_id")
	}
	v.id, v.app, v.user, v.state = s.next("V"), a, u, map[string]obj{}
	v.root = v.id
	s.rehash(v)
	s.views[v.id] = v
	return nil
}

func (s *Server) all() []*view {
	var list []*view
	for _, v := range s.views {
		list = append(list, v)
	}
	return list
}

func (s *Server) rehash(v *view) {
	v.hash = s.stamp() + "." + s.secret()[:8]
	s.changed("views")
}

func openView(s *Server, c *call) (obj, error) {
	t, err := s.exchange(c)
	if err != nil {
		return nil, err
	}
	v, err := s.draft(c.str("view"), "modal", "/view")
	if err != nil {
		return nil, err
	}
	if err := s.show(v, c.app, t.user); err != nil {
		return nil, err
	}
	t.used = true
	s.closeAll(t.user)
	t.user.open = []*view{v}
	return obj{"view": v.wire()}, nil
}

func pushView(s *Server, c *call) (obj, error) {
	t, err := s.exchange(c)
	if err != nil {
		return nil, err
	}
	if t.over == nil || len(t.user.open) == 0 {
		return nil, fail("not_found")
	}
	v, err := s.draft(c.str("view"), "modal", "/view")
	if err != nil {
		return nil, err
	}
	if err := s.push(t.user, v, c.app); err != nil {
		return nil, err
	}
	t.used = true
	return obj{"view": v.wire()}, nil
}

// push puts a modal on top of the person's others.
func (s *Server) push(u *User, v *view, a *app) error {
	if len(u.open) >= deepest {
		return fail("push_limit_reached")
	}
	if err := s.show(v, a, u); err != nil {
		return err
	}
	if n := len(u.open); n > 0 {
		v.root, v.previous = u.open[0].id, u.open[n-1].id
	}
	u.open = append(u.open, v)
	return nil
}

func updateView(s *Server, c *call) (obj, error) {
	v := s.views[c.str("view_id")]
	if v == nil && c.has("external_id") {
		for _, one := range s.views {
			if one.external == c.str("external_id") && one.app == c.app {
				v = one
			}
		}
	}
	switch {
	case v == nil || v.app != c.app:
		return nil, fail("not_found")
	case c.has("hash") && c.str("hash") != v.hash:
		return nil, fail("hash_conflict")
	}
	next, err := s.draft(c.str("view"), v.kind, "/view")
	if err != nil {
		return nil, err
	}
	s.replace(v, next)
	return obj{"view": v.wire()}, nil
}

// replace changes a view in place. What was typed stays where block and action keep their ids.
func (s *Server) replace(v, next *view) {
	v.body, v.blocks = next.body, next.blocks
	if next.external != "" {
		v.external = next.external
	}
	s.rehash(v)
}

func publishView(s *Server, c *call) (obj, error) {
	u := s.users[c.str("user_id")]
	if u == nil || u.app != nil {
		return nil, fail("invalid_arguments")
	}
	if u.home != nil && c.has("hash") && c.str("hash") != u.home.hash {
		return nil, fail("hash_conflict")
	}
	next, err := s.draft(c.str("view"), "home", "/view")
	if err != nil {
		return nil, err
	}
	if u.home != nil && u.home.app == c.app {
		s.replace(u.home, next)
	} else {
		if err := s.show(next, c.app, u); err != nil {
			return nil, err
		}
		u.home = next
	}
	return obj{"view": u.home.wire()}, nil
}

// closeView takes one modal away.
func (s *Server) closeView(v *view) {
	v.user.open = slices.DeleteFunc(v.user.open, func(o *view) bool { return o == v })
	delete(s.views, v.id)
	s.changed("views")
}

func (s *Server) closeAll(u *User) {
	for _, v := range slices.Clone(u.open) {
		s.closeView(v)
	}
}
