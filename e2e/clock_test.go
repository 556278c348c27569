package e2e

import (
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// skewClock is real time plus an offset that tests move. Timers fire when real time or a move has
// brought their moment, so that work in progress goes on by itself and waits can be skipped.
type skewClock struct {
	mu     sync.Mutex
	offset time.Duration
	timers map[*timer]bool
}

type timer struct {
	at time.Time
	ch chan time.Time
}

func newSkewClock() *skewClock { return &skewClock{timers: map[*timer]bool{}} }

func (c *skewClock) clock() dr.Clock { return dr.Clock{Now: c.now, After: c.after} }

func (c *skewClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *skewClock) after(d time.Duration) <-chan time.Time {
	t := &timer{at: c.now().Add(d), ch: make(chan time.Time, 1)}
	c.mu.Lock()
	c.timers[t] = true
	c.mu.Unlock()
	time.AfterFunc(d, c.fire)
	return t.ch
}

// advance moves the clock, backwards too.
func (c *skewClock) advance(d time.Duration) {
	c.mu.Lock()
	c.offset += d
	c.mu.Unlock()
	c.fire()
}

// jump sets the clock as a host's is set: what waits goes on waiting as long as it would have, since timers
// do not go by it.
func (c *skewClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	for t := range c.timers {
		t.at = t.at.Add(d)
	}
}

func (c *skewClock) fire() {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.timers {
		if !now.Before(t.at) {
			t.ch <- now
			delete(c.timers, t)
		}
	}
}
