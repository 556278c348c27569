package bot

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TakeSite stands for what either of the two people does who let another of Switchman's own sites take work. It
// is a verb of no run; surfaces know it by [Bot.Acts].
const TakeSite dr.Verb = "take_site"

// siteWish is somebody's wish that another site take work, as its card tells it.
type siteWish struct {
	Site   string  `json:"site"`
	From   string  `json:"from"`
	Person string  `json:"person"`
	Reason string  `json:"reason"`
	Asked  dr.Time `json:"asked"`
	By     string  `json:"by,omitempty"` // who confirmed it
}

// about names the card of a wish.
func (w siteWish) about() string { return siteAbout(w.Asked.UnixMilli()) }

func siteAbout(asked int64) string { return "site/" + strconv.FormatInt(asked, 10) }

func wishOf(v fsm.SiteView) siteWish {
	return siteWish{Site: v.Ask.Site, From: v.Site, Person: v.Ask.Person, Reason: v.Ask.Reason, Asked: v.Ask.At}
}

// ourSites answers `/dr site`: who is there, and the buttons of what somebody may do. A line of text changes nothing.
func (t *turn) ourSites(ctx context.Context, c typed) (Reply, error) {
	v, err := t.bot.cfg.Engine.Site(ctx, t.by)
	if err != nil {
		return Reply{}, err
	}
	word, rest := firstWord(c.get("text"))
	site, reason := firstWord(rest)
	switch strings.ToLower(word) {
	case "take", "接管":
		return t.wantSite(ctx, v, strings.ToLower(site), first(c.options["reason"], reason))
	case "confirm", "确认":
		if v.Ask.Site == "" {
			return Reply{}, t.refuse(ctx, "", TakeSite, "site", dr.Refuse("site_not_asked", dr.Args{"site": first(clipLine(site, 40), "…")}))
		}
		return Reply{Card: t.each(func(e easel) Card { return e.siteAsked(wishOf(v), v, t.person) })}, nil
	}
	var all []store.Replica
	var leases []store.Lease
	err = t.bot.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		if all, err = r.Replicas(ctx); err == nil {
			leases, err = r.Leases(ctx)
		}
		return err
	})
	return Reply{Card: t.each(func(e easel) Card { return e.sites(v, all, leases, t.person) })}, err
}

// wantSite offers the button that asks for another site.
func (t *turn) wantSite(ctx context.Context, v fsm.SiteView, site, reason string) (Reply, error) {
	p, _ := t.org.Roster.Person(t.person)
	var no *dr.Error
	switch {
	case v.Site == "":
		no = dr.Refuse("site_none", nil)
	case site == v.Site:
		no = dr.Refuse("site_works", dr.Args{"site": site})
	case !slices.Contains(v.Open, site):
		no = dr.Refuse("site_not_there", dr.Args{"site": clipLine(site, 40)})
	case !v.MayAsk:
		no = dr.Refuse("site_role_ask", dr.Args{"person": p.Name})
	case strings.TrimSpace(reason) == "":
		return Reply{}, &dr.Error{Kind: dr.Usage, ID: "site_reason"}
	}
	if no != nil {
		return Reply{}, t.refuse(ctx, "", TakeSite, "site", no)
	}
	return Reply{Card: t.each(func(e easel) Card {
		to := e.site(site)
		a := Action{ID: "site", Kind: ActButton, Label: e.say("bot_site_ask", dr.Args{"site": to}), Style: Primary,
			Confirm: &Confirm{Title: e.say("bot_site_ask", dr.Args{"site": to}), Text: e.say("bot_site_ask_means", nil), Yes: e.say("bot_site_ask_yes", nil), No: e.say("bot_no", nil)},
			Nonce:   e.nonces.nonce(press{Act: doIt, Command: "site", Verb: TakeSite, Surface: e.surface, Dest: e.dest, Person: t.person, Site: site, Made: e.nonces.now.UnixMilli(), Args: &fsm.Args{Reason: reason}})}
		return e.said("confirm", "", Warn, e.say("bot_site_wanted", dr.Args{"site": to, "from": e.site(v.Site)}), facts(Fact{e.say("bot_f_reason", nil), reason}),
			text(e.say("bot_site_ask_means", nil)), buttons(a), footnote(e.say("bot_press_to_do", nil)))
	})}, nil
}

