package slackfake

import (
	"regexp"
	"slices"
	"unicode/utf8"
)

// channelName is the shape of a name, its length aside: counted in the pattern, it would take five megabytes.
var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]+$`)

const longestName = 80

// visible finds a channel that the app can look at.
func (s *Server) visible(c *call) (*Channel, error) {
	ch := s.channel(c.str("channel"))
	if ch == nil || (ch.Private || ch.IM) && !ch.has(c.app.user.ID) {
		return nil, fail("channel_not_found")
	}
	return ch, nil
}

// inside finds a channel that the app is a member of.
func (s *Server) inside(c *call) (*Channel, error) {
	ch, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	if !ch.has(c.app.user.ID) {
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

func channelInfo(s *Server, c *call) (obj, error) {
	ch, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	o := ch.info(c.app)
	if !c.flag("include_num_members", false) {
		delete(o, "num_members")
	}
	return obj{"channel": o}, nil
}

func (s *Server) channelList(c *call, want func(*Channel) bool) (obj, error) {
	types := c.list("types")
	if len(types) == 0 {
		types = []string{"public_channel"}
	}
	for _, t := range types {
		if !slices.Contains([]string{"public_channel", "private_channel", "im", "mpim"}, t) {
			return nil, fail("invalid_types")
		}
	}
	all := []obj{}
	for _, id := range s.channelOrder {
		ch := s.channels[id]
		kind := map[string]string{"im": "im", "group": "private_channel", "channel": "public_channel"}[ch.kind()]
		if slices.Contains(types, kind) && want(ch) && (!ch.Archived || !c.flag("exclude_archived", false)) {
			all = append(all, ch.info(c.app))
		}
	}
	some, meta, err := page(c, all, 100, 1000, idOf)
	if err != nil {
		return nil, err
	}
	return obj{"channels": some, "response_metadata": meta}, nil
}

func channelList(s *Server, c *call) (obj, error) {
	return s.channelList(c, func(ch *Channel) bool { return !ch.Private && !ch.IM || ch.has(c.app.user.ID) })
}

func userConversations(s *Server, c *call) (obj, error) {
	who := c.app.user.ID
	if c.has("user") {
		who = c.str("user")
	}
	if s.users[who] == nil {
		return nil, fail("user_not_found")
	}
	return s.channelList(c, func(ch *Channel) bool {
		return ch.has(who) && (!ch.Private && !ch.IM || ch.has(c.app.user.ID))
	})
}

// slice is the part of a list of messages between oldest and latest.
func slice(c *call, all []*message) []*message {
	within := c.flag("inclusive", false)
	return slices.DeleteFunc(slices.Clone(all), func(m *message) bool {
		early := c.has("oldest") && (m.ts < c.str("oldest") || m.ts == c.str("oldest") && !within)
		late := c.has("latest") && (m.ts > c.str("latest") || m.ts == c.str("latest") && !within)
		return early || late || m.only != ""
	})
}

func (s *Server) messages(c *call, all []*message, usual int) (obj, error) {
	some, meta, err := page(c, all, usual, 1000, func(m *message) string { return m.ts })
	if err != nil {
		return nil, err
	}
	list := []obj{}
	for _, m := range some {
		list = append(list, m.wire(c.flag("include_all_metadata", false)))
	}
	return obj{"messages": list, "has_more": meta["next_cursor"] != "", "response_metadata": meta}, nil
}

func channelHistory(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slice(c, ch.messages), func(m *message) bool { return m.thread != "" && !m.broadcast })
	slices.Reverse(all)
	o, err := s.messages(c, all, 100)
	if err == nil {
		o["pin_count"] = len(ch.pins)
	}
	return o, err
}

func channelReplies(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	parent := ch.find(c.str("ts"))
	if parent == nil || parent.only != "" {
		return nil, fail("thread_not_found")
	}
	if parent.thread != "" {
		parent = ch.find(parent.thread)
	}
	return s.messages(c, append([]*message{parent}, slice(c, parent.answers)...), 1000)
}

func channelMembers(s *Server, c *call) (obj, error) {
	ch, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	some, meta, err := page(c, ch.Members, 100, 1000, func(id string) string { return id })
	if err != nil {
		return nil, err
	}
	return obj{"members": some, "response_metadata": meta}, nil
}

func channelOpen(s *Server, c *call) (obj, error) {
	users := c.list("users")
	if len(users) == 0 && c.has("channel") {
		ch, err := s.inside(c)
		if err != nil {
			return nil, err
		}
		return obj{"channel": obj{"id": ch.ID}}, nil
	}
	if len(users) != 1 {
		return nil, fail("users_list_not_supplied")
	}
	u := s.users[users[0]]
	switch {
	case u == nil:
		return nil, fail("user_not_found")
	case u.Deleted:
		return nil, fail("user_disabled")
	case u.app != nil:
		return nil, fail("cannot_dm_bot")
	}
	return obj{"channel": obj{"id": s.direct(c.app, u.ID).ID}, "no_op": false, "already_open": false}, nil
}

func channelJoin(s *Server, c *call) (obj, error) {
	ch, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	switch {
	case ch.Archived:
		return nil, fail("is_archived")
	case ch.Private || ch.IM:
		return nil, fail("method_not_supported_for_channel_type")
	}
	s.enter(ch, c.app.user.ID, "")
	return obj{"channel": ch.info(c.app)}, nil
}

// enter makes somebody a member, once.
func (s *Server) enter(ch *Channel, user, inviter string) {
	if ch.has(user) {
		return
	}
	ch.Members = append(ch.Members, user)
	e := obj{"type": "member_joined_channel", "user": user, "channel": ch.ID, "channel_type": map[bool]string{true: "G", false: "C"}[ch.Private], "team": s.team.ID, "event_ts": s.stamp()}
	if inviter != "" {
		e["inviter"] = inviter
	}
	s.changed(ch.ID)
	s.event("member_joined_channel", ch, e)
}

func channelCreate(s *Server, c *call) (obj, error) {
	name := c.str("name")
	switch {
	case name == "":
		return nil, fail("invalid_name_required")
	case utf8.RuneCountInString(name) > longestName:
		return nil, fail("invalid_name_maxlength")
	case !channelName.MatchString(name):
		return nil, fail("invalid_name_specials")
	case s.channel("#"+name) != nil:
		return nil, fail("name_taken")
	}
	ch := s.putChannel(Channel{Name: name, Private: c.flag("is_private", false), Members: []string{c.app.user.ID}})
	s.changed("channels")
	return obj{"channel": ch.info(c.app)}, nil
}

func channelInvite(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	var wrong []obj
	users := c.list("users")
	for _, id := range users {
		u := s.users[id]
		why := ""
		switch {
		case u == nil:
			why = "user_not_found"
		case u.ID == c.app.user.ID:
			why = "cant_invite_self"
		case u.UltraRestricted:
			why = "ura_max_channels"
		case ch.has(id):
			why = "already_in_channel"
		}
		if why != "" {
			wrong = append(wrong, obj{"ok": false, "error": why, "user": id})
		}
	}
	if len(users) == 0 {
		return nil, fail("no_user")
	}
	if len(wrong) > 0 && !c.flag("force", false) {
		return nil, &failure{code: wrong[0]["error"].(string), with: obj{"errors": wrong}}
	}
	for _, id := range users {
		if !slices.ContainsFunc(wrong, func(o obj) bool { return o["user"] == id }) {
			s.enter(ch, id, c.app.user.ID)
		}
	}
	return obj{"channel": ch.info(c.app)}, nil
}

func channelTopic(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(c.str("topic")) > 250 {
		return nil, fail("too_long")
	}
	ch.Topic = c.str("topic")
	s.changed("channels")
	return obj{"channel": ch.info(c.app)}, nil
}
