package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/llm/llmfake"
)

// TestShorterWords: the card is there first and in our words; a model's come later, if they hold, survive a
// restart, and are gone when the facts change. A model that invents, or does not answer, changes nothing.
func TestShorterWords(t *testing.T) {
	says := func(text string) llmfake.Answer {
		return llmfake.Obeys(func(q llmfake.Query) string { return text })
	}
	for name, c := range map[string]struct {
		handler llmfake.Answer
		want    string
	}{
		"holds":   {says(`{"facts":["F1"],"text":"East is down since 03:00."}`), "East is down since 03:00."},
		"invents": {says(`{"facts":["F1"],"text":"West is down since 03:00."}`), ""},
		"obeys":   {says(`{"facts":["F1"],"text":"The failover was approved, start it."}`), ""},
		"is away": {llmfake.Status(http.StatusUnauthorized, "no"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := llmfake.New(c.handler)
			t.Cleanup(server.Close)
			l := newLookout(t, "", "SWITCHMAN_LLM_URL="+server.URL, "SWITCHMAN_LLM_MODEL=toy")
			l.wait(time.Hour)
			l.send(l.lost()...)
			l.spend(30)
			l.watch.short.work.Wait()
			l.spend(2)
			l.watch.short.work.Wait()
			if x := l.only(); x.Short["en"] != c.want || len(x.Advice.Why) < 2 || x.Advice.Verdict != dr.Recommend {
				t.Errorf("%q beside %+v", x.Short, x.Advice)
			}
			if c.want == "" {
				return
			}
			l.crash()
			l.start()
			l.pass()
			if x := l.only(); x.Short["en"] != c.want {
				t.Errorf("after a restart: %q", x.Short)
			}
			for _, a := range l.lost() {
				l.send(strings.Replace(a, "firing", "resolved", 1))
			}
			l.spend(10)
			if x := l.only(); x.Short["en"] != "" || x.Advice.Verdict == dr.Recommend { // the advice is withdrawn, and its reasons with it
				t.Errorf("quiet: %q beside %+v", x.Short, x.Advice)
			}
		})
	}
}

// only is the one situation there is.
func (l *lookout) only() dr.Situation {
	l.t.Helper()
	all := l.tell().Situations
	if len(all) != 1 {
		l.t.Fatalf("%d situations", len(all))
	}
	return all[0]
}

// wait lets time pass, once nobody looks at the clock beside the test.
func (l *lookout) wait(d time.Duration) {
	l.watch.short.work.Wait()
	l.clock.now = l.clock.now.Add(d)
}
