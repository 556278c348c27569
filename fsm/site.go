package fsm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// siteAskLasts is how long a wish to take work at another site waits for its second person.
const siteAskLasts = dr.Millis(30 * 60_000)

// SiteAct is what one of the two people does who let another site take work.
type SiteAct struct {
	Site    string // the one that shall take work; it is this server's own
	Confirm bool   // the second person's yes; otherwise the first one's wish
	Reason  string // why, from the first
}

// TakeSite lets this server's site take work, as after its database was promoted: one person asks, and a second
// one confirms. It answers where work is taken after it. With the change every lease ends and its epoch
// rises, so a server of the other site that holds one writes nothing more; a run it carried is taken up here.
func (e *Engine) TakeSite(ctx context.Context, by dr.Actor, a SiteAct) (now store.ActiveSite, err error) {
	a.Reason = strings.TrimSpace(a.Reason)
	mine := e.cfg.Store.Site()
	if mine == "" {
		return now, dr.Refuse("site_none", nil)
	}
	if a.Site != mine {
		return now, dr.Refuse("site_not_here", dr.Args{"site": mine, "wanted": a.Site})
	}
	p, err := e.siteActor(by, a)
	if err != nil {
		return now, err
	}
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		was, err := tx.LockSite(ctx)
		if err != nil {
			return err
		}
		if was.Site == a.Site {
			return dr.Refuse("site_works", dr.Args{"site": a.Site})
		}
		if !a.Confirm {
			now, err = e.askSite(ctx, tx, was, p, by, a)
			return err
		}
		now, err = e.confirmSite(ctx, tx, was, p, by, a)
		return err
	})
	if err == nil && now.Site == mine {
		e.wake()
	}
	return now, err
}

// siteActor finds out whether somebody may ask, or confirm.
func (e *Engine) siteActor(by dr.Actor, a SiteAct) (dr.Person, error) {
	c, err := e.cfg.Catalog()
	if err != nil {
		return dr.Person{}, &dr.Error{Kind: dr.Unavailable, ID: "roster_unreadable", Err: err}
	}
	p, ok := c.Organisation().Roster.Person(by.Person)
	if !ok || p.Disabled {
		return p, dr.Refuse("person_unknown", dr.Args{"person": by.Person})
	}
	switch {
	case a.Confirm && !p.Has(dr.Commander) && !p.Has(dr.CodeIssuer) && !p.Has(dr.Approver):
		return p, dr.Refuse("site_role_confirm", dr.Args{"person": p.Name})
	case !a.Confirm && !p.Has(dr.Commander):
		return p, dr.Refuse("site_role_ask", dr.Args{"person": p.Name})
	case !a.Confirm && a.Reason == "":
		return p, &dr.Error{Kind: dr.Usage, ID: "site_reason"}
	}
	return p, nil
}

func (e *Engine) askSite(ctx context.Context, tx *store.Tx, was store.ActiveSite, p dr.Person, by dr.Actor, a SiteAct) (store.ActiveSite, error) {
	was.Ask = store.SiteAsk{Site: a.Site, Person: p.ID, Human: p.Human, Reason: a.Reason, At: e.now()}
	if err := tx.AskSite(ctx, was, was.Ask); err != nil {
		return was, err
	}
	return was, e.siteRow(tx, by, dr.SiteData{Event: "asked", Site: a.Site, From: was.Site, Epoch: was.Epoch, Reason: a.Reason})
}

func (e *Engine) confirmSite(ctx context.Context, tx *store.Tx, was store.ActiveSite, p dr.Person, by dr.Actor, a SiteAct) (store.ActiveSite, error) {
	ask := was.Ask
	switch {
	case ask.Site != a.Site || e.now().Since(ask.At) > siteAskLasts:
		return was, dr.Refuse("site_not_asked", dr.Args{"site": a.Site})
	case ask.Person == p.ID || ask.Human == p.Human && p.Human != "":
		return was, dr.Refuse("site_same_person", dr.Args{"person": p.Name})
	}
	now, err := tx.MoveSite(ctx, was, a.Site)
	if err != nil {
		return was, err
	}
	return now, e.siteRow(tx, by, dr.SiteData{Event: "taken", Site: now.Site, From: was.Site, Epoch: now.Epoch, By: ask.Person, Reason: ask.Reason})
}

func (e *Engine) siteRow(tx *store.Tx, by dr.Actor, d dr.SiteData) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("writing that site %s was %s: %w", d.Site, d.Event, err)
	}
	tx.Journal(dr.Row{At: e.now(), Kind: dr.RowSite, Actor: by.Person, Surface: by.Surface, Data: raw})
	return nil
}
