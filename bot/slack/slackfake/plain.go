package slackfake

import (
	"context"
	"fmt"
	"sync"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// Plain is an app that posts one message with a button and then acknowledges what comes, on one socket,
// which Slack's client library for Go keeps open in its own way. Adapters are measured against it. It ends
// with the context, or when the library gives up.
func Plain(ctx context.Context, url string, as App, channel string) error {
	client := slack.New(as.BotToken, slack.OptionAppLevelToken(as.AppToken), slack.OptionAPIURL(url))
	button := slack.NewButtonBlockElement("press", "1", slack.NewTextBlockObject("plain_text", "Press", false, false))
	if _, _, err := client.PostMessageContext(ctx, channel, slack.MsgOptionBlocks(slack.NewActionBlock("plain", button))); err != nil {
		return fmt.Errorf("posting a button: %w", err)
	}
	c := socketmode.New(client)
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-c.Events:
				if e.Request != nil && e.Request.EnvelopeID != "" {
					_ = c.AckCtx(ctx, e.Request.EnvelopeID, nil) // it fails with the context only
				}
			}
		}
	})
	err := c.RunContext(ctx)
	stop()
	reading.Wait()
	return err
}
