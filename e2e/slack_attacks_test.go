package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// attack is one way somebody tries to get something done that they may not.
type attack struct {
	name  string
	do    func(*siege)
	row   string // sentence of the refusal that is journaled; empty: the rules want no row
	who   string // must be told something; empty: there is nobody, or it was no act
	says  string // a part of what they are told; empty: anything
	now   string // what has changed all the same, as a part of the run's line; empty: nothing
	votes int    // journaled
}

// TestSlackAttacks tries them all on one bank. After each nothing has moved that may not, the journal holds
// the refusal, and whoever tried was answered.
func TestSlackAttacks(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	for _, stage := range []struct {
		begin func()
		tries []attack
	}{
		{func() {}, slices.Concat(forgeries(), accountsRefused(), buttonsRefused(), votesRefused(), textsRefused(), formsRefused())},
		{s.toCode, codesRefused()},
	} {
		stage.begin()
		for _, a := range stage.tries {
			t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) {
				outer := s.T
				s.T = t
				defer func() { s.T = outer }()
				s.suffers(a)
			})
		}
	}
	s.quiet()
}

// suffers tries one attack.
func (s *siege) suffers(a attack) {
	s.clock.advance(6 * time.Second) // what Slack said of people is forgotten, and refusals are journaled again
	s.settled()
	s.still()
	before, head, told := s.stands(), s.head(), ""
	if a.who != "" {
		told = s.told(a.who)
	}
	a.do(s)
	s.settled()
	s.changed(a, before)
	s.journaled(a, head)
	if a.who == "" {
		return
	}
	now := s.told(a.who)
	answer := strings.Join(slices.Collect(maps.Values(s.act.Errors)), " ")
	for line := range strings.Lines(now) {
		if !strings.Contains(told, line) {
			answer += line
		}
	}
	if answer == "" || !strings.Contains(answer, a.says) {
		s.Errorf("%s was told %q, want %q", a.who, answer, a.says)
	}
}

func (s *siege) changed(a attack, before string) {
	after := s.stands()
	if a.now == "" && after != before {
		s.Errorf("something moved:\n%snow:\n%s", before, after)
	}
	if !strings.Contains(after, a.now) {
		s.Errorf("not %q:\n%s", a.now, after)
	}
}

func (s *siege) journaled(a attack, since int64) {
	var refused []string
	votes := 0
	for _, row := range s.rows(since) {
		var d dr.RefusalData
		if row.Kind == dr.RowVote {
			votes++
		}
		if row.Kind == dr.RowRefusal && json.Unmarshal(row.Data, &d) == nil {
			refused = append(refused, d.ID)
			if row.Surface != "slack" {
				s.Errorf("%s through %q", d.ID, row.Surface)
			}
		}
	}
	if strings.Join(refused, " ") != a.row {
		s.Errorf("refused as %q, want %q", refused, a.row)
	}
	if votes != a.votes {
		s.Errorf("%d votes journaled, want %d", votes, a.votes)
	}
}

// quiet looks at all that was ever posted: nobody was called, nothing was fetched, nothing said twice, and
// no code can be read.
func (s *siege) quiet() {
	s.Helper()
	seen := map[string]int{}
	for _, m := range s.seen("eve") {
		if !m.App {
			continue
		}
		if len(m.Notifies) > 0 || m.Unfurls {
			s.Errorf("%s calls %q (unfurls: %v)", m.Text, m.Notifies, m.Unfurls)
		}
		if s.code != "" && strings.Contains(m.Text+string(m.Blocks), s.code) {
			s.Errorf("the code is on the wall: %s", m.Text)
		}
		if !m.Ephemeral && len(m.Metadata) > 0 {
			seen[string(m.Metadata)]++
		}
	}
	for key, n := range seen {
		if n > 1 {
			s.Errorf("posted %d times: %s", n, key)
		}
	}
}

