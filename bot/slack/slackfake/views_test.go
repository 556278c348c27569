package slackfake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func form(callback string) obj {
	return obj{"type": "modal", "callback_id": callback, "title": plain("Request"), "submit": plain("Send"), "notify_on_close": true, "blocks": []obj{
		{"type": "input", "block_id": "why", "label": plain("Reason"), "element": obj{"type": "plain_text_input", "action_id": "text", "max_length": 20}},
		{"type": "input", "block_id": "mode", "label": plain("Mode"), "optional": true, "element": obj{"type": "static_select", "action_id": "pick", "options": []obj{
			{"text": plain("Drill"), "value": "drill"}, {"text": plain("Emergency"), "value": "emergency"}}}},
		{"type": "actions", "block_id": "more", "elements": []obj{{"type": "button", "action_id": "help", "text": plain("Help"), "value": "h"}}}}}
}

func TestTriggers(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		f.connect(t, ackAll)
		p := f.Person(lin)
		open := func(trigger string) any {
			return f.json(t, "views.open", obj{"trigger_id": trigger, "view": form("a")})["error"]
		}
		first := p.Slash(t.Context(), ops, "/dr", "").Trigger
		if got := open("12.34.made-up"); got != "invalid_trigger_id" {
			t.Errorf("a made-up trigger: %v", got)
		}
		if got := f.json(t, "views.open", obj{"trigger_id": first, "view": obj{"type": "modal"}})["error"]; got != "invalid_arguments" {
			t.Errorf("a broken view: %v", got)
		}
		if got := open(first); got != nil {
			t.Errorf("a fresh trigger after a refused view: %v", got)
		}
		if got := open(first); got != "exchanged_trigger_id" {
			t.Errorf("a used trigger: %v", got)
		}
		second := p.Slash(t.Context(), ops, "/dr", "").Trigger
		<-time.After(3001 * time.Millisecond)
		if got := open(second); got != "expired_trigger_id" {
			t.Errorf("an old trigger: %v", got)
		}
	})
}

// formed opens a form for Lin and lets answer decide what the app says to it.
func formed(t *testing.T, f fake, answer func(slack.InteractionCallback) any) slackfake.View {
	t.Helper()
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		cb, ok := e.Data.(slack.InteractionCallback)
		if !ok {
			ackAll(c, e)
			return
		}
		if said := answer(cb); said != nil {
			_ = c.Ack(*e.Request, said)
			return
		}
		_ = c.Ack(*e.Request)
	})
	act := f.Person(lin).Slash(t.Context(), ops, "/dr", "request")
	if o := f.json(t, "views.open", obj{"trigger_id": act.Trigger, "view": form("request")}); o["ok"] != true {
		t.Fatal(o)
	}
	return f.Person(lin).Views()[0]
}

func TestSubmit(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	var said any
	var got slack.InteractionCallback
	v := formed(t, f, func(cb slack.InteractionCallback) any { got = cb; return said })
	p := f.Person(lin)
	in := func(text string) slackfake.Values {
		return slackfake.Values{"why": {"text": text}, "mode": {"pick": "drill"}}
	}
	if act := p.Submit(t.Context(), v.ID, nil); act.Errors["why"] == "" || got.Type != "" {
		t.Errorf("an empty form was sent: %+v", act)
	}
	if act := p.Submit(t.Context(), v.ID, in(strings.Repeat("x", 21))); act.Errors["why"] != "Please use at most 20 characters." {
		t.Errorf("a long text: %+v", act)
	}
	if act := p.Submit(t.Context(), v.ID, slackfake.Values{"mode": {"pick": "party"}}); act.Error != "no_such_option" {
		t.Errorf("an option that is not there: %+v", act)
	}
	said = obj{"response_action": "errors", "errors": obj{"why": "Say more."}}
	if act := p.Submit(t.Context(), v.ID, in("test")); act.Error != "" || act.Errors["why"] != "Say more." || len(p.Views()) != 1 {
		t.Errorf("field errors: %+v", act)
	}
	state := got.View.State.Values
	if state["why"]["text"].Value != "test" || state["mode"]["pick"].SelectedOption.Value != "drill" || got.View.CallbackID != "request" {
		t.Errorf("the app got %+v", state)
	}
	said = obj{"response_action": "errors", "errors": obj{"nowhere": "?"}}
	if act := p.Submit(t.Context(), v.ID, in("test")); act.Error != "invalid_response" {
		t.Errorf("an error below no input: %+v", act)
	}
	said = obj{"response_action": "push", "view": form("second")}
	for depth, want := range []string{"", "", "invalid_response"} {
		top := p.Views()[len(p.Views())-1]
		if act := p.Submit(t.Context(), top.ID, in("test")); act.Error != want {
			t.Errorf("push at depth %d: %+v", depth+1, act)
		}
	}
	stack := p.Views()
	if len(stack) != 3 || stack[2].Callback != "second" {
		t.Fatalf("%d modals open", len(stack))
	}
	if act := p.Submit(t.Context(), v.ID, in("test")); act.Error != "view_is_covered" {
		t.Errorf("a covered form was sent: %+v", act)
	}
	said = obj{"response_action": "update", "view": obj{"type": "modal", "title": plain("Thanks"), "blocks": []obj{{"type": "divider"}}}}
	if act := p.Submit(t.Context(), stack[2].ID, in("test")); act.Error != "" || p.Views()[2].Title != "Thanks" {
		t.Errorf("update: %+v", act)
	}
	if act := p.Submit(t.Context(), stack[2].ID, nil); act.Error != "no_submit_button" {
		t.Errorf("a view without a button was sent: %+v", act)
	}
	p.CloseView(t.Context(), stack[2].ID)
	said = nil
	if act := p.Submit(t.Context(), stack[1].ID, in("test")); act.Error != "" || len(p.Views()) != 1 {
		t.Errorf("after a plain answer %d modals are open: %+v", len(p.Views()), act)
	}
	if p.CloseView(t.Context(), v.ID); got.Type != slack.InteractionTypeViewClosed || len(p.Views()) != 0 {
		t.Errorf("the app heard %s", got.Type)
	}
}

