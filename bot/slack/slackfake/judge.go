package slackfake

import (
	"encoding/json"
	"strings"
)

// JudgeMessage holds the blocks of a message against Slack's rules, as chat.postMessage does, and says
// everything that is wrong with them.
func JudgeMessage(blocks json.RawMessage) []string {
	_, err := New(Options{}).checkBlocks(blocks, inMessage)
	return faultsOf(err)
}

// JudgeView does the same for a modal, as views.open does, or a Home tab, as views.publish does; kind is
// the view's type.
func JudgeView(view json.RawMessage, kind string) []string {
	_, err := New(Options{}).draft(string(view), kind, "/view")
	return faultsOf(err)
}

func faultsOf(err error) []string {
	if err == nil {
		return nil
	}
	said, ok := err.(*failure)
	if !ok {
		return []string{err.Error()}
	}
	if all, ok := said.with["errors"].([]string); ok && len(all) > 0 {
		return all
	}
	return []string{strings.TrimSpace(said.code)}
}