// forgeries come over the socket as no Slack would send them, or a second time.
func forgeries() []attack {
	return []attack{
		{name: "S1 an interaction of no known kind", do: func(s *siege) {
			s.forges("interactive", object{"type": "approve_everything", "user": object{"id": account("bob")}})
		}},
		{name: "S1 a press without an action", do: func(s *siege) {
			s.forges("interactive", s.clicked("bob", s.old, func(o object) { o["actions"] = []object{} }))
		}},
		{name: "S1 a press without a person", do: func(s *siege) {
			s.forges("interactive", s.clicked("bob", s.old, func(o object) { o["user"] = object{} }))
		}, row: "slack_person_unknown"},
		{name: "S1 a made-up nonce", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.value = strings.Repeat("a", 32)
			s.forges("interactive", s.clicked("bob", b))
		}, row: "bot_button_unknown", who: "bob", says: "not known"},
		{name: "S1 a nonce of ten thousand letters", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.value = strings.Repeat("a", 10_000)
			s.forges("interactive", s.clicked("bob", b))
		}, row: "bot_button_unknown", who: "bob", says: "not known"},
		{name: "S1 a nonce of null bytes and quotes", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.value = "\x00' OR '1'='1\u202e\u200b"
			s.forges("interactive", s.clicked("bob", b))
		}, row: "bot_button_unknown", who: "bob", says: "not known"},
		{name: "S1 an empty nonce", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.value = ""
			s.forges("interactive", s.clicked("bob", b))
		}, row: "bot_button_unknown", who: "bob", says: "not known"},
		{name: "S1 a form without a nonce", do: func(s *siege) { s.forges("interactive", s.sent("bob", "V0NONE", "", nil)) }, row: "bot_button_unknown"},
		{name: "S1 a form with a made-up nonce", do: func(s *siege) {
			s.forges("interactive", s.sent("bob", "V0NONE", `{"n":"aaaa","c":"`+room+`"}`, map[string]string{"words": "x"}))
		}, row: "bot_button_unknown"},
		{name: "S2 a press in two envelopes", do: func(s *siege) {
			o := s.clicked("eve", s.find("eve", s.drill, "approve"))
			s.forges("interactive", o)
			s.forges("interactive", o)
		}, row: "vote_not_eligible", who: "eve"},
		{name: "S2 one envelope on two sockets", do: func(s *siege) {
			if err := s.slack.Break(slackfake.Fault{Kind: slackfake.Duplicate, Count: 1}); err != nil {
				s.Fatal(err)
			}
			s.press("eve", s.find("eve", s.drill, "approve"))
		}, row: "vote_not_eligible", who: "eve"},
		{name: "S2 a command in two envelopes", do: func(s *siege) {
			o := object{"token": "x", "team_id": "T0HARBOR1", "channel_id": room, "user_id": account("eve"), "command": "/dr", "text": "cancel " + s.drill, "trigger_id": s.next()}
			s.forges("slash_commands", o)
			s.forges("slash_commands", o)
		}, row: "role_missing", who: "eve"},
		{name: "S2 an event in two envelopes", do: func(s *siege) {
			o := s.event(object{"type": "app_mention", "user": account("eve"), "channel": room, "ts": s.next(), "text": s.mention("cancel " + s.drill)})
			s.forges("events_api", o)
			s.forges("events_api", o)
		}, row: "role_missing", who: "eve"},
	}
}

// flagged has bob press approve while Slack says something of him.
func flagged(name, row, says string, change func(*slackfake.User)) attack {
	return attack{name: "S4 " + name, row: row, who: "bob", says: says, do: func(s *siege) {
		b := s.find("bob", s.drill, "approve")
		u := slackfake.User{ID: account("bob"), Name: "bob", RealName: "bob"}
		change(&u)
		s.slack.PutUser(u)
		defer s.slack.PutUser(slackfake.User{ID: account("bob"), Name: "bob", RealName: "bob", Team: "T0HARBOR1"})
		s.forges("interactive", s.clicked("bob", b))
		s.settled()
	}}
}

