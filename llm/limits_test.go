package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
)

func TestWhatIsSent(t *testing.T) {
	b := newBench(t, nil, llmfake.Says(good))
	q := question
	q.User = "the-loaded-secret, PGPASSWORD=hunter22 and the code is DRC-4K7M-9QWE-2XYZ-P; 验证码：482913"
	var streamed strings.Builder
	reply, err := b.Structured(t.Context(), q, func(d llm.Delta) { streamed.WriteString(d.Text) }, object)
	if err != nil || streamed.String() != good || reply.Tokens != 100 {
		t.Errorf("%v, streamed %q, %d tokens", err, streamed.String(), reply.Tokens)
	}
	sent := b.server.Asked()[0]
	for _, secret := range []string{"the-loaded-secret", "hunter22", "9QWE", "482913"} {
		if strings.Contains(sent.Raw, secret) {
			t.Errorf("%s left the house", secret)
		}
	}
	if sent.Key != key || sent.Path != "/v1/chat/completions" || sent.Model != "local" || sent.MaxNew != 50 || sent.MaxTokens != 0 || !sent.Stream || sent.Tools != nil ||
		string(sent.Format.Schema.Schema) != `{"type":"object"}` || sent.Header.Get("User-Agent") != "switchman" {
		t.Errorf("sent %+v", sent)
	}
	b.quiet(t, nil)
	t.Run("old server", func(t *testing.T) {
		b := newBench(t, func(c *llm.Config) { c.OldLimit = true }, llmfake.Says(good))
		if _, err := b.Structured(t.Context(), question, nil, object); err != nil || b.server.Asked()[0].MaxTokens != 50 || b.server.Asked()[0].MaxNew != 0 {
			t.Errorf("%v, sent %+v", err, b.server.Asked())
		}
	})
	t.Run("Azure", func(t *testing.T) {
		b := newBench(t, func(c *llm.Config) {
			c.Azure, c.Model = "2024-10-21", "gpt-4.1"
			c.URL = strings.TrimSuffix(c.URL, "/v1")
		}, llmfake.Says(good))
		_, err := b.Structured(t.Context(), question, nil, object)
		if sent := b.server.Asked()[0]; err != nil || sent.Path != "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21" || sent.Key != key || sent.Header.Get("Authorization") != "" {
			t.Errorf("%v, sent %s %v", err, sent.Path, sent.Header)
		}
	})
	t.Run("model that thinks", func(t *testing.T) {
		b := newBench(t, func(c *llm.Config) { c.Model = "gpt-5-mini" }, llmfake.Says(good))
		if _, err := b.Structured(t.Context(), question, nil, object); err != nil || b.server.Asked()[0].Temperature != 0 {
			t.Errorf("%v", err)
		}
	})
	t.Run("no key", func(t *testing.T) {
		b := newBench(t, func(c *llm.Config) { c.Key = llm.Key{} }, llmfake.Says(good))
		if _, err := b.Structured(t.Context(), question, nil, object); err != nil || b.server.Asked()[0].Header.Get("Authorization") != "" {
			t.Errorf("%v", err)
		}
	})
	t.Run("refused schema is remembered", func(t *testing.T) {
		b := newBench(t, nil, llmfake.Status(400, llmfake.Problem("invalid_request_error", "")), llmfake.Says(good))
		for range 2 {
			if _, err := b.Structured(t.Context(), question, nil, object); err != nil {
				t.Fatal(err)
			}
		}
		if asked := b.server.Asked(); len(asked) != 3 || asked[0].Format == nil || asked[1].Format != nil || asked[2].Format != nil {
			t.Errorf("%d requests", len(asked))
		}
	})
}

// book is what servers share: a sum for each day.
type book struct {
	mu   sync.Mutex
	days map[string]llm.Usage
	down bool
}

func (b *book) enter(_ context.Context, more llm.Usage) (llm.Usage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return llm.Usage{}, errors.New("the book is away")
	}
	sum := b.days[more.Day]
	sum.Day, sum.Tokens, sum.Calls = more.Day, sum.Tokens+more.Tokens, sum.Calls+more.Calls
	b.days[more.Day] = sum
	return sum, nil
}

func TestBudget(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	kept := &book{days: map[string]llm.Usage{"2026-11-20": {Day: "2026-11-20", Tokens: 90, Calls: 2}}}
	b := newBench(t, func(c *llm.Config) { c.Budget, c.Zone, c.Book = 300, zone, kept.enter }, llmfake.Says(good))
	ask := func() error {
		_, err := b.Structured(t.Context(), question, nil, object)
		return err
	}
	if err := ask(); err != nil || b.Usage() != (llm.Usage{Day: "2026-11-20", Tokens: 190, Calls: 3}) {
		t.Fatalf("%v, used %+v", err, b.Usage())
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); llm.KindOf(err) != llm.Spent || len(b.server.Asked()) != 2 {
		t.Errorf("%v after %d requests, want the budget to end", err, len(b.server.Asked()))
	}
	if _, err := b.Embed(t.Context(), []string{"text"}, 0); llm.KindOf(err) != llm.Spent && len(b.server.Asked()) > 3 {
		t.Errorf("embeddings have a budget of their own: %v", err)
	}
	b.hands.move(14 * time.Hour) // 01:00 of the next day there
	if err := ask(); err != nil || b.Usage().Day != "2026-11-21" || kept.days["2026-11-21"].Tokens != 100 {
		t.Errorf("%v, used %+v: a new day, a new budget", err, b.Usage())
	}
}

