package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// quickWorkspace is a workspace whose Slack takes messages as fast as they come.
func quickWorkspace(t *testing.T, point func(string), edit func(dir string)) *workspace {
	t.Helper()
	return openWorkspace(t, slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: room, Name: "ops"}}}, point, edit)
}

// boardSays waits until a run's board on the wall says something.
func (w *workspace) boardSays(run, what string) {
	w.Helper()
	w.hurry("the board of "+run+" says "+what, func() bool {
		for _, m := range w.seen("eve") {
			if strings.Contains(string(m.Metadata), "board/"+run) {
				return strings.Contains(m.Text, what)
			}
		}
		return false
	})
}

// postedOnce fails on any message that is on the wall twice.
func (w *workspace) postedOnce() {
	w.Helper()
	seen := map[string]int{}
	for _, m := range w.seen("eve") {
		if m.App && !m.Ephemeral && len(m.Metadata) > 0 {
			if seen[string(m.Metadata)]++; seen[string(m.Metadata)] == 2 {
				w.Errorf("posted twice: %s %s", m.Text, m.Metadata)
			}
		}
	}
	if len(seen) == 0 {
		w.Error("nothing was posted")
	}
}

// newsOf counts the news about a run that hold some words.
func (w *workspace) newsOf(words string) (n int) {
	w.Helper()
	for _, m := range w.seen("eve") {
		if m.App && m.Thread != "" && strings.Contains(m.Text, words) {
			n++
		}
	}
	return n
}

// callFirst puts a step before all others that a person has to do.
func callFirst(t *testing.T) func(dir string) {
	return func(dir string) {
		path := filepath.Join(dir, "org", "plans", "move.yaml")
		raw, err := os.ReadFile(path)
		if err == nil {
			text := strings.Replace(string(raw), "steps:\n", "steps:\n  - {id: call, title: Call the branches, action: manual, with: {text: Call them.}, class: once}\n", 1)
			text = strings.Replace(text, "class: idempotent\n", "class: idempotent\n    needs: [call]\n", 1)
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// passes has ten minutes go by, in steps in which everybody does what they do every few seconds.
func (w *workspace) passes(d time.Duration) {
	w.Helper()
	until := w.clock.now().Add(d)
	w.eventually("time passes", func() bool {
		w.clock.advance(5 * time.Second)
		return w.clock.now().After(until)
	})
}

// Slack is gone from the middle of a switchover on, for ten minutes. People finish it elsewhere; once Slack
// is back, board, thread and journal tell the same, once.
func TestSlackOutage(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, callFirst(t))
	run := w.ready("move", "")
	w.boardSays(run, "waiting for its code")
	w.begin(run)
	w.eventually("the branches are to be called", func() bool { return w.view(run).State == dr.Running })
	w.boardSays(run, "running")
	w.hurry("the news of the start", func() bool { return w.newsOf("Ann has started it") == 1 })
	if err := w.slack.Break(slackfake.Fault{Kind: slackfake.Outage}); err != nil {
		t.Fatal(err)
	}
	shown := len(w.seen("eve"))
	w.passes(10 * time.Minute)
	if w.view(run).State == dr.Paused { // a machine too busy to keep its lease meanwhile
		w.do("ann", run, dr.VerbResume, fsm.Args{})
	}
	w.do("ann", run, dr.VerbDone, fsm.Args{Step: "call", Reason: "all know"})
	await(w, w.app, run, dr.AtStandby)
	w.do("ann", run, dr.VerbClose, fsm.Args{Reason: "we stay in the west", Confirmed: true})
	w.eventually("the run has ended", func() bool { return w.view(run).State.Ended() })
	if n := len(w.seen("eve")); n != shown {
		t.Errorf("%d messages came while Slack was gone", n-shown)
	}
	w.slack.Mend()
	w.boardSays(run, "closed")
	w.hurry("the news of the end", func() bool { return w.newsOf("The run has ended") == 1 })
	for news, n := range map[string]int{"Bob approves": 1, "Cat approves": 1, "Ann has started it": 1, "All systems serve": 1} {
		if got := w.newsOf(news); got != n {
			t.Errorf("%q is told %d times", news, got)
		}
	}
	w.postedOnce()
	w.inOrder()
}

// inOrder fails where the thread tells things in another order than the journal.
func (w *workspace) inOrder() {
	w.Helper()
	last := ""
	for _, m := range w.seen("eve") {
		_, key, ofRow := strings.Cut(string(m.Metadata), "/row/")
		if !ofRow || m.Thread == "" || strings.HasPrefix(key, "once/") { // what is told once has a key of its own
			continue
		}
		if key < last {
			w.Errorf("out of order: %s (%s after %s)", m.Text, key, last)
		}
		last = key
	}
}

// One run, half in Slack and half by the console's way: a vote counts wherever it was given, and both places
// show the same.
func TestSlackAndConsole(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, nil)
	w.slash("ann", `request move drill "half and half"`)
	run := w.run(dr.AwaitingApproval)
	w.click("bob", "approve")
	w.eventually("Bob's vote", func() bool { return voted(w.view(run), "bob") })
	v := w.view(run)
	console := func(who string, verb dr.Verb, args fsm.Args) {
		t.Helper()
		if _, err := w.app.Engine.Do(t.Context(), dr.Actor{Person: who, Surface: "console"}, run, verb, args); err != nil {
			t.Fatalf("%s %s: %v", who, verb, err)
		}
	}
	console("cat", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	await(w, w.app, run, dr.AwaitingCode)
	issued, err := w.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "console"}, run)
	if err != nil {
		t.Fatal(err)
	}
	w.boardSays(run, "waiting for its code")
	w.click("ann", "start")
	if act := w.slack.Person(account("ann")).Submit(t.Context(), w.dialog("ann").ID, slackfake.Values{"code": {"v": issued.Code.Reveal()}}); act.Error != "" || len(act.Errors) > 0 {
		t.Fatalf("the code: %+v", act)
	}
	await(w, w.app, run, dr.AtStandby)
	console("ann", dr.VerbClose, fsm.Args{Reason: "we stay", Confirmed: true})
	w.boardSays(run, "closed")
	w.hurry("the end is told", func() bool { return w.newsOf("The run has ended") == 1 })
	w.postedOnce()
	rows, err := journalRows(t.Context(), w.app, run)
	if err != nil {
		t.Fatal(err)
	}
	through := map[string]string{}
	for _, r := range rows {
		if r.Kind == dr.RowVote || r.Kind == dr.RowStarted {
			through[r.Actor] = r.Surface
		}
	}
	if through["bob"] != "slack" || through["cat"] != "console" || through["ann"] != "slack" {
		t.Errorf("through %v", through)
	}
}

