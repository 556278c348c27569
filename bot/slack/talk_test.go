package slack

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// An answer is up while it is made, each state of it in the place of the one before, and one that a crash
// left unfinished is finished in its place.
func TestUnfolding(t *testing.T) {
	fake := slackfake.New(slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: "C0ROOM001", Name: "room"}}, Users: []slackfake.User{{ID: "U0ANN0001", Name: "ann"}}})
	h := httptest.NewServer(fake)
	t.Cleanup(h.Close)
	t.Cleanup(fake.Close)
	ann := fake.Person("U0ANN0001")
	asked := ann.Say("C0ROOM001", "how?", "").TS
	made := func() *Slack {
		soon := func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) }
		return New(Config{Clock: dr.Clock{Now: time.Now, After: soon}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), BotToken: fake.App().BotToken, URL: h.URL + "/api/"})
	}
	said := heard{Kind: bot.Mention, User: "U0ANN0001", Channel: "C0ROOM001", Thread: asked, keys: []string{messageKey("C0ROOM001", asked)}}
	reply := func(text string) bot.Reply {
		return bot.Reply{Public: true, Card: bot.Card{Kind: "answer", Lang: "en", Parts: []bot.Part{{Kind: bot.PartText, Text: text}}}}
	}
	below := func(what string) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		err := fake.Await(ctx, func() bool {
			all, err := ann.Messages("C0ROOM001")
			return err == nil && len(all) == 2 && all[1].Thread == asked && all[1].Text == what
		})
		if err != nil {
			all, _ := ann.Messages("C0ROOM001")
			t.Fatalf("waiting for %q: %+v", what, all)
		}
	}
	s := made()
	u := s.unfold(t.Context(), said)
	for _, state := range []string{"looking", "a line", "two lines"} {
		u.show(reply(state))
		below(state)
	}
	u.show(bot.Reply{Own: true, Card: reply("for one alone").Card})
	if !u.end() {
		t.Error("nothing was shown")
	}
	s = made() // as after a crash: the walls are not known
	u = s.unfold(t.Context(), said)
	if u.end() {
		t.Error("something was shown")
	}
	s.tellAll(t.Context(), said, reply("whole"))
	below("whole")
	if !s.talks.knows(said.talk(), time.Now()) || s.talks.knows(said.talk(), time.Now().Add(time.Hour)) || s.talks.knows(talk{said.talk().thread, "U0BOB0001"}, time.Now()) {
		t.Error("ann cannot go on in the thread, or for ever, or others can")
	}
}

// What reads like a question to nobody.
func TestAsks(t *testing.T) {
	for text, want := range map[string]bool{"and how do I stop it?": true, " 那怎么停？ ": true, "可以跳过吗": true, "done": false, "<@U1> is it done?": false, "": false,
		strings.Repeat("x", 100): false} {
		if asks(text) != want {
			t.Errorf("%q asks: %v", text, !want)
		}
	}
}
