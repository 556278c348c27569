package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

// offline opens the state for reading, for when no server is up. An engine without hands or eyes
// is only asked for views.
func (sh *shell) offline(ctx context.Context, read func(*store.Store, *fsm.Engine) error) error {
	cfg, err := sh.settings()
	if err != nil {
		return err
	}
	st, err := sh.openForReading(ctx, cfg)
	if err != nil {
		return err
	}
	engine := fsm.New(fsm.Config{Store: st, Clock: sh.term.clock, Version: version(), Catalog: func() (*catalog.Catalog, error) {
		c, _, err := sh.load(cfg.Org)
		return c, err
	}})
	return errors.Join(read(st, engine), st.Close())
}

func (sh *shell) openForReading(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	if cfg.DatabaseURL.Empty() {
		if _, err := os.Stat(filepath.Join(cfg.StateDir, "state.db")); errors.Is(err, os.ErrNotExist) {
			return nil, dr.Errorf(dr.Unavailable, "no server is running, and there is no state in %s", cfg.StateDir).
				WithHint("start one with: switchman demo (the sample bank) or switchman serve; or name the state directory with --state")
		}
	}
	return store.Open(ctx, store.Options{Dir: cfg.StateDir, URL: cfg.DatabaseURL.Reveal(), ReadOnly: true, Clock: sh.term.clock})
}

// nobody is the actor of reading without a server: nobody known asks, so nothing may be done.
func nobody() dr.Actor { return dr.Actor{Surface: "cli"} }

func (sh *shell) offlineRun(ctx context.Context, id string) (raw json.RawMessage, err error) {
	err = sh.offline(ctx, func(_ *store.Store, e *fsm.Engine) error {
		v, err := e.View(ctx, nobody(), id)
		if err != nil {
			return err
		}
		raw, err = encodeJSON(v)
		return err
	})
	return raw, err
}

func (sh *shell) offlineRuns(ctx context.Context, f fsm.Filter) (out []json.RawMessage, err error) {
	out = []json.RawMessage{}
	err = sh.offline(ctx, func(_ *store.Store, e *fsm.Engine) error {
		views, err := e.List(ctx, nobody(), f)
		if err != nil {
			return err
		}
		for _, v := range views {
			raw, err := encodeJSON(v)
			if err != nil {
				return fmt.Errorf("writing a run: %w", err)
			}
			out = append(out, raw)
		}
		return nil
	})
	return out, err
}

// offlineJournal reads rows from the state directory, of one run or of all.
func (sh *shell) offlineJournal(ctx context.Context, run string, from int64, each func(web.Reading) error) error {
	return sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
		return st.Read(ctx, func(r *store.Reader) error {
			for {
				rows, _, err := r.Rows(ctx, from, 500)
				if err != nil || len(rows) == 0 {
					return err
				}
				for _, row := range rows {
					from = row.Seq + 1
					if run != "" && row.Run != run {
						continue
					}
					if err := each(web.ReadingOf(sh.language(ctx), row)); err != nil {
						return err
					}
				}
			}
		})
	})
}
