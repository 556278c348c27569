package e2e

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// What is chosen in the request's dialog changes what it says, and what was typed stays.
func TestSlackRequestDialog(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, nil)
	w.slash("ann", "request")
	ann := w.slack.Person(account("ann"))
	v := w.dialog("ann")
	first := string(v.Blocks)
	choose := func(field, option string) {
		t.Helper()
		if act := ann.Click(t.Context(), slackfake.Press{View: v.ID, Block: field, Action: "v", Option: option}); act.Error != "" {
			t.Fatalf("%s: %+v", field, act)
		}
	}
	says := func(what string, yes bool) {
		t.Helper()
		w.wait("the dialog says "+what, func() bool { return strings.Contains(string(w.dialog("ann").Blocks), what) == yes })
	}
	if act := ann.Click(t.Context(), slackfake.Press{View: v.ID, Block: "reason", Action: "v", Value: "to see it"}); act.Error != "" {
		t.Fatalf("%+v", act)
	}
	if strings.Contains(first, "East → West") {
		t.Error("it says where it goes before a plan is chosen")
	}
	choose("plan", "move")
	says("East → West", true)
	choose("mode", string(dr.Drill))
	says("votes: 2", true)
	choose("plan", "move-back")
	says("West → East", true)
	choose("plan", "move")
	says("West → East", false)
	now := w.dialog("ann")
	if got := fmt.Sprint(now.Values["reason"]["v"]); !strings.Contains(got, "to see it") {
		t.Errorf("what was typed is gone: %s", got)
	}
	if act := ann.Submit(t.Context(), v.ID, nil); act.Error != "" || len(act.Errors) > 0 {
		t.Fatalf("%+v", act)
	}
	if run := w.view(w.run(dr.AwaitingApproval)); run.Plan != "move" || run.Mode != dr.Drill || run.Reason != "to see it" {
		t.Errorf("%s %s %q", run.Plan, run.Mode, run.Reason)
	}
}

// The app's own page says what waits for its reader, is drawn anew when that changes, and its buttons work.
func TestSlackHome(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, nil)
	bob := w.slack.Person(account("bob"))
	page := func() string { v, _ := bob.Home(); return string(v.Blocks) }
	if act := bob.OpenHome(); act.Error != "" {
		t.Fatalf("%+v", act)
	}
	w.hurry("the page", func() bool { return strings.Contains(page(), "Nothing waits for you") })
	w.slash("ann", `request move drill "spring drill"`)
	run := w.run(dr.AwaitingApproval)
	w.hurry("the page asks for a vote", func() bool { return strings.Contains(page(), "approve@"+run) })
	v, _ := bob.Home()
	if act := bob.Click(t.Context(), slackfake.Press{View: v.ID, Action: "ask:approve@" + run}); act.Error != "" {
		t.Fatalf("%+v", act)
	}
	w.eventually("the vote", func() bool { return voted(w.view(run), "bob") })
	w.hurry("the page asks for it no more", func() bool {
		return !strings.Contains(page(), "approve@"+run) && strings.Contains(page(), "Nothing waits for you")
	})
	w.hurry("an answer for bob", func() bool { return strings.Contains(w.talk("bob"), "Your vote is in") })
}

// While the way back is under way, the board of the way out offers neither another one nor its end; when that
// comes to nothing, it offers both again.
func TestSlackParentBoard(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, nil)
	run := w.drill("move", "")
	board := func(back bool) {
		t.Helper()
		w.hurry("the board of the way out", func() bool {
			for _, m := range w.seen("eve") {
				if strings.Contains(string(m.Metadata), "board/"+run) && strings.Contains(m.Text, "at the standby site") {
					return offers(m.Blocks, "switchback") == back && offers(m.Blocks, "close") == back
				}
			}
			return false
		})
	}
	board(true)
	w.slash("ann", "switchback "+run+" evening")
	var back string
	w.eventually("the way back", func() bool { back = w.run(); return back != run })
	await(w, w.app, back, dr.AwaitingApproval)
	board(false)
	w.slash("ann", "cancel "+back+" not tonight")
	await(w, w.app, back, dr.Cancelled)
	board(true)
}

// A wrong code is answered in the dialog and nowhere else: no channel and no talk hears of it. The board
// counts the tries.
func TestSlackWrongCode(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, nil)
	run := w.ready("move", "")
	_, err := w.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "console"}, run)
	other, wrong := approval.NewCode(rand.Reader)
	if err := errors.Join(err, wrong); err != nil {
		t.Fatal(err)
	}
	w.boardSays(run, "waiting for its code")
	v := w.startDialog("ann")
	w.settled()
	before := w.everything()
	calls := w.slack.Stats().Calls
	act := w.slack.Person(account("ann")).Submit(t.Context(), v.ID, slackfake.Values{"code": {"v": other.Reveal()}})
	if act.Errors["code"] == "" {
		t.Fatalf("a wrong code: %+v", act)
	}
	w.hurry("the board counts", func() bool { return strings.Contains(w.wall("eve"), `Tries left\n4`) })
	w.settled()
	if after := w.everything(); after != before {
		t.Errorf("%d messages were there before, %d now", before, after)
	}
	now := w.slack.Stats().Calls
	for _, method := range []string{"chat.postMessage", "chat.postEphemeral", "files.completeUploadExternal"} {
		if now[method] != calls[method] {
			t.Errorf("%s was called", method)
		}
	}
}

// everything counts what anybody sees anywhere.
func (w *workspace) everything() (n int) {
	w.Helper()
	for who := range accounts {
		n += len(w.seen(who)) + len(w.private(who))
	}
	return n
}
