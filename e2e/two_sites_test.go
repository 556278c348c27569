//go:build !race

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// newsMost is how long what one server wrote may take to be told by another. Where no hint comes, a server looks
// every second.
const newsMost = 2500 * time.Millisecond

// pair is a server at each of two sites on one PostgreSQL database, both in one Slack.
type pair struct {
	*workspace
	east, west *app.App
	ends       map[*app.App]func()
	taken      string // the card of the wish that was confirmed
}

// TestTwoSitesPostgres has two servers tell one channel: of rows the other wrote, of what a third one took and lost, and of the
// wish that the other site take work, which two people bring about by buttons there, also when the first site is gone.
func TestTwoSitesPostgres(t *testing.T) {
	w := prepareWorkspace(t, slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: room, Name: "ops"}}})
	w.scene.url = storetest.Postgres(t)
	p := &pair{workspace: w, ends: map[*app.App]func(){}}
	p.otherAnn()
	p.east = p.at("east")
	shareKeys(t, p.dir, "east", "west")
	p.west = p.at("west")
	p.wait("sockets of both", func() bool { return p.slack.Stats().Sockets >= 4 })
	p.tellsOfOthers()
	p.answersLost()
	p.attacked()
	p.byButtons()
	p.whenGone()
}

// at starts the server of a site.
func (p *pair) at(site string) *app.App {
	p.Helper()
	p.name = site
	p.open(nil, append(slices.Clone(p.more), "SWITCHMAN_STATE_DIR="+p.dir+"/"+site, "SWITCHMAN_SITE="+site)...)
	p.ends[p.app] = p.end
	return p.app
}

// tellsOfOthers: the server at the west writes rows, and the one at the east, which tells the channel, tells of them:
// at once, and within about a second when no hint comes.
func (p *pair) tellsOfOthers() {
	v, err := p.east.Engine.Request(p.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "two sites"})
	if err != nil {
		p.Fatal(err)
	}
	await(p.T, p.east, v.ID, dr.AwaitingApproval)
	p.eventually("the board is up", func() bool { _, _, _, ok := p.button("bob", "approve"); return ok })
	tell := func(text string) time.Duration {
		p.Helper()
		data, err := json.Marshal(dr.FindingData{Text: text})
		if err != nil {
			p.Fatal(err)
		}
		began := time.Now()
		err = p.west.Store.Write(p.Context(), func(tx *store.Tx) error {
			tx.Journal(dr.Row{At: dr.At(began), Run: v.ID, Kind: dr.RowObservation, Actor: "eve", Surface: "cli", Data: data})
			return nil
		})
		if err != nil {
			p.Fatal(err)
		}
		p.wait("news of "+text, func() bool { return strings.Contains(p.wall("bob"), text) })
		return time.Since(began)
	}
	hinted := tell("seen with a hint")
	p.deafens()
	alone := tell("seen without a hint")
	if hinted > newsMost || alone > newsMost {
		p.Errorf("told after %s with a hint, %s without", hinted, alone)
	}
	p.Logf("soak: news of another server's row after %s with a hint, %s without", hinted.Round(time.Millisecond), alone.Round(time.Millisecond))
	if _, err := p.east.Engine.Do(p.Context(), dr.Actor{Person: "ann", Surface: "cli"}, v.ID, dr.VerbCancel, fsm.Args{Reason: "seen enough"}); err != nil {
		p.Fatal(err)
	}
}

