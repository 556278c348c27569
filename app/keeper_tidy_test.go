package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// TestChannelLetsGo: what was said goes in its time, not before, and never by default of a setting that
// says for ever.
func TestChannelLetsGo(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: c.clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	say := func(n int) {
		t.Helper()
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			for i := range n {
				if err := tx.PutCard(t.Context(), store.Card{ID: c.now.String() + string(rune('a'+i/26)) + string(rune('a'+i%26)), Dest: "channel", Body: "{}", Made: dr.At(c.now)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	left := func() (n int) {
		t.Helper()
		err := s.Read(t.Context(), func(r *store.Reader) error {
			cards, err := r.CardsBefore(context.Background(), "channel", "", 1<<40, 5000)
			n = len(cards)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	keeping := func(days int) *keeper {
		return newKeeper(s, &config.Config{ChannelDays: days}, "tiny-bank", "here", c.clock(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	}
	say(600)
	c.now = c.now.Add(89 * 24 * time.Hour)
	say(1)
	k, ever := keeping(90), keeping(0)
	if k.round(t.Context()); left() != 601 {
		t.Fatalf("%d are left after 89 of 90 days", left())
	}
	c.now = c.now.Add(23 * time.Hour)
	k.round(t.Context())
	c.now = c.now.Add(2 * time.Hour)
	if ever.round(t.Context()); left() != 601 {
		t.Fatal("what is kept for ever is gone")
	}
	if k.round(t.Context()); left() != 1 {
		t.Fatalf("%d are left after 90 days", left())
	}
}
