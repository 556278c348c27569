package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
)

// The demo's workspace has the bank's people in it, first those who are on duty, and a bot that is told to
// talk there and nowhere else.
func TestDemoSlack(t *testing.T) {
	shanghai := time.FixedZone("", 8*3600)
	for _, c := range []struct {
		hour  int
		first string
	}{{12, "Lin Hua"}, {23, "Gao Feng"}} {
		now := time.Date(2026, 11, 26, c.hour, 0, 0, 0, shanghai)
		sh := &shell{term: &terminal{out: io.Discard, err: io.Discard, clock: dr.Clock{Now: func() time.Time { return now }, After: time.After}}}
		files, _, err := sh.load("")
		if err != nil {
			t.Fatal(err)
		}
		room, err := sh.openChat(context.Background(), "127.0.0.1:0", files.Organisation())
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Get(room.page() + "_page/workspace")
		if err != nil {
			t.Fatal(err)
		}
		var space struct {
			People []struct{ ID, Name, Title string }
		}
		err = json.NewDecoder(res.Body).Decode(&space)
		if res.Body.Close(); err != nil || len(space.People) < 20 {
			t.Fatalf("%d people: %v", len(space.People), err)
		}
		if p := space.People[0]; p.Name != c.first || !strings.HasPrefix(p.Title, "requester, operator · ") {
			t.Errorf("at %d the page begins with %s, %s", c.hour, p.Name, p.Title)
		}
		environ := room.settings([]string{"PATH=/bin", "SWITCHMAN_SLACK_BOT_TOKEN_FILE=/etc/real", "SWITCHMAN_SLACK_CHANNEL=C0REAL"})
		cfg, err := config.Load(config.Input{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		if cfg.SlackChannel != room.channel || !strings.HasPrefix(cfg.SlackURL, "http://127.0.0.1:") || cfg.SlackBotToken.Reveal() != room.server.App().BotToken {
			t.Errorf("the bot would talk in %s at %s", cfg.SlackChannel, cfg.SlackURL)
		}
		if err := room.close(); err != nil {
			t.Error(err)
		}
	}
}

// The two lists of the bank's people, of its roster and of the fake's own sample, are one.
func TestSampleAccounts(t *testing.T) {
	sh := &shell{term: &terminal{clock: dr.Clock{Now: time.Now}}}
	files, _, err := sh.load("")
	if err != nil {
		t.Fatal(err)
	}
	var roster, sample bytes.Buffer
	write := func(to *bytes.Buffer, users []slackfake.User) {
		slices.SortFunc(users, func(a, b slackfake.User) int { return strings.Compare(a.ID, b.ID) })
		for _, u := range users {
			to.WriteString(u.ID + " " + u.Name + " " + u.RealName + " " + u.Locale + "\n")
		}
	}
	var people []slackfake.User
	for _, p := range files.Organisation().Roster.People {
		people = append(people, account(p))
	}
	write(&roster, people)
	write(&sample, slices.DeleteFunc(slackfake.Sample().Users, func(u slackfake.User) bool { return u.Locale == "" }))
	if roster.String() != sample.String() {
		t.Errorf("the roster says\n%s\nslackfake.Sample says\n%s", roster.String(), sample.String())
	}
}
