package fsm

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

const (
	complainAgain = 10 * time.Second // after the first time; each time after waits twice as long
	complainMost  = 15 * time.Minute
)

// complaints keep what goes wrong time and again, such as every second while a disk is full, from
// drowning everything else in the log: it is told when it begins and when it becomes another trouble,
// then at a growing interval, and once when it is over.
type complaints struct {
	mu   sync.Mutex
	open map[string]*complaint
}

type complaint struct {
	trouble string
	since   time.Time
	next    time.Time
	wait    time.Duration
	held    int // times it was not told since it was told last
}

// about decides whether an error is told now; held says how often it came since it was told last.
func (c *complaints) about(what string, err error, now time.Time) (tell bool, held int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, trouble := c.open[what], troubleOf(err)
	if one != nil && one.trouble == trouble && now.Before(one.next) {
		one.held++
		return false, 0
	}
	if one == nil || one.trouble != trouble {
		if c.open == nil {
			c.open = map[string]*complaint{}
		}
		one = &complaint{trouble: trouble, since: now, wait: complainAgain / 2}
		c.open[what] = one
	}
	held, one.held = one.held, 0
	one.wait = min(2*one.wait, complainMost)
	one.next = now.Add(one.wait)
	return true, held
}

// over ends a complaint; was is false where there was none.
func (c *complaints) over(what string, now time.Time) (lasted time.Duration, was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.open[what]
	if one == nil {
		return 0, false
	}
	delete(c.open, what)
	return now.Sub(one.since), true
}

// forget drops the complaints about something that is no more.
func (c *complaints) forget(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for what := range c.open {
		if strings.HasPrefix(what, prefix) {
			delete(c.open, what)
		}
	}
}

// troubleOf tells troubles apart: by the sentence where there is one, for the rest of the text may
// name whatever was tried at that moment.
func troubleOf(err error) string {
	var known *dr.Error
	if errors.As(err, &known) && known.ID != "" {
		return known.ID
	}
	return err.Error()
}

// complain logs an error that may come again every second.
func (e *Engine) complain(key, text string, err error, attrs ...any) {
	tell, held := e.complaints.about(key, err, e.cfg.Clock.Now())
	if !tell {
		return
	}
	if attrs = append(attrs, "err", err); held > 0 {
		attrs = append(attrs, "more_times", held)
	}
	e.cfg.Log.Error(text, attrs...)
}

// relieved logs once that what was complained about is over.
func (e *Engine) relieved(key string, attrs ...any) {
	if lasted, was := e.complaints.over(key, e.cfg.Clock.Now()); was {
		e.cfg.Log.Info("what went wrong before goes well again", append(attrs, "lasted", lasted.Round(time.Second).String())...)
	}
}
