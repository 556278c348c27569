package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
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
	if d.Event == "taken" {
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

// tellsWish has a server of a site that takes no work tell of the wish that another one do, where nobody at the site
// that works has told it: that one may be what is lost. It is the only thing such a server says.
func (n *Narrator) tellsWish(ctx context.Context) (wait dr.Millis, err error) {
	if n.bot.cfg.Store.Site() == "" {
		return idle, nil
	}
	v, err := n.bot.cfg.Engine.Site(ctx, dr.Actor{})
	if err != nil || v.Ask.Site == "" || v.Site == n.bot.cfg.Store.Site() {
		return idle, err
	}
	w := wishOf(v)
	o, wait, err := n.claimWish(ctx, w)
	if err != nil || wait > 0 {
		return wait, err
	}
	ref, err := n.send(ctx, o)
	if err != nil {
		return idle, fmt.Errorf("telling that another site shall take work: %w", err)
	}
	return idle, n.mark(ctx, o.Key, ref)
}

// claimWish makes the message about a wish this server's to send, or says how long it is somebody else's. Those that
// work, or ask for the same, wait for each other at the site's row meanwhile.
func (n *Narrator) claimWish(ctx context.Context, w siteWish) (o store.Outgoing, wait dr.Millis, err error) {
	body, err := json.Marshal(told{Wish: &w})
	if err != nil {
		return o, idle, fmt.Errorf("writing a message: %w", err)
	}
	err = n.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockSite(ctx); err != nil {
			return err
		}
		now := n.bot.cfg.Clock.Time()
		if wait = siteOthers - now.Since(w.Asked); wait > 0 {
			return nil
		}
		key := n.boardKey(w.about())
		o, err = tx.Outbox(ctx, key)
		switch {
		case dr.KindOf(err) == dr.NotFound:
			o = store.Outgoing{Key: key, Surface: n.name, Dest: n.place.Dest, Run: w.about(), Kind: kindBoard, Body: string(body), Made: w.Asked, Due: now.Plus(siteTells)}
			_, err = tx.PutOutbox(ctx, o)
			return err
		case err != nil:
			return err
		case !o.Sent.IsZero():
			wait = idle
		case o.Due.After(now.Time):
			wait = o.Due.Since(now)
		default:
			return tx.DelayOutbox(ctx, key, "", now.Plus(siteTells))
		}
		return nil
	})
	return o, max(0, wait), err
}