// pressedSite is one of the two people's acts. Whether it counts is the engine's to say.
func (t *turn) pressedSite(ctx context.Context, p press) (Reply, error) {
	if !t.in.Confirmed {
		return Reply{}, t.refusePress(ctx, p, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"})
	}
	act := fsm.SiteAct{Site: p.Site, Confirm: p.Asked > 0}
	if act.Confirm {
		act.Asked = dr.FromMicros(p.Asked * 1000)
	} else if p.Args != nil {
		act.Reason, act.Drawn = p.Args.Reason, dr.FromMicros(p.Made*1000)
	}
	if _, err := t.bot.cfg.Engine.TakeSite(ctx, t.by, act); dr.KindOf(err) == dr.Refused {
		return Reply{}, t.refusePress(ctx, p, err)
	} else if err != nil {
		return Reply{}, err
	}
	return Reply{Done: true, Card: t.each(func(e easel) Card {
		if act.Confirm {
			return e.said("done", "", Good, e.say("bot_site_took", dr.Args{"site": e.site(p.Site)}), text(e.say("bot_site_took_next", nil)))
		}
		return e.said("done", "", Warn, e.say("bot_site_did_ask", nil), text(e.say("bot_site_did_ask_next", nil)))
	})}, nil
}

// sites shows which servers there are, where work is taken, and what may be done about it.
func (e easel) sites(v fsm.SiteView, all []store.Replica, leases []store.Lease, person string) Card {
	c := e.card("site", "", e.org.Environment)
	head := e.say("bot_site_everywhere", nil)
	if v.Site != "" {
		head = e.say("bot_site_at", dr.Args{"site": e.site(v.Site)})
	}
	c.add(title(Calm, head))
	var f []Fact
	for _, r := range all {
		var does []string
		for _, l := range leases {
			if l.Holder == r.ID {
				does = append(does, l.Name)
			}
		}
		where := r.ID
		if r.Site != "" {
			where = e.site(r.Site) + " · " + r.ID
		}
		f = append(f, Fact{where, first(strings.Join(does, ", "), e.say("bot_site_nothing", nil))})
	}
	c.add(facts(f...))
	switch {
	case v.Ask.Site != "":
		asked := e.siteAsked(wishOf(v), v, person)
		c.add(asked.Parts...)
	case v.MayAsk:
		c.add(footnote(e.say("bot_site_how", dr.Args{"site": v.Open[0]})))
	}
	return c.Fit()
}

// siteAsked is the card of a wish: what somebody wants and what it means, with the second person's button while it
// stands; else what became of it. An empty person is everybody.
func (e easel) siteAsked(w siteWish, now fsm.SiteView, person string) Card {
	c := e.card("site", "", e.org.Environment)
	to := e.site(w.Site)
	args := dr.Args{"person": e.voice.person(w.Person), "site": to, "from": e.site(w.From), "by": e.voice.person(w.By)}
	about := facts(Fact{e.say("bot_f_way", nil), e.site(w.From) + " → " + to}, Fact{e.say("bot_f_reason", nil), w.Reason})
	switch {
	case w.By != "":
		c.add(title(Good, e.say("bot_site_taken", args)), text(e.say("bot_site_taken_by", args)), about)
	case now.Ask.Site == w.Site && now.Ask.At.Equal(w.Asked.Time):
		a := Action{ID: "site", Kind: ActButton, Label: e.say("bot_site_confirm", args), Style: Danger,
			Confirm: &Confirm{Title: e.say("bot_site_confirm", args), Text: e.say("bot_site_means", args), Yes: e.say("bot_site_yes", nil), No: e.say("bot_no", nil)},
			Nonce:   e.nonces.nonce(press{Act: doIt, Command: "site", Verb: TakeSite, Surface: e.surface, Dest: e.dest, Person: person, Site: w.Site, Asked: w.Asked.UnixMilli()})}
		c.add(title(Urgent, e.say("bot_site_asked", args)), text(e.say("bot_site_means", args)), about, buttons(a),
			footnote(e.say("bot_site_until", dr.Args{"time": e.clock(now.Expires, dr.Time{}), "zone": e.zone.String()})))
	case now.Site == w.Site:
		c.add(title(Good, e.say("bot_site_taken", args)), about)
	default:
		why := e.say("bot_site_replaced", nil)
		if e.nonces.now.Since(w.Asked) > fsm.SiteAskLasts {
			why = e.say("bot_site_expired", dr.Args{"site": w.Site})
		}
		c.add(title(Calm, e.say("bot_site_over", args)), text(why), about)
	}
	return c.Fit()
}
