package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/config"
)

// What "doctor --slack" says about an app, for each way in which one is set up wrongly.
func TestDoctorAsksSlack(t *testing.T) {
	const room, lin = "C0DRROOM1", "U0HB10041"
	scopes := slices.DeleteFunc(neededScopes(t), func(s string) bool { return s == "im:write" })
	ops := func(c slackfake.Channel) []slackfake.Channel {
		c.ID, c.Name = room, "dr-room"
		return []slackfake.Channel{c}
	}
	for _, c := range []struct {
		name  string
		make  func(*slackfake.Options)
		wreck func(*testing.T, *slackfake.Server)
		unset string // a setting that is missing
		code  int
		want  []string
	}{
		{name: "sound", want: []string{"✓ The bot token is of switchman in the workspace Harbor Bank.", "✓ The app is in #dr-room"}},
		{name: "private", make: func(o *slackfake.Options) { o.Channels = ops(slackfake.Channel{Private: true}) }, want: []string{"which is private"}},
		{name: "too much", make: func(o *slackfake.Options) { o.Scopes = append(neededScopes(t), "pins:write") }, want: []string{"more than it needs: pins:write"}},
		{name: "not set up", unset: "SWITCHMAN_SLACK_BOT_TOKEN", code: 4, want: []string{"Slack is not set up", "docs/slack.md"}},
		{name: "scope missing", make: func(o *slackfake.Options) { o.Scopes = scopes }, code: 4, want: []string{"✗ The app is not allowed what it needs: im:write", "Reinstall to Workspace"}},
		{name: "nothing allowed", make: func(o *slackfake.Options) { o.Scopes = []string{"commands"} }, code: 4, want: []string{"channels:read", "chat:write"}},
		{name: "not invited", make: func(o *slackfake.Options) { o.Channels = ops(slackfake.Channel{Members: []string{lin}}) }, code: 4, want: []string{"The app is not in #dr-room", "/invite @switchman"}},
		{name: "private, not invited", make: func(o *slackfake.Options) { o.Channels = ops(slackfake.Channel{Private: true, Members: []string{lin}}) }, code: 4, want: []string{"does not see a channel with the id C0DRROOM1", "/invite @switchman"}},
		{name: "shared", make: func(o *slackfake.Options) { o.Channels = ops(slackfake.Channel{ExtShared: true}) }, code: 4, want: []string{"shared with another organisation", "Make a channel for the team alone"}},
		{name: "archived", make: func(o *slackfake.Options) { o.Channels = ops(slackfake.Channel{Archived: true}) }, code: 4, want: []string{"is archived", "Unarchive"}},
		{name: "bot token revoked", wreck: func(_ *testing.T, s *slackfake.Server) { s.Revoke(s.App().BotToken) }, code: 3, want: []string{"Slack does not take the bot token (token_revoked)", "begins with xoxb-"}},
		{name: "app token revoked", wreck: func(_ *testing.T, s *slackfake.Server) { s.Revoke(s.App().AppToken) }, code: 3, want: []string{"does not take the app-level token", "connections:write", "✓ The bot token"}},
		{name: "out of order", wreck: func(t *testing.T, s *slackfake.Server) {
			if err := s.Break(slackfake.Fault{Kind: slackfake.Outage}); err != nil {
				t.Fatal(err)
			}
		}, code: 7, want: []string{"Slack cannot be reached", "slack-status.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := slackfake.Options{Users: slackfake.Sample().Users, Scopes: neededScopes(t), Channels: ops(slackfake.Channel{})}
			if c.make != nil {
				c.make(&o)
			}
			s := slackfake.New(o)
			h := httptest.NewServer(s)
			t.Cleanup(h.Close)
			t.Cleanup(s.Close)
			d := &desk{t: t, state: filepath.Join(t.TempDir(), "var")}
			for name, value := range map[string]string{"SWITCHMAN_SLACK_BOT_TOKEN": s.App().BotToken, "SWITCHMAN_SLACK_APP_TOKEN": s.App().AppToken,
				"SWITCHMAN_SLACK_CHANNEL": room, "SWITCHMAN_SLACK_URL": h.URL + "/api/"} {
				if c.unset == "" {
					d.environ = append(d.environ, name+"="+value)
				}
			}
			if c.wreck != nil {
				c.wreck(t, s)
			}
			got := d.run("doctor", "--slack")
			text := strings.Join(strings.Fields(got.out), " ")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q:\n%s", want, got.out)
				}
			}
			var said struct {
				OK       bool
				Findings []config.Finding
			}
			d.run("doctor", "--slack", "--json").into(t, &said)
			if got.code != c.code || said.OK != (c.code == 0) || len(said.Findings) == 0 {
				t.Errorf("exit %d, want %d; ok %v with %d findings", got.code, c.code, said.OK, len(said.Findings))
			}
			if strings.Contains(got.out+got.err, s.App().BotToken) || strings.Contains(got.out+got.err, s.App().AppToken) {
				t.Error("a token is shown")
			}
		})
	}
}

// neededScopes are the scopes of the manifest people paste.
func neededScopes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/slack-manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := slackfake.ReadManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return m.OAuth.Scopes.Bot
}
