package app

import (
	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/bot/slack"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
)

// joinSlack makes Slack a place to talk in where it is set up.
func (a *App) joinSlack(cfg *config.Config, talk *bot.Bot, clock dr.Clock, o Options, instance string) {
	if cfg.SlackBotToken.Empty() {
		return
	}
	a.slack = slack.New(slack.Config{Bot: talk, Store: a.Store, Catalog: a.Files.Catalog, Clock: clock, Log: o.Log,
		BotToken: cfg.SlackBotToken.Reveal(), AppToken: cfg.SlackAppToken.Reveal(), URL: cfg.SlackURL, Channel: cfg.SlackChannel,
		Alarm: func(since dr.Time) { a.Engine.Unheard(slack.Surface, since) }, Point: o.Point})
	a.narrators = append(a.narrators, talk.Narrator(a.slack.Place(instance, o.Point)))
}
