package llm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
	"github.com/switchman-dr/switchman/redact"
)

const (
	key      = "sk-live-THISKEYISNEVERSHOWN0123456789"
	deadline = 61 * time.Second
	idle     = 31 * time.Second
)

// hands is a clock moved by hand: pauses pass at once and are noted, deadline and silence only when the
// test says so.
type hands struct {
	mu      sync.Mutex
	now     time.Time
	paused  []time.Duration
	waiting map[time.Duration][]chan time.Time
	silence chan struct{} // somebody began to wait for the end of a silence
}

func newHands() *hands {
	return &hands{now: time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC), waiting: map[time.Duration][]chan time.Time{}, silence: make(chan struct{}, 1000)}
}

func (h *hands) clock() dr.Clock {
	return dr.Clock{Now: func() time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.now
	}, After: func(d time.Duration) <-chan time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		ch := make(chan time.Time, 1)
		if d == deadline || d == idle {
			h.waiting[d] = append(h.waiting[d], ch)
			if d == idle {
				h.silence <- struct{}{}
			}
			return ch
		}
		h.paused, h.now = append(h.paused, d), h.now.Add(d)
		ch <- h.now
		return ch
	}}
}

func (h *hands) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// fire lets everything go that waits for so long.
func (h *hands) fire(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ch := range h.waiting[d] {
		ch <- h.now
	}
	h.waiting[d] = nil
}

// bench is a client, its server, its clock and its log.
type bench struct {
	*llm.Client
	server *llmfake.Server
	hands  *hands
	log    *bytes.Buffer
}

func newBench(t *testing.T, change func(*llm.Config), answers ...llmfake.Answer) *bench {
	t.Helper()
	b := &bench{hands: newHands(), log: &bytes.Buffer{}, server: llmfake.New(answers...)}
	t.Cleanup(b.server.Close)
	cfg := llm.Config{URL: b.server.URL, Key: llm.NewKey(key), Model: "local", EmbedModel: "vectors", Deadline: deadline, Idle: idle,
		Clock: b.hands.clock(), Masker: redact.New("the-loaded-secret", key), Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	c, err := llm.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Client = c
	return b
}

var question = llm.Request{Name: "answer", System: "be short", User: "how do I promote the standby?", Schema: json.RawMessage(`{"type":"object"}`), MaxTokens: 50}

// object accepts any JSON object.
func object(text string) error {
	var v map[string]any
	return json.Unmarshal([]byte(text), &v)
}

const good = `{"answered":true,"statements":[]}`

// quiet checks that neither log nor error tells anything that was sent, received or hidden.
func (b *bench) quiet(t *testing.T, err error) {
	t.Helper()
	told := b.log.String() + fmt.Sprint(err) + fmt.Sprintf("%v %+v %#v %s %x", b.Client, b.Client, b.Client, b.Client, b.Client)
	for _, word := range []string{key, "THISKEY", "promote", "be short", "statements", "so sorry", "Incorrect", "slow down", "Bad gateway", "127.0.0.1"} {
		if strings.Contains(told, word) {
			t.Errorf("%q is told: %s", word, told)
		}
	}
	if b.log.Len() == 0 {
		t.Error("nothing was logged")
	}
}
