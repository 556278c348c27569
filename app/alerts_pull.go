package app

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/alerts/pull"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	pullEvery = time.Minute
	// pullRest is how long an alert may have been told resolved while a list still names it: list and
	// webhook can cross.
	pullRest = 2 * dr.Millis(60_000)
	pullMost = 50_000
)

// puller asks one Alertmanager every minute what fires, so that what was sent while nobody listened is not
// missed, and what ended then is known to have ended.
type puller struct {
	client  *pull.Client
	source  string
	gone    map[string]bool // missing from the last list: one list more, and they are over
	trouble atomic.Pointer[pullTrouble]
}

type pullTrouble struct {
	since dr.Time
	text  string
}

// pullers are the Alertmanagers of the settings.
func pullers(cfg *config.Config) []*puller {
	var out []*puller
	for _, h := range cfg.AllHooks() {
		if h.Pull.URL != "" {
			out = append(out, &puller{source: hookSource(h), gone: map[string]bool{},
				client: pull.New(pull.Options{URL: h.Pull.URL, User: h.Pull.User, Password: h.Pull.Password.Reveal()})})
		}
	}
	return out
}

// run asks until the context ends, while this server is the one that watches.
func (p *puller) run(ctx context.Context, w *watch) {
	var asked time.Time
	for ctx.Err() == nil {
		wait := w.clock.After(watchTicks)
		if now := w.clock.Now(); w.holding.Load() && (now.Sub(asked) >= pullEvery || now.Before(asked)) {
			asked = now
			p.note(ctx, w, p.pull(ctx, w))
		}
		select {
		case <-ctx.Done():
		case <-wait:
		}
	}
}

// note logs trouble when it begins and when it ends.
func (p *puller) note(ctx context.Context, w *watch, err error) {
	was := p.trouble.Load()
	switch {
	case ctx.Err() != nil, errors.Is(err, store.ErrFenced): // another server asks now
	case err == nil && was != nil:
		p.trouble.Store(nil)
		w.log.InfoContext(ctx, "Alertmanager answers again", "source", p.source, "away_since", was.since.String())
	case err != nil && was == nil:
		p.trouble.Store(&pullTrouble{w.clock.Time(), err.Error()})
		w.log.WarnContext(ctx, "asking Alertmanager what fires; it is tried again every minute, and webhooks are taken all the same", "source", p.source, "error", err)
	}
}

// pull compares the list with what is known. What was known before it was asked and is missing from two
// lists in a row is over.
func (p *puller) pull(ctx context.Context, w *watch) error {
	known, err := p.firing(ctx, w)
	if err != nil {
		return err
	}
	body, err := p.client.Alerts(ctx)
	if err != nil {
		return err
	}
	now := w.clock.Time()
	listed, left, err := alerts.Pulled(p.source, body, now)
	if err != nil {
		return err
	}
	if len(left.Skipped) > 0 || left.Truncated > 0 {
		w.log.WarnContext(ctx, "some alerts of the list cannot be read", "source", p.source, "truncated", left.Truncated, "skipped", strings.Join(left.Skipped, "; "))
	}
	put, err := p.back(ctx, w, listed, known, now)
	if err != nil {
		return err
	}
	if left.Truncated == 0 { // of a list that was cut nobody knows what is missing
		put = append(put, p.over(listed, known, now)...)
	}
	if len(put) == 0 {
		return nil
	}
	for _, s := range put {
		w.meters.pulled.WithLabelValues(string(s.Status)).Inc()
	}
	for len(put) > 0 {
		n := min(len(put), watchReads)
		err := w.store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.Fence(ctx, watchLease, w.instance, w.reign.Load()); err != nil {
				return err
			}
			_, err := tx.PutSignals(ctx, put[:n])
			return err
		})
		if err != nil {
			return err
		}
		put = put[n:]
	}
	w.heard()
	return nil
}

func (p *puller) firing(ctx context.Context, w *watch) (known []dr.Signal, err error) {
	err = w.store.Read(ctx, func(r *store.Reader) (err error) {
		known, err = r.Firing(ctx, p.source, pullMost)
		return err
	})
	return known, err
}

// back is what the list names and nobody knows to fire: new, or taken for over and there again, as after a
// silence. The latter begins anew, since its own beginning is known already.
func (p *puller) back(ctx context.Context, w *watch, listed, known []dr.Signal, now dr.Time) ([]dr.Signal, error) {
	fires := map[string]bool{}
	for _, s := range known {
		fires[printOf(s)] = true
	}
	var put []dr.Signal
	err := w.store.Read(ctx, func(r *store.Reader) error {
		put = nil
		for _, s := range listed {
			if fires[printOf(s)] {
				continue
			}
			ended, err := r.SignalsOf(ctx, []string{strings.TrimSuffix(s.Key, string(dr.Firing)) + string(dr.Resolved)})
			if err != nil {
				return err
			}
			if len(ended) > 0 {
				if ended[0].At.Plus(pullRest).After(now.Time) {
					continue
				}
				s.StartsAt, s.Key = now, printOf(s)+"/"+startOf(now)+"/"+string(dr.Firing)
			}
			put = append(put, s)
		}
		return nil
	})
	return put, err
}

// over ends what two lists in a row do not name.
func (p *puller) over(listed, known []dr.Signal, now dr.Time) []dr.Signal {
	named, gone := map[string]bool{}, map[string]bool{}
	for _, s := range listed {
		named[printOf(s)] = true
	}
	var put []dr.Signal
	for _, s := range known {
		switch {
		case named[printOf(s)]:
		case !p.gone[s.Key]:
			gone[s.Key] = true
		default:
			s.Key = strings.TrimSuffix(s.Key, string(dr.Firing)) + string(dr.Resolved)
			s.Status, s.EndsAt, s.At, s.Seq = dr.Resolved, now, now, 0
			put = append(put, s)
		}
	}
	p.gone = gone
	return put
}

// printOf is source and fingerprint: a key without start and status.
func printOf(s dr.Signal) string {
	key := s.Key
	for range 2 {
		if at := strings.LastIndexByte(key, '/'); at > 0 {
			key = key[:at]
		}
	}
	return key
}

func startOf(t dr.Time) string { return strconv.FormatInt(t.UnixMilli(), 36) }
