package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// places beside the team's own channel.
const (
	hall   = "C0HALL001" // the app is there, and runs are not told there
	vendor = "C0VENDOR1" // shared with another organisation
	attic  = "C0ATTIC01" // the app is not there
)

// account is somebody's Slack id; who is none of the tiny bank's people is named by it.
func account(who string) string {
	for _, known := range []map[string]string{accounts, more} {
		if id := known[who]; id != "" {
			return id
		}
	}
	return who
}

// more are people who have accounts in the siege only.
var more = map[string]string{"fay": "U0TINY006", "gil": "U0TINY007", "hal": "U0TINY008", "bob2": "U0TINY009", "ivy": "U0TINY010"}

// siege is the tiny bank with runs in it that people want to get at: one that waits for votes, or later for
// its code, one outside drills that waits for words, and one that is over.
type siege struct {
	*workspace
	drill, real, gone string
	code              string // of the drill, once there is one
	old               button // approves the run that is over
	act               slackfake.Act
	serial            int
}

// button is one element on a message, as whoever reads the channel's history knows it.
type button struct{ channel, ts, action, block, value string }

func newSiege(t *testing.T) *siege {
	t.Helper()
	o := slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: room, Name: "ops"}, {ID: hall, Name: "hall"},
		{ID: vendor, Name: "vendor", ExtShared: true}, {ID: attic, Name: "attic", Members: slices.Collect(maps.Values(accounts))}}}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		o.Users = append(o.Users, slackfake.User{ID: more[name], Name: name, RealName: name})
	}
	s := &siege{workspace: openWorkspace(t, o, nil, func(dir string) {
		file := filepath.Join(dir, "org", "roster.yaml")
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for name, id := range more {
			text = strings.Replace(text, "{id: "+name+", ", "{id: "+name+", slack: "+id+", ", 1)
		}
		text += "  - {id: ivy, name: Ivy, slack: U0TINY010, human: \"10\", roles: [approver], teams: [business], disabled: true}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	})}
	s.gone = s.request("core", dr.Drill)
	s.old = s.find("bob", s.gone, "approve")
	s.do("ann", s.gone, dr.VerbCancel, fsm.Args{})
	await(s, s.app, s.gone, dr.Cancelled)
	s.drill, s.real = s.request("core", dr.Drill), s.request("cards", dr.Emergency)
	s.find("bob", s.drill, "approve")
	s.find("bob", s.real, "approve")
	return s
}

func (s *siege) request(system string, mode dr.Mode) string {
	s.Helper()
	v, err := s.app.Engine.Request(s.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: "move", Mode: mode, Systems: []string{system}, Reason: "siege"})
	if err != nil {
		s.Fatal(err)
	}
	await(s, s.app, v.ID, dr.AwaitingApproval)
	return v.ID
}

// find is a button on a run's board, once it is there.
func (s *siege) find(who, run, name string) (b button) {
	s.Helper()
	s.hurry(name+" on the board of "+run, func() bool {
		for _, m := range s.seen(who) {
			if m.Ephemeral || m.Thread != "" || !strings.Contains(string(m.Metadata), "board/"+run) {
				continue
			}
			if got, ok := buttonOf(room, m, name); ok {
				b = got
				return true
			}
		}
		return false
	})
	return b
}

// whispered is the newest button with that name that only this person sees.
func (s *siege) whispered(who, name string) (b button) {
	s.Helper()
	s.hurry(name+" whispered to "+who, func() bool {
		for _, m := range slices.Backward(s.seen(who)) {
			if got, ok := buttonOf(room, m, name); ok && m.Ephemeral {
				b = got
				return true
			}
		}
		return false
	})
	return b
}

func buttonOf(channel string, m slackfake.Seen, name string) (button, bool) {
	var blocks []struct {
		Block    string `json:"block_id"`
		Elements []struct {
			Action string `json:"action_id"`
			Value  string `json:"value"`
		} `json:"elements"`
	}
	if json.Unmarshal(m.Blocks, &blocks) != nil {
		return button{}, false
	}
	for _, b := range blocks {
		for _, e := range b.Elements {
			if kind, id, _ := strings.Cut(e.Action, ":"); id == name && kind != "link" {
				return button{channel: channel, ts: m.TS, action: e.Action, block: b.Block, value: e.Value}, true
			}
		}
	}
	return button{}, false
}

// press presses a button as a person does.
func (s *siege) press(who string, b button) {
	s.Helper()
	s.act = s.slack.Person(account(who)).Click(s.Context(), slackfake.Press{Channel: b.channel, TS: b.ts, Action: b.action, Block: b.block})
	if s.act.Error != "" {
		s.Fatalf("%s pressed %s: %s", who, b.action, s.act.Error)
	}
}

func (s *siege) types(who, channel, text string) {
	s.Helper()
	if s.act = s.slack.Person(account(who)).Slash(s.Context(), channel, "/dr", text); s.act.Error != "" {
		s.Fatalf("%s typed /dr %s: %s", who, text, s.act.Error)
	}
}

// says writes a message; thread may be empty.
func (s *siege) says(who, channel, text, thread string) {
	s.Helper()
	if s.act = s.slack.Person(account(who)).Say(channel, text, thread); s.act.Error != "" {
		s.Fatalf("%s said %q: %s", who, text, s.act.Error)
	}
}

func (s *siege) mention(text string) string { return "<@" + s.slack.App().BotUser + "> " + text }

// opens has a person open a button's form, alone before them.
func (s *siege) opens(who string, b button) slackfake.View {
	s.Helper()
	s.press(who, b)
	s.settled()
	return s.dialog(who)
}

func (s *siege) submits(who string, v slackfake.View, values map[string]string) {
	s.Helper()
	in := slackfake.Values{}
	for name, value := range values {
		in[name] = map[string]any{"v": value}
	}
	if s.act = s.slack.Person(account(who)).Submit(s.Context(), v.ID, in); s.act.Error != "" {
		s.Fatalf("%s sent a form: %s %v", who, s.act.Error, s.act.Errors)
	}
}

// object is a payload or a part of one.
type object = map[string]any

func (s *siege) next() string {
	s.serial++
	return fmt.Sprintf("%d.%06d", time.Now().Unix(), s.serial)
}

// clicked is the payload of a press, as Slack would write it; change makes it a forged one.
func (s *siege) clicked(who string, b button, change ...func(object)) object {
	o := object{"type": "block_actions", "token": "verification-token", "api_app_id": s.slack.App().ID, "trigger_id": s.next(),
		"team": object{"id": "T0HARBOR1", "domain": "harbor-bank"}, "user": object{"id": account(who), "username": "x", "name": "x", "team_id": "T0HARBOR1"},
		"container": object{"type": "message", "message_ts": b.ts, "channel_id": b.channel, "is_ephemeral": false},
		"channel":   object{"id": b.channel, "name": "ops"}, "response_url": "",
		"actions": []object{{"type": "button", "action_id": b.action, "block_id": b.block, "value": b.value, "action_ts": s.next()}}}
	for _, f := range change {
		f(o)
	}
	return o
}

// sent is the payload of a form, as Slack would write it.
func (s *siege) sent(who, view, private string, values map[string]string) object {
	state := object{}
	for name, value := range values {
		state[name] = object{"v": object{"type": "plain_text_input", "value": value}}
	}
	return object{"type": "view_submission", "token": "verification-token", "api_app_id": s.slack.App().ID, "trigger_id": s.next(),
		"team": object{"id": "T0HARBOR1", "domain": "harbor-bank"}, "user": object{"id": account(who), "username": "x", "name": "x", "team_id": "T0HARBOR1"},
		"view": object{"id": view, "team_id": "T0HARBOR1", "type": "modal", "callback_id": "form", "private_metadata": private, "hash": "1.x", "root_view_id": view,
			"title": object{"type": "plain_text", "text": "x"}, "blocks": []object{}, "state": object{"values": state}},
		"response_urls": []object{}}
}

// forges delivers something made up.
func (s *siege) forges(kind string, payload object) {
	s.Helper()
	if s.act = s.slack.Deliver(s.Context(), kind, payload); s.act.Error != "" {
		s.Fatalf("nobody took the envelope: %s", s.act.Error)
	}
}

// event is a message somebody did not write in the ordinary way.
func (s *siege) event(inner object) object {
	return object{"token": "verification-token", "team_id": "T0HARBOR1", "api_app_id": s.slack.App().ID, "event": inner, "type": "event_callback",
		"event_id": "Ev" + s.next(), "event_time": time.Now().Unix()}
}

// settled waits until everything Slack has is taken, and everything taken is answered.
func (w *workspace) settled() {
	w.Helper()
	w.eventually("everything is answered", func() bool {
		if w.slack.Stats().Waiting > 0 {
			return false
		}
		var open []store.InboxEvent
		err := w.app.Store.Read(w.Context(), func(r *store.Reader) (err error) {
			open, err = r.OpenInbox(w.Context(), 10)
			return err
		})
		return err == nil && len(open) == 0
	})
}

// still waits until the engine has done what the time that passed asks for.
func (s *siege) still() {
	s.Helper()
	last := int64(-1)
	s.eventually("nothing happens", func() bool {
		head := s.head()
		for _, run := range []string{s.drill, s.real} {
			head += s.view(run).Version
		}
		same := head == last
		last = head
		return same
	})
}

// stands is what must not change: every run, its round, its votes and whether it has a code.
func (s *siege) stands() string {
	s.Helper()
	all, err := s.app.Engine.List(s.Context(), dr.Actor{}, fsm.Filter{Limit: 50})
	if err != nil {
		s.Fatal(err)
	}
	var b strings.Builder
	for _, one := range all {
		v := s.view(one.ID)
		fmt.Fprintf(&b, "%s %s%s round %d votes %d", v.ID, v.State, v.Pause, v.Round.Number, v.Round.Have)
		for _, vote := range v.Round.Votes {
			fmt.Fprintf(&b, " %s:%s", vote.Person, vote.Verdict)
		}
		fmt.Fprintf(&b, " code %v tries %d\n", v.CodeLive, v.CodeLeft)
	}
	return b.String()
}

// told is everything the app says to one person alone: whispers, direct messages, dialogs.
func (s *siege) told(who string) string {
	s.Helper()
	var b strings.Builder
	p := s.slack.Person(account(who))
	for _, place := range []string{room, hall, vendor, attic, s.slack.App().BotUser} {
		all, err := p.Messages(place)
		if err != nil {
			continue // they are not let in there
		}
		for _, m := range all {
			if m.App && (m.Ephemeral || place == s.slack.App().BotUser) {
				fmt.Fprintf(&b, "%s %s %s\n", m.TS, m.Text, m.Blocks)
			}
		}
	}
	for _, v := range p.Views() {
		fmt.Fprintf(&b, "%s %s %s\n", v.ID, v.Title, v.Blocks)
	}
	return b.String()
}

// rows are the journal's rows since one.
func (s *siege) rows(since int64) (rows []dr.Row) {
	s.Helper()
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) (err error) {
		rows, _, err = r.Rows(s.Context(), since, 10_000)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return rows
}

func (s *siege) head() (size int64) {
	s.Helper()
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) error {
		h, err := r.Head(s.Context())
		size = h.Size
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return size
}

// issue gives the drill a new code.
func (s *siege) issue() {
	s.Helper()
	issued, err := s.app.Engine.IssueCode(context.WithoutCancel(s.Context()), dr.Actor{Person: "hal", Surface: "cli"}, s.drill)
	if err != nil {
		s.Fatal(err)
	}
	s.code = issued.Code.Reveal()
}

// posts puts a copy of a button into a channel, as whoever stole a token does.
func (s *siege) posts(token, channel string, b button) button {
	s.Helper()
	blocks, err := json.Marshal([]object{{"type": "actions", "block_id": b.block, "elements": []object{
		{"type": "button", "action_id": b.action, "value": b.value, "text": object{"type": "plain_text", "text": "Say thanks"}}}}})
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.PostForm(s.workspace.url+"chat.postMessage", url.Values{"token": {token}, "channel": {channel}, "text": {"Lunch is here"}, "blocks": {string(blocks)}})
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	var got struct {
		OK    bool
		Error string
		TS    string
	}
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !got.OK {
		s.Fatalf("posting: %v %s", err, got.Error)
	}
	b.channel, b.ts = channel, got.TS
	return b
}

// edit changes a file of the tiny bank.
func (s *siege) edit(file, old, new string) {
	s.Helper()
	path := filepath.Join(s.dir, "org", file)
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), old, new)), 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.clock.advance(2 * time.Second) // files are looked at once a second
}
