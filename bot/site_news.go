package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const (
	siteOthers = dr.Millis(3000)  // a server of the site that works has so long to tell of a wish
	siteTells  = dr.Millis(20000) // and then one at a time tries for so long
)

// siteNews queues the card of a wish that another site take work, and what became of it.
func (s *scribe) siteNews(ctx context.Context, v voice, row dr.Row) error {
	d, err := read[dr.SiteData](row)
	if err != nil || d.Event == "first" || d.Asked.IsZero() {
		return nil // nothing anybody waits for, or a newer version's
	}
	w := siteWish{Site: d.Site, From: d.From, Person: row.Actor, Reason: d.Reason, Asked: d.Asked}
	if d.Event == "asked" {
		if err := s.n.wishEnds(ctx, s.tx, w); err != nil {
			return err
		}
	} else if d.Event == "taken" {
		if err := s.tx.SentOutbox(ctx, s.n.overKey(w), "", s.now); err != nil && dr.KindOf(err) != dr.Conflict {
			return err
		}
		w.Person, w.By = d.By, row.Actor
		card := each(v.lang, s.n.place.Each, func(lang string) Card {
			v := v.in(lang)
			args := dr.Args{"person": v.person(w.Person), "by": v.person(w.By), "site": v.site(w.Site), "from": v.site(w.From)}
			return v.said("news", "", Warn, v.say("bot_site_taken", args), text(v.say("bot_site_taken_by", args)), text(v.say("bot_site_took_next", nil)))
		})
		if err := s.put(ctx, s.key(row.Seq, "site"), kindPost, row, told{Card: card}); err != nil {
			return err
		}
	}
	return s.wall(ctx, w.about(), told{Wish: &w}, row.Seq, row.At)
}

// overKey is the key of the last drawing of a wish's card, which takes the button off it.
func (n *Narrator) overKey(w siteWish) string { return n.name + "/over/" + w.about() }

// wishEnds queues the drawing without a button for when nobody can confirm a wish any more, and has an earlier
// wish, which nobody can confirm now, drawn so at once.
func (n *Narrator) wishEnds(ctx context.Context, tx *store.Tx, w siteWish) error {
	queue, err := tx.DueOutbox(ctx, n.name, forever(), queueLooked)
	if err != nil {
		return err
	}
	for _, o := range queue {
		if old := wishIn(o); old != nil && o.Key == n.overKey(*old) && old.Asked.Before(w.Asked.Time) {
			if err := tx.DelayOutbox(ctx, o.Key, "", n.bot.cfg.Clock.Time()); err != nil {
				return err
			}
		}
	}
	body, err := json.Marshal(told{Wish: &w})
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	_, err = tx.PutOutbox(ctx, store.Outgoing{Key: n.overKey(w), Surface: n.name, Dest: n.place.Dest, Run: w.about(), Kind: kindRedraw, Body: string(body),
		Made: w.Asked, Due: w.Asked.Plus(fsm.SiteAskLasts + 1)})
	return err
}

// wishIn is the wish a queued message tells of; nil: none.
func wishIn(o store.Outgoing) *siteWish {
	var m told
	if o.Kind != kindBoard && o.Kind != kindRedraw || json.Unmarshal([]byte(o.Body), &m) != nil {
		return nil
	}
	return m.Wish
}

// drawSite puts the card of a wish on the wall, or draws it anew.
func (n *Narrator) drawSite(ctx context.Context, o store.Outgoing, w siteWish) (Ref, error) {
	c, err := n.bot.cfg.Catalog()
	if err != nil {
		return "", dr.Errorf(dr.Unavailable, "drawing who wants site %s: %w", w.Site, err)
	}
	now, err := n.bot.cfg.Engine.Site(ctx, dr.Actor{})
	if err != nil {
		return "", err
	}
	e := easel{voice: n.bot.voice(c.Organisation(), n.place.Lang), nonces: n.bot.nonces(), surface: n.place.Surface, dest: n.place.Dest}
	card := each(e.lang, n.place.Each, func(lang string) Card { return e.to(lang).siteAsked(w, now, "") })
	if err := e.nonces.keep(ctx, n.bot.cfg.Store); err != nil {
		return "", err
	}
	return n.hang(ctx, o, card)
}

// tellsWish has a server of a site that takes no work tell of the wish that another one do, and that it no longer
// stands, where nobody at the site that works has told it: that one may be what is lost. It is the only thing such a
// server says.
func (n *Narrator) tellsWish(ctx context.Context) (wait dr.Millis, err error) {
	if n.bot.cfg.Store.Site() == "" {
		return idle, nil
	}
	v, err := n.bot.cfg.Engine.Site(ctx, dr.Actor{})
	if err != nil || v.Site == n.bot.cfg.Store.Site() {
		return idle, err
	}
	var w siteWish
	if v.Ask.Site != "" {
		w = wishOf(v)
	}
	all, wait, err := n.claimWish(ctx, w)
	if err != nil {
		return idle, err
	}
	for _, o := range all {
		ref, err := n.send(ctx, o)
		if err != nil {
			return idle, fmt.Errorf("telling that another site shall take work: %w", err)
		}
		if err := n.mark(ctx, o.Key, ref); err != nil {
			return idle, err
		}
	}
	return wait, nil
}

// claimWish makes messages about wishes this server's to send that nobody at the site that works has sent in time, or
// says when to look again. w is the wish that stands; zero: none does. Those that work, or ask for the same, wait for
// each other at the site's row meanwhile.
func (n *Narrator) claimWish(ctx context.Context, w siteWish) (all []store.Outgoing, wait dr.Millis, err error) {
	var now dr.Time
	look := func(r *store.Reader) (untold bool, err error) {
		all, wait, now = nil, idle, n.bot.cfg.Clock.Time()
		queue, err := r.DueOutbox(ctx, n.name, now, queueLooked)
		if err != nil {
			return false, err
		}
		late := func(since dr.Time) bool {
			rest := siteOthers - now.Since(since)
			if rest > 0 {
				wait = min(wait, rest)
			}
			return rest <= 0
		}
		for _, o := range queue {
			if wishIn(o) != nil && late(o.Due) {
				all = append(all, o)
			}
		}
		if w.Site == "" || !late(w.Asked) {
			return false, nil
		}
		_, err = r.Outbox(ctx, n.boardKey(w.about()))
		return dr.KindOf(err) == dr.NotFound, unlessGone(err)
	}
	untold := false
	err = n.bot.cfg.Store.Read(ctx, func(r *store.Reader) (err error) { untold, err = look(r); return err })
	if err != nil || len(all) == 0 && !untold { // looking costs no commit
		return nil, wait, err
	}
	err = n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockSite(ctx); err != nil {
			return err
		}
		untold, err := look(&tx.Reader)
		if err != nil {
			return err
		}
		for _, o := range all {
			if err := tx.DelayOutbox(ctx, o.Key, "", now.Plus(siteTells)); err != nil {
				return err
			}
		}
		if !untold {
			return nil
		}
		body, err := json.Marshal(told{Wish: &w})
		if err != nil {
			return fmt.Errorf("writing a message: %w", err)
		}
		o := store.Outgoing{Key: n.boardKey(w.about()), Surface: n.name, Dest: n.place.Dest, Run: w.about(), Kind: kindBoard, Body: string(body), Made: w.Asked, Due: now.Plus(siteTells)}
		if _, err := tx.PutOutbox(ctx, o); err != nil {
			return err
		}
		all = append(all, o)
		return n.wishEnds(ctx, tx, w)
	})
	return all, wait, err
}
