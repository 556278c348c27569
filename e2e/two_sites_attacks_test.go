//go:build !race

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// takeover is one way somebody tries to have another site take work who may not, or not so.
type takeover struct {
	name, who, row string
	forge          func(b *button) // what is not as it was drawn
}

// otherAnn gives Ann a second account, so that one human could be two people.
func (p *pair) otherAnn() {
	p.Helper()
	file := filepath.Join(p.dir, "org", "roster.yaml")
	raw, err := os.ReadFile(file)
	line := "  - {id: ann2, name: Ann's second account, slack: U0ANN0002, human: \"1\", roles: [commander, approver], teams: [business]}\n"
	if err := errors.Join(err, os.WriteFile(file, append(raw, line...), 0o600)); err != nil {
		p.Fatal(err)
	}
	p.slack.PutUser(slackfake.User{ID: "U0ANN0002", Name: "ann2", RealName: "ann2"})
	p.slack.PutUser(slackfake.User{ID: "U0NOBODY1", Name: "nobody", RealName: "nobody"})
}

// attacked tries clicks that are forged, somebody else's, late or repeated on both buttons of the two-person act. None
// lets a site take work, each is refused by name, and a wish that nobody confirmed loses its button by itself.
func (p *pair) attacked() {
	s := &siege{workspace: p.workspace}
	p.slash("ann", "site take west too late")
	late := p.asks(s, "too late")
	p.clock.advance(31 * time.Minute)
	p.refuses(s, late, []takeover{{name: "a button that asks, after half an hour", who: "ann", row: "site_ask_old"}})

	p.slash("ann", "site take west the first try")
	ask := p.asks(s, "the first try")
	p.refuses(s, ask, []takeover{
		{name: "somebody else's click on the button that asks", who: "bob", row: "bot_button_foreign"},
		{name: "the button that asks with another letter in it", who: "ann", row: "bot_button_unknown", forge: otherValue},
		{name: "the button that asks, without its question", who: "ann", row: "bot_button_unknown", forge: unasked},
	})
	since := s.head()
	for range 3 { // one press in three envelopes
		s.forges("interactive", s.clicked("ann", ask))
	}
	s.settled()
	if n := p.siteRows(s, since, "asked"); n != 1 {
		p.Errorf("one press asked %d times", n)
	}

	card := p.wish("the first try")
	confirm, ok := buttonOf(room, card, "site")
	if !ok {
		p.Fatalf("no button: %s", card.Blocks)
	}
	p.refuses(s, confirm, []takeover{
		{name: "who asked, as the second person", who: "ann", row: "site_same_person"},
		{name: "who asked, by another account", who: "U0ANN0002", row: "site_same_person"},
		{name: "somebody without a role", who: "eve", row: "site_role_confirm"},
		{name: "somebody whom nobody knows", who: "U0NOBODY1", row: "slack_person_unknown"},
		{name: "a guest", who: "U0GUEST01", row: "slack_person_unknown"},
		{name: "another letter in it", who: "bob", row: "bot_button_unknown", forge: otherValue},
		{name: "nothing in it", who: "bob", row: "bot_button_unknown", forge: func(b *button) { b.value = "" }},
		{name: "without its question", who: "bob", row: "bot_button_unknown", forge: unasked},
		{name: "the button that asks in its place", who: "bob", row: "bot_button_foreign", forge: func(b *button) { b.value = ask.value }},
		{name: "on a message that says something else", who: "bob", row: "bot_button_elsewhere", forge: func(b *button) {
			*b = s.posts(s.slack.App().BotToken, room, *b)
		}},
	})
	p.clock.advance(30 * time.Minute)
	p.loses(card, "Nobody confirmed it within half an hour")
	p.refuses(s, confirm, []takeover{
		{name: "after the wish has run out", who: "bob", row: "site_not_asked"},
		{name: "after it has run out, once more", who: "cat", row: "site_not_asked"},
	})
}

// asks is the newest button by which Ann, and only she, asks for a site with some reason.
func (p *pair) asks(s *siege, reason string) (b button) {
	p.Helper()
	p.wait("the button that asks", func() bool {
		for _, m := range p.seen("ann") {
			if got, ok := buttonOf(room, m, "site"); ok && m.Ephemeral && strings.Contains(string(m.Blocks), reason) {
				b = got
				return true
			}
		}
		return false
	})
	return b
}

func otherValue(b *button) { b.value = b.value[1:] + "a" }

// unasked is the button as if Slack had not asked whether it is meant.
func unasked(b *button) { b.action = strings.Replace(b.action, "ask:", "do:", 1) }

// refuses has people press a button in ways that must not count: each is refused by its name, and nothing changes.
func (p *pair) refuses(s *siege, b button, all []takeover) {
	p.Helper()
	for _, a := range all {
		p.clock.advance(6 * time.Second) // what Slack said of people is forgotten, and refusals are journaled again
		s.settled()
		since, forged := s.head(), b
		if a.forge != nil {
			a.forge(&forged)
		}
		s.forges("interactive", s.clicked(a.who, forged))
		s.settled()
		var refused []string
		for _, row := range s.rows(since) {
			var d dr.RefusalData
			if row.Kind == dr.RowRefusal && json.Unmarshal(row.Data, &d) == nil {
				refused = append(refused, d.ID)
			}
		}
		if strings.Join(refused, " ") != a.row {
			p.Errorf("%s: refused as %q, want %q", a.name, refused, a.row)
		}
		if n := p.siteRows(s, since, ""); n != 0 {
			p.Errorf("%s: %d acts about the site", a.name, n)
		}
	}
}

// siteRows counts acts about the site of one kind, or of any, since a row.
func (p *pair) siteRows(s *siege, since int64, event string) (n int) {
	p.Helper()
	for _, row := range s.rows(since) {
		var d dr.SiteData
		if row.Kind == dr.RowSite && json.Unmarshal(row.Data, &d) == nil && (event == "" || d.Event == event) {
			n++
		}
	}
	return n
}

// loses waits until the card of a wish was rewritten without its button, and says why.
func (p *pair) loses(card slackfake.Seen, why string) {
	p.Helper()
	p.hurry("the card without a button: "+why, func() bool {
		m := p.message(card.TS)
		return m.Edited && !strings.Contains(string(m.Blocks), `"ask:site"`) && strings.Contains(string(m.Blocks), why)
	})
}
