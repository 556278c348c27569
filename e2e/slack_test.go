package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const room = "C0OPS0001"

var accounts = map[string]string{"ann": "U0TINY001", "bob": "U0TINY002", "cat": "U0TINY003", "dan": "U0TINY004", "eve": "U0TINY005"}

// workspace is a Slack with the tiny bank's people in it, and the app in its channel.
type workspace struct {
	*scene
	slack *slackfake.Server
	more  []string // settings of the app
	url   string   // of the Web API
}

func newWorkspace(t *testing.T, point func(string)) *workspace {
	t.Helper()
	return openWorkspace(t, slackfake.Options{Channels: []slackfake.Channel{{ID: room, Name: "ops"}}}, point, nil)
}

// openWorkspace opens a workspace of one's own making; edit may change the tiny bank's files before it opens.
func openWorkspace(t *testing.T, o slackfake.Options, point func(string), edit func(dir string)) *workspace {
	t.Helper()
	w := prepareWorkspace(t, o)
	if edit != nil {
		edit(w.dir)
	}
	w.open(point, w.more...)
	w.wait("a socket", func() bool { return w.slack.Stats().Sockets > 0 })
	return w
}

// prepareWorkspace is one without an app yet.
func prepareWorkspace(t *testing.T, o slackfake.Options) *workspace {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		o.Users = append(o.Users, slackfake.User{ID: accounts[name], Name: name, RealName: name, Locale: "en-US"})
	}
	o.Users = append(o.Users, slackfake.User{ID: "U0GUEST01", Name: "guest", RealName: "Guest", Restricted: true})
	sc := prepareScene(t)
	o.Clock = sc.clock.clock()
	o.Scopes, o.Events = manifest(t)
	w := &workspace{scene: sc, slack: slackfake.New(o)}
	h := httptest.NewServer(w.slack)
	t.Cleanup(h.Close)
	t.Cleanup(w.slack.Close)
	app := w.slack.App()
	w.more = []string{"SWITCHMAN_SLACK_BOT_TOKEN=" + app.BotToken, "SWITCHMAN_SLACK_APP_TOKEN=" + app.AppToken, "SWITCHMAN_SLACK_CHANNEL=" + room,
		"SWITCHMAN_SLACK_URL=" + h.URL + "/api/", "SWITCHMAN_CONSOLE_URL=https://dr.tiny.example"}
	w.url = h.URL + "/api/"
	return w
}

// manifest is what the app is allowed and hears of when it is made as docs/slack.md says.
func manifest(t *testing.T) (scopes, events []string) {
	t.Helper()
	raw, err := os.ReadFile("../deploy/slack-manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := slackfake.ReadManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m.OAuth.Scopes.Bot, m.Settings.Events.Bot
}

func (w *workspace) wait(what string, ok func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	if err := w.slack.Await(ctx, ok); err != nil {
		w.Fatalf("waiting for %s: %v", what, err)
	}
}

// hurry waits for something the app does in its own time, and has that time pass.
func (w *workspace) hurry(what string, ok func() bool) {
	w.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-look.C:
			w.clock.advance(100 * time.Millisecond)
		case <-late:
			lines := ""
			for _, m := range w.seen("ann") {
				lines += m.TS + " " + m.Text + "\n"
			}
			w.Fatalf("it never came true: %s\n%s", what, lines)
		}
	}
}

