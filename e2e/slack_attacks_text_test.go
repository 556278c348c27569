package e2e

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// hostile is what people put where only words belong.
const hostile = "<!channel> <!here> <@U0TINY003> <#C0HALL001> <https://evil.example|our bank> @channel *bold* `code` ```fence\u202egnp.exe \u200bzero\u2060width\x00\x07 &lt;!channel&gt;"

// textsRefused are votes and starts by words alone: a text never does either, whoever writes it.
func textsRefused() []attack {
	return []attack{
		{name: "S12 a mention that says approve", who: "gil", says: "Nothing has been done yet", do: func(s *siege) { s.says("gil", room, s.mention("approve "+s.drill), "") }},
		{name: "S12 a mention in the thread of a run", who: "gil", says: "Nothing has been done yet", do: func(s *siege) {
			s.says("gil", room, s.mention("approve "+s.drill+" yes I am sure"), s.find("bob", s.drill, "approve").ts)
		}},
		{name: "S12 a direct message that says approve", who: "cat", says: "Nothing has been done yet", do: func(s *siege) {
			s.says("cat", s.slack.App().BotUser, "approve "+s.drill, "")
		}},
		{name: "S12 a command that says approve", who: "cat", says: "Nothing has been done yet", do: func(s *siege) { s.types("cat", room, "approve "+s.drill) }},
		{name: "S12 a no by words", who: "cat", do: func(s *siege) { s.types("cat", room, "deny "+s.drill+" I say no") }},
		{name: "S12 a mention by another bot", do: func(s *siege) {
			s.slack.PutUser(slackfake.User{ID: "U0OTHERBT", Name: "otherbot", Bot: true})
			s.slack.PutChannel(slackfake.Channel{ID: room, Name: "ops", Members: append(s.members(), "U0OTHERBT")})
			s.says("U0OTHERBT", room, s.mention("cancel "+s.drill), "")
		}},
		{name: "S12 a message that was edited into a command", do: func(s *siege) {
			s.forges("events_api", s.event(object{"type": "message", "subtype": "message_changed", "channel": room, "channel_type": "im", "ts": s.next(),
				"message": object{"type": "message", "user": account("bob"), "text": "approve " + s.drill}}))
		}},
		{name: "S12 the app's own words come back", do: func(s *siege) {
			s.forges("events_api", s.event(object{"type": "message", "user": s.slack.App().BotUser, "bot_id": "B0SELF", "channel": room, "channel_type": "im", "ts": s.next(), "text": "cancel " + s.drill}))
		}},
		{name: "a command from a channel the app is not in", who: "eve", row: "role_missing", do: func(s *siege) { s.types("eve", attic, "cancel "+s.drill) }},
		{name: "a command in the thread of a run that is over", who: "eve", row: "run_ended", do: func(s *siege) { s.types("eve", room, "cancel "+s.gone) }},
		{name: "a run that is not there", who: "bob", do: func(s *siege) { s.types("bob", room, "approve r9999-zzzz") }},
		{name: "a request for somebody without a role", who: "eve", row: "role_missing", do: func(s *siege) { s.types("eve", room, `request move drill "me too"`) }},
		{name: "a second run of the same systems", who: "ann", row: "run_already_open", do: func(s *siege) { s.types("ann", room, `request move drill "one more"`) }},
		{name: "S16 a command full of markup", who: "bob", do: func(s *siege) { s.types("bob", room, hostile) }},
		{name: "S16 a request full of markup", who: "ann", row: "run_already_open", do: func(s *siege) {
			s.types("ann", room, `request move drill "`+strings.NewReplacer("`", "", `"`, "").Replace(hostile)+`"`)
		}},
		{name: "S16 a question of fifty thousand letters", who: "bob", says: "too long", do: func(s *siege) {
			s.forges("slash_commands", object{"token": "x", "team_id": "T0HARBOR1", "channel_id": room, "user_id": account("bob"), "command": "/dr",
				"text": "status " + strings.Repeat("长", 50_000), "trigger_id": s.next()})
		}},
		{name: "S16 an option of another command", who: "bob", do: func(s *siege) { s.types("bob", room, "approve "+s.drill+" --confirmed=yes --words=abc --code=x") }},
	}
}

