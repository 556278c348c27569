package slackfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// surface is where blocks are shown.
type surface int

const (
	inMessage surface = 1 << iota
	inModal
	inHome
)

// problem is one thing wrong with blocks, and where.
type problem struct{ text, at string }

func (p problem) String() string { return p.text + " [json-pointer:" + p.at + "]" }

// inspector collects what is wrong.
type inspector struct{ problems []problem }

func (in *inspector) blame(at, format string, a ...any) {
	in.problems = append(in.problems, problem{fmt.Sprintf(format, a...), at})
}

// checkBlocks holds a list of blocks against structure, limits and surface, and returns it as Slack
// keeps it: with ids where the app gave none.
func (s *Server) checkBlocks(raw json.RawMessage, on surface) (json.RawMessage, error) {
	list, problems := s.inspect(raw, on, "/blocks")
	if len(problems) > 0 {
		return nil, refusal("invalid_blocks", problems)
	}
	if letters(list) > longestBlocks && on == inMessage {
		return nil, fail("msg_blocks_too_long")
	}
	return json.Marshal(list)
}

func refusal(code string, problems []problem) *failure {
	errors, messages := []string{}, []string{}
	for _, p := range problems {
		errors = append(errors, p.String())
		messages = append(messages, "[ERROR] "+p.String())
	}
	return &failure{code: code, with: obj{"errors": errors, "response_metadata": obj{"messages": messages}}}
}

// inspect reads blocks and says everything that is wrong with them.
func (s *Server) inspect(raw json.RawMessage, on surface, at string) ([]obj, []problem) {
	in := &inspector{}
	var list []obj
	if err := json.Unmarshal(raw, &list); err != nil {
		in.blame(at, "must provide an array of objects")
		return nil, in.problems
	}
	if most := map[surface]int{inMessage: 50, inModal: 100, inHome: 100}[on]; len(list) > most {
		in.blame(at, "no more than %d items allowed", most)
	}
	for i, b := range list {
		here := at + "/" + strconv.Itoa(i)
		if b == nil {
			in.blame(here, "must be an object")
			continue
		}
		if in.structure(b, here, on) {
			in.limits(b, here)
		}
	}
	in.together(list, at)
	if len(in.problems) > 0 {
		return nil, in.problems
	}
	for _, b := range list {
		s.identify(b)
	}
	return list, nil
}

// structure checks a block's shape; the limits need a sound one.
func (in *inspector) structure(b obj, at string, on surface) bool {
	kind, _ := b["type"].(string)
	where, ok := surfaces[kind]
	if !ok {
		in.blame(at+"/type", "unsupported type: %s", kind)
		return false
	}
	if where&on == 0 {
		in.blame(at+"/type", "unsupported type: %s", kind) // Slack says the same for a block in the wrong place
		return false
	}
	problems := schemas().check(kind, b, at)
	in.problems = append(in.problems, problems...)
	return len(problems) == 0
}

// surfaces says which block may be shown where.
var surfaces = map[string]surface{
	"actions": inMessage | inModal | inHome, "alert": inModal, "card": inMessage, "carousel": inMessage, "container": inMessage,
	"context": inMessage | inModal | inHome, "context_actions": inMessage, "data_table": inMessage, "data_visualization": inMessage,
	"divider": inMessage | inModal | inHome, "file": inMessage, "header": inMessage | inModal | inHome, "image": inMessage | inModal | inHome,
	"input": inMessage | inModal | inHome, "markdown": inMessage, "plan": inMessage, "rich_text": inMessage | inModal | inHome,
	"section": inMessage | inModal | inHome, "table": inMessage, "task_card": inMessage, "video": inMessage | inModal | inHome,
}

// together checks what one block alone cannot show.
func (in *inspector) together(list []obj, at string) {
	seen, markdown := map[string]int{}, 0
	for i, b := range list {
		here := at + "/" + strconv.Itoa(i)
		kind, _ := b["type"].(string)
		if id, _ := b["block_id"].(string); id != "" {
			if seen["#"+id]++; seen["#"+id] > 1 {
				in.blame(here+"/block_id", "`block_id` %q already exists", id)
			}
		}
		seen[kind]++
		if text, _ := b["text"].(string); kind == "markdown" {
			markdown += utf8.RuneCountInString(text)
		}
		actions := map[string]bool{}
		walk(b, here, func(o obj, p string) {
			id, _ := o["action_id"].(string)
			if id != "" && actions[id] {
				in.blame(p+"/action_id", "`action_id` %q already exists", id)
			}
			actions[id] = true
		})
	}
	for _, kind := range []string{"table", "data_table", "plan"} {
		if seen[kind] > 1 {
			in.blame(at, "only one %s allowed", kind)
		}
	}
	if seen["plan"] > 0 && seen["task_card"] > 0 {
		in.blame(at, "a plan and a task_card cannot be in one message")
	}
	if markdown > 12_000 {
		in.blame(at, "markdown text must be less than 12001 characters in all")
	}
}

// identify gives ids to what has none, as Slack does.
func (s *Server) identify(b obj) {
	if id, _ := b["block_id"].(string); id == "" {
		b["block_id"] = s.secret()[:5]
	}
	walk(b, "", func(o obj, _ string) {
		kind, _ := o["type"].(string)
		if _, acts := stateful[kind]; acts || kind == "button" || kind == "overflow" {
			if id, _ := o["action_id"].(string); id == "" {
				o["action_id"] = s.secret()[:5]
			}
		}
	})
}

// walk visits an object and all objects in it, parents first and members in order of name.
func walk(v any, at string, visit func(o obj, at string)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v, at)
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			walk(v[k], at+"/"+k, visit)
		}
	case []any:
		for i, one := range v {
			walk(one, at+"/"+strconv.Itoa(i), visit)
		}
	}
}

// longestBlocks is where Slack in practice stops taking a message, far below what it documents.
const longestBlocks = 13_200

// letters counts the characters people would read.
func letters(list []obj) int {
	n := 0
	for _, b := range list {
		walk(b, "", func(o obj, _ string) {
			for _, key := range []string{"text", "alt_text", "title", "value", "description"} {
				if t, ok := o[key].(string); ok {
					n += utf8.RuneCountInString(t)
				}
			}
		})
	}
	return n
}

// blockList reads stored blocks back.
func blockList(raw json.RawMessage) []obj {
	var list []obj
	_ = json.Unmarshal(raw, &list)
	return list
}

// element is one thing in blocks that a person can work, with its block.
type element struct {
	obj
	block obj
}

func (e element) kind() string { return word(e.obj, "type") }

func (e element) id() (block, action string) {
	return word(e.block, "block_id"), word(e.obj, "action_id")
}

func word(o obj, key string) string {
	text, _ := o[key].(string)
	return text
}

// elements lists what can be clicked or filled in.
func elements(list []obj) []element {
	var found []element
	for _, b := range list {
		walk(b, "", func(o obj, _ string) {
			if _, ok := o["action_id"]; ok {
				found = append(found, element{o, b})
			}
		})
	}
	return found
}

// notified lists whom a text calls: users, and everybody by <!channel> and its kin.
func notified(text string) []string {
	var who []string
	for _, part := range strings.Split(text, "<")[1:] {
		name, _, ok := strings.Cut(part, ">")
		name, _, _ = strings.Cut(name, "|")
		if ok && (strings.HasPrefix(name, "@") || name == "!channel" || name == "!here" || name == "!everyone" || strings.HasPrefix(name, "!subteam^")) {
			who = append(who, name)
		}
	}
	return who
}
