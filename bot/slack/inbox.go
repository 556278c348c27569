package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const (
	sweepEvery = 5 * time.Second
	abandoned  = dr.Millis(20_000) // after which what another server took is worked here
	sweepMost  = 500
	hands      = 16 // people answered at once
	nothing    = "{}"
	awaited    = dr.Millis(10 * 60_000) // until Slack has brought an event for the last time
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

	keys   []string   // the first names it in the inbox
	answer *bot.Reply // worked already; only the answer is to be shown
}

// take stores what came in, or works a dialog at once, and has it acknowledged by what it is answered with.
// Without that Slack is not answered, so that whoever spoke sees that it failed, or Slack sends it again. It
// returns before that, so that nothing waits behind a dialog or behind the disk; later does what takes time.
func (s *Slack) take(ctx context.Context, e socketmode.Event, later func(func()), ack func(answer any)) {
	h, wanted, err := s.read(e)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a frame of Slack's cannot be read and is passed over", "error", err)
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
	f := frame{heard: h, body: string(raw), kept: func(fresh bool, err error) {
		if err != nil {
			return
		}
		s.cfg.Point("stored")
		if fresh {
			s.queue.put(h)
		}
		go ack(nil) // a connection that is being exchanged takes it later, or never: then Slack sends it again
	}}
	select {
	case s.frames <- f:
	case <-ctx.Done():
	}
}

// read finds out what a frame is about. Most events are not for us.
func (s *Slack) read(e socketmode.Event) (h heard, wanted bool, err error) {
	h.At = s.cfg.Clock.Time()
	envelope := "envelope/" + e.Request.EnvelopeID
	switch data := e.Data.(type) {
	case api.SlashCommand:
		h.Kind, h.User, h.Team, h.Enterprise, h.Channel = bot.Command, data.UserID, data.TeamID, data.EnterpriseID, data.ChannelID
		h.Args, h.Trigger = plainText(data.Text), data.TriggerID
		h.keys = []string{"command/" + data.TriggerID, envelope}
		return h, true, nil
	case api.InteractionCallback:
		wanted = h.interaction(data)
	case slackevents.EventsAPIEvent:
		wanted, err = h.event(e.Request.Payload)
	}
	h.keys = append(h.keys, envelope)
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
		h.Kind, h.keys = bot.Mention, append([]string{"message/" + e.Channel + "/" + e.TS}, h.keys...)
		if h.Thread == "" {
			h.Thread = e.TS // what is answered to a channel is answered below
		}
		return true, nil
	case e.Type == "message" && e.ChannelType == "im":
		h.Kind, h.keys = bot.Command, append([]string{"message/" + e.Channel + "/" + e.TS}, h.keys...)
		return true, nil
	case e.Type == "message" && fsm.NearlyCode(h.Args):
		h.Kind, h.keys = bot.Mention, append([]string{"message/" + e.Channel + "/" + e.TS}, h.keys...)
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

// queue holds what waits to be worked, in order for each person.
type queue struct {
	mu     sync.Mutex
	taken  map[string]bool    // by key: waiting or being worked
	lanes  map[string][]heard // by user; there while somebody works it
	free   chan struct{}
	begin  func(user string)
	closed bool
}

func (q *queue) put(h heard) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.taken[h.keys[0]] {
		return
	}
	q.taken[h.keys[0]] = true
	q.line(h)
}

// add takes what was claimed.
func (q *queue) add(h heard) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		delete(q.taken, h.keys[0])
		return
	}
	q.line(h)
}

// line puts it behind what the same user said before. The lock is held.
func (q *queue) line(h heard) {
	_, busy := q.lanes[h.User]
	q.lanes[h.User] = append(q.lanes[h.User], h)
	if !busy {
		q.begin(h.User)
	}
}

// next is what a user said next; false ends the lane.
func (q *queue) next(user string, done string) (heard, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.taken, done)
	all := q.lanes[user]
	if len(all) == 0 || q.closed {
		delete(q.lanes, user)
		return heard{}, false
	}
	q.lanes[user] = all[1:]
	return all[0], true
}

// work answers what is in the inbox until the context ends, and sees that nothing is left lying there.
func (s *Slack) work(ctx context.Context) {
	var all sync.WaitGroup
	s.queue.open(func(user string) {
		all.Go(func() { s.lane(ctx, user) })
	})
	first := s.cfg.Store.Dialect() == "sqlite" // nobody else works it: what a crash left is ours at once
	for ctx.Err() == nil {
		wait := s.cfg.Clock.After(sweepEvery)
		if err := s.sweep(ctx, first); err != nil && ctx.Err() == nil {
			s.cfg.Log.ErrorContext(ctx, "looking into the inbox; it is looked at again", "error", err)
		} else {
			first = false
		}
		select {
		case <-ctx.Done():
		case <-wait:
		}
	}
	s.queue.close()
	all.Wait()
}

func (q *queue) open(begin func(string)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begin, q.closed = begin, false
	for user := range q.lanes {
		begin(user)
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// sweep takes up what nobody works: what a crash left, and what another server took and lost.
func (s *Slack) sweep(ctx context.Context, everything bool) error {
	var open []store.InboxEvent
	err := s.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		open, err = r.OpenInbox(ctx, sweepMost)
		return err
	})
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Time()
	for _, e := range open {
		if e.Surface != Surface || !everything && now.Since(e.Received) < abandoned {
			continue
		}
		var h heard
		if e.Body == nothing && now.Since(e.Received) < awaited {
			continue
		}
		if err := json.Unmarshal([]byte(e.Body), &h); err != nil || h.Kind == "" {
			s.cfg.Log.ErrorContext(ctx, "what was kept in the inbox cannot be read and is passed over", "event", e.Event, "error", err)
			s.done(ctx, e.Event)
			continue
		}
		h.keys = []string{e.Event}
		s.queue.put(h)
	}
	return nil
}

// lane works what one user said, one after the other.
func (s *Slack) lane(ctx context.Context, user string) {
	done := ""
	for {
		h, more := s.queue.next(user, done)
		if !more {
			return
		}
		select {
		case s.queue.free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.answer(ctx, h)
		s.done(ctx, h.keys[0])
		<-s.queue.free
		done = h.keys[0]
	}
}

func (s *Slack) done(ctx context.Context, event string) {
	s.cfg.Point("worked")
	err := s.cfg.Store.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.DoneInbox(ctx, Surface, event, s.cfg.Clock.Time()) })
	if err != nil && dr.KindOf(err) != dr.Conflict {
		s.cfg.Log.ErrorContext(ctx, "what came from Slack is answered and cannot be marked so", "event", event, "error", err)
	}
}
