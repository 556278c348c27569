package slackfake

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	longestText   = 40_000 // characters of a message; what is longer is cut
	longestUpdate = 4_000  // characters an update may have, where posting cuts
)

// live are the sequences in angle brackets that Slack acts on; any other bracket is text.
var live = regexp.MustCompile(`^<(?:[@#!][A-Za-z0-9_^|:+\-. ]+|(?:https?|mailto|tel|slack):[^<>]+)>`)

var linked = regexp.MustCompile(`<?https?://[^\s|>]+`)

// escape makes "&", "<" and ">" safe unless they already are, or are part of a mention or a link.
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch text[i] {
		case '&':
			if strings.HasPrefix(rest, "&amp;") || strings.HasPrefix(rest, "&lt;") || strings.HasPrefix(rest, "&gt;") {
				b.WriteByte('&')
			} else {
				b.WriteString("&amp;")
			}
		case '<':
			if m := live.FindString(rest); m != "" {
				b.WriteString(m)
				i += len(m) - 1
			} else {
				b.WriteString("&lt;")
			}
		case '>':
			b.WriteString("&gt;")
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// content is what a message says, checked.
type content struct {
	text                          string
	blocks, attachments, metadata json.RawMessage
}

// content reads and checks the body of a message.
func (s *Server) content(a args) (content, error) {
	var c content
	var err error
	if c.blocks, err = a.raw("blocks", "invalid_blocks_format"); err != nil {
		return c, err
	}
	if c.attachments, err = a.raw("attachments", "invalid_attachments"); err != nil {
		return c, err
	}
	if c.metadata, err = a.raw("metadata", "invalid_metadata_format"); err != nil {
		return c, err
	}
	if c.blocks != nil {
		if c.blocks, err = s.checkBlocks(c.blocks, inMessage); err != nil {
			return c, err
		}
	}
	if c.attachments != nil {
		if err := s.checkAttachments(c.attachments); err != nil {
			return c, err
		}
	}
	if err := checkMetadata(c.metadata); err != nil {
		return c, err
	}
	c.text = escape(a.str("text"))
	if n := utf8.RuneCountInString(c.text); n > longestText {
		c.text = string([]rune(c.text)[:longestText])
	}
	if strings.TrimSpace(c.text) == "" && empty(c.blocks) && empty(c.attachments) {
		return c, fail("no_text")
	}
	return c, nil
}

func empty(list json.RawMessage) bool { return len(list) == 0 || string(list) == "[]" }

func (s *Server) checkAttachments(raw json.RawMessage) error {
	var list []struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return fail("invalid_attachments")
	}
	if len(list) > 100 {
		return fail("too_many_attachments")
	}
	for _, a := range list {
		if !empty(a.Blocks) {
			if _, err := s.checkBlocks(a.Blocks, inMessage); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkMetadata(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var m struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"event_payload"`
	}
	switch {
	case json.Unmarshal(raw, &m) != nil:
		return fail("invalid_metadata_format")
	case m.Type == "" || m.Payload == nil:
		return fail("invalid_metadata_schema")
	case len(raw) > 16_000:
		return fail("metadata_too_large")
	}
	return nil
}

func (m *message) say(c content) {
	m.text, m.blocks, m.attachments = c.text, c.blocks, c.attachments
	if c.metadata != nil {
		m.metadata = c.metadata
	}
}

// speak finds the channel an app wants to post to and says whether it may.
func (s *Server) speak(c *call) (*Channel, error) {
	ref := c.str("channel")
	if u := s.users[ref]; u != nil {
		if u.Deleted || u.app != nil {
			return nil, fail("channel_not_found")
		}
		return s.direct(c.app, u.ID), nil
	}
	ch := s.channel(ref)
	switch {
	case ch == nil || (ch.Private || ch.IM) && !ch.has(c.app.user.ID):
		return nil, fail("channel_not_found")
	case ch.Archived:
		return nil, fail("is_archived")
	case !ch.has(c.app.user.ID) && !c.app.may("chat:write.public"):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

func (a *app) may(scope string) bool {
	for _, s := range a.scopes {
		if s == scope {
			return true
		}
	}
	return false
}

func postMessage(s *Server, c *call) (obj, error) {
	ch, err := s.speak(c)
	if err != nil {
		return nil, err
	}
	text, err := s.content(c.args)
	if err != nil {
		return nil, err
	}
	m := &message{channel: ch, user: c.app.user.ID, app: c.app, links: c.flag("unfurl_links", false), media: c.flag("unfurl_media", true)}
	m.say(text)
	if ts := c.str("thread_ts"); ts != "" {
		parent := ch.find(ts)
		if parent == nil || parent.only != "" {
			return nil, fail("thread_not_found")
		}
		m.thread, m.broadcast = ts, c.flag("reply_broadcast", false)
		if parent.thread != "" { // an answer to an answer goes below the same message
			m.thread = parent.thread
		}
		if m.broadcast {
			m.subtype = "thread_broadcast"
		}
	}
	s.put(m)
	s.announce(m)
	return obj{"channel": ch.ID, "ts": m.ts, "message": m.wire(true)}, nil
}

func postEphemeral(s *Server, c *call) (obj, error) {
	ch, err := s.speak(c)
	if err != nil {
		return nil, err
	}
	u := s.users[c.str("user")]
	if u == nil || !ch.has(u.ID) {
		return nil, fail("user_not_in_channel")
	}
	text, err := s.content(c.args)
	if err != nil {
		return nil, err
	}
	m := &message{channel: ch, user: c.app.user.ID, app: c.app, only: u.ID, thread: c.str("thread_ts")}
	m.say(text)
	s.put(m)
	return obj{"message_ts": m.ts}, nil
}

// own finds a message that the app may change.
func (s *Server) own(c *call, otherwise string) (*message, error) {
	ch := s.channel(c.str("channel"))
	if ch == nil || (ch.Private || ch.IM) && !ch.has(c.app.user.ID) {
		return nil, fail("channel_not_found")
	}
	m := ch.find(c.str("ts"))
	switch {
	case m == nil || m.only != "": // whispered messages cannot be changed this way
		return nil, fail("message_not_found")
	case m.app != c.app:
		return nil, fail(otherwise)
	}
	return m, nil
}

func updateMessage(s *Server, c *call) (obj, error) {
	m, err := s.own(c, "cant_update_message")
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(c.str("text")) > longestUpdate {
		return nil, fail("msg_too_long")
	}
	a := c.args
	if !a.has("text") && !a.has("blocks") && !a.has("attachments") && a.has("metadata") {
		a["text"] = m.text
		a["blocks"] = string(m.blocks)
	}
	text, err := s.content(a)
	if err != nil {
		return nil, err
	}
	before := m.wire(false)
	m.say(text) // without blocks an update takes the old ones away
	m.edited, m.state = s.stamp(), nil
	s.changed(m.channel.ID)
	s.announceChange(m, "message_changed", obj{"message": m.wire(true), "previous_message": before})
	return obj{"channel": m.channel.ID, "ts": m.ts, "text": m.text, "message": m.wire(true)}, nil
}

func deleteMessage(s *Server, c *call) (obj, error) {
	m, err := s.own(c, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	before := m.wire(false)
	s.remove(m)
	s.announceChange(m, "message_deleted", obj{"deleted_ts": m.ts, "previous_message": before})
	return obj{"channel": m.channel.ID, "ts": m.ts}, nil
}

// remove takes a message away; one with answers leaves its place.
func (s *Server) remove(m *message) {
	if len(m.answers) > 0 {
		m.subtype, m.user, m.text, m.blocks, m.attachments = "tombstone", "USLACKBOT", "This message was deleted.", nil, nil
	} else {
		gone := func(other *message) bool { return other == m }
		m.channel.messages = slices.DeleteFunc(m.channel.messages, gone)
		if parent := m.channel.find(m.thread); parent != nil {
			parent.answers = slices.DeleteFunc(parent.answers, gone)
		}
	}
	s.changed(m.channel.ID)
}

func permalink(s *Server, c *call) (obj, error) {
	ch := s.channel(c.str("channel"))
	if ch == nil {
		return nil, fail("channel_not_found")
	}
	m := ch.find(c.str("message_ts"))
	if m == nil {
		return nil, fail("message_not_found")
	}
	link := "https://" + s.team.Domain + ".slack.com/archives/" + ch.ID + "/p" + strings.ReplaceAll(m.ts, ".", "")
	if m.thread != "" {
		link += "?thread_ts=" + m.thread + "&cid=" + ch.ID
	}
	return obj{"channel": ch.ID, "permalink": link}, nil
}

// announce tells the apps that a message was said.
func (s *Server) announce(m *message) {
	if m.only != "" {
		return
	}
	e := m.wire(false)
	e["channel"], e["event_ts"], e["channel_type"] = m.channel.ID, m.ts, m.channel.kind()
	if u := s.users[m.user]; u != nil && m.app == nil {
		e["team"], e["client_msg_id"] = u.Team, s.uuid()
		if u.Stranger {
			e["user_team"], e["source_team"] = u.Team, u.Team
		}
	}
	s.event("message."+m.channel.family(), m.channel, e)
	for _, a := range s.apps {
		if m.app != a && !m.channel.IM && strings.Contains(m.text, "<@"+a.user.ID) && m.channel.has(a.user.ID) {
			mention := obj{}
			for _, key := range []string{"user", "text", "ts", "thread_ts", "channel", "event_ts", "team", "client_msg_id", "blocks", "user_team", "source_team", "bot_id", "app_id", "bot_profile"} {
				if v, ok := e[key]; ok {
					mention[key] = v
				}
			}
			mention["type"] = "app_mention"
			s.eventTo(a, "app_mention", m.channel, mention)
		}
	}
}

func (s *Server) announceChange(m *message, subtype string, more obj) {
	ts := s.stamp()
	e := obj{"type": "message", "subtype": subtype, "hidden": true, "channel": m.channel.ID, "ts": ts, "event_ts": ts, "channel_type": m.channel.kind()}
	for k, v := range more {
		e[k] = v
	}
	s.event("message."+m.channel.family(), m.channel, e)
}

func (c *Channel) kind() string {
	switch {
	case c.IM:
		return "im"
	case c.Private:
		return "group"
	}
	return "channel"
}

// called is the channel's name as payloads tell it; names of closed places stay inside.
func (c *Channel) called() string {
	switch {
	case c.IM:
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

func (c *Channel) family() string {
	switch {
	case c.IM:
		return "im"
	case c.Private:
		return "groups"
	}
	return "channels"
}
