package app

import (
	"bytes"
	"context"
	"io"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/bot/slack"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
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

// LookAtSlack asks Slack about the app of the settings; nothing is changed and no server is needed.
func LookAtSlack(ctx context.Context, cfg *config.Config) config.SlackFacts {
	return slack.Look(ctx, cfg)
}

// bundle makes the report of a run as the file that is put beside the news of its end.
func (a *App) bundle(version string) func(context.Context, string) (bot.File, error) {
	return func(ctx context.Context, run string) (bot.File, error) {
		var b bytes.Buffer
		err := a.Store.Read(ctx, func(r *store.Reader) error {
			b.Reset()
			src, err := report.Gather(ctx, r, run, version)
			if err != nil {
				return err
			}
			return report.Bundle(&b, src, a.Store.SignFile)
		})
		body := b.Bytes()
		return bot.File{Name: "report-" + run + ".zip", Media: "application/zip", Size: int64(len(body)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}, err
	}
}
