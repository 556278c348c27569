package slackfake

import (
	"math"
	"time"
)

// tier is how often a method may be called, per app and minute.
type tier int

// Slack's tiers. Posting has a limit of its own: one message per second and channel.
const (
	unlimited tier = 0
	tier2     tier = 20
	tier3     tier = 50
	tier4     tier = 100
	posting   tier = 300
	special   tier = 600 // auth.test and the like: hundreds per minute
)

// bucket holds what may still be spent; it fills by itself.
type bucket struct {
	most, perSecond float64
	left            float64
	at              time.Time
}

// channelBucket allows one message per second, and a few at once after a silence.
var channelBucket = bucket{most: 4, perSecond: 1, left: 4}

// spend takes one out, or says how long to wait for it.
func (b *bucket) spend(now time.Time) time.Duration {
	if !b.at.IsZero() {
		b.left = min(b.most, b.left+now.Sub(b.at).Seconds()*b.perSecond)
	}
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / b.perSecond * float64(time.Second))
	}
	b.left--
	return 0
}

// spend charges a call to its method and, where it posts, to its channel.
func (s *Server) spend(c *call, t tier, now time.Time) time.Duration {
	if s.noRates || t == unlimited {
		return 0
	}
	if t == posting {
		if ch := s.channel(c.str("channel")); ch != nil {
			if wait := ch.bucket.spend(now); wait > 0 {
				return wait
			}
		}
	}
	key := c.app.ID + " " + c.method
	b := s.budgets[key]
	if b == nil {
		b = &bucket{most: float64(t), perSecond: float64(t) / 60, left: float64(t)}
		s.budgets[key] = b
	}
	return b.spend(now)
}

// tooFast is the answer 429; clients are told whole seconds.
func tooFast(wait time.Duration) *failure {
	return &failure{code: "ratelimited", with: obj{"retry_after": max(1, int(math.Ceil(wait.Seconds())))}}
}
