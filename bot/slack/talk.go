package slack

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/bot"
)

// talks are the threads that began with a question to the app, and who asked it in each. They go on asking
// there without naming it; what others say to each other is not for the app until they name it. Both are
// forgotten after a silence as long as the bot itself remembers what was asked, and at a restart.
type talks struct {
	mu   sync.Mutex
	last map[talk]time.Time
}

// talk is a thread, or somebody's part of it.
type talk struct {
	thread bot.Ref
	user   string // empty: anybody's
}

const (
	talkStays = 10 * time.Minute
	talksMost = 1000
)

// goesOn remembers that somebody was answered in a thread.
func (t *talks) goesOn(of talk, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) >= talksMost {
		clear(t.last)
	}
	t.last[of], t.last[talk{thread: of.thread}] = now, now
}

// knows says whether a thread is one of them, or whether that person asked there.
func (t *talks) knows(of talk, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.last[of]
	return ok && now.Sub(at) <= talkStays
}

// asks says whether a line that names nobody reads like a question.
func asks(text string) bool {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "<@") {
		return false
	}
	for _, end := range []string{"?", "？", "吗", "呢"} {
		if strings.HasSuffix(text, end) {
			return true
		}
	}
	return false
}

// unfolding is an answer that is up while it is still being made: first that it is being looked for, then
// what there is of it, each in the place of the one before.
type unfolding struct {
	of     *Slack
	h      heard
	wake   chan struct{}
	done   chan struct{}
	closed sync.WaitGroup

	mu   sync.Mutex
	next *bot.Card // not shown yet
	seen bool      // something may be up
}

// unfoldEvery is the least time between two drawings of one answer: Slack counts those of all boards with it.
const unfoldEvery = 3 * time.Second

// unfolds says whether an answer to it can be drawn anew: one to a slash command is gone once it is shown.
func (h heard) unfolds() bool {
	return h.Kind == bot.Mention || h.Kind == bot.Command && direct(h.Channel) && h.Trigger == ""
}

// unfold begins to show an answer as it comes. Its end has to be called.
func (s *Slack) unfold(ctx context.Context, h heard) *unfolding {
	u := &unfolding{of: s, h: h, wake: make(chan struct{}, 1), done: make(chan struct{})}
	u.closed.Go(func() { u.draw(ctx) })
	return u
}

// show takes the newest state of an answer. It doesn't wait for Slack.
func (u *unfolding) show(r bot.Reply) {
	if r.Own && !direct(u.h.Channel) {
		return
	}
	u.mu.Lock()
	u.next, u.seen = &r.Card, true
	u.mu.Unlock()
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// draw shows the newest state, seldom enough. What Slack does not take is shown with the next.
func (u *unfolding) draw(ctx context.Context) {
	for {
		select {
		case <-u.done:
			return
		case <-ctx.Done():
			return
		case <-u.wake:
		}
		u.mu.Lock()
		card := u.next
		u.mu.Unlock()
		if _, err := u.of.settle(ctx, u.h.Channel, u.h.below(*card), u.h.answerKey()); err != nil && ctx.Err() == nil {
			u.of.cfg.Log.WarnContext(ctx, "an answer cannot be shown while it is made; it is when it is whole", "error", err)
		}
		select {
		case <-u.done:
			return
		case <-ctx.Done():
			return
		case <-u.of.cfg.Clock.After(unfoldEvery):
		}
	}
}

// end stops it, and says whether what comes last belongs in the place of what was shown.
func (u *unfolding) end() (seen bool) {
	close(u.done)
	u.closed.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen
}

// talk is the thread something was said in, and who said it.
func (h heard) talk() talk { return talk{refOf(h.Channel, h.Thread), h.User} }

// below puts a card into the thread something was said in.
func (h heard) below(card bot.Card) bot.Card {
	if h.Thread != "" {
		card.Thread = refOf(h.Channel, h.Thread)
	}
	return card
}

// toAll says whether it was said before a whole channel, and not in a command only one person sees.
func (h heard) toAll() bool {
	return (h.Kind == bot.Mention || h.Kind == bot.Aside) && !direct(h.Channel)
}

// begins says whether a thread begins with it.
func (h heard) begins() bool { return h.keys[0] == messageKey(h.Channel, h.Thread) }

// messageKey names a message in the inbox, whichever event it comes as.
func messageKey(channel, ts string) string { return "message/" + channel + "/" + ts }

// answerKey is what an answer is posted under.
func (h heard) answerKey() string { return "answer/" + h.keys[0] }
