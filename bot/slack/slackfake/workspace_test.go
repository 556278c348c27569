package slackfake_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

// TestWhoSpeaks: an app must be able to tell people of the house from everybody else.
func TestWhoSpeaks(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true, Events: []string{"app_mention", "message.im"}})
	heard := make(chan slackevents.EventsAPIEvent, 10)
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		ackAll(c, e)
		if ev, ok := e.Data.(slackevents.EventsAPIEvent); ok {
			heard <- ev
		}
	})
	f.Person(stranger).Say("with-vendor", "@switchman approve", "")
	ev := <-heard
	if m := ev.InnerEvent.Data.(*slackevents.AppMentionEvent); m.UserTeam == f.App().ID || m.UserTeam == "" || !ev.Data.(*slackevents.EventsAPICallbackEvent).IsExtSharedChannel {
		t.Errorf("the stranger's mention: %+v", m)
	}
	bot := f.PutUser(slackfake.User{ID: "U0REMIND1", Name: "reminder", Workflow: true})
	f.PutChannel(slackfake.Channel{ID: "C0BOTS", Name: "bots", Members: []string{lin, bot.ID, slackfake.TheApp}})
	f.Person(bot.ID).Say("C0BOTS", "@switchman approve", "")
	if m := (<-heard).InnerEvent.Data.(*slackevents.AppMentionEvent); m.BotID == "" {
		t.Errorf("the workflow's mention: %+v", m)
	}
	f.Person(lin).Say(f.App().BotUser, "between us", "")
	if m := (<-heard).InnerEvent.Data.(*slackevents.MessageEvent); m.ChannelType != "im" || m.Text != "between us" || m.User != lin {
		t.Errorf("a word in private: %+v", m)
	}
	if act := f.Person(lin).Say(ops, "&lt; <@U0NOBODY> <!channel> 1 < 2", ""); act.Error != "" {
		t.Fatal(act)
	}
	if seen, _ := f.Person(chen).Messages(ops); len(seen) != 1 || len(seen[0].Notifies) != 0 || seen[0].Text != "&amp;lt; &lt;@U0NOBODY&gt; &lt;!channel&gt; 1 &lt; 2" {
		t.Errorf("letters became markup: %+v", seen)
	}
}

// TestDuplicateEvent: the same event in two envelopes, as after a slow acknowledgement.
func TestDuplicateEvent(t *testing.T) {
	f := start(t, slackfake.Options{Events: []string{"app_mention"}})
	type got struct{ envelope, event string }
	heard := make(chan got, 10)
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		ackAll(c, e)
		if ev, ok := e.Data.(slackevents.EventsAPIEvent); ok {
			heard <- got{e.Request.EnvelopeID, ev.Data.(*slackevents.EventsAPICallbackEvent).EventID}
		}
	})
	if err := f.Break(slackfake.Fault{Kind: slackfake.Duplicate, Method: "app_mention"}); err != nil {
		t.Fatal(err)
	}
	f.Person(lin).Say(ops, "@switchman hello", "")
	first, second := <-heard, <-heard
	if first.event != second.event || first.envelope == second.envelope {
		t.Errorf("came as %v and %v", first, second)
	}
}

// TestRefreshOne: with two sockets nothing is lost while one of them is exchanged.
func TestRefreshOne(t *testing.T) {
	f := start(t, slackfake.Options{})
	f.connect(t, ackAll)
	f.connect(t, ackAll)
	for range 20 {
		opened := f.Stats().Opened
		if err := f.Break(slackfake.Fault{Kind: slackfake.RefreshOne}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "" {
				t.Fatalf("during a refresh: %+v", act)
			}
		}
		if err := f.Await(t.Context(), func() bool { return f.Stats().Opened > opened }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPage(t *testing.T) {
	f := start(t, slackfake.Options{})
	get := func(path string) *http.Response {
		t.Helper()
		r, err := f.http.Get(f.base + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Body.Close() })
		return r
	}
	for path, kind := range map[string]string{"/": "text/html", "/_page/app.js": "javascript", "/_page/blocks.js": "javascript", "/_page/style.css": "text/css"} {
		r := get(path)
		if !strings.Contains(r.Header.Get("Content-Type"), kind) || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %s %v", path, r.Status, r.Header)
		}
	}
	var space struct {
		Channels []struct{ Name string }
		People   []struct{ ID string }
		Tokens   string `json:"bot_token"`
	}
	if json.NewDecoder(get("/_page/workspace?user="+guest).Body).Decode(&space) != nil || len(space.Channels) != 1 || space.Channels[0].Name != "with-vendor" || len(space.People) < 20 || space.Tokens != "" {
		t.Errorf("a guest sees %+v", space)
	}
	live := bufio.NewScanner(get("/_page/live").Body)
	next := func() string {
		for live.Scan() {
			if data, ok := strings.CutPrefix(live.Text(), "data: "); ok {
				return data
			}
		}
		return ""
	}
	if got := next(); got != "hello" {
		t.Errorf("the stream begins with %q", got)
	}
	f.Person(lin).Say(ops, "news", "")
	if got := next(); got != ops {
		t.Errorf("the stream tells of %q", got)
	}
}

// TestSchemaIsOfItsTypes: who takes newer types has to generate the schema anew.
func TestSchemaIsOfItsTypes(t *testing.T) {
	var pack struct {
		Dev map[string]string `json:"devDependencies"`
	}
	var made struct {
		From map[string]string `json:"x-from"`
	}
	for name, v := range map[string]any{"schema/package.json": &pack, "schema/blocks.json": &made} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatal(err)
		}
	}
	if want := pack.Dev["@slack/types"]; want == "" || made.From["@slack/types"] != want {
		t.Errorf("blocks.json is made from @slack/types %q, package.json wants %q: npm ci && npm run generate in schema/", made.From["@slack/types"], want)
	}
}
