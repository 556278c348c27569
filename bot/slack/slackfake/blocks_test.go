package slackfake_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func TestBlocks(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	md := func(n int) obj { return obj{"type": "mrkdwn", "text": strings.Repeat("x", n)} }
	long := func(n int) obj { return plain(strings.Repeat("字", n)) }
	many := func(n int, one obj) []obj { return slices.Repeat([]obj{one}, n) }
	button := func(id string) obj { return obj{"type": "button", "action_id": id, "text": plain("x")} }
	buttons := func(n int) []obj {
		var list []obj
		for i := range n {
			list = append(list, button(fmt.Sprint(i)))
		}
		return list
	}
	for _, c := range []struct {
		name   string
		blocks []obj
		want   string // part of the first message, or ""
	}{
		{"header", []obj{{"type": "header", "text": long(150)}}, ""},
		{"long header", []obj{{"type": "header", "text": long(151)}}, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
		{"empty header", []obj{{"type": "header", "text": long(0)}}, "must be more than 0 characters [json-pointer:/blocks/0/text/text]"},
		{"header in mrkdwn", []obj{{"type": "header", "text": md(5)}}, "[json-pointer:/blocks/0/text/type]"},
		{"section", []obj{{"type": "section", "text": md(3000)}}, ""},
		{"long section", []obj{{"type": "divider"}, {"type": "section", "text": md(3001)}}, "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"},
		{"ten fields", []obj{{"type": "section", "fields": many(6, md(2000))}}, ""},
		{"eleven fields", []obj{{"type": "section", "fields": many(11, md(1))}}, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
		{"long field", []obj{{"type": "section", "fields": []obj{md(1), md(2001)}}}, "must be less than 2001 characters [json-pointer:/blocks/0/fields/1/text]"},
		{"empty section", []obj{{"type": "section"}}, "missing required field: text or fields [json-pointer:/blocks/0]"},
		{"unknown member", []obj{{"type": "divider", "colour": "red"}}, "invalid additional property: colour [json-pointer:/blocks/0]"},
		{"unknown block", []obj{{"type": "marquee"}}, "unsupported type: marquee [json-pointer:/blocks/0/type]"},
		{"no type", []obj{{"text": "x"}}, "unsupported type:  [json-pointer:/blocks/0/type]"},
		{"alert in a message", []obj{{"type": "alert", "text": plain("x")}}, "unsupported type: alert"},
		{"25 buttons", []obj{{"type": "actions", "elements": buttons(25)}}, ""},
		{"26 buttons", []obj{{"type": "actions", "elements": buttons(26)}}, "no more than 25 items allowed [json-pointer:/blocks/0/elements]"},
		{"text in actions", []obj{{"type": "actions", "elements": []obj{md(1)}}}, "unsupported type [json-pointer:/blocks/0/elements/0/type]"},
		{"one action id twice", []obj{{"type": "actions", "elements": []obj{button("a"), button("a")}}}, `already exists [json-pointer:/blocks/0/elements/1/action_id]`},
		{"the same action id elsewhere", []obj{{"type": "actions", "elements": []obj{button("a")}}, {"type": "actions", "elements": []obj{button("a")}}}, ""},
		{"one block id twice", []obj{{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}}, "[json-pointer:/blocks/1/block_id]"},
		{"long button", []obj{{"type": "actions", "elements": []obj{{"type": "button", "action_id": "a", "text": long(76)}}}}, "must be less than 76 characters"},
		{"long value", []obj{{"type": "actions", "elements": []obj{{"type": "button", "action_id": "a", "text": plain("x"), "value": strings.Repeat("x", 2001)}}}}, "must be less than 2001 characters"},
		{"style", []obj{{"type": "actions", "elements": []obj{{"type": "button", "action_id": "a", "text": plain("x"), "style": "loud"}}}}, "[json-pointer:/blocks/0/elements/0/style]"},
		{"confirm", []obj{{"type": "section", "text": md(1), "accessory": obj{"type": "button", "action_id": "a", "text": plain("x"), "confirm": obj{"title": plain("Sure?"), "text": long(301), "confirm": plain("Yes"), "deny": plain("No")}}}}, "must be less than 301 characters [json-pointer:/blocks/0/accessory/confirm/text/text]"},
		{"context", []obj{{"type": "context", "elements": many(11, md(1))}}, "no more than 10 items allowed"},
		{"image", []obj{{"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a"}}, ""},
		{"image without words", []obj{{"type": "image", "image_url": "https://x.example/a.png"}}, "missing required field: alt_text"},
		{"option", []obj{{"type": "section", "text": md(1), "accessory": obj{"type": "static_select", "action_id": "a", "options": []obj{{"text": long(76), "value": "v"}}}}}, "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/text/text]"},
		{"51 blocks", many(51, obj{"type": "divider"}), "no more than 50 items allowed [json-pointer:/blocks]"},
		{"two tables", many(2, obj{"type": "table", "rows": [][]obj{{{"type": "raw_text", "text": "x"}}}}), "only one table allowed"},
		{"plan and card", []obj{{"type": "plan", "title": "p", "tasks": []obj{}}, {"type": "task_card", "task_id": "1", "title": "t", "status": "complete"}}, "cannot be in one message"},
		{"a word of the plan", []obj{{"type": "task_card", "task_id": "1", "title": "t", "status": "completed"}}, "[json-pointer:/blocks/0/status]"},
		{"markdown", many(2, obj{"type": "markdown", "text": strings.Repeat("x", 6001)}), "markdown text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := f.json(t, "chat.postMessage", obj{"channel": ops, "text": "x", "blocks": c.blocks})
			if c.want == "" {
				if o["ok"] != true {
					t.Errorf("refused: %v", o)
				}
				return
			}
			errs, _ := o["errors"].([]any)
			if o["error"] != "invalid_blocks" || len(errs) == 0 || !strings.Contains(fmt.Sprint(errs), c.want) {
				t.Errorf("answered %v, want %q", o, c.want)
			}
		})
	}
	o := f.json(t, "chat.postMessage", obj{"channel": ops, "text": "x", "blocks": many(5, obj{"type": "section", "text": md(2641)})})
	if o["error"] != "msg_blocks_too_long" {
		t.Errorf("13,205 characters: %v", o)
	}
	if o := f.json(t, "chat.postMessage", obj{"channel": ops, "text": "x", "blocks": "{}"}); o["error"] != "invalid_blocks" {
		t.Errorf("blocks that are no list: %v", o)
	}
}

// TestBlocksOfTheOfficialClient: what slack-go builds is accepted, and gets ids.
func TestBlocksOfTheOfficialClient(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	text := slack.NewTextBlockObject(slack.MarkdownType, "*x*", false, false)
	word := slack.NewTextBlockObject(slack.PlainTextType, "x", true, false)
	button := slack.NewButtonBlockElement("a", "v", word).WithStyle(slack.StylePrimary).WithConfirm(slack.NewConfirmationBlockObject(word, text, word, word))
	_, ts, err := f.bot.PostMessage(ops, slack.MsgOptionBlocks(slack.NewHeaderBlock(word), slack.NewSectionBlock(text, []*slack.TextBlockObject{text, word}, slack.NewAccessory(button)),
		slack.NewActionBlock("", button, slack.NewOverflowBlockElement("o", slack.NewOptionBlockObject("1", word, nil), slack.NewOptionBlockObject("2", word, nil)),
			slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, word, "s", slack.NewOptionBlockObject("1", word, nil)), slack.NewDatePickerBlockElement("d")),
		slack.NewDividerBlock(), slack.NewContextBlock("", text, slack.NewImageBlockElement("https://x.example/i.png", "i")),
		slack.NewImageBlock("https://x.example/i.png", "alt", "", word), slack.NewMarkdownBlock("", "# x")))
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := f.Person(lin).Messages(ops)
	var blocks []obj
	if json.Unmarshal(seen[0].Blocks, &blocks) != nil || seen[0].TS != ts || len(blocks) != 7 {
		t.Fatalf("kept as %s", seen[0].Blocks)
	}
	for _, b := range blocks {
		if b["block_id"] == "" || b["block_id"] == nil {
			t.Errorf("no id: %v", b)
		}
	}
}