// accountsRefused are people whom Slack does not vouch for, or the roster does not name.
func accountsRefused() []attack {
	gone := flagged("a deactivated account", "slack_account_deactivated", "", func(u *slackfake.User) { u.Deleted = true })
	gone.who = "" // Slack shows nothing to an account that is no more
	return []attack{
		gone,
		flagged("a guest of several channels", "slack_account_guest", "Guests", func(u *slackfake.User) { u.Restricted = true }),
		flagged("a guest of one channel", "slack_account_guest", "Guests", func(u *slackfake.User) { u.UltraRestricted = true }),
		flagged("a stranger", "slack_account_stranger", "another organisation", func(u *slackfake.User) { u.Stranger = true }),
		flagged("an account of another team", "slack_account_stranger", "another organisation", func(u *slackfake.User) { u.Team = "T0OTHER01" }),
		flagged("a bot", "slack_account_bot", "Only people", func(u *slackfake.User) { u.Bot = true }),
		flagged("a workflow", "slack_account_bot", "Only people", func(u *slackfake.User) { u.Workflow = true }),
		{name: "S4 a press from another team", row: "slack_account_stranger", who: "bob", do: func(s *siege) {
			s.forges("interactive", s.clicked("bob", s.find("bob", s.drill, "approve"), func(o object) {
				o["user"] = object{"id": account("bob"), "team_id": "T0OTHER01"}
			}))
		}},
		{name: "S4 Slack does not answer who it is", row: "slack_cannot_vouch", who: "bob", says: "Try again", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			if err := s.slack.Break(slackfake.Fault{Kind: slackfake.APIError, Method: "users.info", Count: 1}); err != nil {
				s.Fatal(err)
			}
			s.press("bob", b)
		}},
		{name: "S4 Slack does not answer what channel it is", row: "slack_cannot_vouch", who: "bob", says: "Try again", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			if err := s.slack.Break(slackfake.Fault{Kind: slackfake.APIError, Method: "conversations.info", Count: 1}); err != nil {
				s.Fatal(err)
			}
			s.press("bob", b)
		}},
		{name: "S6 somebody of the same name and address", row: "slack_person_unknown", who: "U0BOB0002", says: "not in the roster", do: func(s *siege) {
			s.slack.PutUser(slackfake.User{ID: "U0BOB0002", Name: "bob", RealName: "bob", Email: "bob@tiny.example"})
			s.press("U0BOB0002", s.find("eve", s.drill, "approve"))
		}},
		{name: "S6 the name of a person in place of an id", row: "slack_person_unknown", do: func(s *siege) {
			s.forges("interactive", s.clicked("bob", s.find("bob", s.drill, "approve"), func(o object) { o["user"] = object{"id": "bob", "team_id": "T0HARBOR1"} }))
		}},
		{name: "S7 a member of the channel whom the roster has let go", row: "person_unknown", who: "ivy", do: func(s *siege) {
			s.press("ivy", s.find("ivy", s.drill, "approve"))
		}},
		{name: "S7 a command from a shared channel", row: "slack_channel_shared", who: "ann", says: "shared with another", do: func(s *siege) { s.types("ann", vendor, "status") }},
		{name: "S7 a press once the channel is shared", row: "slack_channel_shared", who: "bob", says: "shared with another", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			s.slack.PutChannel(slackfake.Channel{ID: room, Name: "ops", ExtShared: true, Members: s.members()})
			defer s.slack.PutChannel(slackfake.Channel{ID: room, Name: "ops", Members: s.members()})
			s.press("bob", b)
			s.settled()
		}},
	}
}

