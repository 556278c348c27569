package slack

import (
	"encoding/json"
	"slices"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/locale"
)

// meta is what a dialog carries and brings back: what it stands for, and where it was asked for.
type meta struct {
	Nonce   string `json:"n,omitempty"`
	Channel string `json:"c,omitempty"`
}

func (m meta) String() string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // two strings can be written
	}
	return string(raw)
}

func parseMeta(text string) (m meta) {
	if json.Unmarshal([]byte(text), &m) != nil {
		return meta{}
	}
	return m
}

// titleMost is what Slack shows of a dialog's title.
const titleMost = 24

// field is the action id of every input; its block is named after the field.
const field = "v"

// modal draws a form as a dialog.
func modal(f bot.Form, channel string) api.ModalViewRequest {
	f = f.Fit()
	title := f.Title
	if len([]rune(title)) > titleMost { // the whole of it stands below
		title = f.Submit
	}
	v := api.ModalViewRequest{Type: api.VTModal, Title: plain(clip(title, titleMost)), Submit: plain(f.Submit), Close: plain(f.Cancel), CallbackID: "form",
		PrivateMetadata: meta{Nonce: f.Nonce, Channel: channel}.String()}
	if title != f.Title {
		v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(f.Title))
	}
	v.Blocks.BlockSet = append(v.Blocks.BlockSet, blocks(bot.Card{Parts: f.Parts}, viewMost-len(f.Fields)-1)...)
	for _, one := range f.Fields {
		v.Blocks.BlockSet = append(v.Blocks.BlockSet, input(one))
	}
	return v
}

// said is a dialog that only tells: the answer to one that was sent.
func said(card bot.Card, channel string) api.ModalViewRequest {
	title := card.Run
	if title == "" {
		title = "Switchman"
	}
	return api.ModalViewRequest{Type: api.VTModal, Title: plain(clip(title, titleMost)), Close: plain(locale.Say(card.Lang, "slack_close", nil)), CallbackID: "said", PrivateMetadata: meta{Channel: channel}.String(),
		Blocks: api.Blocks{BlockSet: blocks(card, viewMost)}}
}

// homeView is the app's own page.
func homeView(card bot.Card) api.HomeTabViewRequest {
	return api.HomeTabViewRequest{Type: api.VTHomeTab, Blocks: api.Blocks{BlockSet: blocks(card, viewMost)}}
}

func input(f bot.Field) *api.InputBlock {
	var hint *api.TextBlockObject
	if f.Hint != "" {
		hint = plain(f.Hint)
	}
	b := &api.InputBlock{Type: api.MBTInput, BlockID: f.Name, Label: plain(f.Label), Hint: hint, Optional: f.Optional, DispatchAction: f.Live}
	switch f.Kind {
	case bot.FieldSelect:
		e := &api.SelectBlockElement{Type: api.OptTypeStatic, ActionID: field, Options: options(f.Options)}
		if i := slices.IndexFunc(f.Options, func(o bot.Option) bool { return o.Value == f.Value }); i >= 0 {
			e.InitialOption = e.Options[i]
		}
		b.Element = e
	case bot.FieldMulti:
		e := &api.MultiSelectBlockElement{Type: api.MultiOptTypeStatic, ActionID: field, Options: options(f.Options)}
		chosen := strings.Split(f.Value, ",")
		for i, o := range f.Options {
			if slices.Contains(chosen, o.Value) {
				e.InitialOptions = append(e.InitialOptions, e.Options[i])
			}
		}
		b.Element = e
	default:
		b.Element = &api.PlainTextInputBlockElement{Type: api.METPlainTextInput, ActionID: field, InitialValue: f.Value, Multiline: f.Kind == bot.FieldLong,
			MaxLength: min(f.Max, 3000)}
	}
	return b
}

func options(all []bot.Option) []*api.OptionBlockObject {
	out := make([]*api.OptionBlockObject, 0, len(all))
	for _, o := range all {
		out = append(out, &api.OptionBlockObject{Text: plain(o.Label), Value: clip(o.Value, 150)})
	}
	return out
}

// valuesOf are the fields of a dialog that was sent.
func valuesOf(state *api.ViewState) map[string]string {
	values := map[string]string{}
	if state == nil {
		return values
	}
	for name, block := range state.Values {
		a := block[field]
		switch {
		case len(a.SelectedOptions) > 0:
			var all []string
			for _, o := range a.SelectedOptions {
				all = append(all, o.Value)
			}
			values[name] = strings.Join(all, ",")
		case a.SelectedOption.Value != "":
			values[name] = a.SelectedOption.Value
		default:
			values[name] = a.Value
		}
	}
	return values
}
