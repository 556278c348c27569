package slackfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// obj is one JSON object on its way in or out.
type obj = map[string]any

// User is somebody in the workspace, or seen from it, with every flag an app must look at.
type User struct {
	ID              string `json:"id"`
	Team            string `json:"team_id"`
	Name            string `json:"name"`
	RealName        string `json:"real_name"`
	Email           string `json:"email,omitempty"`
	Title           string `json:"title,omitempty"` // what they do, as their profile says
	Locale          string `json:"locale,omitempty"`
	TZ              string `json:"tz,omitempty"`
	Admin           bool   `json:"is_admin"`
	Restricted      bool   `json:"is_restricted"`       // guest of several channels
	UltraRestricted bool   `json:"is_ultra_restricted"` // guest of one channel
	Stranger        bool   `json:"is_stranger"`         // of another workspace, met in a shared channel
	Bot             bool   `json:"is_bot"`
	Workflow        bool   `json:"is_workflow_bot"`
	Deleted         bool   `json:"deleted"`

	app  *app
	home *view
	open []*view // modals, the uppermost last
}

// guest says whether the user sees only the channels they were put into.
func (u *User) guest() bool { return u.Restricted || u.UltraRestricted || u.Stranger }

// profile is the user as users.info tells it.
func (u *User) profile() obj {
	o := obj{"id": u.ID, "team_id": u.Team, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "color": "9f69e7",
		"tz": u.TZ, "tz_label": u.TZ, "tz_offset": 0, "is_admin": u.Admin, "is_owner": false, "is_primary_owner": false,
		"is_restricted": u.Restricted || u.UltraRestricted, "is_ultra_restricted": u.UltraRestricted,
		"is_bot": u.Bot || u.Workflow, "is_workflow_bot": u.Workflow, "is_app_user": false, "updated": 1, "is_email_confirmed": true,
		"profile": obj{"real_name": u.RealName, "display_name": u.Name, "real_name_normalized": u.RealName,
			"display_name_normalized": u.Name, "email": u.Email, "title": u.Title, "team": u.Team, "status_text": "", "status_emoji": ""}}
	if u.Stranger {
		o["is_stranger"] = true
	}
	if u.Locale != "" {
		o["locale"] = u.Locale
	}
	if u.app != nil {
		p := o["profile"].(obj)
		p["bot_id"], p["api_app_id"] = u.app.botID, u.app.ID
	}
	return o
}

// Channel is a place for messages.
type Channel struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Topic     string   `json:"topic,omitempty"`
	Private   bool     `json:"is_private"`
	IM        bool     `json:"is_im"`
	ExtShared bool     `json:"is_ext_shared"`         // through Slack Connect
	Pending   bool     `json:"is_pending_ext_shared"` // another organisation is invited and has not answered
	Archived  bool     `json:"is_archived"`
	User      string   `json:"user,omitempty"` // the person of a direct conversation with the app
	Members   []string `json:"members,omitempty"`

	messages []*message
	pins     []string
	bucket   bucket
}

func (c *Channel) has(user string) bool { return slices.Contains(c.Members, user) }

// sees says whether a person can look into the channel.
func (c *Channel) sees(u *User) bool {
	return c.has(u.ID) || !c.Private && !c.IM && !u.guest()
}

func (c *Channel) info(app *app) obj {
	o := obj{"id": c.ID, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.IM && !c.Private, "is_group": c.Private && !c.IM, "is_im": c.IM,
		"is_mpim": false, "is_private": c.Private || c.IM, "is_archived": c.Archived, "is_general": false, "is_shared": c.ExtShared,
		"is_ext_shared": c.ExtShared, "is_org_shared": false, "is_pending_ext_shared": c.Pending, "pending_shared": c.invited(), "is_member": c.has(app.user.ID),
		"created": 1, "creator": app.user.ID, "unlinked": 0, "num_members": len(c.Members), "context_team_id": app.user.Team,
		"topic": obj{"value": c.Topic, "creator": app.user.ID, "last_set": 0}, "purpose": obj{"value": "", "creator": "", "last_set": 0}}
	if c.IM {
		o["user"] = c.User
		delete(o, "name")
	}
	return o
}

// otherTeam is the workspace of strangers.
const otherTeam = "T0OTHER01"

// invited are the workspaces that may come into the channel once they say so.
func (c *Channel) invited() []string {
	if c.Pending {
		return []string{otherTeam}
	}
	return []string{}
}

// find returns the message with a time stamp.
func (c *Channel) find(ts string) *message {
	i, ok := slices.BinarySearchFunc(c.messages, ts, func(m *message, ts string) int { return cmp.Compare(m.ts, ts) })
	if !ok {
		return nil
	}
	return c.messages[i]
}

// message is one message with everything an app may ask back.
type message struct {
	ts, thread, user, text, subtype, only string // only: the one person who sees it
	channel                               *Channel
	app                                   *app
	bot                                   string // of somebody else's bot
	blocks, attachments                   json.RawMessage
	metadata                              json.RawMessage
	edited                                string
	files                                 []*file
	reactions                             []reaction
	links, media                          bool // whether Slack may show what links lead to
	state                                 map[string]obj
	broadcast                             bool
	answers                               []*message // below it, oldest first
}

type reaction struct {
	name  string
	users []string
}

