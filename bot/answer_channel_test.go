package bot

import (
	"strings"
	"testing"
)

// heard asks before a whole channel that is known as ops.
func (h *house) heard(kind IntentKind, person, text string, live func(Reply)) Reply {
	h.Helper()
	return h.handle(Intent{Surface: "console", Dest: "ops", Kind: kind, Person: person, Args: text, Thread: "ops/1", Live: live})
}

// openOps gives the house a channel that everybody of the organisation reads.
func (h *house) openOps(l *Library) {
	l.cfg.Rooms = map[string]string{"ops": House}
}

// What is asked before a whole channel is answered before it: at first that it is looked for, and whoever
// reads the answer may say what they think of it.
func TestAnswerToAChannel(t *testing.T) {
	h := open(t)
	h.openOps(h.shelve(books()))
	var shown []Reply
	r := h.heard(Mention, "ada", "how do I see how far a standby is behind?", func(r Reply) { shown = append(shown, r) })
	if !r.Public || !strings.Contains(flat(r.Card), "SELECT client_addr") {
		t.Fatal(flat(r.Card))
	}
	if len(shown) != 1 || !shown[0].Public || !strings.Contains(flat(shown[0].Card), "Looking in the runbooks") {
		t.Errorf("on the way: %+v", shown)
	}
	if button(r.Card, "answer-share").ID != "" {
		t.Error("what everybody reads can be shared")
	}
	for _, who := range []string{"ada", "ben"} {
		if got := h.press(who, r.Card, "answer-helped"); !got.Done || !got.Own {
			t.Errorf("%s: %s", who, flat(got.Card))
		}
	}
	if said := h.feedback(); len(said) != 2 || said[0].Person == said[1].Person {
		t.Errorf("%+v", said)
	}
	own := h.heard(Command, "ada", "ask how do I see how far a standby is behind?", nil)
	if got := h.press("ben", own.Card, "answer-helped"); got.Card.Kind != "refusal" {
		t.Error("somebody pressed a button that only ada sees")
	}
	if got := h.press("ada", own.Card, "answer-share"); got.Post == nil {
		t.Errorf("sharing: %s", flat(got.Card))
	}
}

// A question between people below an answer is answered if the runbooks know; else nothing is said.
func TestAside(t *testing.T) {
	h := open(t)
	h.openOps(h.shelve(books()))
	h.heard(Mention, "ada", "how do I see how far a standby is behind?", nil)
	if r := h.heard(Aside, "ben", "and how do I stop the batch that causes it?", nil); !r.Public || !strings.Contains(flat(r.Card), "do not kill it") {
		t.Error(flat(r.Card))
	}
	for who, text := range map[string]string{"ben": "who of us brings lunch for the night shift of tomorrow?", "nobody": "how do I see how far a standby is behind?"} {
		r, err := h.bot.Handle(t.Context(), Intent{Surface: "console", Dest: "ops", Kind: Aside, Person: who, Args: text, Thread: "ops/1"})
		if err != nil || len(r.Card.Parts) > 0 {
			t.Errorf("%s asked %q and reads %s, %v", who, text, flat(r.Card), err)
		}
	}
	if vain, err := h.bot.cfg.Library.Vain(t.Context(), 10); err != nil || len(vain) != 0 {
		t.Errorf("what people say to each other is kept: %+v, %v", vain, err)
	}
	if r := h.heard(Mention, "ben", "and how do I ask for the lag?", nil); !strings.Contains(flat(r.Card), "do not kill it") && !strings.Contains(flat(r.Card), "replay_lag") {
		t.Errorf("the subject is lost: %s", flat(r.Card))
	}
}

// What could not be shown to somebody where they asked works where they are shown it, for them alone.
func TestAnswerFollows(t *testing.T) {
	h := open(t)
	h.openOps(h.shelve(books()))
	r := h.heard(Command, "ada", "ask how do I see how far a standby is behind?", nil)
	press := func(who, name string) Reply {
		return h.handle(Intent{Surface: "console", Dest: "talk-of-" + who, Company: Alone, Person: who, Kind: Press, Args: button(r.Card, name).Nonce})
	}
	if got := press("ada", "answer-helped"); !got.Done {
		t.Error(flat(got.Card))
	}
	if got := press("ben", "answer-helped"); got.Done {
		t.Error("a button of ada's worked for ben")
	}
	if got := press("ada", "answer-share"); got.Post != nil || !strings.Contains(flat(got.Card), "Nobody else reads") {
		t.Error(flat(got.Card))
	}
	elsewhere := Intent{Surface: "console", Dest: "lobby", Person: "ada", Kind: Press, Args: button(r.Card, "answer-helped").Nonce}
	if got := h.handle(elsewhere); got.Done || got.Card.Kind != "refusal" {
		t.Error("a button worked in a place others read")
	}
}
