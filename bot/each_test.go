package bot

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/switchman-dr/switchman/dr"
)

// inBoth holds a card in one language against the one in the other: the same card, but for the words.
func inBoth(t *testing.T, what string, c Card) {
	t.Helper()
	if len(c.Others) != 1 || c.Others[0].Lang == c.Lang || len(c.Others[0].Others) != 0 {
		t.Fatalf("%s: %s and %d others", what, c.Lang, len(c.Others))
	}
	en, zh := c.In("en"), c.In("zh")
	if en.Lang != "en" || zh.Lang != "zh" || en.Kind != zh.Kind || en.Run != zh.Run || en.Key != zh.Key || len(en.Parts) != len(zh.Parts) {
		t.Errorf("%s: two cards:\n%s\n%s", what, Text(en, 0), Text(zh, 0))
	}
	nonces := func(c Card) (all []string) {
		for _, p := range c.Parts {
			for _, a := range p.Actions {
				all = append(all, a.ID+a.Nonce)
			}
		}
		return all
	}
	if !slices.Equal(nonces(en), nonces(zh)) {
		t.Errorf("%s: the buttons differ", what)
	}
	han := func(c Card) (n int) { // names may be of either language
		for _, r := range Text(c, 0) {
			if unicode.Is(unicode.Han, r) {
				n++
			}
		}
		return n
	}
	if han(zh) <= han(en) || en.Mark == zh.Mark {
		t.Errorf("%s: words of the other language:\n%s\n%s", what, Text(en, 0), Text(zh, 0))
	}
	if raw, _ := json.Marshal(zh); strings.Contains(string(raw), `"others"`) {
		t.Errorf("%s: a reader is sent what others read", what)
	}
}

// TestEachReader: what is told and what is answered is drawn in every language where each reader is shown
// their own, and in one alone elsewhere.
func TestEachReader(t *testing.T) {
	h := open(t)
	w, one := newWall(), newWall()
	n := h.bot.Narrator(Place{Surface: "console", Dest: "ops", Each: true, Chat: w, Instance: "here"})
	plain := h.bot.Narrator(Place{Surface: "slack", Dest: "C1", Chat: one, Instance: "here"})
	h.hushAll(n)
	h.hushAll(plain)
	run := h.moved()
	h.hushAll(n)
	h.hushAll(plain)
	if len(w.cards) < 9 || len(one.cards) != len(w.cards) {
		t.Fatalf("%d and %d cards", len(w.cards), len(one.cards))
	}
	for ref, c := range w.cards {
		inBoth(t, string(ref), c)
	}
	for ref, c := range one.cards {
		if len(c.Others) != 0 {
			t.Errorf("%s was told in more than its language", ref)
		}
	}
	for _, text := range []string{"", "help", "help approve", "aprove", "plans", "plans move", "request", "request move drill why", "status", "status " + run, "status r0", "report " + run, "ask why", "close", "switchback",
		"code " + run, "pause " + run, "handover", "observe " + run + " all well", "approve " + run, "it is DRC-1234-5678-9ABC-D"} {
		for _, who := range []string{"ada", "cleo", "nobody"} {
			if who == "cleo" && text == "request move drill why" {
				continue
			}
			inBoth(t, who+": "+text, h.handle(Intent{Person: who, Kind: Command, Args: text, Each: true}).Card)
		}
	}
	if c := h.handle(Intent{Person: "cleo", Kind: Command, Args: "status", Lang: "en"}).Card; c.Lang != "en" {
		t.Errorf("asked in English, answered in %s", c.Lang)
	}
	if v := h.view(run); v.State != dr.AtStandby {
		t.Error(v.State)
	}
}
