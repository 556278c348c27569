package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
)

// Offer is one word somebody may type, as completion shows it.
type Offer struct {
	Name  string `json:"name"`
	Usage string `json:"usage"`
	Text  string `json:"text"`
}

// Offers lists the words there are, in the order help shows them.
func Offers(lang string) []Offer {
	v := voice{lang: locale.Language(lang)}
	all := []Offer{}
	for _, c := range commands() {
		all = append(all, Offer{Name: c.name, Usage: usage(c), Text: v.helpOf(c)})
	}
	return all
}

// Acts says which verb on which run a button or form would carry out, so that a surface can have a person
// prove again who they are before it hands the press in. The verb is empty for what only shows something,
// and for a nonce that is not known; answering that one is left to [Bot.Handle].
func (b *Bot) Acts(ctx context.Context, nonce string) (run string, verb dr.Verb, err error) {
	var kept store.Nonce
	err = b.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		kept, err = r.Nonce(ctx, buttonPurpose, nonce)
		return err
	})
	if gone(err) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	var p press
	if err := json.Unmarshal([]byte(kept.Detail), &p); err != nil {
		return "", "", fmt.Errorf("reading a button: %w", err)
	}
	if p.Act != doIt && p.Act != sendIt {
		return "", "", nil
	}
	return p.Run, p.Verb, nil
}