// TestBudgetOfSeveralServers: what one has used the others don't have any more, and a book that is away for a
// while stops nobody and misses nothing.
func TestBudgetOfSeveralServers(t *testing.T) {
	shared := &book{days: map[string]llm.Usage{}}
	with := func(c *llm.Config) { c.Budget, c.Book = 350, shared.enter }
	east, west := newBench(t, with, llmfake.Says(good)), newBench(t, with, llmfake.Says(good))
	ask := func(b *bench) error {
		_, err := b.Structured(t.Context(), question, nil, object)
		return err
	}
	shared.down = true
	if err := ask(east); err != nil {
		t.Fatal(err)
	}
	shared.down = false
	for _, b := range []*bench{west, east} {
		if err := ask(b); err != nil {
			t.Fatal(err)
		}
	}
	if got := shared.days["2026-11-20"]; got.Tokens != 300 || got.Calls != 3 || east.Usage() != got {
		t.Errorf("the book has %+v, one server %+v", got, east.Usage())
	}
	if err := ask(east); llm.KindOf(err) != llm.Spent {
		t.Errorf("%v, want the budget to end", err)
	}
}

// TestBudgetHoldsSideBySide lets many ask at once: together they cannot pass the limit.
func TestBudgetHoldsSideBySide(t *testing.T) {
	b := newBench(t, func(c *llm.Config) { c.Budget = 500 }, llmfake.Says(good))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			_, _ = b.Structured(context.Background(), question, nil, object)
		})
	}
	all.Wait()
	if n, used := len(b.server.Asked()), b.Usage(); n > 7 || used.Tokens != 100*n {
		t.Errorf("%d requests, %+v", n, used)
	}
}

func TestBreaker(t *testing.T) {
	healthy := false
	b := newBench(t, nil, func(w http.ResponseWriter, r *http.Request, q llmfake.Query) {
		if healthy {
			llmfake.Says(good)(w, r, q)
			return
		}
		llmfake.Status(401, "")(w, r, q)
	})
	ask := func() llm.Kind {
		_, err := b.Structured(t.Context(), question, nil, object)
		return llm.KindOf(err)
	}
	for range 5 {
		if got := ask(); got != llm.Denied {
			t.Fatalf("got %s", got)
		}
	}
	if got := ask(); got != llm.Resting || len(b.server.Asked()) != 5 {
		t.Errorf("got %s after %d requests, want rest", got, len(b.server.Asked()))
	}
	b.hands.move(31 * time.Second)
	if got := ask(); got != llm.Denied {
		t.Errorf("got %s, want one try", got)
	}
	b.hands.move(31 * time.Second)
	if got := ask(); got != llm.Resting {
		t.Errorf("got %s, want a longer rest", got)
	}
	healthy = true
	b.hands.move(31 * time.Second)
	for range 3 {
		if got := ask(); got != "" {
			t.Errorf("got %s, want it well again", got)
		}
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	k := llm.NewKey(key)
	j, _ := json.Marshal(map[string]any{"k": k, "cfg": struct{ K llm.Key }{k}})
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "in", struct{ K llm.Key }{k})
	told := string(j) + log.String() + fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v", k, k, k, k, k, k, k, llm.Config{Key: k}.Key, &k)
	if strings.Contains(told, "THISKEY") || strings.Contains(told, "5448495") {
		t.Errorf("told: %s", told)
	}
	if got := fmt.Sprint(llm.Key{}); got != "" {
		t.Errorf("an empty key prints %q", got)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{"http://h/v1": true, "https://h/v1/": true, "h/v1": false, "ftp://h": false, "https://u:p@h/v1": false, "https://h/v1?x=1": false, "": false} {
		if _, err := llm.New(llm.Config{URL: address, Model: "m", Clock: newHands().clock()}); (err == nil) != ok || err != nil && dr.KindOf(err) != dr.Invalid {
			t.Errorf("%s: %v", address, err)
		}
	}
	none, err := llm.New(llm.Config{Clock: newHands().clock()})
	if err != nil || none.Chats() || none.Embeds() {
		t.Errorf("%v", err)
	}
	var nobody *llm.Client
	for _, c := range []*llm.Client{none, nobody} {
		if _, err := c.Complete(t.Context(), question, nil); llm.KindOf(err) != llm.Off {
			t.Errorf("got %v", err)
		}
		if _, err := c.Embed(t.Context(), []string{"x"}, 0); llm.KindOf(err) != llm.Off {
			t.Errorf("got %v", err)
		}
	}
}
