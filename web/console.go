package web

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// ConsoleChannel is the one channel of the console, as the narrator knows it.
const ConsoleChannel = "channel"

// Console is the console as a place to talk in: its cards are rows, which open pages are sent over
// their stream of events and read again after a reload.
type Console struct {
	store *store.Store
	clock dr.Clock
	drawn bell // rung after every drawing; open pages wait for it
}

// NewConsole makes the console's side of the conversation.
func NewConsole(s *store.Store, clock dr.Clock) *Console { return &Console{store: s, clock: clock} }

// cardID names a card by its key, which may be long and hold slashes.
func cardID(key string) string { return "c-" + fingerprint(key)[:24] }

// Post implements [bot.Chat].
func (c *Console) Post(ctx context.Context, dest string, card bot.Card, key string) (bot.Ref, error) {
	return c.put(ctx, dest, "", card, key)
}

// Whisper implements [bot.Chat].
func (c *Console) Whisper(ctx context.Context, dest, person string, card bot.Card) error {
	if person == "" {
		return &dr.Error{Kind: dr.Invalid, Message: "a whisper to nobody"}
	}
	_, err := c.put(ctx, dest, person, card, card.Key)
	return err
}

func (c *Console) put(ctx context.Context, dest, person string, card bot.Card, key string) (bot.Ref, error) {
	card.Key = ""
	body, err := json.Marshal(card)
	if err != nil {
		return "", fmt.Errorf("writing a card: %w", err)
	}
	id := cardID(dest + "\x00" + person + "\x00" + key)
	row := store.Card{ID: id, Dest: dest, Person: person, Body: string(body), Made: c.clock.Time()}
	if err := c.store.Write(ctx, func(tx *store.Tx) error { return tx.PutCard(ctx, row) }); err != nil {
		return "", err
	}
	c.drawn.ring()
	return bot.Ref(id), nil
}

// Update implements [bot.Chat]. The same drawing again changes nothing.
func (c *Console) Update(ctx context.Context, ref bot.Ref, card bot.Card) error {
	card.Key = ""
	body, err := json.Marshal(card)
	if err != nil {
		return fmt.Errorf("writing a card: %w", err)
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Card(ctx, string(ref))
		if dr.KindOf(err) == dr.NotFound {
			return &dr.Error{Kind: dr.Invalid, Message: "a card that is not there", Err: err}
		}
		if err != nil || now.Body == string(body) {
			return err
		}
		return tx.RedrawCard(ctx, string(ref), string(body))
	})
	if err == nil {
		c.drawn.ring()
	}
	return err
}

// Form implements [bot.Chat]. Pages get their forms in the answer to what they asked, so there is no
// trigger to wait for one.
func (c *Console) Form(context.Context, string, bot.Form) error {
	return &dr.Error{Kind: dr.Invalid, Message: "the console has no triggers"}
}

// Upload implements [bot.Chat]. The console links to what the server has anyway.
func (c *Console) Upload(context.Context, string, bot.File) (bot.Ref, error) {
	return "", &dr.Error{Kind: dr.Invalid, Message: "the console takes no files"}
}

// Caps implements [bot.Chat].
func (c *Console) Caps() bot.Caps { return bot.Caps{Forms: true, Secrets: true, Redraw: 1000} }
