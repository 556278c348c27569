package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/store"
)

const partners = "C0PART001" // a channel people from outside read

// runbooks are on the tiny bank's shelf: for everybody inside, for commanders, for everybody at all.
var runbooks = map[string]string{
	"lag.md": "---\ntitle: Replication lag\naudience: internal\nowner: operations\nreviewed: 2026-10-01\n---\n# Replication lag\n\n## See how far a standby is behind\n\n" +
		"Ask the primary for the lag of each standby:\n\n```sql\nSELECT client_addr, replay_lag FROM pg_stat_replication;\n```\n\n## Stop the batch that causes the lag\n\n1. Find the batch on the primary.\n2. Pause it; do not kill it.\n",
	"glass.md":  "---\ntitle: Break glass\naudience: role:commander\nowner: business\n---\n# Break glass\n\n## Open the envelope\n\nThe envelope with the emergency password lies in the vault on floor two, shelf nine.\n",
	"status.md": "---\ntitle: Service status\naudience: public\n---\n# Service status\n\n## Where customers look\n\nCustomers read the status page for maintenance windows.\n",
}

// library is a workspace with runbooks, and a channel besides that people from outside read.
func library(t *testing.T) *workspace {
	t.Helper()
	o := slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: room, Name: "ops"}, {ID: partners, Name: "partners"},
		{ID: attic, Name: "attic", Members: slices.Collect(maps.Values(accounts))}}}
	w := openWorkspace(t, o, nil, func(dir string) {
		put := func(name, text string) {
			path := filepath.Join(dir, "org", name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range runbooks {
			put("runbooks/"+name, text)
		}
		for i := range 60 { // among many runbooks a word that few of them have says something
			put(fmt.Sprintf("runbooks/more/%02d.md", i), fmt.Sprintf("# Topic %d\n\nDevice number%d answers to its own page, gadget%d.\n", i, i, i))
		}
		raw, err := os.ReadFile(filepath.Join(dir, "org", "organisation.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		put("organisation.yaml", string(raw)+"channels: [{id: ops, audience: internal, slack: "+room+"}, {id: partners, audience: external, slack: "+partners+"}]\n")
	})
	return w
}

// says speaks in a channel, below another message if one is given, and returns what their own is called.
func (w *workspace) says(who, channel, text, thread string) string {
	w.Helper()
	act := w.slack.Person(account(who)).Say(channel, text, thread)
	if act.Error != "" {
		w.Fatalf("%s said %q: %s", who, text, act.Error)
	}
	return act.TS
}

// below are the app's messages in a thread as somebody sees them.
func (w *workspace) below(who, channel, thread string) (all []slackfake.Seen) {
	w.Helper()
	seen, err := w.slack.Person(account(who)).Messages(channel)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range seen {
		if m.App && m.Thread == thread {
			all = append(all, m)
		}
	}
	return all
}

// answers waits for the n-th answer in a thread to be whole, as eve sees it.
func (w *workspace) answers(channel, thread string, n int, want string) (m slackfake.Seen) {
	w.Helper()
	w.hurry("an answer that says "+want, func() bool {
		all := w.below("eve", channel, thread)
		if len(all) < n {
			return false
		}
		m = all[n-1]
		return strings.Contains(string(m.Blocks), want)
	})
	if m.Ephemeral {
		w.Errorf("only one person reads %s", m.Text)
	}
	return m
}

// read waits until the runbooks are read.
func (w *workspace) read() {
	w.Helper()
	w.hurry("the runbooks are read", func() bool {
		var books []store.Runbook
		err := w.app.Store.Read(w.Context(), func(r *store.Reader) (err error) {
			books, err = r.Runbooks(w.Context())
			return err
		})
		return err == nil && len(books) >= len(runbooks)+60
	})
}

const howFar = "<@%s> how do I see how far a standby is behind?"

// A question to the app in a channel is answered in its thread, for everybody there. Whoever asked goes on in
// that thread without naming the app, others by naming it, and what they ask keeps its subject. Whoever reads
// an answer may say what they think of it.
func TestSlackQuestions(t *testing.T) {
	t.Parallel()
	w := library(t)
	w.read()
	app := w.slack.App().BotUser
	thread := w.says("ann", room, fmt.Sprintf(howFar, app), "")
	first := w.answers(room, thread, 1, "replay_lag")
	w.says("ann", room, "and how do I stop the batch that causes it?", thread)
	w.answers(room, thread, 2, "do not kill it")
	w.says("ann", room, "who of us brings lunch for the night shift of tomorrow?", thread) // the runbooks don't know
	w.says("ann", room, "thank you", thread)                                               // no question
	w.says("bob", room, "and how do I ask for the lag?", thread)                           // to ann, not to the app
	w.says("bob", room, "<@"+app+"> and how do I ask for the lag?", thread)
	w.answers(room, thread, 3, "replay_lag")
	w.says("bob", room, "where do customers look for maintenance windows?", thread)
	w.answers(room, thread, 4, "status page")
	if all := w.below("cat", room, thread); len(all) != 4 {
		t.Errorf("%d answers to four questions: %+v", len(all), all)
	}
	for _, who := range []string{"ann", "eve"} {
		w.presses(who, first, "do:answer-helped")
	}
	w.opinions(2)
	other := w.says("ann", room, "a talk among people", "")
	w.says("bob", room, "how do I see how far a standby is behind?", other) // nobody spoke to the app here
	w.says("ann", room, fmt.Sprintf(howFar, app), "")
	w.settled()
	if all := w.below("ann", room, other); len(all) != 0 {
		t.Errorf("the app joined in: %+v", all)
	}
	w.postedOnce()
}

// presses a button of a message.
func (w *workspace) presses(who string, m slackfake.Seen, action string) {
	w.Helper()
	if act := w.slack.Person(account(who)).Click(w.Context(), slackfake.Press{Channel: room, TS: m.TS, Action: action}); act.Error != "" {
		w.Fatalf("%s pressed %s: %s", who, action, act.Error)
	}
}

// Who reads an answer decides what it is made of: a channel its label, whoever asks there; a talk with the
// app alone the person's own roles; and what is shared is looked for anew on behalf of the channel.
func TestSlackAudiences(t *testing.T) {
	t.Parallel()
	w := library(t)
	w.read()
	app := w.slack.App().BotUser
	const envelope = "where is the envelope with the emergency password?"
	inOps := w.says("ann", room, "<@"+app+"> "+envelope, "") // a commander, before everybody
	w.answers(room, inOps, 1, "Not in the runbooks")
	outside := w.says("ann", partners, fmt.Sprintf(howFar, app), "")
	w.answers(partners, outside, 1, "Not in the runbooks")
	outside = w.says("ann", partners, "<@"+app+"> where do customers look?", "")
	w.answers(partners, outside, 1, "status page")
	w.says("ann", app, "ask "+envelope, "")
	w.hurry("ann alone reads it", func() bool { return strings.Contains(w.talk("ann"), "shelf nine") })
	w.says("eve", app, "ask "+envelope, "")
	w.hurry("eve is told that there is nothing", func() bool { return strings.Contains(w.talk("eve"), "Not in the runbooks") })
	if strings.Contains(w.talk("eve"), "shelf") || strings.Contains(w.wall("ann"), "shelf") {
		t.Error("somebody reads what they may not")
	}
	w.slash("ann", "ask how do I see how far a standby is behind?")
	var own slackfake.Seen
	w.hurry("an answer for ann", func() bool {
		all := w.seen("ann")
		own = all[len(all)-1]
		return own.Ephemeral && strings.Contains(string(own.Blocks), "replay_lag")
	})
	w.presses("ann", own, "do:answer-share")
	w.hurry("everybody reads it", func() bool {
		all := w.seen("eve")
		last := all[len(all)-1]
		return !last.Ephemeral && strings.Contains(string(last.Blocks), "replay_lag") && strings.Contains(string(last.Blocks), "Ann asked")
	})
}

// Where the app is not, what somebody asks is answered in their own talk with it, and the buttons work there.
func TestSlackAnswerFollows(t *testing.T) {
	t.Parallel()
	w := library(t)
	w.read()
	ann, app := w.slack.Person(account("ann")), w.slack.App().BotUser
	if act := ann.Slash(t.Context(), attic, "/dr", "ask where do customers look?"); act.Error != "" {
		t.Fatalf("%+v", act)
	}
	w.hurry("ann alone reads it", func() bool { return strings.Contains(w.talk("ann"), "status page") })
	all := w.private("ann")
	if act := ann.Click(t.Context(), slackfake.Press{Channel: app, TS: all[len(all)-1].TS, Action: "do:answer-helped"}); act.Error != "" {
		t.Fatalf("%+v", act)
	}
	w.opinions(1)
}

// opinions waits until so many people have said what they think of an answer.
func (w *workspace) opinions(n int) {
	w.Helper()
	w.eventually("opinions", func() bool {
		people := map[string]bool{}
		err := w.app.Store.Read(w.Context(), func(r *store.Reader) error {
			all, err := r.Feedback(w.Context(), 10)
			for _, f := range all {
				people[f.Person] = true
			}
			return err
		})
		return err == nil && len(people) == n
	})
}

// talk is all that somebody reads in their talk with the app.
func (w *workspace) talk(who string) string {
	w.Helper()
	var b strings.Builder
	for _, m := range w.private(who) {
		b.WriteString(string(m.Blocks) + "\n")
	}
	return b.String()
}
