package slackfake

import (
	"encoding/json"
	"net/http"
)

// order is the body of every act under /_person.
type order struct {
	Press
	User    string `json:"user"`
	Text    string `json:"text"`
	Thread  string `json:"thread_ts"`
	Command string `json:"command"`
	Values  Values `json:"values"`
}

// servePerson lets any language be a person.
func (s *Server) servePerson(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("act")
	if r.Method == http.MethodGet {
		s.serveEyes(w, r, name)
		return
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	switch name {
	case "user":
		s.serveUser(w, body)
		return
	case "channel":
		s.serveChannel(w, body)
		return
	}
	var o order
	if err := body.Decode(&o); err != nil {
		reply(w, http.StatusBadRequest, obj{"error": "invalid_json", "detail": err.Error()})
		return
	}
	p := s.Person(o.User)
	var got Act
	switch name {
	case "say":
		got = p.Say(o.Channel, o.Text, o.Thread)
	case "slash":
		got = p.Slash(r.Context(), o.Channel, o.Command, o.Text)
	case "click":
		got = p.Click(r.Context(), o.Press)
	case "submit":
		got = p.Submit(r.Context(), o.View, o.Values)
	case "close":
		got = p.CloseView(r.Context(), o.View)
	case "home":
		got = p.OpenHome()
	default:
		http.NotFound(w, r)
		return
	}
	reply(w, http.StatusOK, got)
}

func (s *Server) serveEyes(w http.ResponseWriter, r *http.Request, name string) {
	p := s.Person(r.URL.Query().Get("user"))
	switch name {
	case "messages":
		list, err := p.Messages(r.URL.Query().Get("channel"))
		if err != nil {
			reply(w, http.StatusNotFound, obj{"ok": false, "error": err.Error()})
			return
		}
		reply(w, http.StatusOK, obj{"ok": true, "messages": list})
	case "views":
		o := obj{"ok": true, "views": p.Views(), "home": nil}
		if home, ok := p.Home(); ok {
			o["home"] = home
		}
		reply(w, http.StatusOK, o)
	default:
		http.NotFound(w, r)
	}
}

// serveUser adds or changes a person; what is not named stays. Besides Slack's own names for the
// flags it takes guest, stranger, bot, workflow and deactivated.
func (s *Server) serveUser(w http.ResponseWriter, body *json.Decoder) {
	var raw json.RawMessage
	if err := body.Decode(&raw); err != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": "invalid_json"})
		return
	}
	var id struct {
		ID, User string
	}
	_ = json.Unmarshal(raw, &id)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := User{}
	if old := s.users[id.ID]; old != nil {
		u = *old
	}
	var words struct{ Guest, Stranger, Bot, Workflow, Deactivated, Admin *bool }
	if json.Unmarshal(raw, &u) != nil || json.Unmarshal(raw, &words) != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": "invalid_json"})
		return
	}
	for flag, on := range map[*bool]*bool{&u.Restricted: words.Guest, &u.Stranger: words.Stranger, &u.Bot: words.Bot, &u.Workflow: words.Workflow, &u.Deleted: words.Deactivated, &u.Admin: words.Admin} {
		if on != nil {
			*flag = *on
		}
	}
	u.app, u.home, u.open = nil, nil, nil
	fresh := s.users[id.ID] == nil
	got := s.putUser(u)
	if fresh && !got.guest() && !got.Deleted && !got.Bot && !got.Workflow {
		s.welcome(got)
	}
	s.changed("users")
	reply(w, http.StatusOK, obj{"ok": true, "user": got.profile()})
}

// welcome puts a new full member where all the others are.
func (s *Server) welcome(u *User) {
	for _, id := range s.channelOrder {
		if c := s.channels[id]; !c.Private && !c.IM && !c.Archived {
			c.Members = append(c.Members, u.ID)
		}
	}
}

// serveChannel adds or changes a channel. Without members everybody joins, the app too.
func (s *Server) serveChannel(w http.ResponseWriter, body *json.Decoder) {
	var raw json.RawMessage
	var id struct{ ID, Kind string }
	if body.Decode(&raw) != nil || json.Unmarshal(raw, &id) != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": "invalid_json"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Channel{}
	if old := s.channels[id.ID]; old != nil {
		c = *old
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": err.Error()})
		return
	}
	switch id.Kind {
	case "private":
		c.Private = true
	case "im", "dm":
		c.IM = true
	case "shared", "external":
		c.ExtShared, c.Pending = true, false
	case "pending_shared":
		c.Pending = true
	}
	if len(c.Members) == 0 && !c.IM {
		c.Members = s.fullMembers()
	}
	got := s.putChannel(c)
	s.changed("channels")
	info := got.info(s.app)
	info["members"] = got.Members
	reply(w, http.StatusOK, obj{"ok": true, "channel": info})
}
