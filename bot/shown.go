package bot

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const (
	kindShown = "shown" // buttons on a message to one person; drawn anew once one of them means nothing any more
	shownMost = 100     // such messages looked at with one drawing of a board
)

// shown is a message that one person was sent and that stays where it is, with buttons about a run.
type shown struct {
	Ref    Ref      `json:"ref"`
	Person string   `json:"person"`
	Dest   string   `json:"dest,omitempty"` // the place the buttons were drawn for
	Nonces []string `json:"nonces"`
}

// shownAs is under which name the messages about a run are queued: for no narrator, until a board is drawn.
func shownAs(surface, run string) string { return surface + "/shown/" + run }

// Shown remembers a message that answers one person and stays where it is, so that its buttons are edited
// away when the run moves on. A message that is drawn anew is given again. What only that person sees for a
// moment, such as an answer beside a message, needs none of it.
func (b *Bot) Shown(ctx context.Context, in Intent, card Card, ref Ref) error {
	return b.shown(ctx, in.Surface, shown{Ref: ref, Person: in.Person, Dest: in.Dest}, card)
}

func (b *Bot) shown(ctx context.Context, surface string, s shown, card Card) error {
	for _, p := range card.Parts {
		for _, a := range p.Actions {
			if a.Nonce != "" {
				s.Nonces = append(s.Nonces, a.Nonce)
			}
		}
	}
	if card.Run == "" || s.Ref == "" {
		return nil
	}
	now, place := b.cfg.Clock.Time(), shownAs(surface, card.Run)
	return b.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		before, err := tx.DueOutbox(ctx, place, forever(), shownMost)
		if err != nil {
			return err
		}
		for _, o := range before {
			if o.Dest != string(s.Ref) {
				continue
			}
			if err := tx.SentOutbox(ctx, o.Key, o.Dest, now); err != nil && dr.KindOf(err) != dr.Conflict {
				return err
			}
		}
		if len(s.Nonces) == 0 {
			return nil
		}
		body, err := json.Marshal(s)
		if err != nil {
			return err
		}
		h := fnv.New64a()
		_, _ = h.Write(body) // never fails
		_, err = tx.PutOutbox(ctx, store.Outgoing{Key: place + "/" + string(s.Ref) + "/" + strconv.FormatInt(now.Micros(), 36) + "/" + strconv.FormatUint(h.Sum64(), 36),
			Surface: place, Dest: string(s.Ref), Run: card.Run, Kind: kindShown, Body: string(body), Made: now, Due: now})
		return err
	})
}

// redrawShown draws anew the messages to single people whose buttons a run has left behind.
func (n *Narrator) redrawShown(ctx context.Context, run string, slice *dr.Slice) error {
	var all []store.Outgoing
	err := n.bot.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		all, err = r.DueOutbox(ctx, shownAs(n.place.Surface, run), forever(), shownMost)
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range all {
		var s shown
		if err := json.Unmarshal([]byte(o.Body), &s); err != nil {
			return &dr.Error{Kind: dr.Invalid, Message: "a remembered message cannot be read", Err: err}
		}
		r, err := n.bot.cfg.Engine.View(ctx, dr.Actor{Person: s.Person}, run)
		if err != nil {
			return err
		}
		fits, err := n.bot.holds(ctx, s.Nonces, r)
		if err != nil {
			return err
		}
		if fits {
			continue
		}
		if err := n.moveOn(ctx, s, r, slice); err != nil {
			return err
		}
	}
	return nil
}

// holds says whether every button of a message still does what its label says, and its reader may press it.
func (b *Bot) holds(ctx context.Context, nonces []string, r fsm.View) (yes bool, err error) {
	err = b.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		yes = true
		for _, name := range nonces {
			kept, err := rd.Nonce(ctx, buttonPurpose, name)
			if gone(err) {
				yes = false
				return nil
			}
			var p press
			if err = errors.Join(err, json.Unmarshal([]byte(kept.Detail), &p)); err != nil {
				return err
			}
			if p.fits(r) != nil || p.Verb != "" && !slices.Contains(r.Verbs, p.Verb) {
				yes = false
			}
		}
		return nil
	})
	return yes, err
}

// moveOn draws the run's board for its reader in the place of what was there.
func (n *Narrator) moveOn(ctx context.Context, s shown, r fsm.View, slice *dr.Slice) error {
	c, err := n.bot.cfg.Catalog()
	if err != nil {
		return dr.Errorf(dr.Unavailable, "drawing a message of %s anew: %w", r.ID, err)
	}
	org := c.Organisation()
	p, _ := org.Roster.Person(s.Person)
	e := easel{voice: n.bot.voice(org, first(p.Language, n.place.Lang)), nonces: n.bot.nonces(), surface: n.place.Surface, dest: s.Dest, person: s.Person}
	card := e.board(r, slice, r.Verbs)
	if err := e.nonces.keep(ctx, n.bot.cfg.Store); err != nil {
		return err
	}
	if _, err := heard(s.Ref, n.place.Chat.Update(ctx, s.Ref, card)); err != nil && dr.KindOf(err) != dr.Invalid {
		return err
	}
	return n.bot.shown(ctx, n.place.Surface, shown{Ref: s.Ref, Person: s.Person, Dest: s.Dest}, card)
}
