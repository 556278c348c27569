package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// send says one message. Each way is idempotent by its key, so that a crash before the mark repeats it
// without a second message being seen.
func (n *Narrator) send(ctx context.Context, o store.Outgoing) (Ref, error) {
	var m told
	if err := json.Unmarshal([]byte(o.Body), &m); err != nil {
		return "", &dr.Error{Kind: dr.Invalid, Message: "a queued message cannot be read", Err: err}
	}
	chat := n.place.Chat
	switch o.Kind {
	case kindWhisper:
		m.Card.Key = o.Key
		return heard("", chat.Whisper(ctx, n.place.Dest, m.Person, m.Card))
	case kindBoard, kindRedraw:
		if m.Situation != "" {
			return n.drawSituation(ctx, o)
		}
		if m.Wish != nil {
			return n.drawSite(ctx, o, *m.Wish)
		}
		return n.draw(ctx, o)
	case kindReport:
		return n.report(ctx, o)
	}
	thread, err := n.boardRef(ctx, o.Run)
	if err != nil {
		return "", err
	}
	m.Card.Thread = thread
	return heard(chat.Post(ctx, n.place.Dest, m.Card, o.Key))
}

// draw puts a run's board on the wall, or draws it anew.
func (n *Narrator) draw(ctx context.Context, o store.Outgoing) (Ref, error) {
	card, slice, err := n.board(ctx, o.Run)
	if err != nil {
		return "", err
	}
	if err := n.redrawShown(ctx, o.Run, slice); err != nil {
		return "", err
	}
	return n.hang(ctx, o, card)
}

// hang puts a living card on the wall, or takes it for the one that hangs there.
func (n *Narrator) hang(ctx context.Context, o store.Outgoing, card Card) (Ref, error) {
	if o.Kind == kindBoard {
		ref, err := heard(n.place.Chat.Post(ctx, n.place.Dest, card, o.Key))
		if err != nil {
			return "", err
		}
		// What is on the wall may be the drawing of an earlier try, whose answer was lost or which a crash cut off.
		return heard(ref, n.place.Chat.Update(ctx, ref, card))
	}
	ref, err := n.boardRef(ctx, o.Run)
	if err != nil || ref == "" { // the place never took the board, so there is nothing to draw on
		return "", err
	}
	look := looksOf(card)
	if n.drawn[o.Run] == look {
		return ref, nil
	}
	if _, err := heard(ref, n.place.Chat.Update(ctx, ref, card)); err != nil {
		return "", err
	}
	if len(n.drawn) > 256 {
		clear(n.drawn)
	}
	n.drawn[o.Run] = look
	return ref, nil
}

// looksOf tells two drawings apart, but for the moment they were drawn at.
func looksOf(c Card) uint64 {
	c = timeless(c)
	raw, err := json.Marshal(c)
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(raw) // never fails
	return h.Sum64()
}

// timeless leaves out the notes, which hold the moment of drawing.
func timeless(c Card) Card {
	c.Parts = append([]Part{}, c.Parts...)
	for i, p := range c.Parts {
		if p.Kind == PartContext {
			c.Parts[i].Texts = nil
		}
	}
	others := c.Others
	c.Others = nil
	for _, o := range others {
		c.Others = append(c.Others, timeless(o))
	}
	return c
}

// board draws a run for everybody in the place, from the store as it is now, and gives its frozen plan too.
func (n *Narrator) board(ctx context.Context, run string) (Card, *dr.Slice, error) {
	c, err := n.bot.cfg.Catalog()
	if err != nil { // files are mended; the message waits for that
		return Card{}, nil, dr.Errorf(dr.Unavailable, "drawing the board of %s: %w", run, err)
	}
	r, err := n.bot.cfg.Engine.View(ctx, dr.Actor{}, run)
	if err != nil {
		return Card{}, nil, fmt.Errorf("drawing the board of %s: %w", run, err)
	}
	s, err := n.bot.slice(ctx, r.Digest)
	if err != nil {
		return Card{}, nil, err
	}
	verbs, err := n.shared(ctx, r)
	if err != nil {
		return Card{}, nil, err
	}
	e := easel{voice: n.bot.voice(c.Organisation(), n.place.Lang), nonces: n.bot.nonces(), surface: n.place.Surface, dest: n.place.Dest}
	card := each(e.lang, n.place.Each, func(lang string) Card { return e.to(lang).board(r, s, verbs) })
	return card, s, e.nonces.keep(ctx, n.bot.cfg.Store)
}

// shared are the verbs a run's board offers to everybody. While the way back is under way, a run is neither
// switched back again nor closed.
func (n *Narrator) shared(ctx context.Context, r fsm.View) ([]dr.Verb, error) {
	verbs := sharedVerbs(r)
	if r.Child == "" || r.State != dr.AtStandby {
		return verbs, nil
	}
	child, err := n.bot.cfg.Engine.View(ctx, dr.Actor{}, r.Child)
	if err != nil {
		return nil, fmt.Errorf("drawing the board of %s: %w", r.ID, err)
	}
	if !child.State.Ended() {
		verbs = slices.DeleteFunc(verbs, func(v dr.Verb) bool { return v == dr.VerbSwitchback || v == dr.VerbClose })
	}
	return verbs, nil
}

// boardRef is what the place calls a run's board; empty when it has none.
func (n *Narrator) boardRef(ctx context.Context, run string) (ref Ref, err error) {
	if run == "" {
		return "", nil
	}
	err = n.bot.cfg.Store.Read(ctx, func(r *store.Reader) error {
		o, err := r.Outbox(ctx, n.boardKey(run))
		ref = Ref(o.Ref)
		if dr.KindOf(err) == dr.NotFound {
			return nil
		}
		return err
	})
	return ref, err
}

func (n *Narrator) boardKey(run string) string { return boardKey(n.name, run) }

// boardKey is the key of a run's board in a place, which is named as surface/channel.
func boardKey(place, run string) string { return place + "/board/" + run }

// report tells that a run's report can be read, and puts the bundle beside it where the place takes files.
func (n *Narrator) report(ctx context.Context, o store.Outgoing) (Ref, error) {
	c, err := n.bot.cfg.Catalog()
	if err != nil {
		return "", dr.Errorf(dr.Unavailable, "telling of the report of %s: %w", o.Run, err)
	}
	r, err := n.bot.cfg.Engine.View(ctx, dr.Actor{}, o.Run)
	if err != nil {
		return "", err
	}
	v := n.bot.voice(c.Organisation(), n.place.Lang)
	card := each(v.lang, n.place.Each, func(lang string) Card { return v.in(lang).report(r, nil) })
	if card.Thread, err = n.boardRef(ctx, o.Run); err != nil {
		return "", err
	}
	if n.bot.cfg.Report != nil && n.place.Chat.Caps().Uploads {
		f, err := n.bot.cfg.Report(ctx, o.Run)
		var refused *dr.Error
		switch {
		case err == nil:
			f.Key, f.Comment = o.Key+"/bundle", card
			if _, err := heard(n.place.Chat.Upload(ctx, n.place.Dest, f)); err != nil && dr.KindOf(err) != dr.Invalid {
				return "", err
			}
		case !errors.As(err, &refused):
			return "", err
		}
	}
	return heard(n.place.Chat.Post(ctx, n.place.Dest, card, o.Key))
}
