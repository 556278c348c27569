// Package conformance holds the workspace against clients that know the real Slack: slack-go, and
// Slack's own libraries for Node. Both run one small app, and one list of scenarios looks at what
// people see of it.
package conformance

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

const (
	lin  = "U0HB10041"
	chen = "U0HB10057"
	ops  = "C0OPS0001"
)

type world struct {
	*slackfake.Server
	t   *testing.T
	api string
}

func newWorld(t *testing.T) world {
	o := slackfake.Sample()
	o.Events = []string{"app_mention", "app_home_opened", "message.channels"}
	s := slackfake.New(o)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		h.CloseClientConnections()
		h.Close()
	})
	return world{s, t, h.URL + "/api/"}
}

// until waits until a person sees something.
func (w world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer stop()
	if err := w.Await(ctx, ok); err != nil {
		seen, _ := w.Person(lin).Messages(ops)
		w.t.Fatalf("waited for %s: %v\n%+v\n%+v", what, err, seen, w.Stats())
	}
}

func (w world) find(text string) (slackfake.Seen, bool) {
	seen, _ := w.Person(lin).Messages(ops)
	i := slices.IndexFunc(seen, func(m slackfake.Seen) bool { return strings.Contains(m.Text, text) })
	if i < 0 {
		return slackfake.Seen{}, false
	}
	return seen[i], true
}

// sees waits for a message in the channel.
func (w world) sees(text string) slackfake.Seen {
	w.t.Helper()
	w.until(text, func() bool { _, ok := w.find(text); return ok })
	m, _ := w.find(text)
	return m
}

func (w world) slash(text string) {
	w.t.Helper()
	if act := w.Person(lin).Slash(w.t.Context(), ops, "/dr", text); act.Error != "" {
		w.t.Fatalf("/dr %s: %+v", text, act)
	}
}

func (w world) breaks(f slackfake.Fault) {
	w.t.Helper()
	if err := w.Break(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) connected() {
	w.t.Helper()
	w.until("a socket", func() bool { return w.Stats().Sockets > 0 })
}

// scenarios are played in this order, by people, with an app that is already connected.
var scenarios = []struct {
	name string
	play func(w world)
}{
	{"a slash command is answered on the acknowledgement", func(w world) {
		w.slash("hello")
		if m := w.sees("hello <@" + lin + ">"); !m.Ephemeral {
			w.t.Errorf("everybody sees %+v", m)
		}
	}},
	{"a form opens, shows an error below its field, and is sent", func(w world) {
		w.slash("form")
		p := w.Person(lin)
		w.until("the form", func() bool { return len(p.Views()) == 1 })
		v := p.Views()[0]
		if act := p.Submit(w.t.Context(), v.ID, slackfake.Values{"why": {"text": "test"}}); act.Errors["why"] != "Say more." || act.Error != "" {
			w.t.Errorf("a short reason: %+v", act)
		}
		if act := p.Submit(w.t.Context(), v.ID, slackfake.Values{"why": {"text": "演练 <&>"}}); act.Error != "" || len(act.Errors) > 0 || len(p.Views()) != 0 {
			w.t.Errorf("a good reason: %+v", act)
		}
		if m := w.sees("asked: 演练"); m.Text != "asked: 演练 &lt;&amp;&gt;" || !strings.Contains(string(m.Metadata), "run-1") {
			w.t.Errorf("posted %+v", m)
		}
	}},
	{"a button replaces its message", func(w world) {
		m := w.sees("asked: ")
		if act := w.Person(chen).Click(w.t.Context(), slackfake.Press{Channel: ops, TS: m.TS, Action: "approve"}); act.Error != "" {
			w.t.Errorf("the click: %+v", act)
		}
		if now := w.sees("run-1 approved by <@" + chen + ">"); now.TS != m.TS || !now.Edited || now.Blocks != nil {
			w.t.Errorf("became %+v", now)
		}
	}},
	{"a mention is answered in its thread", func(w world) {
		said := w.Person(lin).Say(ops, "@switchman are you there?", "")
		if m := w.sees("heard you"); m.Thread != said.TS {
			w.t.Errorf("answered in %+v", m)
		}
	}},
	{"a file is uploaded and shared", func(w world) {
		w.slash("file")
		if m := w.sees("the report"); len(m.Files) != 1 || m.Files[0]["title"] != "Report" || m.Files[0]["size"] != 11 {
			w.t.Errorf("shared %+v", m)
		}
	}},
	{"broken blocks are refused with a place", func(w world) {
		w.slash("broken")
		w.sees("invalid_blocks: [ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]")
	}},
	{"the Home tab is published", func(w world) {
		w.Person(lin).OpenHome()
		w.until("Home", func() bool {
			home, ok := w.Person(lin).Home()
			return ok && strings.Contains(string(home.Blocks), "Your day")
		})
	}},
	{"a call that came too fast is made again", func(w world) {
		w.breaks(slackfake.Fault{Kind: slackfake.RateLimited, Method: "chat.postMessage", Count: 1})
		w.slash("storm")
		w.sees("through the storm")
		if n := w.Stats().Errors["ratelimited"]; n != 1 {
			w.t.Errorf("%d calls were too fast", n)
		}
	}},
	{"after a refresh and after a drop the app is back", func(w world) {
		for _, kind := range []string{slackfake.Refresh, slackfake.Disconnect} {
			opened := w.Stats().Opened
			w.breaks(slackfake.Fault{Kind: kind})
			w.until("a new socket", func() bool { return w.Stats().Opened > opened })
			w.slash("hello")
		}
	}},
	{"an event whose acknowledgement is lost comes again", func(w world) {
		w.breaks(slackfake.Fault{Kind: slackfake.LostAck, Method: "app_mention"})
		w.Person(lin).Say(ops, "@switchman and now?", "")
		w.sees("retry 1 timeout")
	}},
}

func play(w world) {
	w.connected()
	for _, s := range scenarios {
		w.t.Run(s.name, func(t *testing.T) {
			here, began := w, time.Now()
			here.t = t
			s.play(here)
			t.Logf("%d ms", time.Since(began).Milliseconds())
		})
	}
	if st := w.Stats(); st.GivenUp > 0 || st.Garbage > 0 || st.TooLarge > 0 {
		w.t.Errorf("counted %+v", st)
	}
}
