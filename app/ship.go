package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// shipped is how many copies stay at the other site: the newest may be in the making when this site is lost.
const shipped = 3

// shipping answers what brings a copy of the store to another site, for runs that leave this one. PostgreSQL has
// its standby for that, and needs none.
func shipping(s *store.Store, cfg *config.Config, organisation string, clock dr.Clock, log *slog.Logger) func(context.Context) (string, error) {
	if s.Dialect() == "postgres" {
		return nil
	}
	away := newDepot(cfg.ShipPath, "SWITCHMAN_SHIP_PATH", organisation, clock, log)
	var one sync.Mutex // two runs may ask at once, and copies made in one second have one name
	return func(ctx context.Context) (string, error) {
		if away.dir == "" {
			return "", dr.Errorf(dr.Unavailable, "no place for one is set").WithHint("set SWITCHMAN_SHIP_PATH to a directory at another site and start again")
		}
		one.Lock()
		defer one.Unlock()
		return ship(ctx, s, &away)
	}
}

// ship makes one copy that is newer than all that are there, reads it through, and lets the oldest go.
func ship(ctx context.Context, s *store.Store, away *depot) (string, error) {
	if err := away.sweep(); err != nil && !errors.Is(err, fs.ErrNotExist) { // a directory that is missing is told below
		away.log.Warn("sweeping the directory of copies", "dir", away.dir, "err", err)
	}
	made, err := away.made()
	if err != nil {
		return "", err
	}
	at := away.clock.Now().UTC().Truncate(time.Second)
	if n := len(made); n > 0 && !at.After(made[n-1]) {
		at = made[n-1].Add(time.Second)
	}
	v, err := s.Backup(ctx, away.file(at))
	if err != nil {
		return "", err
	}
	away.log.Info("a verified copy of the store was brought to another site", "file", away.file(at), "rows", v.Rows)
	return away.file(at), away.prune(append(made, at), shipped)
}
