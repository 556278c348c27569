package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

// crowd are the people of one workspace and what became of their clicks.
type crowd struct {
	room   *benchRoom
	ending string
	press  slackfake.Press

	mu     sync.Mutex
	clicks []click
	gone   time.Time // when the outage began
	back   time.Time // and ended
}

type click struct {
	at      time.Time
	took    time.Duration
	fault   string
	who     string
	trigger string
}

func (c *crowd) click(ctx context.Context, now func() time.Time, who string) {
	at := now()
	act := c.room.Person(who).Click(ctx, c.press)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clicks = append(c.clicks, click{at, act.Acked, act.Error, who, act.Trigger})
}

// clicked sums a crowd's clicks up.
type clicked struct {
	taken   int     // while Slack was there
	lost    int     // of them, over refreshes
	cut     int     // under way when Slack went, with its three seconds not over
	waiting int     // after Slack was back and before the app heard it again
	silent  float64 // ms between the two
	p99     float64 // ms to the acknowledgement
}

func (c *crowd) count() (n clicked) {
	slices.SortFunc(c.clicks, func(a, b click) int { return a.at.Compare(b.at) })
	var took []float64
	heard := c.back
	for _, k := range c.clicks {
		if !k.at.Before(c.back) && k.fault == "" {
			heard = k.at
			break
		}
	}
	n.silent = float64(heard.Sub(c.back)) / float64(time.Millisecond)
	for _, k := range c.clicks {
		switch {
		case k.fault == "slack_is_down":
			continue
		case k.fault == "":
			took = append(took, float64(k.took)/float64(time.Millisecond))
		case !k.at.Before(c.back) && k.at.Before(heard):
			n.waiting++
		case k.at.Before(c.back) && c.gone.Sub(k.at) < 3*time.Second && k.fault == "operation_timeout":
			n.cut++
		default:
			n.lost++
		}
		n.taken++
	}
	if slices.Sort(took); len(took) > 0 {
		n.p99 = took[len(took)*99/100]
	}
	return n
}

// unanswered counts the clicks that were acknowledged and led to nothing: no form, and no message in its
// place, as somebody gets whose form came too late.
func (c *crowd) unanswered() (n int, err error) {
	owed := map[string]int{}
	for _, k := range c.clicks {
		if k.fault == "" && !c.room.Exchanged(k.trigger) {
			owed[k.who]++
		}
	}
	for who, many := range owed {
		seen, err := c.room.Person(who).Messages(slackBenchRoom)
		if err != nil {
			return 0, fmt.Errorf("looking at what %s sees: %w", who, err)
		}
		for _, m := range seen {
			if m.Ephemeral {
				many--
			}
		}
		n += max(0, many)
	}
	return n, nil
}

func figuresOfClicks(ours, plain clicked, silent int) []figure {
	share := func(n clicked) string { return fmt.Sprintf("%d of %d clicks", n.lost, n.taken) }
	lost := none(figureOf("clicks lost over refreshes: "+share(ours), "", 0, float64(ours.lost)))
	unanswered := none(figureOf("acknowledged clicks without an answer", "", 0, float64(silent)))
	return []figure{
		figureOf("a click: 99th percentile to the acknowledgement", "ms", ackAtMost, ours.p99), lost, unanswered,
		figureOf("clicks under way when Slack went away", "", 0, float64(ours.cut)),
		figureOf("silent after Slack was back", "ms", 0, ours.silent),
		figureOf("clicks in that time", "", 0, float64(ours.waiting)),
		figureOf("one plain socket: lost over refreshes, "+share(plain), "", 0, float64(plain.lost)),
		figureOf("one plain socket: silent after Slack was back", "ms", 0, plain.silent),
		figureOf("one plain socket: clicks in that time", "", 0, float64(plain.waiting)),
	}
}

// none promises that there is none.
func none(f figure) figure {
	met := f.Max == 0
	f.Met = &met
	return f
}
