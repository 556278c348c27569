package web

import (
	"context"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// TestDrawingsMissNothing: what one page read is good for the others, and never hides what came after it.
func TestDrawingsMissNothing(t *testing.T) {
	h := open(t, true)
	ctx, dc := context.Background(), dr.Clock{Now: h.clock.Now, After: h.clock.After}
	chat := NewConsole(h.store, dc, redact.New())
	d := &drawings{}
	since := func(after int64, want int) int64 {
		t.Helper()
		got, err := d.since(ctx, h.store, dc, chat.drawn.count(), after)
		if err != nil || len(got) != want {
			t.Fatalf("after %d: %d cards, %v; want %d", after, len(got), err, want)
		}
		if want == 0 {
			return after
		}
		return got[want-1].Change
	}
	say := func() {
		if _, err := chat.Say(ctx, "ada", "hello"); err != nil {
			t.Fatal(err)
		}
	}
	since(0, 0)
	say()
	first := since(0, 1)
	since(0, 1)
	since(first, 0)
	say() // rings: what is kept for nothing new is not good any more
	since(first, 1)
	since(0, 2)

	other := NewConsole(h.store, dc, redact.New()) // another server: its bell is not heard
	if _, err := other.Say(ctx, "ada", "hello"); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(drawingsKept)
	since(0, 3)
}
