package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	looksAtOnce = 8
	looksSoon   = 10 * time.Second // while a situation is still growing, and what was seen may not hold any more
	looksAgain  = 30 * time.Second
	growing     = 2 * time.Minute
	lookLasts   = 10 * time.Second
)

// looking carries out looks the engine wants, beside the loop: what is found comes back as a signal.
type looking struct {
	mu    sync.Mutex
	asked map[string]time.Time
	under int
	work  sync.WaitGroup
}

// begin says whether a probe is to be asked now: after a rest since it was asked last.
func (l *looking) begin(probe string, now time.Time, rest time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, ok := l.asked[probe]
	if since := now.Sub(last); l.under >= looksAtOnce || ok && since < rest && since >= 0 {
		return false
	}
	if l.asked == nil {
		l.asked = map[string]time.Time{}
	}
	l.asked[probe] = now
	l.under++
	return true
}

func (l *looking) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under--
}

func (l *looking) wait() { l.work.Wait() }

// look asks what situations want to know. Looks are read-only: actions' eyes cannot act.
func (w *watch) look(ctx context.Context) {
	for _, x := range w.engine.Situations() {
		if !going(x) {
			continue
		}
		rest := looksAgain
		if w.clock.Now().Sub(x.LastAt.Time) < growing {
			rest = looksSoon
		}
		for _, name := range x.Wants {
			system, id, _ := strings.Cut(name, "/")
			probe, ok := w.house.Look(system, id, homeOf(w.house, w.placed, system))
			if !ok || !w.looking.begin(name, w.clock.Now(), rest) {
				continue
			}
			job := actions.Job{Step: "look:" + name, Call: probe.Call, Class: dr.Read, Timeout: dr.MillisOf(lookLasts), Addresses: addressesOf(w.house.Organisation())}
			l := dr.Look{Probe: name, Proves: probe.Proves, Site: siteOf(probe)}
			w.looking.work.Go(func() {
				defer w.looking.end()
				w.lookOnce(ctx, job, l, system)
			})
		}
	}
}

// lookOnce asks one probe and stores what it found.
func (w *watch) lookOnce(ctx context.Context, job actions.Job, l dr.Look, system string) {
	asking, cancel := context.WithTimeout(ctx, lookLasts)
	sight := w.eyes.Look(asking, job)
	cancel()
	if ctx.Err() != nil {
		return // the server stops; half a look is none
	}
	l.Text, l.At = sight.Text, w.clock.Time()
	switch sight.Found {
	case dr.FoundDone:
		l.Found = "yes"
	case dr.FoundNotDone:
		l.Found = "no"
	default:
		l.Found = "unknown"
	}
	err := w.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.PutSignals(ctx, []dr.Signal{alerts.Looked(l, system)})
		return err
	})
	if err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "keeping what a look found; it is asked again", "probe", l.Probe, "error", err)
	}
	w.heard()
}

// addressesOf are the addresses of all nodes: what looks may call.
func addressesOf(org dr.Organisation) []string {
	var out []string
	for _, s := range org.Systems {
		for _, n := range s.Nodes {
			if n.Address != "" {
				out = append(out, n.Address)
			}
		}
	}
	return out
}
