package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

// keyEvent marks our messages; the payload holds the key one was posted under.
const keyEvent = "switchman_message"

// fileKey leads what is remembered of files, which carry no metadata: their names stand for their keys.
const fileKey = "file/"

// posted remembers which keys are on the wall of a channel or thread.
type posted struct {
	mu    sync.Mutex
	walls map[string]*wall
}

// wall is what is known of one channel or thread. It is looked at anew after a silence, since another
// server may have spoken meanwhile, and after an answer that got lost.
type wall struct {
	mu   sync.Mutex
	ts   map[string]string // by key
	seen dr.Time           // when it was last known to be whole; zero: not known
}

const (
	wallHolds = dr.Millis(25_000) // less than another server needs to take the narrator's lease
	lookBack  = 200               // messages looked at
	wallsMost = 64
)

func newPosted() *posted { return &posted{walls: map[string]*wall{}} }

func (p *posted) wall(channel, thread string) *wall {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := channel + "/" + thread
	w := p.walls[name]
	if w == nil {
		if len(p.walls) >= wallsMost {
			clear(p.walls)
		}
		w = &wall{ts: map[string]string{}}
		p.walls[name] = w
	}
	return w
}

// refOf names a message.
func refOf(channel, ts string) bot.Ref { return bot.Ref(channel + "/" + ts) }

func split(ref bot.Ref) (channel, ts string) {
	channel, ts, _ = strings.Cut(string(ref), "/")
	return channel, ts
}

// Post implements [bot.Chat]. A message whose answer was lost is looked for by its key before it is posted
// again.
func (s *Slack) Post(ctx context.Context, dest string, card bot.Card, key string) (bot.Ref, error) {
	ref, _, err := s.post(ctx, dest, card, key)
	return ref, err
}

// settle puts a card up under a key, or in the place of what is up under it.
func (s *Slack) settle(ctx context.Context, dest string, card bot.Card, key string) (bot.Ref, error) {
	ref, was, err := s.post(ctx, dest, card, key)
	if err == nil && was {
		err = s.Update(ctx, ref, card)
	}
	return ref, err
}

// post says besides whether something is up under the key already, which is left as it is.
func (s *Slack) post(ctx context.Context, dest string, card bot.Card, key string) (ref bot.Ref, was bool, err error) {
	_, thread := split(card.Thread)
	w := s.posted.wall(dest, thread)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := s.fresh(ctx, w, dest, thread); err != nil {
		return "", false, err
	}
	if ts := w.ts[key]; ts != "" {
		return refOf(dest, ts), true, nil
	}
	options := append(drawn(card), api.MsgOptionMetadata(api.SlackMetadata{EventType: keyEvent, EventPayload: map[string]any{"key": key}}))
	if thread != "" {
		options = append(options, api.MsgOptionTS(thread))
	}
	channel, ts, err := s.api.PostMessageContext(ctx, dest, options...)
	if err != nil {
		if doubtful(err) {
			w.seen = dr.Time{}
		}
		return "", false, fmt.Errorf("posting: %w", trouble(err))
	}
	w.ts[key], w.seen = ts, s.cfg.Clock.Time()
	return refOf(channel, ts), false, nil
}

// fresh looks at a wall unless it is known what is on it.
func (s *Slack) fresh(ctx context.Context, w *wall, channel, thread string) error {
	if !w.seen.IsZero() && s.cfg.Clock.Time().Since(w.seen) <= wallHolds {
		return nil
	}
	return s.look(ctx, w, channel, thread)
}

// look reads which keys are on a wall, and which files.
func (s *Slack) look(ctx context.Context, w *wall, channel, thread string) error {
	var found []api.Message
	if thread == "" {
		h, err := s.api.GetConversationHistoryContext(ctx, &api.GetConversationHistoryParameters{ChannelID: channel, Limit: lookBack, IncludeAllMetadata: true})
		if err != nil {
			return fmt.Errorf("looking for what was posted: %w", trouble(err))
		}
		found = h.Messages
	} else {
		cursor := ""
		for {
			page, more, next, err := s.api.GetConversationRepliesContext(ctx, &api.GetConversationRepliesParameters{ChannelID: channel, Timestamp: thread,
				Limit: lookBack, Cursor: cursor, IncludeAllMetadata: true})
			if err != nil {
				return fmt.Errorf("looking for what was posted: %w", trouble(err))
			}
			found = append(found, page...)
			if cursor = next; !more || next == "" {
				break
			}
		}
	}
	us, err := s.who(ctx)
	if err != nil {
		return err
	}
	clear(w.ts)
	for _, m := range found {
		// Another app's message may carry any metadata; ours is by our own bot.
		if key, ok := m.Metadata.EventPayload["key"].(string); ok && m.Metadata.EventType == keyEvent && m.BotID == us.BotID {
			w.ts[key] = m.Timestamp
		}
		for _, f := range m.Files {
			if m.User == us.UserID {
				w.ts[fileKey+f.Name] = m.Timestamp
			}
		}
	}
	w.seen = s.cfg.Clock.Time()
	return nil
}

