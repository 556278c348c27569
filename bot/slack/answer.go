package slack

import (
	"context"
	"errors"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

// answer has the bot answer what was heard, and shows the answer to whoever spoke.
func (s *Slack) answer(ctx context.Context, h heard) {
	in, reply, err := s.ask(ctx, h)
	if err != nil {
		return // the context ended; the inbox still has it
	}
	if in.Kind == bot.Home {
		if _, err = s.api.PublishViewContext(ctx, api.PublishViewContextRequest{UserID: h.User, View: homeView(reply.Card)}); err != nil {
			s.cfg.Log.WarnContext(ctx, "drawing the home page", "user", h.User, "error", err)
		}
		return
	}
	s.deliver(ctx, h, reply)
}

// deliver opens a form on the trigger, while it lives; else it shows the card, which has a button for the
// same.
func (s *Slack) deliver(ctx context.Context, h heard, reply bot.Reply) {
	if reply.Form != nil && h.Trigger != "" && s.openForm(ctx, h.Trigger, *reply.Form, h.Channel) == nil {
		return
	}
	if err := s.tell(ctx, h.Channel, h.User, reply.Card, "answer/"+h.keys[0]); err != nil {
		s.cfg.Log.ErrorContext(ctx, "an answer cannot be shown in Slack", "user", h.User, "error", err)
	}
}

// now works what may be secret, and answers a dialog in the acknowledgement.
func (s *Slack) now(ctx context.Context, h heard) any {
	_, reply, err := s.ask(ctx, h)
	if err != nil {
		return nil
	}
	if h.Kind != bot.Submit {
		s.deliver(ctx, h, reply)
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
		Trigger: h.Trigger, At: h.At, Confirmed: h.Confirmed}
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
	if err != nil {
		return in, s.cfg.Bot.TurnAway(ctx, in, err), nil
	}
	in.Person = person
	reply, err := s.cfg.Bot.Handle(ctx, in)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.cfg.Log.ErrorContext(ctx, "answering what came from Slack", "error", err)
	}
	return in, reply, err
}
