package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// private is what somebody sees in their talk with the app.
func (w *workspace) private(who string) []slackfake.Seen {
	w.Helper()
	all, err := w.slack.Person(account(who)).Messages(w.slack.App().BotUser)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// offers says whether blocks hold a button of that name that does something.
func offers(blocks json.RawMessage, name string) bool {
	text := string(blocks)
	return strings.Contains(text, `"do:`+name+`"`) || strings.Contains(text, `"ask:`+name+`"`)
}

// A run that has ended offers nothing any more, wherever it was shown: not on its board, not in anybody's own
// talk with the app, not on a card only one person saw. A click that comes too late is told so.
func TestSlackButtonsGo(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.slash("ann", `request move drill "spring drill"`)
	run := w.run(dr.AwaitingApproval)
	w.hurry("the vote", func() bool { _, _, _, ok := w.button("bob", "approve"); return ok })
	board, action, block, _ := w.button("bob", "approve")

	w.slack.Person(account("bob")).Say(w.slack.App().BotUser, "status "+run, "") // a board of his own
	w.hurry("bob's own board", func() bool {
		all := w.private("bob")
		return len(all) > 1 && offers(all[len(all)-1].Blocks, "deny")
	})
	w.slash("bob", "approve "+run) // and the question whether he means it
	w.hurry("bob's question", func() bool { m, _, _, ok := w.button("bob", "approve"); return ok && m.Ephemeral })
	w.click("bob", "approve")
	w.hurry("an answer in the place of the question", func() bool {
		m, _, _, _ := w.button("bob", "approve")
		return !m.Ephemeral && w.view(run).Round.Have == 1
	})
	own := len(w.private("bob"))
	w.do("cat", run, dr.VerbDeny, fsm.Args{Reason: "the batch runs", Nonce: w.view(run).Round.Nonce, Confirmed: true}) // elsewhere
	await(w, w.app, run, dr.Denied)
	w.hurry("no button anywhere", func() bool {
		for _, m := range append(w.seen("bob"), w.private("bob")...) {
			for _, name := range []string{"approve", "deny", "withdraw", "cancel", "preflight"} {
				if offers(m.Blocks, name) {
					return false
				}
			}
		}
		return true
	})
	if got := w.private("bob"); len(got) != own {
		t.Errorf("%d messages in bob's talk, was %d", len(got), own)
	}
	// Somebody whose screen is old presses all the same; Slack itself would hand such a click on.
	before := len(w.seen("eve"))
	late := slackfake.Press{Channel: room, TS: board.TS, Action: action, Block: block}
	if act := w.slack.Person(account("eve")).Click(w.Context(), late); act.Error != "no_such_element" {
		t.Errorf("the button is still there: %+v", act)
	}
	w.slash("eve", "approve "+run)
	w.hurry("a sentence", func() bool { // perhaps before the room hears that whoever was called has acted
		return slices.ContainsFunc(w.seen("eve")[before:], func(m slackfake.Seen) bool { return m.Ephemeral })
	})
}

// When a run has ended, its report lies below its board as a file, once, with a card beside it.
func TestSlackReport(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	if err := w.slack.Break(slackfake.Fault{Kind: "lost_answer", Method: "files.completeUploadExternal", Count: 1}); err != nil {
		t.Fatal(err)
	}
	run := w.drill("move", "")
	back := w.drill("move-back", run)
	await(w, w.app, run, dr.Closed)
	for _, id := range []string{run, back} {
		w.hurry("the card of the report of "+id, func() bool {
			return strings.Contains(w.wall("eve"), "The report is ready") && strings.Contains(w.wall("eve"), "report-"+id+".zip") || w.files(id) > 0
		})
	}
	w.clock.advance(time.Minute)
	if n := w.files(run); n != 1 {
		t.Errorf("the bundle was put up %d times", n)
	}
}

// files counts the messages that hold a run's bundle.
func (w *workspace) files(run string) (n int) {
	w.Helper()
	for _, m := range w.seen("eve") {
		raw, err := json.Marshal(m)
		if err != nil {
			w.Fatal(err)
		}
		n += strings.Count(string(raw), `"name":"report-`+run+`.zip"`)
	}
	return n
}

// chatty is a workspace whose app's every word is kept.
type chatty struct {
	*workspace
	said *loud
}

type loud struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *loud) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

// A code that was typed, into the form or a message, is in no file of the store and in no line of the log.
func TestSlackKeepsNoCode(t *testing.T) {
	t.Parallel()
	w := &chatty{workspace: newWorkspace(t, nil), said: &loud{}}
	if err := w.app.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := opening{dir: w.dir, path: toolPath(w, w.dir), clock: w.clock.clock(), instance: "here", more: w.more,
		log: slog.New(slog.NewTextHandler(w.said, &slog.HandlerOptions{Level: slog.LevelDebug}))}.start()
	if err != nil {
		t.Fatal(err)
	}
	w.app = a
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.wait("a socket", func() bool { return w.slack.Stats().Sockets > 0 })
	run := w.ready("move", "")
	var codes []string
	issue := func() string {
		issued, err := w.app.Engine.IssueCode(w.Context(), dr.Actor{Person: "dan", Surface: "console"}, run)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, issued.Code.Reveal())
		return issued.Code.Reveal()
	}
	w.slack.Person(account("ann")).Say(room, "here it is: "+issue(), "")
	w.hurry("the code is good no more", func() bool { return !w.view(run).CodeLive })
	issue()
	w.click("ann", "start")
	form := w.dialog("ann")
	posts := w.slack.Stats().Calls["chat.postMessage"]
	wrong := w.slack.Person(account("ann")).Submit(w.Context(), form.ID, slackfake.Values{"code": {"v": codes[0]}})
	if wrong.Errors["code"] == "" {
		t.Errorf("a code that was seen: %+v", wrong)
	}
	if now := w.slack.Stats().Calls["chat.postMessage"]; now != posts {
		t.Logf("%d messages were posted meanwhile", now-posts)
	}
	if act := w.slack.Person(account("ann")).Submit(w.Context(), form.ID, slackfake.Values{"code": {"v": codes[1]}}); act.Error != "" || len(act.Errors) > 0 {
		t.Fatalf("the code: %+v", act)
	}
	await(w, w.app, run, dr.AtStandby)
	for _, code := range codes {
		for _, form := range []string{code, strings.ReplaceAll(code, "-", ""), strings.TrimPrefix(code, "DRC-")} {
			w.nowhere(form)
		}
	}
}

// nowhere looks for a text in every file of the state directory and in the log.
func (w *chatty) nowhere(text string) {
	w.Helper()
	err := filepath.WalkDir(filepath.Join(w.dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToUpper(raw), []byte(text)) {
			w.Errorf("%s holds the code", path)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	w.said.mu.Lock()
	defer w.said.mu.Unlock()
	if bytes.Contains(bytes.ToUpper(w.said.Bytes()), []byte(text)) {
		w.Error("the log holds the code")
	}
}
