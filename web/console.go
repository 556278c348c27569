package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

// ConsoleChannel is the one channel of the console, as the narrator knows it.
const ConsoleChannel = "channel"

// Console is the console as a place to talk in: its cards are rows, which open pages are sent over
// their stream of events and read again after a reload. What people type is kept beside the cards, masked,
// and a security code never; each reader is shown cards in their own language.
type Console struct {
	store *store.Store
	clock dr.Clock
	mask  *redact.Masker
	drawn bell // rung after every drawing; open pages wait for it

	mu    sync.Mutex
	shown map[string]json.RawMessage // cards as readers are sent them, by drawing, language and whose they are
}

// NewConsole makes the console's side of the conversation; mask hides secrets in what people type.
func NewConsole(s *store.Store, clock dr.Clock, mask *redact.Masker) *Console {
	return &Console{store: s, clock: clock, mask: mask, shown: map[string]json.RawMessage{}}
}

// kept is the body of a card's row.
type kept struct {
	bot.Card
	By   string `json:"by,omitempty"`   // whose line it is, or whom it answers; empty: news
	Said string `json:"said,omitempty"` // the line; the card is empty then
}

// Say keeps what a person typed, for everybody to see.
func (c *Console) Say(ctx context.Context, person, text string) (id string, err error) {
	line := redact.Mark("security_code")
	if !fsm.NearlyCode(text) {
		line, _ = c.mask.String(text)
	}
	return c.add(ctx, "", kept{Card: bot.Card{Kind: "said", Parts: []bot.Part{}}, By: person, Said: redact.Safe(line)})
}

// Answer keeps what somebody was answered: for everybody to see, or for their own eyes; its buttons are
// for that person alone.
func (c *Console) Answer(ctx context.Context, person string, card bot.Card, own bool) (id string, err error) {
	reader := ""
	if own {
		reader = person
	}
	return c.add(ctx, reader, kept{Card: c.masked(card), By: person})
}

// answering is one answer on its way into the channel: a row that is drawn anew until the answer is whole.
type answering struct {
	console *Console
	person  string
	id      string // empty: nothing was shown yet
	own     bool   // of what was shown
}

// draw shows what there is of the answer, in the place of what was shown of it before. What is for one alone
// never takes the place of what everybody reads, nor the other way round.
func (a *answering) draw(ctx context.Context, reply bot.Reply) (err error) {
	if a.id == "" || a.own != reply.Own {
		a.own = reply.Own
		a.id, err = a.console.Answer(ctx, a.person, reply.Card, reply.Own)
		return err
	}
	body, err := json.Marshal(kept{Card: a.console.masked(reply.Card), By: a.person})
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	if err := a.console.store.Write(ctx, func(tx *store.Tx) error { return tx.RedrawCard(ctx, a.id, string(body)) }); err != nil {
		return fmt.Errorf("keeping an answer: %w", err)
	}
	a.console.drawn.ring()
	return nil
}

// Share keeps a card somebody put before everybody, buttons and all.
func (c *Console) Share(ctx context.Context, card bot.Card) error {
	_, err := c.add(ctx, "", kept{Card: c.masked(card)})
	return err
}

func (c *Console) add(ctx context.Context, reader string, k kept) (id string, err error) {
	body, err := json.Marshal(k)
	if err != nil {
		return "", fmt.Errorf("writing what was said: %w", err)
	}
	id = newID("c-")
	row := store.Card{ID: id, Dest: ConsoleChannel, Person: reader, Body: string(body), Made: c.clock.Time(), Run: k.Run}
	if err := c.store.Write(ctx, func(tx *store.Tx) error { return tx.PutCard(ctx, row) }); err != nil {
		return "", fmt.Errorf("keeping what was said: %w", err)
	}
	c.drawn.ring()
	return id, nil
}

// masked hides secrets in an answer, which may repeat what was typed.
func (c *Console) masked(card bot.Card) bot.Card {
	one := func(s *string) { *s, _ = c.mask.String(*s) }
	parts := card.Parts
	card.Parts = make([]bot.Part, len(parts))
	for i, p := range parts {
		one(&p.Text)
		p.Facts = append([]bot.Fact(nil), p.Facts...)
		for j := range p.Facts {
			one(&p.Facts[j].Value)
		}
		p.Texts = append([]string(nil), p.Texts...)
		for j := range p.Texts {
			one(&p.Texts[j])
		}
		card.Parts[i] = p
	}
	others := card.Others
	card.Others = nil
	for _, o := range others {
		card.Others = append(card.Others, c.masked(o))
	}
	return card
}

// entry is what a reader of a language is sent of a row.
func (c *Console) entry(row store.Card, person, lang string) (entry, error) {
	var k kept
	e := entry{ID: row.ID, At: row.Made, Version: row.Version, Person: row.Person}
	key := row.ID + " " + strconv.FormatInt(row.Version, 10) + " " + lang
	c.mu.Lock()
	e.Card = c.shown[key]
	c.mu.Unlock()
	if e.Card != nil { // most cards are the same for all who read a language
		return e, nil
	}
	if err := json.Unmarshal([]byte(row.Body), &k); err != nil {
		return e, fmt.Errorf("reading card %s: %w", row.ID, err)
	}
	card := k.In(lang)
	switch {
	case k.Said != "":
		card.Lang, e.Person, e.Text = lang, k.By, k.Said
	case k.By != "" && k.By != person:
		card = withoutButtons(card)
	}
	raw, err := json.Marshal(card)
	if err != nil {
		return e, fmt.Errorf("showing card %s: %w", row.ID, err)
	}
	e.Card = raw
	if k.By == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.shown) > 512 {
			clear(c.shown)
		}
		c.shown[key] = raw
	}
	return e, nil
}

// withoutButtons leaves links alone: what somebody else was offered is not the reader's to press.
func withoutButtons(card bot.Card) bot.Card {
	parts := card.Parts
	card.Parts = []bot.Part{}
	for _, p := range parts {
		if p.Kind != bot.PartActions {
			card.Parts = append(card.Parts, p)
			continue
		}
		var links []bot.Action
		for _, a := range p.Actions {
			if a.Kind == bot.ActLink {
				links = append(links, a)
			}
		}
		if p.Actions = links; len(links) > 0 {
			card.Parts = append(card.Parts, p)
		}
	}
	return card
}

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
	row := store.Card{ID: id, Dest: dest, Person: person, Body: string(body), Made: c.clock.Time(), Run: card.Run}
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
