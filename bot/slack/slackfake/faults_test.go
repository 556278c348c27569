package slackfake_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func TestFaultsOfTheWebAPI(t *testing.T) {
	bubble(t, slackfake.Options{NoRates: true}, func(t *testing.T, f fake) {
		post := func() error {
			_, _, err := f.bot.PostMessageContext(t.Context(), ops, slack.MsgOptionText("x", false))
			return err
		}
		count := func() int {
			seen, _ := f.Person(lin).Messages(ops)
			return len(seen)
		}
		must := func(fault slackfake.Fault) {
			t.Helper()
			if err := f.Break(fault); err != nil {
				t.Fatal(err)
			}
		}
		must(slackfake.Fault{Kind: slackfake.LostAnswer, Method: "chat.postMessage"})
		if err := post(); err == nil || count() != 1 {
			t.Errorf("a lost answer: %v, %d messages", err, count())
		}
		var limited *slack.RateLimitedError
		must(slackfake.Fault{Kind: slackfake.RateLimited, Method: "chat.postMessage", MS: 90_000})
		if _, err := f.bot.AuthTest(); err != nil {
			t.Errorf("another method during the storm: %v", err)
		}
		if err := post(); !errors.As(err, &limited) || limited.RetryAfter != 90*time.Second {
			t.Errorf("during the storm: %v", err)
		}
		<-time.After(90 * time.Second)
		if err := post(); err != nil {
			t.Errorf("after the storm: %v", err)
		}
		var status slack.StatusCodeError
		must(slackfake.Fault{Kind: "503", Count: 2})
		for i, want := range []bool{true, true, false} {
			if err := post(); errors.As(err, &status) != want {
				t.Errorf("call %d: %v", i+1, err)
			}
			status = slack.StatusCodeError{}
		}
		must(slackfake.Fault{Kind: slackfake.APIError, Code: "fatal_error", Count: 1})
		if err := post(); err == nil || err.Error() != "fatal_error" {
			t.Errorf("an error of Slack's own: %v", err)
		}
		began := time.Now()
		must(slackfake.Fault{Kind: slackfake.Slow, MS: 5000})
		if err := post(); err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("a slow call took %v: %v", time.Since(began), err)
		}
		must(slackfake.Fault{Kind: slackfake.Outage})
		before := count()
		if err := post(); err == nil || count() != before {
			t.Errorf("during the outage: %v", err)
		}
		if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "slack_is_down" {
			t.Errorf("the person sees %+v", act)
		}
		f.Mend()
		if err := post(); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

func TestReorder(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		var heard []string
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			if cmd, ok := e.Data.(slack.SlashCommand); ok {
				heard = append(heard, cmd.Text)
			}
			ackAll(c, e)
		})
		_ = f.Break(slackfake.Fault{Kind: slackfake.Reorder})
		first := make(chan slackfake.Act)
		go func() { first <- f.Person(lin).Slash(t.Context(), ops, "/dr", "first") }()
		<-time.After(time.Millisecond)
		f.Person(chen).Slash(t.Context(), ops, "/dr", "second")
		if act := <-first; act.Error != "" {
			t.Errorf("the overtaken one: %+v", act)
		}
		synctest.Wait()
		if len(heard) != 2 || heard[0] != "second" {
			t.Errorf("heard in order %v", heard)
		}
	})
}

func TestDuplicate(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		ids := map[string]int{}
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			if e.Type == socketmode.EventTypeSlashCommand {
				ids[e.Request.EnvelopeID]++
			}
			ackAll(c, e)
		})
		_ = f.Break(slackfake.Fault{Kind: "duplicates"})
		f.Person(lin).Slash(t.Context(), ops, "/dr", "once")
		<-time.After(time.Second)
		synctest.Wait()
		if len(ids) != 1 || f.Stats().AcksUnknown != 1 {
			t.Errorf("envelopes %v, %+v", ids, f.Stats())
		}
	})
}

// TestForged: an envelope no honest Slack would send still arrives, so that refusals can be tested.
func TestForged(t *testing.T) {
	f := start(t, slackfake.Options{})
	got := make(chan slack.SlashCommand, 1)
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		ackAll(c, e)
		if cmd, ok := e.Data.(slack.SlashCommand); ok {
			got <- cmd
		}
	})
	act := f.Deliver(t.Context(), "slash_commands", map[string]any{"command": "/dr", "user_id": stranger, "team_id": "T0OTHER01", "text": "approve"})
	if cmd := <-got; act.Error != "" || cmd.TeamID != "T0OTHER01" {
		t.Errorf("%+v, %+v", act, cmd)
	}
}