func TestUpdateAndPush(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	var trigger string
	v := formed(t, f, func(cb slack.InteractionCallback) any { trigger = cb.TriggerID; return nil })
	update := func(hash string) any {
		return f.json(t, "views.update", obj{"view_id": v.ID, "hash": hash, "view": form("changed")})["error"]
	}
	if got := update("old"); got != "hash_conflict" {
		t.Errorf("an old hash: %v", got)
	}
	if got := update(v.Hash); got != nil {
		t.Errorf("the right hash: %v", got)
	}
	if got := update(v.Hash); got != "hash_conflict" {
		t.Errorf("the hash of the version before: %v", got)
	}
	if o := f.json(t, "views.update", obj{"view_id": "V0NONE", "view": form("x")}); o["error"] != "not_found" {
		t.Errorf("no such view: %v", o)
	}
	if act := f.Person(lin).Click(t.Context(), slackfake.Press{View: v.ID, Action: "text", Block: "why", Value: "typed"}); act.Error != "" || trigger != "" {
		t.Errorf("typing was told to the app: %+v", act)
	}
	for _, want := range []any{nil, nil, "push_limit_reached"} {
		f.Person(lin).Click(t.Context(), slackfake.Press{View: f.Person(lin).Views()[0].ID, Action: "help"})
		if got := f.json(t, "views.push", obj{"trigger_id": trigger, "view": form("over")})["error"]; got != want {
			t.Errorf("push answered %v, want %v", got, want)
		}
	}
	if got := f.Person(lin).Views()[0].Values["why"]["text"].(obj)["value"]; got != "typed" {
		t.Errorf("after an update the input holds %v", got)
	}
}

func TestHome(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	opened := make(chan bool, 1)
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		ackAll(c, e)
		if e.Type == socketmode.EventTypeEventsAPI {
			opened <- true
		}
	})
	p := f.Person(lin)
	p.OpenHome()
	<-opened
	home := obj{"type": "home", "blocks": []obj{{"type": "header", "block_id": "h", "text": plain("Your day")}}}
	o := f.json(t, "views.publish", obj{"user_id": lin, "view": home})
	if got, ok := p.Home(); !ok || !strings.Contains(string(got.Blocks), "Your day") {
		t.Errorf("Home shows %+v, %v", got, o)
	}
	if o := f.json(t, "views.publish", obj{"user_id": lin, "view": home, "hash": "old"}); o["error"] != "hash_conflict" {
		t.Errorf("an old hash: %v", o)
	}
	if o := f.json(t, "views.publish", obj{"user_id": lin, "view": obj{"type": "home", "blocks": []obj{{"type": "markdown", "text": "x"}}}}); o["error"] != "invalid_arguments" {
		t.Errorf("markdown on Home: %v", o)
	}
}

func card(text string) []obj {
	return []obj{{"type": "section", "text": obj{"type": "mrkdwn", "text": text}}, {"type": "actions", "block_id": "vote", "elements": []obj{
		{"type": "button", "action_id": "yes", "text": plain("Yes"), "value": "run-1", "style": "primary"},
		{"type": "button", "action_id": "no", "text": plain("No"), "value": "run-1"},
		{"type": "static_select", "action_id": "pick", "options": []obj{{"text": plain("One"), "value": "1"}}}}}}
}

