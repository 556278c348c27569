package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

// answer has the bot answer what was heard, and shows the answer to whoever spoke.
func (s *Slack) answer(ctx context.Context, h heard) {
	if h.answer != nil {
		s.deliver(ctx, bot.Intent{Kind: h.Kind}, h, *h.answer)
		return
	}
	if h.unfolds() {
		h.unfolding = s.unfold(ctx, h)
	}
	in, reply, err := s.ask(ctx, h)
	up := h.unfolding != nil && h.unfolding.end()
	if err != nil {
		return // the context ended; the inbox still has it
	}
	if up || reply.Public && h.toAll() {
		s.tellAll(ctx, h, reply)
		return
	}
	if h.Kind == bot.Aside && len(reply.Card.Parts) == 0 {
		return
	}
	if in.Kind == bot.Home {
		if in.Person != "" {
			s.homes.opens(h, s.cfg.Clock.Now())
		}
		s.insist(ctx, h.User, func() error { return s.publish(ctx, h.User, reply.Card) })
		return
	}
	s.deliver(ctx, in, h, reply)
}

// tellAll shows an answer where everybody reads it who read the question, in the place of what was shown of
// it before.
func (s *Slack) tellAll(ctx context.Context, h heard, reply bot.Reply) {
	now := s.cfg.Clock.Now()
	if reply.Public && h.toAll() && (h.begins() || s.talks.knows(talk{thread: h.talk().thread}, now)) {
		s.talks.goesOn(h.talk(), now) // before it is read
	}
	s.insist(ctx, h.User, func() error {
		_, err := s.settle(ctx, h.Channel, h.below(reply.Card), h.answerKey())
		return err
	})
}

// deliver opens a form on the trigger, while it lives; else it shows the card, which has a button for the
// same: in the place of what was pressed, if only its reader sees that, below a question that was put to
// everybody, or beside, for one person.
func (s *Slack) deliver(ctx context.Context, in bot.Intent, h heard, reply bot.Reply) {
	if h.View != "" {
		view := said(reply.Card, h.Channel)
		if reply.Form != nil {
			view = modal(*reply.Form, h.Channel)
		}
		if _, err := s.api.UpdateViewContext(ctx, view, "", "", h.View); err != nil {
			s.cfg.Log.WarnContext(ctx, "drawing a form anew; it may have been closed", "user", h.User, "error", err)
		}
		return
	}
	if reply.Form != nil && h.Trigger != "" && s.openForm(ctx, h.Trigger, *reply.Form, h.Channel) == nil {
		return
	}
	if reply.Post != nil && h.Channel != "" {
		s.insist(ctx, h.User, func() error {
			_, err := s.Post(ctx, h.Channel, *reply.Post, "shared/"+h.keys[0])
			return err
		})
	}
	if s.instead(ctx, in, h, reply) {
		return
	}
	s.insist(ctx, h.User, func() error {
		ref, err := s.tell(ctx, h, reply.Card, h.answerKey())
		if err == nil {
			s.shown(ctx, in, reply.Card, ref)
		}
		return err
	})
}

// instead draws what came of a press on a run in the place of the message it was on, where nobody else reads
// that. false: it has to be said beside.
func (s *Slack) instead(ctx context.Context, in bot.Intent, h heard, reply bot.Reply) bool {
	card, err := reply.Card, error(nil)
	switch {
	case h.Kind != bot.Press || in.Person == "" || reply.Run == "" && card.Run == "" || reply.Own:
		return false
	case h.Respond != "":
		_, _, _, err = s.api.SendMessageContext(ctx, h.Channel, append(drawn(card), api.MsgOptionReplaceOriginal(h.Respond))...)
	case direct(h.Channel) && h.Ref != "":
		if err = s.Update(ctx, h.Ref, card); err == nil {
			s.shown(ctx, in, card, h.Ref)
		}
	default:
		return false
	}
	return err == nil
}

// shown has the bot remember a message that stays, so that its buttons go when they mean nothing any more.
func (s *Slack) shown(ctx context.Context, in bot.Intent, card bot.Card, ref bot.Ref) {
	if err := s.cfg.Bot.Shown(context.WithoutCancel(ctx), in, card, ref); err != nil {
		s.cfg.Log.ErrorContext(ctx, "a message's buttons will stay when they mean nothing any more", "error", err)
	}
}

// direct says whether a channel is the talk of one person with the app.
func direct(channel string) bool { return strings.HasPrefix(channel, "D") }

const (
	insists = 10 * time.Minute // an answer that comes later helps nobody
	longest = 10 * time.Second // between two tries
)

// insist shows an answer again and again until Slack takes it: who pressed something waits to hear of it.
func (s *Slack) insist(ctx context.Context, user string, show func() error) {
	until := s.cfg.Clock.Now().Add(insists)
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, longest) {
		err := show()
		if err == nil || ctx.Err() != nil {
			return
		}
		if dr.KindOf(err) == dr.Invalid || s.cfg.Clock.Now().After(until) {
			s.cfg.Log.ErrorContext(ctx, "an answer cannot be shown in Slack", "user", user, "error", err)
			return
		}
		wait := pause
		if busy := (*bot.Busy)(nil); errors.As(err, &busy) {
			wait = max(wait, min(busy.Wait, insists))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Clock.After(wait):
		}
	}
}

// now works a dialog that was sent, and says what its acknowledgement answers.
func (s *Slack) now(ctx context.Context, h heard) any {
	_, reply, err := s.ask(ctx, h)
	if err != nil {
		return nil
	}
	switch {
	case len(reply.Errors) > 0:
		return api.NewErrorsViewSubmissionResponse(reply.Errors)
	case reply.Form != nil:
		view := modal(*reply.Form, h.Channel)
		return api.NewUpdateViewSubmissionResponse(&view)
	}
	view := said(reply.Card, h.Channel)
	return api.NewUpdateViewSubmissionResponse(&view)
}

// ask finds out who speaks and hands it to the bot. Somebody Slack does not vouch for is turned away.
func (s *Slack) ask(ctx context.Context, h heard) (bot.Intent, bot.Reply, error) {
	in := bot.Intent{Surface: Surface, Keys: h.keys, Dest: h.Channel, Kind: h.Kind, Args: h.Args, Values: h.Values, Ref: h.Ref,
		Thread: refOf(h.Channel, h.Thread), Trigger: h.Trigger, At: h.At, Confirmed: h.Confirmed}
	if h.Channel == "" || direct(h.Channel) { // the bot's own page, and messages to it alone
		in.Company = bot.Alone
	}
	if h.Thread == "" {
		in.Thread = ""
	}
	if h.unfolding != nil {
		in.Live = h.unfolding.show
	}
	vouch := true
	if h.Kind == bot.Submit {
		if _, verb, err := s.cfg.Bot.Acts(ctx, h.Args); err == nil && verb == dr.VerbStart {
			vouch = false
		}
	}
	person, err := s.people.find(ctx, h, vouch)
	if err != nil && ctx.Err() != nil {
		return in, bot.Reply{}, ctx.Err()
	}
	switch {
	case err != nil && h.Kind == bot.Aside: // they did not speak to us
		return in, bot.Reply{}, nil
	case err != nil:
		return in, s.cfg.Bot.TurnAway(ctx, in, err), nil
	}
	in.Person = person
	reply, err := s.cfg.Bot.Handle(ctx, in)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.cfg.Log.ErrorContext(ctx, "answering what came from Slack", "error", err)
	}
	return in, reply, err
}
