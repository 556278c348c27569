package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

const (
	peersLook   = 2 * time.Second  // how often it is asked which site takes work
	peersBeat   = 15 * time.Second // how often this server says that it is there
	durableLook = 30 * time.Second // how often it is asked whether commits reach a standby
)

// peers is this server among those of the store: it says that it is there, and knows which site takes work and
// whether what the database acknowledges survives its loss.
type peers struct {
	store *store.Store
	self  store.Replica
	clock dr.Clock
	log   *slog.Logger

	mu     sync.Mutex
	active store.ActiveSite
	lacks  string
	since  dr.Time // of lacks
	beatAt time.Time
	askAt  time.Time // about durability

	synchronous, working, count prometheus.Gauge
}

func newPeers(s *store.Store, self store.Replica, clock dr.Clock, log *slog.Logger, reg *prometheus.Registry) *peers {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	p := &peers{store: s, self: self, clock: clock, log: log,
		synchronous: gauge("switchman_store_synchronous", "1 while what the store acknowledges survives the loss of its machine; always 1 on SQLite, which has one."),
		working:     gauge("switchman_site_working", "1 while servers at this site take work."),
		count:       gauge("switchman_replicas", "Servers of the store seen within the last minute.")}
	p.synchronous.Set(1)
	p.working.Set(1)
	p.count.Set(1)
	reg.MustRegister(p.synchronous, p.working, p.count)
	return p
}

// knownSite refuses a site the organisation does not have.
func knownSite(site string, org dr.Organisation) error {
	if site == "" || slices.ContainsFunc(org.Sites, func(s dr.Site) bool { return s.ID == site }) {
		return nil
	}
	return dr.Errorf(dr.Usage, "SWITCHMAN_SITE is %q, and organisation.yaml has no such site", site).WithHint("choose one of its sites, or leave it empty")
}

// join puts this server on the list, and refuses one whose pepper is another than the others': a code made
// by one would be wrong at the next.
func (p *peers) join(ctx context.Context) error {
	p.self.Started = p.clock.Time()
	var all []store.Replica
	err := p.store.Write(ctx, func(tx *store.Tx) (err error) {
		if all, err = tx.Replicas(ctx); err != nil {
			return err
		}
		for _, r := range all {
			if r.Keys != p.self.Keys && r.ID != p.self.ID && p.store.Dialect() == "postgres" {
				return dr.Errorf(dr.Invalid, "server %s of this database has another pepper: codes, passwords and buttons made there would be wrong here", r.ID).
					WithHint("give every server the same SWITCHMAN_PEPPER, or copy the file pepper of its state directory; a server that is gone counts for a minute")
			}
		}
		return tx.Beat(ctx, p.self)
	})
	if err != nil {
		return fmt.Errorf("joining the servers of the store: %w", err)
	}
	p.beatAt = p.clock.Now()
	return p.look(ctx, true)
}

// leave takes it off the list, where it would fade out by itself.
func (p *peers) leave(ctx context.Context) error {
	if err := p.store.Write(ctx, func(tx *store.Tx) error { return tx.Leave(ctx, p.self.ID) }); err != nil {
		p.log.Debug("leaving the list of servers; the entry fades out", "error", err)
	}
	return nil
}

// run looks until the context ends.
func (p *peers) run(ctx context.Context) {
	if p.store.Dialect() == "sqlite" {
		return // nobody else is there, and nothing can change
	}
	trouble := ""
	for ctx.Err() == nil {
		wait := p.clock.After(peersLook)
		err := p.look(ctx, false)
		if err != nil && ctx.Err() == nil && err.Error() != trouble {
			p.log.WarnContext(ctx, "looking at the other servers of the store; it is tried again", "error", err)
		}
		if trouble = ""; err != nil {
			trouble = err.Error()
		}
		select {
		case <-ctx.Done():
		case <-wait:
		}
	}
}

// look does what is due; first: all of it.
func (p *peers) look(ctx context.Context, first bool) error {
	now := p.clock.Now()
	if err := p.lookAtSite(ctx, first); err != nil {
		return err
	}
	if since := now.Sub(p.beatAt); since >= peersBeat || since < 0 {
		if err := p.store.Write(ctx, func(tx *store.Tx) error { return tx.Beat(ctx, p.self) }); err != nil {
			return err
		}
		p.beatAt = now
	}
	if since := now.Sub(p.askAt); first || since >= durableLook || since < 0 {
		p.askAt = now
		return p.lookAtCommits(ctx, first)
	}
	return nil
}

func (p *peers) lookAtSite(ctx context.Context, first bool) error {
	active, err := p.store.Working(ctx)
	if err != nil {
		return err
	}
	here := p.store.Here(active)
	p.working.Set(flag(here))
	p.mu.Lock()
	was := p.store.Here(p.active)
	p.active = active
	p.mu.Unlock()
	switch {
	case !here && (first || was):
		p.log.WarnContext(ctx, "another site takes work; this server shows, and carries nothing out", "site", p.self.Site, "active_site", active.Site)
	case here && !was && !first:
		p.log.InfoContext(ctx, "this site takes work from now on", "site", p.self.Site, "site_epoch", active.Epoch)
	}
	return nil
}

func (p *peers) lookAtCommits(ctx context.Context, first bool) error {
	d, err := p.store.Durability(ctx)
	if err != nil {
		return err
	}
	p.synchronous.Set(flag(d.Lacks == ""))
	p.mu.Lock()
	was := p.lacks
	if d.Lacks != was {
		p.since = p.clock.Time()
	}
	p.lacks = d.Lacks
	p.mu.Unlock()
	switch {
	case first: // opening the store has said it
	case d.Lacks != "" && d.Lacks != was:
		p.log.WarnContext(ctx, d.Lacks)
	case d.Lacks == "" && was != "":
		p.log.InfoContext(ctx, "commits wait for a standby again")
	}
	var all []store.Replica
	err = p.store.Read(ctx, func(r *store.Reader) (err error) {
		all, err = r.Replicas(ctx)
		return err
	})
	p.count.Set(float64(len(all)))
	return err
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// ready is a condition of taking work where sites were told.
func (p *peers) ready() []web.Check {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active.Site == "" {
		return nil
	}
	c := web.Check{Name: "site", OK: p.store.Here(p.active)}
	if !c.OK {
		c.Text = "work is taken at " + p.active.Site + "; this server is at " + orUnknown(p.self.Site)
	}
	return []web.Check{c}
}

func orUnknown(site string) string {
	if strings.TrimSpace(site) == "" {
		return "no site it was told"
	}
	return site
}

// health is how safe commits are.
func (p *peers) health() []web.Health {
	if p.store.Dialect() == "sqlite" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return []web.Health{{Name: "commits", OK: p.lacks == "", Configured: true, Text: p.lacks, Since: p.since}}
}