// crashAfterVote: the app dies between a vote's commit and its acknowledgement; the person presses again, and the vote
// counts once.
func crashAfterVote(t *testing.T, database func(testing.TB) string, points ...string) {
	t.Parallel()
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			o := &ordeal{owed: map[string]int{}, before: map[string]int{}}
			o.workspace = prepareWorkspace(t, slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: room, Name: "ops"}}})
			o.scene.url, o.waits = database(t), 3*patience // on PostgreSQL another server could be at what was begun, so it is left for 20 s
			o.open(o.point, o.more...)
			o.until("a socket", func() bool { return o.slack.Stats().Sockets > 0 })
			run := o.ready1()
			b := button{}
			o.hurry("the board", func() (ok bool) { b, ok = o.onBoard(run, "approve"); return ok })
			if err := o.slack.Break(slackfake.Fault{Kind: slackfake.LostAck, Method: "block_actions", Count: 1}); err != nil {
				t.Fatal(err)
			}
			o.arm(point, 1)
			defer o.pace()()
			first := o.slack.Person(account("bob")).Click(t.Context(), slackfake.Press{Channel: room, TS: b.ts, Action: b.action, Block: b.block})
			if first.Error == "" && point != "worked" { // which is passed when the acknowledgement is long out
				t.Error("the press was acknowledged")
			}
			o.until("the app is back", func() bool { return o.crashes == 1 && o.slack.Stats().Sockets > 0 })
			o.until("the press gets through", func() bool {
				return o.slack.Person(account("bob")).Click(t.Context(), slackfake.Press{Channel: room, TS: b.ts, Action: b.action, Block: b.block}).Error == ""
			})
			o.settled()
			rows, err := journalRows(t.Context(), o.app, run)
			if err != nil {
				t.Fatal(err)
			}
			if n, v := countKind(rows, dr.RowVote), o.view(run); n != 1 || v.Round.Have != 1 {
				t.Errorf("%d votes journaled, %d counted", n, v.Round.Have)
			}
			if o.whispers("bob") == 0 {
				t.Error("Bob was told nothing")
			}
		})
	}
}

func TestFault03CrashAfterVote(t *testing.T) {
	crashAfterVote(t, func(testing.TB) string { return "" }, "stored", "after_decision", "worked")
}

// TestFault03CrashAfterVotePostgres does the same on PostgreSQL, with every point in a soak.
func TestFault03CrashAfterVotePostgres(t *testing.T) {
	points := []string{"after_decision"}
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		points = append(points, "stored", "worked")
	}
	crashAfterVote(t, storetest.Postgres, points...)
}

// ready1 asks for a run that waits for votes.
func (o *ordeal) ready1() string {
	o.Helper()
	v, err := o.app.Engine.Request(o.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "crash"})
	if err != nil {
		o.Fatal(err)
	}
	await(o, o.app, v.ID, dr.AwaitingApproval)
	return v.ID
}