// formsRefused are dialogs that are sent by somebody else, for something else, late or twice.
func formsRefused() []attack {
	return []attack{
		{name: "wrong words", row: "words_wrong", who: "bob", says: "", do: func(s *siege) {
			s.submits("bob", s.opens("bob", s.find("bob", s.real, "approve")), map[string]string{"words": "one two three"})
		}},
		{name: "words full of null bytes and signs that go the other way", row: "words_wrong", who: "bob", do: func(s *siege) {
			s.submits("bob", s.dialog("bob"), map[string]string{"words": "\x00\u202e\u200b <!channel>"})
		}},
		{name: "words of another run's digest", row: "words_wrong", who: "bob", do: func(s *siege) {
			s.submits("bob", s.dialog("bob"), map[string]string{"words": wordsOf(s, s.drill)})
		}},
		{name: "no words", row: "words_missing", do: func(s *siege) {
			s.forges("interactive", s.sent("bob", s.dialog("bob").ID, s.dialog("bob").Private, nil))
		}},
		{name: "somebody else sends the form", row: "bot_button_foreign", do: func(s *siege) {
			s.forges("interactive", s.sent("cat", s.dialog("bob").ID, s.dialog("bob").Private, map[string]string{"words": wordsOf(s, s.real)}))
		}},
		{name: "the form comes back as of another channel", row: "bot_button_elsewhere", do: func(s *siege) {
			v := s.dialog("bob")
			s.forges("interactive", s.sent("bob", v.ID, strings.Replace(v.Private, room, hall, 1), map[string]string{"words": wordsOf(s, s.real)}))
		}},
		{name: "the form comes back with something else in it", row: "bot_button_unknown", do: func(s *siege) {
			v := s.dialog("bob")
			s.forges("interactive", s.sent("bob", v.ID, strings.Replace(v.Private, `"n":"`, `"n":"x`, 1), map[string]string{"words": wordsOf(s, s.real)}))
		}},
		{name: "the form comes back torn", row: "bot_button_unknown", do: func(s *siege) {
			v := s.dialog("bob")
			s.forges("interactive", s.sent("bob", v.ID, v.Private[:len(v.Private)/2], map[string]string{"words": wordsOf(s, s.real)}))
		}},
		{name: "a button's nonce in place of the form's", do: func(s *siege) {
			s.forges("interactive", s.sent("bob", s.dialog("bob").ID, `{"n":"`+s.find("bob", s.real, "approve").value+`","c":"`+room+`"}`, map[string]string{"words": wordsOf(s, s.real)}))
		}, row: "bot_button_unknown"},
		{name: "the form's nonce in place of a button's", row: "bot_button_unknown", who: "bob", do: func(s *siege) {
			b := s.find("bob", s.real, "approve")
			b.value = strings.Split(s.dialog("bob").Private, `"`)[3]
			b.action = "ask:approve"
			s.forges("interactive", s.clicked("bob", b))
		}},
		{name: "the form is sent three times", now: "votes 1 bob:approve code false tries 5\n", votes: 1, do: func(s *siege) {
			v := s.dialog("bob")
			if err := s.slack.Break(slackfake.Fault{Kind: slackfake.Duplicate, Count: 1}); err != nil {
				s.Fatal(err)
			}
			s.submits("bob", v, map[string]string{"words": wordsOf(s, s.real)})
			s.forges("interactive", s.sent("bob", v.ID, v.Private, map[string]string{"words": wordsOf(s, s.real)}))
		}},
		{name: "S16 a reason full of markup", now: "denied", votes: 1, who: "cat", do: func(s *siege) {
			s.submits("cat", s.opens("cat", s.find("cat", s.real, "deny")), map[string]string{"reason": hostile})
			s.hurry("the news of it", func() bool { return strings.Contains(s.wall("eve"), "evil.example") })
		}},
	}
}

func wordsOf(s *siege, run string) string {
	var all []string
	for _, w := range s.view(run).Words {
		all = append(all, w.Word)
	}
	return strings.Join(all, " ")
}