func TestViewLimits(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	f.connect(t, ackAll)
	for name, c := range map[string]struct {
		change obj
		want   string
	}{
		"title":        {obj{"title": plain(strings.Repeat("x", 25))}, "must be less than 25 characters [json-pointer:/view/title/text]"},
		"no title":     {obj{"title": nil}, "[json-pointer:/view"},
		"no submit":    {obj{"submit": nil}, "missing required field: submit"},
		"metadata":     {obj{"private_metadata": strings.Repeat("x", 3001)}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"},
		"surface":      {obj{"blocks": []obj{{"type": "markdown", "text": "x"}}}, "unsupported type: markdown [json-pointer:/view/blocks/0/type]"},
		"blocks":       {obj{"blocks": slices.Repeat([]obj{{"type": "divider"}}, 101)}, "no more than 100 items"},
		"too many":     {obj{"colour": "red"}, "invalid additional property: colour"},
		"not a modal":  {obj{"type": "home"}, "must be of type modal"},
		"input bounds": {obj{"blocks": []obj{{"type": "input", "label": plain("x"), "element": obj{"type": "plain_text_input", "action_id": "a", "max_length": 3001}}}}, "max_length"},
	} {
		t.Run(name, func(t *testing.T) {
			view := form("x")
			for k, v := range c.change {
				if view[k] = v; v == nil {
					delete(view, k)
				}
			}
			trigger := f.Person(lin).Slash(t.Context(), ops, "/dr", "").Trigger
			o := f.json(t, "views.open", obj{"trigger_id": trigger, "view": view})
			if o["error"] != "invalid_arguments" || !strings.Contains(fmt.Sprint(o["response_metadata"]), c.want) {
				t.Errorf("answered %v, want %q", o, c.want)
			}
		})
	}
}
