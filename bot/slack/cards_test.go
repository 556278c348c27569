package slack

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

var update = flag.Bool("update", false, "write golden files anew")

// gallery is every card and form of the conversation, in both languages, as package bot's own tests keep
// them.
func gallery(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../testdata/cards/*.json")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d cards in bot/testdata/cards: %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestCards draws every card and form, and holds each against Slack's own types, its limits, and what it
// shows where. The golden files are what Slack is sent.
func TestCards(t *testing.T) {
	all := gallery(t)
	for name, raw := range all {
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			var form bot.Form
			var card bot.Card
			if err := errors.Join(json.Unmarshal(raw, &form), json.Unmarshal(raw, &card)); err != nil {
				t.Fatal(err)
			}
			var text string
			var wrong []string
			switch {
			case len(form.Fields) > 0:
				view := encode(t, modal(form, "C0DRROOM1"))
				text, wrong = lined(t, view), slackfake.JudgeView(view, "modal")
			case card.Kind == "home":
				view := encode(t, homeView(card))
				text, wrong = lined(t, view), slackfake.JudgeView(view, "home")
			default:
				message := sent(t, card)
				text, wrong = lined(t, encode(t, message)), slackfake.JudgeMessage(message.Blocks)
				answer := encode(t, said(card, "C0DRROOM1")) // any card may be the answer to a dialog
				wrong = append(wrong, slackfake.JudgeView(answer, "modal")...)
				if shut := map[string]string{"en": `"Close"`, "zh": `"关闭"`}[card.Lang]; !strings.Contains(string(answer), `"close":{"type":"plain_text","text":`+shut) {
					t.Errorf("the dialog's close is not %s", shut)
				}
			}
			for _, one := range wrong {
				t.Error(one)
			}
			if strings.ContainsAny(markup(t, text), "<>") {
				t.Error("text from outside could be read as markup")
			}
			golden(t, "cards/"+name, text)
		})
	}
	kept, err := os.ReadDir("testdata/cards")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, one := range kept {
		if all[one.Name()] == nil {
			t.Errorf("testdata/cards/%s is of a card that is no more", one.Name())
		}
	}
}

// message is what chat.postMessage is given.
type message struct {
	Text   string          `json:"text"`
	Links  string          `json:"unfurl_links"`
	Media  string          `json:"unfurl_media"`
	Blocks json.RawMessage `json:"blocks"`
}

func sent(t testing.TB, card bot.Card) message {
	t.Helper()
	_, values, err := api.UnsafeApplyMsgOptions("", "C0DRROOM1", "https://slack.com/api/", drawn(card)...)
	if err != nil {
		t.Fatal(err)
	}
	return message{values.Get("text"), values.Get("unfurl_links"), values.Get("unfurl_media"), encode(t, blocks(card, messageMost))}
}

func encode(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// lined is a JSON object with each of its members, and each piece of its lists, on a line.
func lined(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := string(all[key])
		var pieces []json.RawMessage
		if json.Unmarshal(all[key], &pieces) == nil {
			var lines []string
			for _, p := range pieces {
				lines = append(lines, "  "+string(p))
			}
			value = "[\n" + strings.Join(lines, ",\n") + "]"
		}
		out = append(out, fmt.Sprintf(" %q: %s", key, value))
	}
	return "{\n" + strings.Join(out, ",\n") + "\n}\n"
}

// markup collects what Slack reads markup in: a message's own text, and every mrkdwn object.
func markup(t testing.TB, text string) string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(v any, top bool)
	walk = func(v any, top bool) {
		switch v := v.(type) {
		case map[string]any:
			if words, ok := v["text"].(string); ok && (top || v["type"] == "mrkdwn") {
				found = append(found, words)
			}
			for _, inner := range v {
				walk(inner, false)
			}
		case []any:
			for _, inner := range v {
				walk(inner, false)
			}
		}
	}
	walk(root, true)
	return strings.Join(found, "\n")
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was; look at the difference, then -update:\n%s", path, got)
	}
}
