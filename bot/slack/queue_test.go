package slack

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// counter is an adapter that only notes what it would answer.
type counter struct {
	*Slack
	mu    sync.Mutex
	later time.Duration // its own clock
}

func newCounter(s *store.Store, now func() time.Time) *counter {
	c := &counter{}
	c.Slack = New(Config{Store: s, Log: slog.New(slog.DiscardHandler), Clock: dr.Clock{Now: func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return now().Add(c.later)
	}}})
	c.queue.open(func(string) {})
	return c
}

func (c *counter) ahead(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later += d
}

// works lists what waits to be answered.
func (c *counter) works() (out []string) {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	for _, lane := range c.queue.lanes {
		for _, h := range lane {
			out = append(out, h.keys[0])
		}
	}
	return out
}

// TestOneServerAnswers: what another server took and lost is taken up by one of those that are left; what
// waits for long at a living one is taken by nobody else; and a server that stood still for so long that it was
// taken for lost answers nothing that was given to another.
func TestOneServerAnswers(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	at := func() time.Time { return now }
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "quay-bank", Clock: dr.Clock{Now: at}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one, two := newCounter(s, at), newCounter(s, at)
	const events = 20
	all := make([]frame, events)
	for i := range all {
		h := heard{Kind: bot.Command, User: fmt.Sprint("U", i%7), Args: "help", keys: []string{fmt.Sprintf("command/%02d", i)}}
		raw, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = frame{heard: h, body: string(raw)}
	}
	if _, _, err := one.keepAll(t.Context(), all); err != nil { // and then it dies
		t.Fatal(err)
	}
	sweep := func(servers ...*counter) {
		t.Helper()
		var both sync.WaitGroup
		for _, c := range servers {
			both.Go(func() {
				if err := c.sweep(t.Context(), false); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	}
	three := newCounter(s, at)
	sweep(two, three)
	if n := len(two.works()) + len(three.works()); n != 0 {
		t.Fatalf("%d events are taken from a server that may be at work", n)
	}
	now = now.Add(21 * time.Second)
	sweep(two, three, two, three)
	works := slices.Sorted(slices.Values(append(two.works(), three.works()...)))
	if len(works) != events || len(slices.Compact(works)) != events {
		t.Fatalf("%d and %d of %d events are answered", len(two.works()), len(three.works()), events)
	}
	for range 6 { // they have much to do
		now = now.Add(12 * time.Second)
		sweep(two, three)
		sweep(one)
	}
	if n := len(one.works()); n > 0 {
		t.Errorf("%d events are taken from living servers", n)
	}
	now = now.Add(25 * time.Second) // both stood still, and another finds what they left
	sweep(one)
	if n := len(one.works()); n != events {
		t.Errorf("%d events are taken up", n)
	}
	for _, c := range []*counter{two, three} {
		for _, key := range c.works() {
			if c.ours(t.Context(), key) {
				t.Errorf("%s is answered twice", key)
			}
		}
	}
	one.ahead(time.Hour) // its clock is wrong, and the event is its own all the same
	for _, key := range one.works() {
		if !one.ours(t.Context(), key) {
			t.Errorf("%s is answered by nobody", key)
		}
	}
}