// buttonsRefused are presses on what is not, or no longer, the app's own button in its own place.
func buttonsRefused() []attack {
	return []attack{
		{name: "S8 our button on another app's message", do: func(s *siege) {
			other := s.slack.AddApp("Otherbot", nil, nil)
			b := s.posts(other.BotToken, room, s.find("bob", s.drill, "approve"))
			if act := s.slack.Person(account("bob")).Click(s.Context(), slackfake.Press{Channel: room, TS: b.ts, Action: b.action, Block: b.block}); act.Error == "" {
				s.Error("somebody answered for the other app")
			}
		}},
		{name: "S8 our button posted again with our stolen token", row: "bot_button_elsewhere", who: "bob", says: "does not belong", do: func(s *siege) {
			s.press("bob", s.posts(s.slack.App().BotToken, room, s.find("bob", s.drill, "approve")))
		}},
		{name: "S8 our button posted in another channel", row: "bot_button_elsewhere", who: "bob", says: "does not belong", do: func(s *siege) {
			s.press("bob", s.posts(s.slack.App().BotToken, hall, s.find("bob", s.drill, "approve")))
		}},
		{name: "S8 a nonce of our own under a made-up action", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.action = "approve"
			s.forges("interactive", s.clicked("bob", b))
		}},
		{name: "S8 a button that was whispered to somebody else", row: "bot_button_foreign", who: "cat", says: "somebody else", do: func(s *siege) {
			s.types("bob", room, "approve "+s.drill)
			s.settled()
			s.forges("interactive", s.clicked("cat", s.whispered("bob", "approve")))
		}},
		{name: "S10 a button of a run that is over", row: "run_ended", who: "bob", do: func(s *siege) { s.forges("interactive", s.clicked("bob", s.old)) }},
		{name: "S10 a button of an earlier round", row: "bot_button_stale", who: "bob", says: "has moved on", now: "round 2", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			s.edit("plans/move.yaml", "timeout: 5s", "timeout: 6s")
			s.eventually("a new round", func() bool { return s.view(s.drill).Round.Number == 2 && s.view(s.drill).State == dr.AwaitingApproval })
			s.forges("interactive", s.clicked("bob", b))
		}},
		{name: "S10 a button of an earlier round under the new one's message", row: "bot_button_unknown", who: "bob", do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			b.value = b.value[1:] + "a"
			s.forges("interactive", s.clicked("bob", b))
		}},
	}
}

// votesRefused are real presses by people whose vote may not count.
func votesRefused() []attack {
	return []attack{
		{name: "an own request", row: "vote_of_requester", who: "ann", do: func(s *siege) { s.press("ann", s.find("ann", s.drill, "approve")) }},
		{name: "somebody without a role", row: "vote_not_eligible", who: "eve", do: func(s *siege) { s.press("eve", s.find("eve", s.drill, "approve")) }},
		{name: "a no of somebody without a role", row: "vote_not_eligible", who: "eve", do: func(s *siege) { s.press("eve", s.find("eve", s.drill, "deny")) }},
		{name: "S11 eight presses at once count once", who: "bob", now: "votes 1 bob:approve", votes: 1, do: func(s *siege) {
			b := s.find("bob", s.drill, "approve")
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					s.slack.Person(account("bob")).Click(s.Context(), slackfake.Press{Channel: room, TS: b.ts, Action: b.action, Block: b.block})
				})
			}
			all.Wait()
		}},
		{name: "another account of the same person", row: "vote_of_other_account", who: "bob2", do: func(s *siege) { s.press("bob2", s.find("bob2", s.drill, "approve")) }},
		{name: "S2 the vote once more", who: "bob", do: func(s *siege) { s.forges("interactive", s.clicked("bob", s.find("bob", s.drill, "approve"))) }},
		{name: "withdrawing what somebody else voted", row: "no_vote_to_withdraw", who: "cat", do: func(s *siege) { s.press("cat", s.find("cat", s.drill, "withdraw")) }},
		{name: "cancelling without a role", row: "role_missing", who: "eve", do: func(s *siege) { s.press("eve", s.find("eve", s.drill, "cancel")) }},
	}
}

// members are the people in the team's channel, and the app.
func (s *siege) members() []string {
	all := []string{slackfake.TheApp, "U0BOB0002"}
	for _, known := range []map[string]string{accounts, more} {
		for _, id := range known {
			all = append(all, id)
		}
	}
	return all
}

// toCode has cat agree too and hal issue the code.
func (s *siege) toCode() {
	s.press("cat", s.find("cat", s.drill, "approve"))
	await(s, s.app, s.drill, dr.AwaitingCode)
	s.issue()
	s.find("ann", s.drill, "start")
}
