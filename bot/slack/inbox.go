package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// heard is what came in, as the inbox keeps it. It holds no field of a dialog and no code.
type heard struct {
	Kind       bot.IntentKind    `json:"kind"`
	User       string            `json:"user"`
	Team       string            `json:"team,omitempty"`
	Enterprise string            `json:"enterprise,omitempty"`
	Channel    string            `json:"channel,omitempty"`
	Ref        bot.Ref           `json:"ref,omitempty"`
	Args       string            `json:"args,omitempty"`
	View       string            `json:"view,omitempty"`    // the dialog something was chosen in
	Thread     string            `json:"thread,omitempty"`  // the message a talk began with
	Respond    string            `json:"respond,omitempty"` // where what was pressed, and only one person sees, can be drawn anew
	Trigger    string            `json:"trigger,omitempty"`
	Values     map[string]string `json:"values,omitempty"` // of a choice; never of a dialog
	Confirmed  bool              `json:"confirmed,omitempty"`
	At         dr.Time           `json:"at"`

	keys      []string   // the first names it in the inbox
	answer    *bot.Reply // worked already; only the answer is to be shown
	unfolding *unfolding // where what there is of the answer is shown before it is whole
}

// take stores what came in, or works a dialog at once, and has it acknowledged by what it is answered with.
// Without that Slack is not answered, so that whoever spoke sees that it failed, or Slack sends it again. It
// returns before that, so that nothing waits behind a dialog or behind the disk; later does what takes time.
func (s *Slack) take(ctx context.Context, e envelope, later func(func()), ack func(answer any)) {
	h, wanted, err := s.read(e)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a frame of Slack's cannot be read and is passed over", "envelope", e.ID, "error", err)
	}
	switch {
	case !wanted:
		ack(nil)
		return
	case h.Kind == bot.Submit:
		later(func() {
			if answer, ok := s.submitted(ctx, h); ok {
				ack(answer)
			}
		})
		return
	case fsm.NearlyCode(h.Args):
		later(func() {
			if s.secret(ctx, h) {
				ack(nil)
			}
		})
		return
	}
	raw, err := json.Marshal(h)
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "what came from Slack cannot be written down and is passed over", "error", err)
		ack(nil)
		return
	}
	f := frame{heard: h, body: string(raw), kept: func(fresh bool, c claim, err error) {
		if err != nil {
			return
		}
		s.cfg.Point("stored")
		if fresh {
			s.queue.put(h, c)
		}
		go ack(nil) // a connection that is being exchanged takes it later, or never: then Slack sends it again
	}}
	select {
	case s.frames <- f:
	case <-ctx.Done():
	}
}

// read finds out what a frame is about. Most events are not for us.
func (s *Slack) read(e envelope) (h heard, wanted bool, err error) {
	h.At = s.cfg.Clock.Time()
	key := "envelope/" + e.ID
	switch e.Type {
	case "slash_commands":
		var c api.SlashCommand
		if err := json.Unmarshal(e.Payload, &c); err != nil {
			return h, false, fmt.Errorf("reading a command: %w", err)
		}
		h.Kind, h.User, h.Team, h.Enterprise, h.Channel = bot.Command, c.UserID, c.TeamID, c.EnterpriseID, c.ChannelID
		h.Args, h.Trigger = plainText(c.Text), c.TriggerID
		h.keys = []string{"command/" + c.TriggerID, key}
		return h, true, nil
	case "interactive":
		var c api.InteractionCallback
		if err := json.Unmarshal(e.Payload, &c); err != nil {
			return h, false, fmt.Errorf("reading a press or a form: %w", err)
		}
		wanted = h.interaction(c)
	case "events_api":
		wanted, err = h.event(e.Payload)
		wanted = wanted && (h.Kind != bot.Aside || s.talks.knows(h.talk(), s.cfg.Clock.Now()))
	}
	h.keys = append(h.keys, key)
	return h, wanted, err
}

