package fsm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// SiteAskLasts is how long a wish to take work at another site waits for its second person, and how long a button
// that asks for it may wait to be pressed.
const SiteAskLasts = dr.Millis(30 * 60_000)

// SiteAct is what one of the two people does who let another site take work.
type SiteAct struct {
	Site    string  // the one that shall take work
	Confirm bool    // the second person's yes; otherwise the first one's wish
	Reason  string  // why, from the first
	Asked   dr.Time // the wish the second one has read; zero: the one there is
	Drawn   dr.Time // when the first one was shown the button that asks; zero: there was none
}

// SiteView is where work is taken, and what one person may do about it.
type SiteView struct {
	store.ActiveSite          // its wish is there only while it can be confirmed
	Here             string   // this server's own site; empty: it was not told
	Open             []string // other sites at which a server could take work now
	Expires          dr.Time  // of the wish
	MayAsk           bool
	MayConfirm       bool
}

// Site reads where work is taken, as one person sees it.
func (e *Engine) Site(ctx context.Context, by dr.Actor) (v SiteView, err error) {
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		if v.ActiveSite, err = r.ActiveSite(ctx); err != nil || v.Site == "" {
			return err
		}
		all, err := r.Replicas(ctx)
		v.Open = nil
		for _, one := range all {
			if one.Site != "" && one.Site != v.Site && !slices.Contains(v.Open, one.Site) {
				v.Open = append(v.Open, one.Site)
			}
		}
		return err
	})
	if err != nil {
		return v, err
	}
	v.Here = e.cfg.Store.Site()
	if v.Ask.Site != "" {
		v.Expires = v.Ask.At.Plus(SiteAskLasts)
	}
	if v.Ask.Site == v.Site || e.now().After(v.Expires.Time) {
		v.Ask, v.Expires = store.SiteAsk{}, dr.Time{}
	}
	_, err = e.siteActor(by, SiteAct{Reason: "-"})
	v.MayAsk = err == nil && len(v.Open) > 0
	p, err := e.siteActor(by, SiteAct{Confirm: true})
	v.MayConfirm = err == nil && v.Ask.Site != "" && onlyOther(v.Ask, p) == nil
	return v, nil
}

// TakeSite lets another site take work, as after its database was promoted: one person asks, and a second one
// confirms. A server has to be there already. It answers where work is taken after it. With the change every lease
// ends and its epoch rises, so a server of the other site that holds one writes nothing more; a run it carried
// is taken up at the new one.
func (e *Engine) TakeSite(ctx context.Context, by dr.Actor, a SiteAct) (now store.ActiveSite, err error) {
	a.Reason = strings.TrimSpace(a.Reason)
	p, err := e.siteActor(by, a)
	if err != nil {
		return now, err
	}
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		was, err := tx.LockSite(ctx)
		if err != nil {
			return err
		}
		if err := e.siteThere(ctx, tx, was, a.Site); err != nil {
			return err
		}
		if !a.Confirm {
			now, err = e.askSite(ctx, tx, was, p, by, a)
			return err
		}
		now, err = e.confirmSite(ctx, tx, was, p, by, a)
		return err
	})
	if err == nil && now.Site == e.cfg.Store.Site() {
		e.wake()
	}
	return now, err
}

// siteThere refuses a site that takes work already, or where no server is.
func (e *Engine) siteThere(ctx context.Context, tx *store.Tx, was store.ActiveSite, site string) error {
	switch {
	case was.Site == "":
		return dr.Refuse("site_none", nil)
	case was.Site == site:
		return dr.Refuse("site_works", dr.Args{"site": site})
	case site == e.cfg.Store.Site():
		return nil
	}
	all, err := tx.Replicas(ctx)
	if err == nil && !slices.ContainsFunc(all, func(r store.Replica) bool { return r.Site == site && site != "" }) {
		err = dr.Refuse("site_not_there", dr.Args{"site": site})
	}
	return err
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

// askSite stores a wish. A button asks once, and soon: pressed again it asks for what was asked, and one from before
// is of a moment that has passed.
func (e *Engine) askSite(ctx context.Context, tx *store.Tx, was store.ActiveSite, p dr.Person, by dr.Actor, a SiteAct) (store.ActiveSite, error) {
	switch {
	case a.Drawn.IsZero():
	case e.now().Since(a.Drawn) > SiteAskLasts:
		return was, dr.Refuse("site_ask_old", dr.Args{"site": a.Site})
	case was.Ask.Site == a.Site && was.Ask.Person == p.ID && !was.Ask.At.Before(a.Drawn.Time):
		return was, nil
	}
	was.Ask = store.SiteAsk{Site: a.Site, Person: p.ID, Human: p.Human, Reason: a.Reason, At: e.now()}
	if err := tx.AskSite(ctx, was, was.Ask); err != nil {
		return was, err
	}
	return was, e.siteRow(tx, by, dr.SiteData{Event: "asked", Site: a.Site, From: was.Site, Epoch: was.Epoch, Reason: a.Reason, Asked: was.Ask.At})
}

func (e *Engine) confirmSite(ctx context.Context, tx *store.Tx, was store.ActiveSite, p dr.Person, by dr.Actor, a SiteAct) (store.ActiveSite, error) {
	ask := was.Ask
	switch {
	case ask.Site != a.Site || e.now().Since(ask.At) > SiteAskLasts:
		return was, dr.Refuse("site_not_asked", dr.Args{"site": a.Site})
	case !a.Asked.IsZero() && !a.Asked.Equal(ask.At.Time):
		return was, dr.Refuse("site_asked_anew", dr.Args{"site": a.Site, "reason": ask.Reason})
	}
	if err := onlyOther(ask, p); err != nil {
		return was, err
	}
	now, err := tx.MoveSite(ctx, was, a.Site)
	if err != nil {
		return was, err
	}
	return now, e.siteRow(tx, by, dr.SiteData{Event: "taken", Site: now.Site, From: was.Site, Epoch: now.Epoch, By: ask.Person, Reason: ask.Reason, Asked: ask.At})
}

// onlyOther refuses the person who asked, by whatever account.
func onlyOther(ask store.SiteAsk, p dr.Person) error {
	if ask.Person == p.ID || ask.Human == p.Human && p.Human != "" {
		return dr.Refuse("site_same_person", dr.Args{"person": p.Name})
	}
	return nil
}

func (e *Engine) siteRow(tx *store.Tx, by dr.Actor, d dr.SiteData) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("writing that site %s was %s: %w", d.Site, d.Event, err)
	}
	tx.Journal(dr.Row{At: e.now(), Kind: dr.RowSite, Actor: by.Person, Surface: by.Surface, Data: raw})
	return nil
}
