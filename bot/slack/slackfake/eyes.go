package slackfake

import (
	"encoding/json"
	"slices"
)

// Seen is a message as one person sees it.
type Seen struct {
	TS        string          `json:"ts"`
	Thread    string          `json:"thread_ts,omitempty"`
	User      string          `json:"user"`
	Name      string          `json:"name"`
	App       bool            `json:"app"`
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"` // people do not see it; tests do
	Edited    bool            `json:"edited"`
	Ephemeral bool            `json:"ephemeral"` // only this person sees it
	Subtype   string          `json:"subtype,omitempty"`
	Pinned    bool            `json:"pinned,omitempty"`
	Replies   int             `json:"reply_count,omitempty"`
	Files     []obj           `json:"files,omitempty"`
	Reactions []obj           `json:"reactions,omitempty"`
	Notifies  []string        `json:"notifies,omitempty"` // whom it calls: @U…, !channel, !here, !everyone
	Unfurls   bool            `json:"unfurls,omitempty"`  // Slack would fetch a link in it and show what is there
}

// Messages is a channel as the person sees it, oldest first, answers in threads among them. The id of an
// app's bot user stands for the person's own conversation with it.
func (p Person) Messages(channel string) ([]Seen, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[p.id]
	if u == nil {
		return nil, fail("user_not_found")
	}
	c := s.channel(channel)
	if bot := s.users[channel]; bot != nil && bot.app != nil {
		c = s.direct(bot.app, u.ID)
	}
	if c == nil || !c.sees(u) {
		return nil, fail("channel_not_found")
	}
	list := []Seen{}
	for _, m := range c.messages {
		if m.only == "" || m.only == u.ID {
			list = append(list, s.seen(m))
		}
	}
	return list, nil
}

func (s *Server) seen(m *message) Seen {
	o := Seen{TS: m.ts, Thread: m.thread, User: m.user, App: m.app != nil, Text: m.text, Blocks: m.blocks, Metadata: m.metadata, Edited: m.edited != "",
		Ephemeral: m.only != "", Subtype: m.subtype, Pinned: slices.Contains(m.channel.pins, m.ts), Replies: len(m.answers), Files: wires(m.files),
		Notifies: notified(m.text)}
	if u := s.users[m.user]; u != nil {
		o.Name = u.RealName
	}
	for _, r := range m.reactions {
		o.Reactions = append(o.Reactions, obj{"name": r.name, "count": len(r.users)})
	}
	link := linked.MatchString(m.text)
	for _, b := range blockList(m.blocks) {
		walk(b, "", func(o2 obj, _ string) {
			if word(o2, "type") == "mrkdwn" {
				o.Notifies = append(o.Notifies, notified(word(o2, "text"))...)
				link = link || linked.MatchString(word(o2, "text"))
			}
		})
	}
	o.Unfurls = m.app != nil && link && (m.links || m.media)
	return o
}

// View is a modal or Home tab as the person sees it.
type View struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Callback string          `json:"callback_id"`
	Title    string          `json:"title"`
	Submit   string          `json:"submit,omitempty"` // what is on its button, if it has one
	Close    string          `json:"close,omitempty"`
	Private  string          `json:"private_metadata,omitempty"`
	Hash     string          `json:"hash"`
	Blocks   json.RawMessage `json:"blocks"`
	Values   Values          `json:"values"` // what was put in, as the app would be told
}

func (v *view) look() View {
	text := func(key string) string {
		o, _ := v.body[key].(obj)
		return word(o, "text")
	}
	o := View{ID: v.id, Type: v.kind, Callback: word(v.body, "callback_id"), Title: text("title"), Submit: text("submit"), Close: text("close"),
		Private: word(v.body, "private_metadata"), Hash: v.hash, Blocks: encode(v.blocks), Values: Values{}}
	for block, inner := range values(v.blocks, v.state) {
		o.Values[block] = inner.(obj)
	}
	return o
}

// Views are the person's open modals, the uppermost last.
func (p Person) Views() []View {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	list := []View{}
	if u := p.s.users[p.id]; u != nil {
		for _, v := range u.open {
			list = append(list, v.look())
		}
	}
	return list
}

// Home is the person's Home tab, or false when the app has shown none.
func (p Person) Home() (View, bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	u := p.s.users[p.id]
	if u == nil || u.home == nil {
		return View{}, false
	}
	return u.home.look(), true
}
