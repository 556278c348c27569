package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	keeperLooks  = time.Minute      // how often the keeper looks whether something is due
	keeperRetry  = 15 * time.Minute // after a copy that failed, unless copies are due more often
	keepCopies   = 7                // newest copies that stay
	erasesEvery  = 24 * time.Hour
	eraseLater   = time.Hour // when a run was moving, or when more was found than one round takes
	erasesAtOnce = 16        // in one transaction: the writer belongs to runs
	erasesMost   = 4096      // in one round
	keeperLease  = "keeper"
	leaseOfRound = 5 * time.Minute
)

// keeper does the housekeeping nobody asks for: a verified copy of the store every so often, the end of
// evidence and conversation that have been kept long enough, and memory given back. One goroutine does it, one after the other.
type keeper struct {
	store    *store.Store
	depot    // of scheduled copies; without a directory none are made
	every    time.Duration
	keep     time.Duration
	said     time.Duration // how long the channel keeps what was said; 0: for ever
	instance string

	copyAt  time.Time // not before; set by a copy that failed
	eraseAt time.Time // when evidence is looked at next
	tidyAt  time.Time // when the channel is

	copies  *prometheus.CounterVec
	newest  prometheus.Gauge
	erasing *prometheus.CounterVec
	erased  prometheus.Counter
}

func newKeeper(s *store.Store, cfg *config.Config, organisation, instance string, clock dr.Clock, log *slog.Logger, reg *prometheus.Registry) *keeper {
	k := &keeper{store: s, depot: newDepot(cfg.BackupPath, "SWITCHMAN_BACKUP_PATH", organisation, clock, log), every: cfg.BackupEvery,
		keep: time.Duration(cfg.RetentionDays) * 24 * time.Hour, said: time.Duration(cfg.ChannelDays) * 24 * time.Hour, instance: instance,
		copies:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_backups_total", Help: "Scheduled copies of the store, by how they ended."}, []string{"result"}),
		newest:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "switchman_backup_newest_seconds", Help: "When the newest scheduled copy was made, as Unix time; 0 without one."}),
		erasing: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_retention_rounds_total", Help: "Looks for evidence to erase, by how they ended."}, []string{"result"}),
		erased:  prometheus.NewCounter(prometheus.CounterOpts{Name: "switchman_evidence_erased_total", Help: "Pieces of evidence erased because they had been kept long enough."})}
	reg.MustRegister(k.copies, k.newest, k.erasing, k.erased)
	if k.dir != "" && s.Dialect() == "postgres" {
		log.Warn("no scheduled copies are made: the state is in PostgreSQL, which makes its own backups", "backup_path", k.dir)
		k.dir = ""
	}
	return k
}

// start works until the function it answers is called, which waits for the work at hand.
func (k *keeper) start(ctx context.Context) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.live(ctx)
	}()
	return func(within context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-within.Done():
			return fmt.Errorf("waiting for housekeeping: %w", within.Err())
		}
	}
}

func (k *keeper) live(ctx context.Context) {
	for {
		wait := k.clock.After(keeperLooks) // before the work, so that a moment passing meanwhile is not missed
		k.round(ctx)
		k.rest(ctx)
		select {
		case <-ctx.Done():
			return
		case <-wait:
		}
	}
}

// rest gives back what a run, a report or a copy has left of memory, while no run moves: most days a server
// only waits.
func (k *keeper) rest(ctx context.Context) {
	err := k.store.Read(ctx, func(r *store.Reader) error { return still(ctx, r) })
	if err == nil {
		debug.FreeOSMemory()
	}
}

// round does what is due. What fails is logged, counted and tried again later.
func (k *keeper) round(ctx context.Context) {
	if k.dir != "" {
		if err := k.sweep(); err != nil && !errors.Is(err, os.ErrNotExist) { // a directory that is missing is told below
			k.log.Warn("sweeping the directory of copies", "dir", k.dir, "err", err)
		}
		if err := k.copyIfDue(ctx); err != nil && ctx.Err() == nil {
			k.copies.WithLabelValues("failed").Inc()
			k.log.Error("making the scheduled copy; it is tried again", "dir", k.dir, "err", err)
			k.copyAt = k.clock.Now().Add(min(k.every, keeperRetry))
		}
	}
	if !k.clock.Now().Before(k.tidyAt) {
		if err := k.tidy(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("removing what was said long ago; it is tried again", "err", err)
			k.tidyAt = k.clock.Now().Add(eraseLater)
		}
	}
	if k.keep > 0 && !k.clock.Now().Before(k.eraseAt) {
		if err := k.erase(ctx); err != nil && ctx.Err() == nil {
			k.erasing.WithLabelValues("failed").Inc()
			k.log.Error("erasing old evidence; it is tried again", "err", err)
			k.eraseAt = k.clock.Now().Add(eraseLater)
		}
	}
}

// copyIfDue makes a copy if the newest one is old enough. The copies themselves are the memory of
// when that was, so a restart changes nothing.
func (k *keeper) copyIfDue(ctx context.Context) error {
	now := k.clock.Now().UTC().Truncate(time.Second)
	made, err := k.made()
	if err != nil {
		return err
	}
	// A copy from the future was made by a clock that has been set back since; it says nothing.
	made = slices.DeleteFunc(made, func(t time.Time) bool { return t.After(now) })
	if n := len(made); n > 0 {
		k.newest.Set(float64(made[n-1].Unix()))
		if now.Before(made[n-1].Add(k.every)) {
			return nil
		}
	}
	if now.Before(k.copyAt) {
		return nil
	}
	v, err := k.store.Backup(ctx, k.file(now))
	if err != nil {
		return err
	}
	k.copies.WithLabelValues("ok").Inc()
	k.newest.Set(float64(now.Unix()))
	k.log.Info("a verified copy of the store was made", "file", k.file(now), "rows", v.Rows)
	return k.prune(append(made, now), keepCopies)
}