// codesRefused are about the security code of the drill, which is agreed to.
func codesRefused() []attack {
	start := func(s *siege, who, code string) {
		s.submits(who, s.opens(who, s.find(who, s.drill, "start")), map[string]string{"code": code})
	}
	seen := func(name string, do func(*siege)) attack {
		return attack{name: name, row: "bot_code_in_message", now: "code false", do: func(s *siege) { do(s) }}
	}
	told := func(a attack, who, says string) attack {
		a.who, a.says = who, says
		return a
	}
	again := func(a attack) attack {
		do := a.do
		a.do = func(s *siege) { s.issue(); do(s) }
		return a
	}
	return []attack{
		{name: "a start by somebody without a role", row: "start_not_eligible", who: "cat", do: func(s *siege) { s.press("cat", s.find("cat", s.drill, "start")) }},
		{name: "a start by who issued the code, who is offered no form", row: "start_by_issuer", who: "hal", says: "press Start and type it", do: func(s *siege) { s.press("hal", s.find("hal", s.drill, "start")) }},
		{name: "a mistyped code", row: "code_mistyped", who: "ann", do: func(s *siege) { start(s, "ann", s.code[:len(s.code)-1]) }},
		{name: "a wrong code", row: "code_wrong", who: "ann", now: "tries 4", do: func(s *siege) { start(s, "ann", otherCode(s)) }},
		{name: "a code that was replaced", row: "code_wrong", who: "ann", now: "tries 3", do: func(s *siege) {
			old := s.code
			s.issue()
			start(s, "ann", old)
		}},
		{name: "a code of ten thousand letters", who: "ann", do: func(s *siege) {
			v := s.opens("ann", s.find("ann", s.drill, "start"))
			s.forges("interactive", s.sent("ann", v.ID, v.Private, map[string]string{"code": strings.Repeat(s.code, 800)}))
		}, row: "code_mistyped"},
		told(seen("the code as a message", func(s *siege) { s.says("eve", room, "the code is "+s.code, "") }), "eve", "revoked"),
		told(again(seen("the code in a mention, by who may start", func(s *siege) { s.says("ann", room, s.mention("start "+s.drill+" "+s.code), "") })), "ann", "revoked"),
		told(again(seen("the code in a thread, in small letters and pieces", func(s *siege) {
			s.says("bob", room, strings.ToLower(strings.ReplaceAll(s.code, "-", " ")), s.find("bob", s.drill, "start").ts)
		})), "bob", "revoked"),
		told(again(seen("the code in a command", func(s *siege) { s.types("ann", room, "start "+s.drill+" "+s.code) })), "ann", "revoked"),
		told(again(seen("the code in a direct message", func(s *siege) { s.says("ann", s.slack.App().BotUser, s.code, "") })), "ann", "revoked"),
		told(again(seen("the code between signs nobody sees", func(s *siege) { s.says("hal", room, "\u200b"+strings.Join(strings.Split(s.code, ""), "\u200b"), "") })), "hal", "revoked"),
		told(again(seen("the code in full-width letters", func(s *siege) { s.says("hal", room, fullWidth(s.code), "") })), "hal", "revoked"),
		told(again(seen("the code by a guest", func(s *siege) {
			s.slack.PutUser(slackfake.User{ID: "U0GUEST01", Name: "guest", RealName: "Guest", Restricted: true})
			s.slack.PutChannel(slackfake.Channel{ID: room, Name: "ops", Members: append(s.members(), "U0GUEST01")})
			s.says("U0GUEST01", room, s.code, "")
		})), "U0GUEST01", "security code"),
		again(seen("the code in the reason of a form", func(s *siege) {
			s.submits("cat", s.opens("cat", s.find("cat", s.drill, "deny")), map[string]string{"reason": "because " + s.code})
		})),
		{name: "a code that ran out", row: "code_wrong", who: "ann", do: func(s *siege) {
			s.issue()
			v := s.opens("ann", s.find("ann", s.drill, "start"))
			s.clock.advance(11 * time.Minute)
			s.submits("ann", v, map[string]string{"code": s.code})
		}, now: "code false"},
		{name: "a form that stood open until the run was over", row: "run_ended", who: "ann", now: string(dr.Cancelled), do: func(s *siege) {
			s.issue()
			v := s.opens("ann", s.find("ann", s.drill, "start"))
			s.press("ann", s.find("ann", s.drill, "cancel"))
			s.settled()
			await(s, s.app, s.drill, dr.Cancelled)
			s.submits("ann", v, map[string]string{"code": s.code})
		}},
	}
}

// otherCode is a code with nothing wrong in it but that nobody issued it.
func otherCode(s *siege) string {
	code, err := approval.NewCode(rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	return code.Reveal()
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, s)
}
