package slack

import (
	"context"
	"errors"
	"net/http"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/config"
)

// Scopes are what the bot token must be allowed: the methods this package calls, the events it hears of, and
// its command. deploy/slack-manifest.yaml asks for exactly these.
func Scopes() []string {
	return []string{"app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:write",
		"groups:history", "groups:read", "im:history", "im:write", "users:read"}
}

// Look asks Slack about the app of the settings, and changes nothing: are both tokens taken, what is the app
// allowed, and what kind of place is the channel. A connection is asked for and not opened.
func Look(ctx context.Context, cfg *config.Config) config.SlackFacts {
	f := config.SlackFacts{Needed: Scopes()}
	if cfg.SlackBotToken.Empty() || cfg.SlackAppToken.Empty() || cfg.SlackChannel == "" {
		return f
	}
	client := connect(Config{BotToken: cfg.SlackBotToken.Reveal(), AppToken: cfg.SlackAppToken.Reveal(), URL: cfg.SlackURL})
	_, _, err := client.StartSocketModeContext(ctx)
	if f.AppError, f.Unreachable = word(err); f.Unreachable != nil {
		return f
	}
	us, err := client.AuthTestContext(ctx)
	if f.BotError, f.Unreachable = word(err); f.BotError != "" || f.Unreachable != nil {
		return f
	}
	f.Team, f.Bot, f.Scopes = us.Team, us.User, granted(us.Header)
	c, err := client.GetConversationInfoContext(ctx, &api.GetConversationInfoInput{ChannelID: cfg.SlackChannel})
	if f.Channel.Error, f.Unreachable = word(err); err == nil {
		f.Channel = config.SlackChannel{Name: c.Name, Member: c.IsMember, Private: c.IsPrivate, Archived: c.IsArchived, Shared: c.IsExtShared || c.IsPendingExtShared}
	}
	return f
}

// word is what Slack calls an error; one it did not answer with is of the way there.
func word(err error) (code string, unreachable error) {
	var said api.SlackErrorResponse
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &said):
		return said.Err, nil
	}
	return "", err
}

func granted(h http.Header) []string {
	var all []string
	for _, one := range strings.Split(h.Get("X-OAuth-Scopes"), ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}