// deafens ends the lines on which servers hear of each other. They are opened again later.
func (p *pair) deafens() {
	p.Helper()
	c, err := pgx.Connect(p.Context(), p.scene.url)
	if err != nil {
		p.Fatal(err)
	}
	defer c.Close(p.Context()) //nolint:errcheck // it has done its work
	tag, err := c.Exec(p.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
	if err != nil || tag.RowsAffected() == 0 {
		p.Fatalf("no line to cut: %v %v", tag, err)
	}
}

// answersLost: what a third server took and lost is answered once, although both look at the same instant.
func (p *pair) answersLost() {
	const each = 3
	who := []string{"ann", "bob", "cat", "dan"}
	err := p.west.Store.Write(p.Context(), func(tx *store.Tx) error {
		for n, one := range slices.Repeat(who, each) {
			body := fmt.Sprintf(`{"kind":"command","user":%q,"channel":%q,"args":"plans lost-%d"}`, accounts[one], room, n)
			e := store.InboxEvent{Surface: "slack", Event: fmt.Sprint("lost/", n), Received: dr.At(time.Now().Add(-time.Minute)), Body: body}
			if _, err := tx.PutInbox(p.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	answers := func() (n int) {
		for _, one := range who {
			for _, m := range p.seen(one) {
				if m.Ephemeral && strings.Contains(string(m.Blocks), "lost-") {
					n++
				}
			}
		}
		return n
	}
	open := func() (all []store.InboxEvent) {
		if err := p.east.Store.Read(p.Context(), func(r *store.Reader) (err error) { all, err = r.OpenInbox(p.Context(), 100); return err }); err != nil {
			p.Fatal(err)
		}
		return all
	}
	p.clock.advance(6 * time.Second) // both look
	p.eventually("what was lost is answered", func() bool { return len(open()) == 0 && answers() >= each*len(who) })
	p.clock.advance(6 * time.Second)
	if n := answers(); n != each*len(who) {
		p.Errorf("%d answers to %d commands", n, each*len(who))
	}
}

// byButtons: a commander asks for the other site in Slack, somebody else confirms there. Whoever may not is refused, and so is a
// button whose wish was replaced.
func (p *pair) byButtons() {
	p.slash("eve", "site take west it is time")
	p.slash("ann", "site take west it is time")
	p.clickOn("ann", "it is time")
	first := p.wish("it is time")
	p.slash("ann", "site take west east lost its power")
	p.clickOn("ann", "east lost its power")
	second := p.wish("east lost its power")
	p.loses(first, "asked again since")
	siege := &siege{workspace: p.workspace}
	replaced, _ := buttonOf(room, first, "site")
	p.refuses(siege, replaced, []takeover{{name: "of another wish", who: "bob", row: "site_asked_anew"}})
	p.pressOn("eve", second) // without a role
	p.pressOn("ann", second) // who asked
	p.refusedAll("site_role_ask", "site_role_confirm", "site_same_person")
	if v, err := p.east.Engine.Site(p.Context(), dr.Actor{}); err != nil || v.Site != "east" {
		p.Fatalf("%+v, %v", v, err)
	}
	p.pressOn("bob", second)
	p.works("west")
	p.taken = second.TS
	again, _ := buttonOf(room, second, "site")
	p.refuses(siege, again, []takeover{{name: "the press that counted, once more", who: "bob", row: "site_works"}})
	if n := p.siteRows(siege, 0, "taken"); n != 1 {
		p.Errorf("the site was taken %d times", n)
	}
	p.hurry("the channel hears of it, and the button is gone", func() bool {
		m := p.message(second.TS)
		return strings.Contains(p.wall("cat"), "Ann asked for it, Bob confirmed it") && m.Edited && !strings.Contains(string(m.Blocks), `"ask:site"`)
	})
}

// whenGone: the site that works is gone with all its servers, and the one that is left tells of the wish itself.
func (p *pair) whenGone() {
	p.app, p.end = p.west, p.ends[p.west]
	p.crash()
	p.app = p.east
	if _, err := p.east.Engine.TakeSite(p.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.SiteAct{Site: "east", Reason: "west burns"}); err != nil {
		p.Fatal(err)
	}
	p.clock.advance(4 * time.Second)
	unheard := p.wish("west burns")
	p.clock.advance(31 * time.Minute)
	p.loses(unheard, "Nobody confirmed it within half an hour")
	if m := p.message(p.taken); !strings.Contains(string(m.Blocks), "Bob confirmed it") {
		p.Errorf("half an hour later the card of the wish that was confirmed says %s", m.Blocks)
	}
	if _, err := p.east.Engine.TakeSite(p.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.SiteAct{Site: "east", Reason: "west still burns"}); err != nil {
		p.Fatal(err)
	}
	began := time.Now()
	p.clock.advance(4 * time.Second)
	m := p.wish("west still burns")
	p.Logf("soak: the wish was told %s after the site that works was gone", time.Since(began).Round(10*time.Millisecond))
	p.pressOn("bob", m)
	p.works("east")
	if n := strings.Count(p.wall("cat"), "Ann wants East to take work"); n > 2 { // its text and its blocks
		p.Errorf("the wish was told %d times", n)
	}
}

// clickOn presses the button on the newest message with some words.
func (p *pair) clickOn(who, words string) {
	p.Helper()
	var found slackfake.Seen
	p.wait(who+" sees "+words, func() bool {
		all := p.seen(who)
		i := slices.IndexFunc(all, func(m slackfake.Seen) bool { return m.Ephemeral && strings.Contains(string(m.Blocks), words) })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	p.pressOn(who, found)
}

// wish is the card of a wish, as everybody sees it.
func (p *pair) wish(reason string) (m slackfake.Seen) {
	p.Helper()
	p.eventually("the card about "+reason, func() bool {
		for _, one := range p.seen("bob") {
			if !one.Ephemeral && strings.Contains(string(one.Blocks), reason) && strings.Contains(string(one.Blocks), `"ask:site"`) {
				m = one
				return true
			}
		}
		return false
	})
	return m
}

func (p *pair) message(ts string) (m slackfake.Seen) {
	for _, one := range p.seen("bob") {
		if one.TS == ts {
			m = one
		}
	}
	return m
}

// pressOn presses the site button of a message as it was when it was seen.
func (p *pair) pressOn(who string, m slackfake.Seen) {
	p.Helper()
	var blocks []struct {
		Block    string `json:"block_id"`
		Elements []struct {
			Action string `json:"action_id"`
		} `json:"elements"`
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		p.Fatal(err)
	}
	for _, b := range blocks {
		for _, e := range b.Elements {
			if e.Action == "ask:site" {
				if act := p.slack.Person(account(who)).Click(p.Context(), slackfake.Press{Channel: room, TS: m.TS, Action: e.Action, Block: b.Block}); act.Error != "" {
					p.Fatalf("%s: %s", who, act.Error)
				}
				return
			}
		}
	}
	p.Fatalf("no button: %s", m.Blocks)
}

// refusedAll waits until the journal has these refusals.
func (p *pair) refusedAll(ids ...string) {
	p.Helper()
	p.eventually("refusals "+strings.Join(ids, " "), func() bool {
		all := ""
		err := p.east.Store.Read(p.Context(), func(r *store.Reader) error {
			rows, _, err := r.Rows(p.Context(), 0, 1000)
			for _, row := range rows {
				if row.Kind == dr.RowRefusal {
					all += string(row.Data)
				}
			}
			return err
		})
		return err == nil && !slices.ContainsFunc(ids, func(id string) bool { return !strings.Contains(all, `"`+id+`"`) })
	})
}

// works waits until work is taken at a site.
func (p *pair) works(site string) {
	p.Helper()
	p.eventually(site+" takes work", func() bool {
		v, err := p.east.Engine.Site(p.Context(), dr.Actor{})
		return err == nil && v.ActiveSite.Site == site
	})
}