// interaction reads a press, a choice, or a dialog that was sent.
func (h *heard) interaction(c api.InteractionCallback) bool {
	h.User, h.Team, h.Enterprise, h.Trigger = c.User.ID, c.Team.ID, c.Enterprise.ID, c.TriggerID
	if c.User.TeamID != "" {
		h.Team = c.User.TeamID
	}
	switch c.Type {
	case api.InteractionTypeViewSubmission:
		m := parseMeta(c.View.PrivateMetadata)
		h.Kind, h.Args, h.Channel, h.Confirmed = bot.Submit, m.Nonce, m.Channel, true
		h.Values = valuesOf(c.View.State)
		h.keys = []string{"view/" + c.View.ID + "/" + c.TriggerID} // sent again after a mistake it is the same view
		return true                                                // one whose nonce was lost on the way gets its answer too
	case api.InteractionTypeBlockActions:
		if len(c.ActionCallback.BlockActions) == 0 {
			return false
		}
		a := c.ActionCallback.BlockActions[0]
		h.Kind, h.Channel = bot.Press, c.Channel.ID
		if ts := c.Container.MessageTs; ts != "" {
			h.Ref, h.Thread = refOf(h.Channel, ts), c.Container.ThreadTs
		}
		if c.Container.IsEphemeral {
			h.Respond = c.ResponseURL
		}
		if h.Channel == "" {
			h.Channel = parseMeta(c.View.PrivateMetadata).Channel
		}
		if a.ActionID == field {
			h.changed(c.View)
		}
		h.keys = []string{strings.Join([]string{"action", c.User.ID, c.Channel.ID, c.Container.MessageTs, c.View.ID, a.ActionID, a.ActionTs}, "/")}
		return h.Kind == bot.Change || h.pressed(*a)
	}
	return false
}

// changed reads a choice in a dialog that says more by it. Only fields with a choice are read: what somebody
// has typed so far is none of our business until it is sent.
func (h *heard) changed(v api.View) {
	m := parseMeta(v.PrivateMetadata)
	h.Kind, h.Args, h.View, h.Values = bot.Change, m.Nonce, v.ID, map[string]string{}
	if v.State == nil {
		return
	}
	for name, block := range v.State.Values {
		if one := block[field].SelectedOption.Value; one != "" {
			h.Values[name] = one
		}
	}
}

// event reads a mention, a message to the bot alone, a look at its page, or a code that somebody typed.
func (h *heard) event(raw json.RawMessage) (wanted bool, err error) {
	var outer struct {
		ID         string `json:"event_id"`
		Team       string `json:"team_id"`
		Enterprise string `json:"enterprise_id"`
		Event      struct {
			Type        string `json:"type"`
			Subtype     string `json:"subtype"`
			User        string `json:"user"`
			Team        string `json:"user_team"`
			Bot         string `json:"bot_id"`
			Channel     string `json:"channel"`
			ChannelType string `json:"channel_type"`
			Text        string `json:"text"`
			TS          string `json:"ts"`
			Thread      string `json:"thread_ts"`
			Tab         string `json:"tab"`
		} `json:"event"`
	}
	if err := json.Unmarshal(raw, &outer); err != nil {
		return false, fmt.Errorf("reading an event: %w", err)
	}
	e := outer.Event
	h.User, h.Team, h.Enterprise, h.Channel, h.keys = e.User, outer.Team, outer.Enterprise, e.Channel, []string{"event/" + outer.ID}
	if e.Team != "" {
		h.Team = e.Team
	}
	h.Args, h.Thread = plainText(withoutMention(e.Text)), e.Thread
	switch {
	case e.User == "" || e.Bot != "" || e.Subtype != "" && e.Subtype != "thread_broadcast" && e.Subtype != "file_share":
		return false, nil
	case e.Type == "app_home_opened" && e.Tab != "messages":
		h.Kind, h.Channel, h.Args = bot.Home, "", ""
		return true, nil
	case e.Type == "app_mention":
		// The same message comes as a message too; whichever is first is worked.
		h.Kind, h.keys = bot.Mention, append([]string{messageKey(e.Channel, e.TS)}, h.keys...)
		if h.Thread == "" {
			h.Thread = e.TS // what is answered to a channel is answered below
		}
		return true, nil
	case e.Type == "message" && e.ChannelType == "im":
		h.Kind, h.keys = bot.Command, append([]string{messageKey(e.Channel, e.TS)}, h.keys...)
		return true, nil
	case e.Type == "message" && fsm.NearlyCode(h.Args):
		h.Kind, h.keys = bot.Mention, append([]string{messageKey(e.Channel, e.TS)}, h.keys...)
		return true, nil
	case e.Type == "message" && e.Thread != "" && asks(e.Text):
		h.Kind, h.keys = bot.Aside, append([]string{messageKey(e.Channel, e.TS)}, h.keys...)
		return true, nil
	}
	return false, nil
}

// withoutMention drops the name a message begins with.
func withoutMention(text string) string {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "<@"); ok {
		if _, after, ok := strings.Cut(rest, ">"); ok {
			return strings.TrimSpace(after)
		}
	}
	return text
}

// plainText takes back what Slack escapes in texts it hands on.
func plainText(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
