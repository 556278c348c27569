package slackfake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// stateful names, for each element that keeps what a person put in, the member that holds it and
// the member of the block that gives its first value.
var stateful = map[string]struct{ value, first string }{
	"plain_text_input": {"value", "initial_value"}, "number_input": {"value", "initial_value"}, "email_text_input": {"value", "initial_value"},
	"url_text_input": {"value", "initial_value"}, "rich_text_input": {"rich_text_value", "initial_value"},
	"static_select": {"selected_option", "initial_option"}, "external_select": {"selected_option", "initial_option"},
	"radio_buttons": {"selected_option", "initial_option"}, "checkboxes": {"selected_options", "initial_options"},
	"multi_static_select": {"selected_options", "initial_options"}, "multi_external_select": {"selected_options", "initial_options"},
	"users_select": {"selected_user", "initial_user"}, "multi_users_select": {"selected_users", "initial_users"},
	"conversations_select": {"selected_conversation", "initial_conversation"}, "multi_conversations_select": {"selected_conversations", "initial_conversations"},
	"channels_select": {"selected_channel", "initial_channel"}, "multi_channels_select": {"selected_channels", "initial_channels"},
	"datepicker": {"selected_date", "initial_date"}, "timepicker": {"selected_time", "initial_time"},
	"datetimepicker": {"selected_date_time", "initial_date_time"}, "file_input": {"files", ""},
}

// values is the state of all inputs in blocks: what was put in, else what the blocks begin with.
func values(blocks []obj, state map[string]obj) obj {
	all := obj{}
	for _, e := range elements(blocks) {
		names, ok := stateful[e.kind()]
		if !ok {
			continue
		}
		block, action := e.id()
		v := state[block+"\x00"+action]
		if v == nil || v["type"] != e.kind() {
			v = obj{"type": e.kind(), names.value: e.obj[names.first]}
			if v[names.value] == nil && (names.value == "selected_options" || names.value == "files") {
				v[names.value] = []any{}
			}
		}
		if all[block] == nil {
			all[block] = obj{}
		}
		all[block].(obj)[action] = v
	}
	return all
}

// fill is what an element holds after a person put a value in: a string, or several.
func fill(e element, value any) (obj, error) {
	names, ok := stateful[e.kind()]
	if !ok {
		return nil, fail("not_an_input")
	}
	o := obj{"type": e.kind(), names.value: value}
	switch names.value {
	case "selected_option":
		opt := e.option(fmt.Sprint(value))
		if opt == nil {
			return nil, fail("no_such_option")
		}
		o[names.value] = opt
	case "selected_options":
		chosen := []any{}
		for _, v := range several(value) {
			opt := e.option(v)
			if opt == nil {
				return nil, fail("no_such_option")
			}
			chosen = append(chosen, opt)
		}
		o[names.value] = chosen
	case "selected_users", "selected_conversations", "selected_channels":
		o[names.value] = several(value)
	case "selected_date_time":
		n, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
		if err != nil {
			return nil, fail("not_a_time")
		}
		o[names.value] = n
	case "value":
		if text := fmt.Sprint(value); text != "" {
			o[names.value] = text
		} else {
			o[names.value] = nil
		}
	}
	return o, nil
}

func several(value any) []string {
	list := []string{}
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			list = append(list, fmt.Sprint(one))
		}
	case []string:
		list = append(list, v...)
	case string:
		if v != "" {
			list = append(list, v)
		}
	}
	return list
}

// option finds one of an element's options by its value. Options from elsewhere are taken on trust.
func (e element) option(value string) any {
	if e.kind() == "external_select" || e.kind() == "multi_external_select" {
		return obj{"text": obj{"type": "plain_text", "text": value}, "value": value}
	}
	lists := []any{e.obj["options"]}
	if groups, ok := e.obj["option_groups"].([]any); ok {
		for _, g := range groups {
			lists = append(lists, g.(obj)["options"])
		}
	}
	for _, l := range lists {
		options, _ := l.([]any)
		for _, one := range options {
			if o := one.(obj); word(o, "value") == value {
				return o
			}
		}
	}
	return nil
}

var (
	mailShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	urlShape  = regexp.MustCompile(`^https?://\S+$`)
)

// complaint is what Slack's own form says about an input before the app hears of it, or "".
func complaint(e element, v obj) string {
	held := v[stateful[e.kind()].value]
	text, _ := held.(string)
	list, isList := held.([]any)
	names, isNames := held.([]string)
	if held == nil || isList && len(list) == 0 || isNames && len(names) == 0 {
		if optional, _ := e.block["optional"].(bool); optional || word(e.block, "type") != "input" {
			return ""
		}
		return "Please complete this required field."
	}
	number := func(key string) (float64, bool) {
		switch n := e.obj[key].(type) {
		case float64:
			return n, true
		case string:
			f, err := strconv.ParseFloat(n, 64)
			return f, err == nil
		}
		return 0, false
	}
	length := float64(utf8.RuneCountInString(text))
	least, hasLeast := number("min_length")
	most, hasMost := number("max_length")
	switch {
	case hasLeast && length < least:
		return fmt.Sprintf("Please use at least %.0f characters.", least)
	case hasMost && length > most:
		return fmt.Sprintf("Please use at most %.0f characters.", most)
	case e.kind() == "email_text_input" && !mailShape.MatchString(text):
		return "Please enter a valid email address."
	case e.kind() == "url_text_input" && !urlShape.MatchString(text):
		return "Please enter a valid URL."
	case e.kind() == "number_input":
		return numberComplaint(text, number, e.obj["is_decimal_allowed"] == true)
	}
	return ""
}

func numberComplaint(text string, bound func(string) (float64, bool), decimal bool) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !decimal && n != float64(int64(n)) {
		return "Please enter a valid number."
	}
	if least, ok := bound("min_value"); ok && n < least {
		return fmt.Sprintf("Please enter a number of at least %v.", least)
	}
	if most, ok := bound("max_value"); ok && n > most {
		return fmt.Sprintf("Please enter a number of at most %v.", most)
	}
	return ""
}

// pressed is the action an app hears of when a person works an element.
func pressed(e element, value any, at string) (obj, error) {
	block, action := e.id()
	o := obj{"type": e.kind(), "block_id": block, "action_id": action, "action_ts": at}
	switch e.kind() {
	case "button", "workflow_button":
		for _, key := range []string{"value", "style", "text", "url"} {
			if e.obj[key] != nil {
				o[key] = e.obj[key]
			}
		}
		if e.obj["confirm"] != nil {
			o["confirm"] = e.obj["confirm"]
		}
		return o, nil
	case "overflow":
		opt := e.option(fmt.Sprint(value))
		if opt == nil {
			return nil, fail("no_such_option")
		}
		o["selected_option"] = opt
		return o, nil
	case "feedback_buttons", "icon_button":
		o["value"] = value
		return o, nil
	}
	v, err := fill(e, value)
	if err != nil {
		return nil, err
	}
	for k, one := range v {
		o[k] = one
	}
	return o, nil
}

// match finds the element with an action id, in one block when that is named.
func match(list []obj, action, block string) (element, bool) {
	all := elements(list)
	i := slices.IndexFunc(all, func(e element) bool {
		b, a := e.id()
		return a == action && (block == "" || b == block)
	})
	if i < 0 {
		return element{}, false
	}
	return all[i], true
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}
