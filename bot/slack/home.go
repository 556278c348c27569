package slack

import (
	"context"
	"slices"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
)

const (
	homeEvery = 30 * time.Second // between two drawings of the pages that are open
	homeStays = 15 * time.Minute // how long a page is taken to be looked at; opening it again says so anew
	homesMost = 20               // pages kept up to date; whoever opened theirs last
)

// homes knows who looks at the app's own page. It is forgotten at a restart: whoever opens the page is
// shown it as it is then.
type homes struct {
	mu   sync.Mutex
	open map[string]opened // by user
}

type opened struct {
	by heard
	at time.Time
}

// opens remembers who opened the page.
func (h *homes) opens(by heard, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[by.User] = opened{by, now}
}

// looked are those who still look at it, the newest first.
func (h *homes) looked(now time.Time) (all []heard) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var some []opened
	for user, o := range h.open {
		if now.Sub(o.at) > homeStays {
			delete(h.open, user)
			continue
		}
		some = append(some, o)
	}
	slices.SortFunc(some, func(a, b opened) int { return b.at.Compare(a.at) })
	for _, o := range some[:min(len(some), homesMost)] {
		all = append(all, o.by)
	}
	return all
}

// publish draws somebody's page.
func (s *Slack) publish(ctx context.Context, user string, card bot.Card) error {
	_, err := s.api.PublishViewContext(ctx, api.PublishViewContextRequest{UserID: user, View: homeView(card)})
	return trouble(err)
}

// refresh draws the open pages anew when something happens, seldom enough for what Slack allows.
func (s *Slack) refresh(ctx context.Context) {
	wake, stop := s.cfg.Store.Watch()
	defer stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		for _, h := range s.homes.looked(s.cfg.Clock.Now()) {
			h.At = s.cfg.Clock.Time()
			_, reply, err := s.ask(ctx, h)
			if err == nil {
				err = s.publish(ctx, h.User, reply.Card)
			}
			if err != nil && ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "a home page is not drawn anew; it is with the next news, or when it is opened", "user", h.User, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Clock.After(homeEvery):
		}
	}
}