func TestClicksAndResponseURL(t *testing.T) {
	bubble(t, slackfake.Options{NoRates: true}, func(t *testing.T, f fake) {
		var got slack.InteractionCallback
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			got, _ = e.Data.(slack.InteractionCallback)
			ackAll(c, e)
		})
		posted := f.json(t, "chat.postMessage", obj{"channel": ops, "text": "vote", "blocks": card("*Vote*")})
		ts := posted["ts"].(string)
		press := slackfake.Press{Channel: ops, TS: ts, Action: "yes"}
		p := f.Person(chen)
		if act := p.Click(t.Context(), press); act.Error != "" {
			t.Fatal(act)
		}
		a := got.ActionCallback.BlockActions[0]
		if a.Value != "run-1" || a.BlockID != "vote" || got.User.ID != chen || got.Message.Timestamp != ts || got.Container.ChannelID != ops {
			t.Errorf("the app got %+v", got)
		}
		url := got.ResponseURL
		if act := p.Click(t.Context(), slackfake.Press{Channel: ops, TS: ts, Action: "pick", Option: "1"}); act.Error != "" || got.ActionCallback.BlockActions[0].SelectedOption.Value != "1" {
			t.Errorf("a choice came as %+v", got.ActionCallback.BlockActions)
		}
		for _, c := range []struct {
			press slackfake.Press
			who   string
			want  string
		}{
			{slackfake.Press{Channel: ops, TS: ts, Action: "maybe"}, chen, "no_such_element"},
			{slackfake.Press{Channel: ops, TS: ts, Action: "pick", Option: "2"}, chen, "no_such_option"},
			{slackfake.Press{Channel: ops, TS: "1.000001", Action: "yes"}, chen, "message_not_found"},
			{press, guest, "channel_not_found"},
			{press, "U0WORKFL1", "not_a_person"},
		} {
			if act := f.Person(c.who).Click(t.Context(), c.press); act.Error != c.want {
				t.Errorf("%s, %+v: %+v, want %s", c.who, c.press, act, c.want)
			}
		}
		path := strings.TrimPrefix(url, f.base)
		answer := func(body obj) int {
			text, _ := json.Marshal(body)
			_, resp := f.raw(t, path, "", "application/json", string(text))
			return resp.StatusCode
		}
		if code := answer(obj{"text": "", "blocks": []obj{{"type": "nonsense"}}}); code != http.StatusBadRequest {
			t.Errorf("broken blocks: %d", code)
		}
		for i, body := range []obj{{"replace_original": true, "text": "done", "blocks": card("done")}, {"text": "only for you"}, {"response_type": "in_channel", "text": "for all"}, {"text": "4"}, {"delete_original": true}} {
			if code := answer(body); code != http.StatusOK {
				t.Errorf("answer %d: %d", i+1, code)
			}
			if seen, _ := f.Person(lin).Messages(ops); i == 0 && (len(seen) != 1 || seen[0].Text != "done") {
				t.Errorf("after replacing: %+v", seen)
			}
		}
		if code := answer(obj{"text": "six"}); code != http.StatusNotFound {
			t.Errorf("a sixth answer: %d", code)
		}
		seen, _ := f.Person(chen).Messages(ops)
		if others, _ := f.Person(lin).Messages(ops); len(seen) != 3 || len(others) != 1 || others[0].Text != "for all" {
			t.Errorf("Chen sees %d messages, Lin %+v", len(seen), others)
		}
		p.Click(t.Context(), slackfake.Press{Channel: ops, TS: f.post(t, card("again")), Action: "yes"})
		path = strings.TrimPrefix(got.ResponseURL, f.base)
		<-time.After(30*time.Minute + time.Second)
		if code := answer(obj{"text": "late"}); code != http.StatusNotFound {
			t.Errorf("after half an hour: %d", code)
		}
	})
}

func (f fake) post(t *testing.T, blocks []obj) string {
	t.Helper()
	o := f.json(t, "chat.postMessage", obj{"channel": ops, "text": "x", "blocks": blocks})
	if o["ok"] != true {
		t.Fatal(o)
	}
	return o["ts"].(string)
}

// TestOtherApps: a click goes to the app that posted the message, whatever its action ids.
func TestOtherApps(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		if e.Type == socketmode.EventTypeInteractive {
			t.Errorf("another app's click arrived: %+v", e.Data)
		}
		ackAll(c, e)
	})
	other := f.AddApp("Imitator", nil, nil)
	text, _ := json.Marshal(obj{"channel": ops, "text": "x", "blocks": card("looks the same")})
	o := f.call(t, "chat.postMessage", other.BotToken, "application/json", string(text))
	if act := f.Person(chen).Click(t.Context(), slackfake.Press{Channel: ops, TS: fmt.Sprint(o["ts"]), Action: "yes"}); act.Error != "dispatch_failed" {
		t.Errorf("the person sees %+v", act)
	}
	if o := f.json(t, "chat.update", obj{"channel": ops, "ts": o["ts"], "text": "mine now"}); o["error"] != "cant_update_message" {
		t.Errorf("changing another app's message: %v", o)
	}
}
