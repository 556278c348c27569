package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/knowledge"
)

// slowly words an answer in two sentences, the second only when it may go on, and tells whether it was left.
func slowly(goOn chan struct{}, left chan error) wording {
	return func(ctx context.Context, _, _ string, from []knowledge.Result, each func([]bot.Sentence)) ([]bot.Sentence, int, error) {
		said := []bot.Sentence{{Text: "The primary knows.", Passage: from[0].Passage.ID, Quote: "Ask the primary"}}
		each(said)
		select {
		case <-goOn:
			return append(said, bot.Sentence{Text: "It is asked.", Passage: from[0].Passage.ID, Quote: "Ask the primary"}), 0, nil
		case <-ctx.Done():
			left <- ctx.Err()
			return nil, 0, ctx.Err()
		}
	}
}

const behind = "how far is each standby behind?"

// going is one event of an answer on its way.
type going struct {
	Mode   string `json:"mode"`
	Going  bool   `json:"going"`
	Answer []struct {
		Text string `json:"text"`
	} `json:"answer"`
}

// asked opens an answer as a stream and hands on its events until it is told not to.
func (h *house) asked(ctx context.Context, each func(going) bool) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", h.url+"/api/ask?lang=en", strings.NewReader(`{"question":"`+behind+`"}`))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"text/event-stream"}, "Content-Type": {"application/json"}, asHeader: {"ada"}}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var g going
		if err := json.Unmarshal([]byte(data), &g); err != nil {
			h.t.Fatal(err)
		}
		if !each(g) {
			return
		}
	}
}

// TestAnswerOnItsWay: the passages are there at once, proven sentences take their place, and the last event
// is the answer.
func TestAnswerOnItsWay(t *testing.T) {
	h := open(t, true)
	goOn, left := make(chan struct{}), make(chan error, 1)
	h.shelved(slowly(goOn, left))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var seen []string
	h.asked(ctx, func(g going) bool {
		seen = append(seen, g.Mode)
		if len(seen) == 2 {
			close(goOn)
		}
		switch last := len(seen) == 3; {
		case g.Going == last, last && len(g.Answer) != 2, len(seen) == 2 && (len(g.Answer) != 1 || g.Answer[0].Text != "The primary knows."):
			t.Errorf("event %d is %+v", len(seen), g)
		}
		return true
	})
	if got := strings.Join(seen, " "); got != "extractive model model" {
		t.Errorf("events: %s", got)
	}
	var whole going
	h.do(ask{method: "POST", path: "/api/ask", as: "ada", body: map[string]string{"question": behind}}).into(t, &whole)
	if whole.Going || whole.Mode != "model" || len(whole.Answer) != 2 {
		t.Errorf("whoever wants no stream gets %+v", whole)
	}
	if got := h.do(ask{method: "POST", path: "/api/ask", as: "ada", header: http.Header{"Accept": {"text/event-stream"}}, body: map[string]string{"question": " "}}); got.code != http.StatusBadRequest {
		t.Errorf("no question, and a stream: HTTP %d", got.code)
	}
}

// TestHangingUpEndsTheModel: whoever leaves in the middle leaves no model at work.
func TestHangingUpEndsTheModel(t *testing.T) {
	h := open(t, true)
	left := make(chan error, 1)
	h.shelved(slowly(nil, left))
	h.asked(t.Context(), func(g going) bool { return g.Mode != "model" })
	select {
	case err := <-left:
		if err == nil {
			t.Error("the model was not stopped")
		}
	case <-time.After(20 * time.Second):
		t.Error("the model still works")
	}
}

// TestAnswerGrowsInTheChannel: one row, drawn anew; nobody presses what is about to go.
func TestAnswerGrowsInTheChannel(t *testing.T) {
	h := open(t, true)
	goOn := make(chan struct{})
	var drawings []string
	read := func() {
		var got channel
		h.do(ask{method: "GET", path: "/api/channel?lang=en", as: "ada"}).into(t, &got)
		last := got.Cards[len(got.Cards)-1]
		pressed := ""
		for _, p := range last.Card.Parts {
			for _, a := range p.Actions {
				if a.Nonce != "" {
					pressed = " with buttons"
				}
			}
		}
		drawings = append(drawings, last.ID+pressed)
		if len(drawings) == 2 && !strings.Contains(bot.Text(last.Card, 0), "The primary knows.") {
			t.Errorf("the channel shows:\n%s", bot.Text(last.Card, 0))
		}
	}
	slow := slowly(goOn, make(chan error, 1))
	h.shelved(func(ctx context.Context, lang, question string, from []knowledge.Result, each func([]bot.Sentence)) ([]bot.Sentence, int, error) {
		read()
		return slow(ctx, lang, question, from, func(said []bot.Sentence) { each(said); read(); close(goOn) })
	})
	talk(t, h)
	var reply struct {
		Answer string `json:"answer"`
	}
	h.do(ask{method: "POST", path: "/api/channel?lang=en", as: "ada", body: map[string]string{"text": "ask " + behind}}).into(t, &reply)
	read()
	id := reply.Answer
	if got := strings.Join(drawings, ", "); id == "" || got != id+", "+id+", "+id+" with buttons" {
		t.Errorf("answer %s was drawn as %s", id, got)
	}
}