// wire is the message as the Web API and events tell it.
func (m *message) wire(metadata bool) obj {
	o := obj{"type": "message", "ts": m.ts, "user": m.user, "text": m.text, "team": m.channel.team(m)}
	if m.app != nil {
		o["bot_id"], o["app_id"] = m.app.botID, m.app.ID
		o["bot_profile"] = obj{"id": m.app.botID, "app_id": m.app.ID, "name": m.app.Name, "team_id": m.app.user.Team, "deleted": false, "updated": 1, "icons": obj{}}
	}
	for key, v := range map[string]string{"subtype": m.subtype, "thread_ts": m.thread, "bot_id": m.bot} {
		if v != "" {
			o[key] = v
		}
	}
	for key, v := range map[string]json.RawMessage{"blocks": m.blocks, "attachments": m.attachments} {
		if v != nil {
			o[key] = v
		}
	}
	if m.metadata != nil && metadata {
		o["metadata"] = m.metadata
	}
	if m.edited != "" {
		o["edited"] = obj{"user": m.user, "ts": m.edited}
	}
	if len(m.files) > 0 {
		o["files"] = wires(m.files)
	}
	if len(m.reactions) > 0 {
		list := []obj{}
		for _, r := range m.reactions {
			list = append(list, obj{"name": r.name, "users": r.users, "count": len(r.users)})
		}
		o["reactions"] = list
	}
	m.below(o)
	return o
}

// below adds what a thread tells about itself.
func (m *message) below(o obj) {
	if replies := m.answers; len(replies) > 0 {
		last, users := replies[len(replies)-1], []string{}
		for _, r := range replies {
			if !slices.Contains(users, r.user) {
				users = append(users, r.user)
			}
		}
		o["thread_ts"], o["reply_count"], o["latest_reply"] = m.ts, len(replies), last.ts
		o["reply_users"], o["reply_users_count"] = users, len(users)
	} else if m.thread != "" {
		if parent := m.channel.find(m.thread); parent != nil {
			o["parent_user_id"] = parent.user
		}
	}
}

func (c *Channel) team(m *message) string {
	if m.app != nil {
		return m.app.user.Team
	}
	return ""
}

// next makes an id of the kind Slack uses.
func (s *Server) next(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s0%08X", prefix, s.ids)
}

// stamp is the current moment as a message's time stamp, later than every one before.
func (s *Server) stamp() string {
	s.last = max(s.last+1, s.clock.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.last/1e6, s.last%1e6)
}

// PutUser adds a person or changes one. Without an id it gets one.
func (s *Server) PutUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.putUser(u)
}

func (s *Server) putUser(u User) *User {
	if u.ID == "" {
		u.ID = s.next("U")
	}
	u.Name = cmp.Or(u.Name, strings.ToLower(u.ID))
	u.RealName, u.TZ = cmp.Or(u.RealName, u.Name), cmp.Or(u.TZ, "Asia/Shanghai")
	if u.Team == "" {
		u.Team = s.team.ID
		if u.Stranger {
			u.Team = otherTeam
		}
	}
	if old := s.users[u.ID]; old != nil {
		u.app, u.home, u.open = old.app, old.home, old.open
		*old = u
		return old
	}
	s.users[u.ID] = &u
	s.userOrder = append(s.userOrder, u.ID)
	return &u
}

// PutChannel adds a channel or changes one; its messages stay. Without an id it gets one.
func (s *Server) PutChannel(c Channel) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := *s.putChannel(c)
	got.messages = nil
	return got
}

func (s *Server) putChannel(c Channel) *Channel {
	if c.ID == "" {
		c.ID = s.next("C")
	}
	c.Name = cmp.Or(c.Name, strings.ToLower(c.ID))
	c.Members = slices.Clone(c.Members)
	for i, id := range c.Members {
		if id == TheApp {
			c.Members[i] = s.app.user.ID
		}
	}
	if c.IM && c.User != "" && len(c.Members) == 0 {
		c.Members = []string{c.User, s.app.user.ID}
	}
	if old := s.channels[c.ID]; old != nil {
		c.messages, c.pins, c.bucket = old.messages, old.pins, old.bucket
		*old = c
		return old
	}
	c.bucket = channelBucket
	s.channels[c.ID] = &c
	s.channelOrder = append(s.channelOrder, c.ID)
	return &c
}

// direct returns the conversation of an app with a person, opening it if need be.
func (s *Server) direct(a *app, user string) *Channel {
	for _, id := range s.channelOrder {
		if c := s.channels[id]; c.IM && c.User == user && c.has(a.user.ID) {
			return c
		}
	}
	return s.putChannel(Channel{ID: s.next("D"), IM: true, User: user, Members: []string{user, a.user.ID}})
}

// channel finds a channel by its id or its name.
func (s *Server) channel(ref string) *Channel {
	if c := s.channels[ref]; c != nil {
		return c
	}
	name := strings.TrimPrefix(ref, "#")
	for _, id := range s.channelOrder {
		if c := s.channels[id]; c.Name == name && !c.IM {
			return c
		}
	}
	return nil
}

// put appends a message and wakes who watches.
func (s *Server) put(m *message) *message {
	m.ts = s.stamp()
	m.channel.messages = append(m.channel.messages, m)
	if parent := m.channel.find(m.thread); parent != nil && m.only == "" {
		parent.answers = append(parent.answers, m)
	}
	s.changed(m.channel.ID)
	return m
}

// ChannelID finds a channel by its name, or returns "".
func (s *Server) ChannelID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channel("#" + name); c != nil {
		return c.ID
	}
	return ""
}
