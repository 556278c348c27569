package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// TestSlackGo plays the scenarios with the app on slack-go.
func TestSlackGo(t *testing.T) {
	w := newWorld(t)
	a := w.App()
	bot := slack.New(a.BotToken, slack.OptionAppLevelToken(a.AppToken), slack.OptionAPIURL(w.api), slack.OptionRetry(3))
	app := goApp{t, bot, socketmode.New(bot)}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan bool, 2)
	go func() {
		_ = app.socket.RunContext(ctx)
		done <- true
	}()
	go func() {
		app.run(ctx)
		done <- true
	}()
	t.Cleanup(func() {
		stop()
		<-done
		<-done
	})
	play(w)
}

// goApp does what app.mjs does.
type goApp struct {
	t      *testing.T
	bot    *slack.Client
	socket *socketmode.Client
}

func (a goApp) run(ctx context.Context) {
	for {
		select {
		case e := <-a.socket.Events:
			switch data := e.Data.(type) {
			case slack.SlashCommand:
				a.command(*e.Request, data)
			case slack.InteractionCallback:
				a.interaction(*e.Request, data)
			case slackevents.EventsAPIEvent:
				_ = a.socket.Ack(*e.Request)
				a.event(*e.Request, data.InnerEvent.Data)
			}
		case <-ctx.Done():
			return
		}
	}
}

func text(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

func (a goApp) check(err error) {
	if err != nil {
		a.t.Errorf("the app: %v", err)
	}
}

func (a goApp) command(req socketmode.Request, c slack.SlashCommand) {
	if c.Text == "hello" {
		a.check(a.socket.Ack(req, map[string]string{"text": "hello <@" + c.UserID + ">"}))
		return
	}
	a.check(a.socket.Ack(req))
	switch c.Text {
	case "form":
		_, err := a.bot.OpenView(c.TriggerID, slack.ModalViewRequest{Type: slack.VTModal, CallbackID: "request", Title: text("Request"), Submit: text("Send"),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("why", text("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "text"))}}})
		a.check(err)
	case "file":
		_, err := a.bot.UploadFile(slack.UploadFileParameters{Channel: c.ChannelID, Filename: "report.txt", Title: "Report", Content: "all is well", FileSize: 11, InitialComment: "the report"})
		a.check(err)
	case "broken":
		_, _, err := a.bot.PostMessage(c.ChannelID, slack.MsgOptionBlocks(slack.NewHeaderBlock(text(strings.Repeat("x", 151)))))
		var said slack.SlackErrorResponse
		if !errors.As(err, &said) {
			a.t.Errorf("the app: broken blocks gave %v", err)
			return
		}
		_, _, err = a.bot.PostMessage("", slack.MsgOptionResponseURL(c.ResponseURL, slack.ResponseTypeEphemeral), slack.MsgOptionText(said.Err+": "+said.ResponseMetadata.Messages[0], false))
		a.check(err)
	case "storm":
		_, _, err := a.bot.PostMessage(c.ChannelID, slack.MsgOptionText("through the storm", false))
		a.check(err)
	}
}

func (a goApp) interaction(req socketmode.Request, cb slack.InteractionCallback) {
	switch cb.Type {
	case slack.InteractionTypeViewSubmission:
		why := cb.View.State.Values["why"]["text"].Value
		if why == "test" {
			a.check(a.socket.Ack(req, slack.NewErrorsViewSubmissionResponse(map[string]string{"why": "Say more."})))
			return
		}
		a.check(a.socket.Ack(req))
		button := slack.NewButtonBlockElement("approve", "run-1", text("Approve")).WithStyle(slack.StylePrimary)
		_, _, err := a.bot.PostMessage(ops, slack.MsgOptionText("asked: "+why, false),
			slack.MsgOptionBlocks(slack.NewSectionBlock(text(cb.User.ID+" asks: "+why), nil, nil), slack.NewActionBlock("", button)),
			slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "request", EventPayload: map[string]any{"key": "run-1"}}))
		a.check(err)
	case slack.InteractionTypeBlockActions:
		a.check(a.socket.Ack(req))
		for _, one := range cb.ActionCallback.BlockActions {
			_, _, err := a.bot.PostMessage("", slack.MsgOptionReplaceOriginal(cb.ResponseURL), slack.MsgOptionText(one.Value+" approved by <@"+cb.User.ID+">", false))
			a.check(err)
		}
	}
}

func (a goApp) event(req socketmode.Request, event any) {
	switch e := event.(type) {
	case *slackevents.AppMentionEvent:
		say := "heard you"
		if req.RetryAttempt > 0 {
			say = fmt.Sprint("retry ", req.RetryAttempt, " ", req.RetryReason)
		}
		_, _, err := a.bot.PostMessage(e.Channel, slack.MsgOptionText(say, false), slack.MsgOptionTS(e.TimeStamp))
		a.check(err)
	case *slackevents.AppHomeOpenedEvent:
		_, err := a.bot.PublishView(e.User, slack.HomeTabViewRequest{Type: slack.VTHomeTab,
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewHeaderBlock(text("Your day"))}}}, "")
		a.check(err)
	}
}