// Update implements [bot.Chat].
func (s *Slack) Update(ctx context.Context, ref bot.Ref, card bot.Card) error {
	channel, ts := split(ref)
	_, _, _, err := s.api.UpdateMessageContext(ctx, channel, ts, drawn(card)...)
	if err != nil {
		return fmt.Errorf("drawing a message anew: %w", trouble(err))
	}
	return nil
}

// Whisper implements [bot.Chat]. A person without a Slack account cannot be whispered to.
func (s *Slack) Whisper(ctx context.Context, dest, person string, card bot.Card) error {
	c, err := s.cfg.Catalog()
	if err != nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	p, ok := c.Organisation().Roster.Person(person)
	if !ok || p.Slack == "" {
		return &dr.Error{Kind: dr.Invalid, Message: person + " has no Slack account in the roster"}
	}
	_, err = s.tell(ctx, heard{Channel: dest, User: p.Slack}, card, card.Key)
	return err
}

// tell shows a card to one user, in the channel where others don't see it, or in their own messages where
// the app is not in the channel. ref is empty for what does not stay.
func (s *Slack) tell(ctx context.Context, h heard, card bot.Card, key string) (ref bot.Ref, err error) {
	options, place := drawn(card), h.User
	if h.Thread != "" {
		options = append(options, api.MsgOptionTS(h.Thread))
	}
	if h.Channel != "" && !direct(h.Channel) {
		_, err := s.api.PostEphemeralContext(ctx, h.Channel, h.User, options...)
		var said api.SlackErrorResponse
		if err == nil {
			return "", nil
		}
		if !errors.As(err, &said) || !elsewhere(said.Err) {
			return "", fmt.Errorf("whispering: %w", trouble(err))
		}
		options = drawn(card)
	} else if h.Thread != "" {
		place = h.Channel
	}
	options = append(options, api.MsgOptionMetadata(api.SlackMetadata{EventType: keyEvent, EventPayload: map[string]any{"key": key}}))
	channel, ts, err := s.api.PostMessageContext(ctx, place, options...)
	var said api.SlackErrorResponse
	if errors.As(err, &said) && (elsewhere(said.Err) || said.Err == "cannot_dm_bot") { // somebody who is no more, or no person
		return "", &dr.Error{Kind: dr.Invalid, Message: "Slack has no conversation with " + clean(h.User), Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("whispering: %w", trouble(err))
	}
	return refOf(channel, ts), nil
}

func elsewhere(code string) bool {
	return code == "channel_not_found" || code == "not_in_channel" || code == "user_not_in_channel" || code == "is_archived"
}

// Form implements [bot.Chat].
func (s *Slack) Form(ctx context.Context, trigger string, form bot.Form) error {
	return s.openForm(ctx, trigger, form, s.cfg.Channel)
}

func (s *Slack) openForm(ctx context.Context, trigger string, form bot.Form, channel string) error {
	if _, err := s.api.OpenViewContext(ctx, trigger, modal(form, channel)); err != nil {
		return fmt.Errorf("opening a form: %w", trouble(err))
	}
	return nil
}

// Upload implements [bot.Chat]. The file's name stands for its key: the thread it belongs to is looked at for
// a file of ours by that name before it is sent. What Slack refuses about files, such as a scope the app was
// not given, is an end of it: the card beside says where the same file is to be had.
func (s *Slack) Upload(ctx context.Context, dest string, file bot.File) (bot.Ref, error) {
	_, thread := split(file.Comment.Thread)
	w := s.posted.wall(dest, thread)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := s.fresh(ctx, w, dest, thread); err != nil {
		return "", err
	}
	name := fileKey + file.Name
	if ts := w.ts[name]; ts != "" {
		return refOf(dest, ts), nil
	}
	in, err := file.Open()
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", file.Name, err)
	}
	defer in.Close()
	f, err := s.api.UploadFileContext(ctx, api.UploadFileParameters{Reader: in, FileSize: int(file.Size), Filename: file.Name, Title: file.Name, Channel: dest, ThreadTimestamp: thread})
	if err != nil {
		if doubtful(err) {
			w.seen = dr.Time{}
		}
		return "", fmt.Errorf("uploading %s: %w", file.Name, filesTrouble(err))
	}
	w.ts[name], w.seen = f.ID, s.cfg.Clock.Time()
	return bot.Ref(f.ID), nil
}

// filesTrouble sorts an error of an upload.
func filesTrouble(err error) error {
	var said api.SlackErrorResponse
	if errors.As(err, &said) {
		switch said.Err {
		case "missing_scope", "file_too_large", "file_uploads_disabled", "file_uploads_except_images_disabled", "storage_limit_reached", "file_update_failed":
			return &dr.Error{Kind: dr.Invalid, Message: "Slack does not take the file: " + said.Err, Err: err}
		}
	}
	return trouble(err)
}

// Caps implements [bot.Chat]. A code may be typed here in drills only: outside of them the console, where
// who somebody is has been proven twice, is the place.
func (s *Slack) Caps() bot.Caps { return bot.Caps{Forms: true, Uploads: true, Redraw: 3000} }
