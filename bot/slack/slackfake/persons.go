package slackfake

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Act is what a person sees at once after doing something.
type Act struct {
	Acked   time.Duration     `json:"-"`
	AckedMS int64             `json:"acked_ms"`
	Error   string            `json:"error,omitempty"` // what Slack shows when the app does not answer, or why the person cannot
	Trigger string            `json:"trigger_id,omitempty"`
	TS      string            `json:"ts,omitempty"`     // of what they said
	Errors  map[string]string `json:"errors,omitempty"` // below the fields of a form, by block
	Answer  json.RawMessage   `json:"answer,omitempty"` // what came with the acknowledgement
}

func act(o outcome) Act {
	return Act{Acked: o.took, AckedMS: o.took.Milliseconds(), Error: o.fault, Answer: o.answer}
}

func cannot(why string) Act { return Act{Error: why} }

// Person does what one user of the workspace can do.
type Person struct {
	s  *Server
	id string
}

// Person returns the hands of a user.
func (s *Server) Person(id string) Person { return Person{s, id} }

// Press says what a person clicks or chooses. Value is for inputs, Option for menus.
type Press struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	View    string `json:"view_id"` // in place of channel and ts
	Action  string `json:"action_id"`
	Block   string `json:"block_id"`
	Value   any    `json:"value"`
	Option  any    `json:"option"`
}

// who checks that the person exists and can do something at all.
func (p Person) who() (*User, string) {
	u := p.s.users[p.id]
	switch {
	case u == nil:
		return nil, "user_not_found"
	case u.Deleted:
		return nil, "account_inactive"
	case p.s.dead():
		return nil, noSlack
	}
	return u, ""
}

func (p Person) place(ref string) (*User, *Channel, string) {
	u, why := p.who()
	if why != "" {
		return nil, nil, why
	}
	c := p.s.channel(ref)
	if bot := p.s.users[ref]; bot != nil && bot.app != nil && !u.Stranger {
		c = p.s.direct(bot.app, u.ID) // a word in private
	}
	if c == nil || !c.sees(u) {
		return nil, nil, "channel_not_found"
	}
	return u, c, ""
}

var (
	mentionShape = regexp.MustCompile(`&lt;([@#][A-Z0-9]+)(?:\|[^&]*)?&gt;`)
	atShape      = regexp.MustCompile(`(^|[\s(])@([A-Za-z0-9._-]+)`)
)

// typed is what Slack makes of the letters a person types: brackets are letters, names become mentions.
func (s *Server) typed(text string) string {
	out := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	out = mentionShape.ReplaceAllStringFunc(out, func(m string) string {
		id := mentionShape.FindStringSubmatch(m)[1]
		if s.users[id[1:]] != nil || s.channels[id[1:]] != nil {
			return "<" + id + ">"
		}
		return m
	})
	return atShape.ReplaceAllStringFunc(out, func(m string) string {
		part := atShape.FindStringSubmatch(m)
		switch part[2] {
		case "channel", "here", "everyone":
			return part[1] + "<!" + part[2] + ">"
		}
		for _, id := range s.userOrder {
			if s.users[id].Name == part[2] {
				return part[1] + "<@" + id + ">"
			}
		}
		return m
	})
}

// Say writes a message, below another when thread names one.
func (p Person) Say(channel, text, thread string) Act {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u, c, why := p.place(channel)
	switch {
	case why != "":
		return cannot(why)
	case !c.has(u.ID):
		return cannot("not_in_channel")
	case c.Archived:
		return cannot("is_archived")
	case thread != "" && c.find(thread) == nil:
		return cannot("thread_not_found")
	}
	m := &message{channel: c, user: u.ID, text: s.typed(text), thread: thread}
	if u.Bot || u.Workflow {
		m.subtype, m.bot = "bot_message", "B"+u.ID[1:]
	}
	m.blocks = encode([]obj{{"type": "rich_text", "block_id": s.secret()[:5], "elements": []obj{{"type": "rich_text_section", "elements": rich(m.text)}}}})
	s.put(m)
	s.announce(m)
	return Act{TS: m.ts}
}

// rich is a typed text as the elements of a rich text block.
func rich(text string) []obj {
	list := []obj{}
	plain := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	for text != "" {
		at := strings.IndexByte(text, '<')
		end := strings.IndexByte(text, '>')
		if at < 0 || end < at {
			at = len(text)
		}
		if at > 0 {
			list = append(list, obj{"type": "text", "text": plain.Replace(text[:at])})
		}
		if at == len(text) {
			break
		}
		switch name := text[at+1 : end]; name[0] {
		case '@':
			list = append(list, obj{"type": "user", "user_id": name[1:]})
		case '#':
			list = append(list, obj{"type": "channel", "channel_id": name[1:]})
		case '!':
			list = append(list, obj{"type": "broadcast", "range": name[1:]})
		}
		text = text[end+1:]
	}
	return list
}

// Slash types a slash command. An answer on the acknowledgement becomes a message only they see.
func (p Person) Slash(ctx context.Context, channel, command, text string) Act {
	s := p.s
	s.mu.Lock()
	u, c, why := p.place(channel)
	switch {
	case why == "" && u.Stranger:
		why = "invalid_command" // another workspace's people do not have our commands
	case why == "" && (u.Bot || u.Workflow):
		why = "not_a_person"
	case why == "" && !c.has(u.ID):
		why = "not_in_channel"
	}
	if why != "" {
		s.mu.Unlock()
		return cannot(why)
	}
	a := s.app
	trigger := s.newTrigger(a, u, nil)
	url := s.newAnswerURL(a, c, u, nil)
	e := s.envelope(a, "slash_commands", obj{"token": "verification-token", "team_id": s.team.ID, "team_domain": s.team.Domain, "channel_id": c.ID,
		"channel_name": c.called(), "user_id": u.ID, "user_name": u.Name, "command": command, "text": text, "api_app_id": a.ID,
		"is_enterprise_install": false, "response_url": url, "trigger_id": trigger})
	ok := s.post(e)
	s.mu.Unlock()
	if !ok {
		return Act{Error: noSocket, Trigger: trigger}
	}
	got := act(s.wait(ctx, e))
	got.Trigger = trigger
	if got.Error == "" {
		s.mu.Lock()
		s.ackedWith(url, got.Answer)
		s.mu.Unlock()
	}
	return got
}

// ackedWith shows an answer that came with an acknowledgement, as a response_url would.
func (s *Server) ackedWith(url string, answer json.RawMessage) {
	a := args{}
	if len(answer) == 0 || a.object(answer) != nil || !a.has("text") && !a.has("blocks") {
		return
	}
	if status, why := s.respond(url[strings.LastIndexByte(url, '/')+1:], a); why != "" {
		s.stats.Errors["ack_"+why]++
		_ = status
	}
}
