package slack

import (
	"fmt"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
)

// An action's id says what pressing it is: "do:ID" and "ask:ID" hold the nonce as their value, the second
// after Slack has asked; "pick:NONCE" and "pickask:NONCE" are choices; "link:ID" only leads somewhere.
const (
	doIt    = "do:"
	asked   = "ask:"
	pick    = "pick:"
	pickAsk = "pickask:"
	leads   = "link:"
)

func (d *drawing) actions(all []bot.Action, n int) {
	for part := 0; len(all) > 0; part++ {
		k := min(len(all), actionsMost)
		var elements []api.BlockElement
		for _, a := range all[:k] {
			if e := element(a); e != nil {
				elements = append(elements, e)
			}
		}
		if len(elements) > 0 {
			d.add(&api.ActionBlock{Type: api.MBTAction, BlockID: fmt.Sprintf("acts-%d-%d", n, part), Elements: &api.BlockElements{ElementSet: elements}})
		}
		all = all[k:]
	}
}

func element(a bot.Action) api.BlockElement {
	switch a.Kind {
	case bot.ActLink:
		if !strings.HasPrefix(a.URL, "https://") && !strings.HasPrefix(a.URL, "http://") {
			return nil // an address within the console, which has none outside
		}
		return &api.ButtonBlockElement{Type: api.METButton, ActionID: clip(leads+a.ID, 255), Text: plain(a.Label), URL: a.URL}
	case bot.ActSelect:
		id := pick
		if a.Confirm != nil {
			id = pickAsk
		}
		return &api.SelectBlockElement{Type: api.OptTypeStatic, ActionID: id + a.Nonce, Placeholder: plain(a.Label), Options: options(a.Options), Confirm: confirm(a.Confirm, a.Style)}
	}
	id := doIt
	if a.Confirm != nil {
		id = asked
	}
	return &api.ButtonBlockElement{Type: api.METButton, ActionID: clip(id+a.ID, 255), Text: plain(a.Label), Value: a.Nonce, Style: api.Style(a.Style), Confirm: confirm(a.Confirm, a.Style)}
}

func confirm(c *bot.Confirm, style bot.Style) *api.ConfirmationBlockObject {
	if c == nil {
		return nil
	}
	return &api.ConfirmationBlockObject{Title: plain(c.Title), Text: plain(c.Text), Confirm: plain(c.Yes), Deny: plain(c.No), Style: api.Style(style)}
}

// pressed reads an action back; false: it only leads somewhere, or is none of ours.
func (h *heard) pressed(a api.BlockAction) bool {
	switch {
	case strings.HasPrefix(a.ActionID, doIt), strings.HasPrefix(a.ActionID, asked):
		h.Args, h.Confirmed = a.Value, strings.HasPrefix(a.ActionID, asked)
	case strings.HasPrefix(a.ActionID, pickAsk):
		h.Args, h.Confirmed = a.ActionID[len(pickAsk):], true
	case strings.HasPrefix(a.ActionID, pick):
		h.Args = a.ActionID[len(pick):]
	default:
		return false
	}
	if a.SelectedOption.Value != "" {
		h.Values = map[string]string{"choice": a.SelectedOption.Value}
	}
	return true
}
