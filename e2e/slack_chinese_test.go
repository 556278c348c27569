package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// The whole story by clicks in Chinese: the channel reads the organisation's language, everybody alone reads
// their own.
func TestSlackInChinese(t *testing.T) {
	t.Parallel()
	w := quickWorkspace(t, nil, func(dir string) {
		change := func(file, old, new string) {
			path := filepath.Join(dir, "org", file)
			raw, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, []byte(strings.Replace(string(raw), old, new, 1)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		change("organisation.yaml", "languages: [en, zh]", "languages: [zh, en]")
		change("roster.yaml", "{id: cat, name: Cat, ", "{id: cat, name: Cat, language: en, ")
	})
	w.slash("ann", `申请 move drill "春季演练"`)
	run := w.run(dr.AwaitingApproval)
	w.startByClicks(run)
	await(w, w.app, run, dr.AtStandby)
	w.click("ann", "switchback")
	if act := w.slack.Person(account("ann")).Submit(t.Context(), w.dialog("ann").ID, slackfake.Values{"reason": {"v": "晚间"}}); act.Error != "" || len(act.Errors) > 0 {
		t.Fatalf("the way back: %+v", act)
	}
	w.slack.Person(account("ann")).CloseView(t.Context(), w.dialog("ann").ID)
	var back string
	w.eventually("the way back", func() bool { back = w.run(); return back != run })
	await(w, w.app, back, dr.AwaitingApproval)
	w.startByClicks(back)
	await(w, w.app, back, dr.Closed)
	w.boardSays(back, "已关闭")
	w.settled()
	w.postedOnce()
	for _, m := range w.seen("eve") {
		if m.App && !m.Ephemeral && m.Text != "" && !strings.ContainsFunc(m.Text, func(r rune) bool { return r >= '一' && r <= '龥' }) {
			t.Errorf("the channel reads %q", m.Text)
		}
	}
	said := map[string]string{}
	for _, who := range []string{"bob", "cat"} {
		for _, m := range w.seen(who) {
			if m.App && m.Ephemeral {
				said[who] += m.Text + "\n"
			}
		}
	}
	if !strings.Contains(said["bob"], "票") || !strings.Contains(said["cat"], "Your vote is in") {
		t.Errorf("told alone: %q", said)
	}
}
