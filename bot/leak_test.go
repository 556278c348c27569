package bot

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

func (h *house) revoked(run string) (n int) {
	h.Helper()
	for _, row := range h.rows(run) {
		if d, err := read[dr.CodeData](row); row.Kind == dr.RowCodeRevoked && err == nil && d.Reason == fsm.Leaked {
			n++
		}
	}
	return n
}

// Whoever types it, and through whichever door: the code is dead, once, and whoever can give a new one is
// told in their own language.
func TestLeakedCodeIsRevoked(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	run := h.ready()
	code := h.code(run)
	h.hush(n)
	r := h.say("somebody", "is it "+code+"?")
	if got := Text(r.Card, 0); r.Card.Kind != "warning" || strings.Contains(got, run) || r.Done {
		t.Errorf("a stranger was told:\n%s", got)
	}
	if h.view(run).CodeLive || h.revoked(run) != 1 {
		t.Fatal("a stranger's leak left the code alive")
	}
	for range 3 {
		h.say("ada", code)
	}
	if n := h.revoked(run); n != 1 {
		t.Errorf("revoked %d times", n)
	}
	h.hush(n)
	told := map[string]string{}
	for key, c := range w.whispers {
		if c.Kind == "leaked" {
			told[w.to[key]] = Text(c, 0)
		}
	}
	if len(told) != 2 || !strings.Contains(told["dora"], run) || !strings.Contains(told["ada"], "Dora") || button(w.whispers[w.keyOf("dora")], "code").URL == "" {
		t.Errorf("told %v", told)
	}
	news := ""
	for _, c := range w.cards {
		news += Text(c, 0)
	}
	if !strings.Contains(news, "typed where others can read it") || strings.Contains(news, code) {
		t.Errorf("the place was told %s", news)
	}
	h.clock.advance(time.Minute)
	code = h.code(run)
	if _, err := h.engine.Do(context.Background(), dr.Actor{Person: "oda", Surface: "cli"}, run, dr.VerbObserve, fsm.Args{Text: "they said " + code}); dr.KindOf(err) != dr.Refused {
		t.Errorf("a code in an observation: %v", err)
	}
	if h.view(run).CodeLive || h.revoked(run) != 2 || h.count(run, dr.RowObservation) != 0 {
		t.Error("a code went through as an observation")
	}
	code = h.code(run)
	if _, err := h.engine.Request(context.Background(), dr.Actor{Person: "ada", Surface: "cli"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "by " + code}); dr.KindOf(err) != dr.Refused || h.view(run).CodeLive {
		t.Errorf("a code in a request: %v", err)
	}
	h.nowhere(run, code)
}

func (w *wall) keyOf(person string) string {
	for key, to := range w.to {
		if to == person && w.whispers[key].Kind == "leaked" {
			return key
		}
	}
	return ""
}

// Guesses find nothing, change nothing, count against no run, and are not looked at without end; a
// real leak by somebody else in that minute still is.
func TestGuessesAreNoLeaks(t *testing.T) {
	h := open(t)
	run := h.ready()
	code := h.code(run)
	before := h.view(run)
	limited := 0
	for range 100 {
		guess, err := approval.NewCode(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		found, err := h.engine.RevokeLeaked(context.Background(), dr.Actor{Person: "somebody"}, guess.Reveal())
		if len(found) > 0 {
			t.Fatal("a guess hit")
		}
		if dr.KindOf(err) == dr.Refused {
			limited++
		}
	}
	if after := h.view(run); after.Version != before.Version || after.CodeLeft != before.CodeLeft || !after.CodeLive || h.revoked(run) != 0 {
		t.Error("guesses changed the run")
	}
	if limited < 90 {
		t.Errorf("%d of 100 guesses were not looked at", limited)
	}
	if found, err := h.engine.RevokeLeaked(context.Background(), dr.Actor{Person: "stranger too"}, code); dr.KindOf(err) != dr.Refused || len(found) > 0 {
		t.Errorf("strangers share one count: %v %v", found, err)
	}
	r := h.say("somebody", code)
	if got := Text(r.Card, 0); strings.Contains(got, run) {
		t.Error(got)
	}
	if found, err := h.engine.RevokeLeaked(context.Background(), dr.Actor{Person: "oda"}, code); err != nil || len(found) != 1 || found[0] != run {
		t.Errorf("a real leak meanwhile: %v %v", found, err)
	}
}

// Many who see it at once, and one who starts with it: one revocation or one start, never both.
func TestLeakMeetsStart(t *testing.T) {
	h := open(t)
	run := h.ready()
	code := h.code(run)
	nonce := h.view(run).Round.Nonce
	people := []string{"ben", "cleo", "oda", "fay", "bea"}
	hits := make([][]string, len(people))
	var started error
	var wg sync.WaitGroup
	for i, who := range people {
		wg.Go(func() {
			found, err := h.engine.RevokeLeaked(context.Background(), dr.Actor{Person: who}, code)
			if err != nil {
				t.Error(err)
			}
			hits[i] = found
		})
	}
	wg.Go(func() {
		_, started = h.engine.Do(context.Background(), dr.Actor{Person: "ada", Surface: "cli"}, run, dr.VerbStart, fsm.Args{Code: code, Nonce: nonce})
	})
	wg.Wait()
	all := 0
	for _, found := range hits {
		all += len(found)
	}
	if ok := started == nil; ok && all != 0 || !ok && all != 1 || h.revoked(run) != all || h.count(run, dr.RowStarted) != 1-all {
		t.Errorf("started %v, revoked by %d, %d rows", started, all, h.revoked(run))
	}
}

// The row a restored system leaves is told once: it is measured again and goes home without a word.
func TestOnlyProofIsTold(t *testing.T) {
	s := stage(t, dr.Drill, dr.Running)
	run := dr.Run{ID: s.view.ID, Mode: dr.Drill}
	for why, want := range map[string]bool{"proven": true, "measured": false, "returned": false, "ended": false, "moved": false, "": false} {
		row := dr.Row{Seq: 1, At: s.view.Now, Run: run.ID, Kind: dr.RowSystem, Data: []byte(`{"id":"ledger","state":"verified","verdict":"passed","why":"` + why + `"}`)}
		if c, _ := at(t, "en", "").news(row, run, s.slice); (len(c.Parts) > 0) != want {
			t.Errorf("%q: %s", why, Text(c, 0))
		}
	}
}