func (w *workspace) seen(who string) []slackfake.Seen {
	w.Helper()
	all, err := w.slack.Person(account(who)).Messages(room)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// wall is everything somebody sees, for messages of tests.
func (w *workspace) wall(who string) string {
	var b strings.Builder
	for _, m := range w.seen(who) {
		b.WriteString(m.TS + " " + m.Text + "\n" + string(m.Blocks) + "\n")
	}
	return b.String()
}

// button finds the newest message with an action of that name that somebody sees.
func (w *workspace) button(who, name string) (m slackfake.Seen, action, block string, ok bool) {
	for _, m := range slices.Backward(w.seen(who)) {
		var blocks []struct {
			Block    string `json:"block_id"`
			Elements []struct {
				Action string `json:"action_id"`
			} `json:"elements"`
		}
		if json.Unmarshal(m.Blocks, &blocks) != nil {
			continue
		}
		for _, b := range blocks {
			for _, e := range b.Elements {
				if _, id, found := strings.Cut(e.Action, ":"); found && id == name && !strings.HasPrefix(e.Action, "link:") {
					return m, e.Action, b.Block, true
				}
			}
		}
	}
	return m, "", "", false
}

// click presses it once it is there.
func (w *workspace) click(who, name string) {
	w.Helper()
	var m slackfake.Seen
	var action, block string
	w.hurry(who+"'s button "+name, func() (ok bool) { m, action, block, ok = w.button(who, name); return ok })
	if act := w.slack.Person(account(who)).Click(w.Context(), slackfake.Press{Channel: room, TS: m.TS, Action: action, Block: block}); act.Error != "" {
		w.Fatalf("%s pressed %s: %s", who, name, act.Error)
	}
}

func (w *workspace) slash(who, text string) {
	w.Helper()
	if act := w.slack.Person(account(who)).Slash(w.Context(), room, "/dr", text); act.Error != "" {
		w.Fatalf("%s typed /dr %s: %s", who, text, act.Error)
	}
}

// startDialog presses start until the dialog is there: facts that have grown old meanwhile are gathered first.
func (w *workspace) startDialog(who string) slackfake.View {
	w.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for range 5 {
		w.click(who, "start")
		for late := time.Now().Add(2 * time.Second); time.Now().Before(late); <-look.C {
			if all := w.slack.Person(account(who)).Views(); len(all) > 0 {
				return all[len(all)-1]
			}
		}
	}
	w.Fatal("no dialog to start in")
	return slackfake.View{}
}

// dialog is the one that is open before somebody.
func (w *workspace) dialog(who string) slackfake.View {
	w.Helper()
	var v slackfake.View
	w.wait("a dialog before "+who, func() bool {
		all := w.slack.Person(account(who)).Views()
		if len(all) > 0 {
			v = all[len(all)-1]
		}
		return len(all) > 0
	})
	return v
}

func (w *workspace) run(state ...dr.State) (id string) {
	w.Helper()
	w.eventually("a run", func() bool {
		all, err := w.app.Engine.List(w.Context(), dr.Actor{}, fsm.Filter{Limit: 1})
		if err != nil || len(all) == 0 {
			return false
		}
		id = all[0].ID
		return len(state) == 0 || slices.Contains(state, all[0].State)
	})
	return id
}

// drillByClicks carries a run from the request's button to its end, all in Slack but for the issue of the code.
func (w *workspace) startByClicks(run string) {
	w.Helper()
	w.click("bob", "approve")
	w.click("cat", "approve")
	await(w, w.app, run, dr.AwaitingCode)
	issued, err := w.app.Engine.IssueCode(w.Context(), dr.Actor{Person: "dan", Surface: "console"}, run)
	if err != nil {
		w.Fatal(err)
	}
	v := w.startDialog("ann")
	wrong := w.slack.Person(accounts["ann"]).Submit(w.Context(), v.ID, slackfake.Values{"code": {"v": "DRC-AAAA-AAAA-AAAA-A"}})
	if wrong.Errors["code"] == "" {
		w.Fatalf("a wrong code: %+v", wrong)
	}
	if act := w.slack.Person(accounts["ann"]).Submit(w.Context(), v.ID, slackfake.Values{"code": {"v": issued.Code.Reveal()}}); act.Error != "" || len(act.Errors) > 0 {
		w.Fatalf("the code: %+v", act)
	}
	w.slack.Person(accounts["ann"]).CloseView(w.Context(), w.dialog("ann").ID)
	if strings.Contains(w.wall("ann"), issued.Code.Reveal()) {
		w.Error("the code is on the wall")
	}
}

// The whole story by clicks: asked for, agreed to, started, brought home.
func TestSlackStory(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.slash("ann", `request move drill "spring drill"`)
	run := w.run(dr.AwaitingApproval)
	w.startByClicks(run)
	await(w, w.app, run, dr.AtStandby)
	w.slash("ann", "switchback "+run+" evening")
	var back string
	w.eventually("the way back", func() bool { back = w.run(); return back != run })
	await(w, w.app, back, dr.AwaitingApproval)
	w.startByClicks(back)
	await(w, w.app, back, dr.Closed)
	w.hurry("the news of the end", func() bool { return strings.Contains(w.wall("eve"), "closed") })
	seen := map[string]int{}
	for _, m := range w.seen("eve") {
		if m.App && !m.Ephemeral {
			seen[string(m.Metadata)]++
		}
	}
	for key, n := range seen {
		if n > 1 {
			t.Errorf("posted %d times: %s", n, key)
		}
	}
}

// refusals are the rules by which somebody was turned away in Slack.
func (w *workspace) refusals() (ids []string) {
	w.Helper()
	err := w.app.Store.Read(w.Context(), func(r *store.Reader) error {
		rows, _, err := r.Rows(w.Context(), 0, 10_000)
		ids = nil
		for _, row := range rows {
			var d dr.RefusalData
			if row.Kind == dr.RowRefusal && row.Surface == "slack" && json.Unmarshal(row.Data, &d) == nil {
				ids = append(ids, d.ID)
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return ids
}

// Nobody acts whom the roster does not name, or Slack does not vouch for; each is answered and journaled.
func TestSlackTurnsAway(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.slash("ann", `request move drill "spring drill"`)
	run := w.run(dr.AwaitingApproval)
	var m slackfake.Seen
	var action, block string
	w.hurry("the vote", func() (ok bool) { m, action, block, ok = w.button("bob", "approve"); return ok })
	press := slackfake.Press{Channel: room, TS: m.TS, Action: action, Block: block}
	bob := slackfake.User{ID: accounts["bob"], Name: "bob", RealName: "bob"}
	for _, c := range []struct {
		refusal string
		change  func(*slackfake.User)
		who     string
	}{
		{"slack_person_unknown", nil, "U0NOBODY1"},
		{"slack_account_guest", func(u *slackfake.User) { u.Restricted = true }, bob.ID},
		{"slack_account_guest", func(u *slackfake.User) { u.UltraRestricted = true }, bob.ID},
		{"slack_account_stranger", func(u *slackfake.User) { u.Stranger = true }, bob.ID},
	} {
		u := bob
		if c.change == nil {
			u = slackfake.User{ID: c.who, Name: "nobody", RealName: "nobody"}
		} else {
			c.change(&u)
		}
		w.slack.PutUser(u)
		w.clock.advance(time.Minute) // Slack's word is believed for seconds
		before := len(w.refusals())
		if act := w.slack.Person(c.who).Click(w.Context(), press); act.Error != "" {
			t.Fatalf("%s: %+v", c.refusal, act)
		}
		w.eventually("a refusal", func() bool { return len(w.refusals()) > before })
		if got := w.refusals(); got[len(got)-1] != c.refusal {
			t.Errorf("refused as %s, want %s", got[len(got)-1], c.refusal)
		}
	}
	w.slack.PutUser(bob)
	members := append(slices.Collect(maps.Values(accounts)), slackfake.TheApp)
	for _, c := range []slackfake.Channel{{ID: room, Name: "ops", ExtShared: true, Members: members}, {ID: room, Name: "ops", Pending: true, Members: members}} {
		w.slack.PutChannel(c)
		w.clock.advance(time.Minute)
		before := len(w.refusals())
		if act := w.slack.Person(bob.ID).Click(w.Context(), press); act.Error != "" {
			t.Fatalf("%+v: %+v", c, act)
		}
		w.eventually("a refusal", func() bool { return len(w.refusals()) > before })
		if got := w.refusals(); got[len(got)-1] != "slack_channel_shared" {
			t.Errorf("%+v: refused as %s", c, got[len(got)-1])
		}
	}
	if v := w.view(run); v.Round.Have != 0 {
		t.Errorf("%d votes counted", v.Round.Have)
	}
}

// A message whose answer is lost is looked for before it is posted again.
func TestSlackPostsOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	if err := w.slack.Break(slackfake.Fault{Kind: "lost_answer", Method: "chat.postMessage", Count: 2}); err != nil {
		t.Fatal(err)
	}
	w.slash("ann", `request move drill "spring drill"`)
	w.run(dr.AwaitingApproval)
	w.hurry("the vote", func() bool { _, _, _, ok := w.button("bob", "approve"); return ok })
	w.click("bob", "approve") // what comes after the board is said too
	w.eventually("everything said", func() bool {
		var open []store.Outgoing
		err := w.app.Store.Read(w.Context(), func(r *store.Reader) (err error) {
			open, err = r.DueOutbox(w.Context(), "slack/"+room, dr.At(time.Now().Add(time.Hour)), 100)
			return err
		})
		return err == nil && len(open) == 0
	})
	seen := map[string]int{}
	for _, m := range w.seen("eve") {
		if m.App && !m.Ephemeral {
			seen[string(m.Metadata)]++
		}
	}
	for key, n := range seen {
		if n > 1 {
			t.Errorf("posted %d times: %s", n, key)
		}
	}
	if len(seen) == 0 {
		t.Error("nothing was posted")
	}
}
