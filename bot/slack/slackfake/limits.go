package slackfake

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// limit bounds one thing in objects of a type: the characters of a text, or the items of a list.
type limit struct {
	path        string // members joined by dots; "*" is each item
	least, most int
}

// bounds are Slack's limits, by the type of block, element or composition object.
var bounds = map[string][]limit{
	"section":    {{"text.text", 1, 3000}, {"fields", 1, 10}, {"fields.*.text", 1, 2000}},
	"header":     {{"text.text", 1, 150}},
	"markdown":   {{"text", 1, 12000}},
	"alert":      {{"text.text", 1, 200}},
	"context":    {{"elements", 1, 10}, {"elements.*.text", 1, 3000}},
	"actions":    {{"elements", 1, 25}},
	"image":      {{"alt_text", 0, 2000}, {"image_url", 1, 3000}, {"title.text", 1, 2000}},
	"input":      {{"label.text", 1, 2000}, {"hint.text", 1, 2000}},
	"table":      {{"rows", 1, 100}, {"rows.*", 1, 20}},
	"data_table": {{"rows", 2, 100}, {"rows.*", 1, 20}},
	"container":  {{"child_blocks", 1, 10}},
	"carousel":   {{"elements", 1, 10}},
	"card":       {{"title.text", 1, 150}, {"body.text", 1, 200}, {"actions", 1, 3}},
	"video":      {{"title.text", 1, 199}, {"alt_text", 1, 2000}, {"author_name", 1, 49}},

	"context_actions":    {{"elements", 1, 5}},
	"data_visualization": {{"title", 1, 50}},

	"button":           {{"text.text", 1, 75}, {"value", 0, 2000}, {"url", 1, 3000}, {"accessibility_label", 1, 75}},
	"workflow_button":  {{"text.text", 1, 75}},
	"overflow":         {{"options", 1, 5}},
	"checkboxes":       {{"options", 1, 10}},
	"radio_buttons":    {{"options", 1, 10}},
	"static_select":    {{"options", 1, 100}, {"option_groups", 1, 100}, {"option_groups.*.options", 1, 100}, {"option_groups.*.label.text", 1, 75}, {"placeholder.text", 1, 150}},
	"plain_text_input": {{"placeholder.text", 1, 150}},
}

// anywhere are the limits of what has no type of its own, or many.
var anywhere = []limit{
	{"confirm.title.text", 1, 100}, {"confirm.text.text", 1, 300}, {"confirm.confirm.text", 1, 30}, {"confirm.deny.text", 1, 30},
	{"options.*.text.text", 1, 75}, {"options.*.value", 1, 150}, {"options.*.description.text", 1, 75},
	{"action_id", 0, 255}, {"block_id", 0, 255}, {"placeholder.text", 1, 150},
}

// ofView are the limits of a view itself.
var ofView = []limit{{"title.text", 1, 24}, {"submit.text", 1, 24}, {"close.text", 1, 24}, {"private_metadata", 0, 3000}, {"callback_id", 0, 255}, {"external_id", 0, 255}}

// limits checks a block and everything in it.
func (in *inspector) limits(b obj, at string) {
	walk(b, at, func(o obj, p string) {
		kind := word(o, "type")
		for _, l := range bounds[strings.TrimPrefix(kind, "multi_")] {
			in.bound(o, p, l)
		}
		for _, l := range anywhere {
			in.bound(o, p, l)
		}
		switch kind {
		case "section":
			if o["text"] == nil && o["fields"] == nil {
				in.blame(p, "missing required field: text or fields")
			}
		case "image":
			if o["image_url"] == nil && o["slack_file"] == nil {
				in.blame(p, "missing required field: image_url or slack_file")
			}
		case "plain_text_input":
			if most, ok := o["max_length"].(float64); ok && (most < 1 || most > 3000) {
				in.blame(p+"/max_length", "must be between 1 and 3000")
			}
		case "static_select", "multi_static_select":
			if (o["options"] == nil) == (o["option_groups"] == nil) {
				in.blame(p, "must provide either options or option_groups")
			}
		}
	})
}

// bound follows a path from an object and measures what is there.
func (in *inspector) bound(v any, at string, l limit) {
	first, rest, more := strings.Cut(l.path, ".")
	if list, ok := v.([]any); ok && first == "*" {
		for i, one := range list {
			here := at + "/" + strconv.Itoa(i)
			if more {
				in.bound(one, here, limit{rest, l.least, l.most})
			} else {
				in.measure(one, here, l)
			}
		}
		return
	}
	o, ok := v.(map[string]any)
	if !ok || o[first] == nil {
		return
	}
	if more {
		in.bound(o[first], at+"/"+first, limit{rest, l.least, l.most})
	} else {
		in.measure(o[first], at+"/"+first, l)
	}
}

func (in *inspector) measure(v any, at string, l limit) {
	switch v := v.(type) {
	case string:
		switch n := utf8.RuneCountInString(v); {
		case n > l.most:
			in.blame(at, "must be less than %d characters", l.most+1)
		case n < l.least:
			in.blame(at, "must be more than %d characters", l.least-1)
		}
	case []any:
		switch n := len(v); {
		case n > l.most:
			in.blame(at, "no more than %d items allowed", l.most)
		case n < l.least:
			in.blame(at, "must have at least %d items", l.least)
		}
	}
}
