package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

const (
	replicaFades = time.Minute // a server that was not seen for so long is taken for gone
	replicaStays = 24 * time.Hour
)

// Replica is a server of this store.
type Replica struct {
	ID      string // as leases name it
	Site    string // empty: it was not told
	Version string
	Keys    string // fingerprint of its pepper
	Started dr.Time
	Seen    dr.Time // by the store's time
}

// Beat notes that a server is there.
func (t *Tx) Beat(ctx context.Context, r Replica) error {
	now, err := t.Now(ctx)
	if err != nil {
		return err
	}
	err = t.q.PutReplica(ctx, queries.PutReplicaParams{ID: r.ID, Site: r.Site, Version: r.Version, Keys: r.Keys, StartedAt: r.Started.Micros(), SeenAt: now.Micros()})
	if err != nil {
		return fmt.Errorf("noting that server %s is there: %w", r.ID, err)
	}
	return nil
}

// Leave takes a server off the list, and those nobody has seen for a day.
func (t *Tx) Leave(ctx context.Context, id string) error {
	now, err := t.Now(ctx)
	if err != nil {
		return err
	}
	if err := t.q.DropReplica(ctx, id, dr.At(now.Add(-replicaStays)).Micros()); err != nil {
		return fmt.Errorf("taking server %s off the list: %w", id, err)
	}
	return nil
}

// Replicas lists the servers seen within the last minute, the oldest first.
func (r *Reader) Replicas(ctx context.Context) ([]Replica, error) {
	now, err := r.s.now(ctx, r.db)
	if err != nil {
		return nil, err
	}
	rows, err := r.q.Replicas(ctx, dr.At(now.Add(-replicaFades)).Micros())
	if err != nil {
		return nil, fmt.Errorf("listing servers: %w", err)
	}
	var out []Replica
	for _, x := range rows {
		out = append(out, Replica{ID: x.ID, Site: x.Site, Version: x.Version, Keys: x.Keys, Started: dr.FromMicros(x.StartedAt), Seen: dr.FromMicros(x.SeenAt)})
	}
	return out, nil
}

// ActiveSite says at which site servers take work.
type ActiveSite struct {
	Site  string  // empty: at every one, since no server was told where it is
	Epoch int64   // counts changes
	Ask   SiteAsk // zero: nobody wants it elsewhere
}

// SiteAsk is one person's wish to have work taken at another site; it waits for a second person.
type SiteAsk struct {
	Site   string  `json:"site"`
	Person string  `json:"person"`
	Human  string  `json:"human"`
	Reason string  `json:"reason"`
	At     dr.Time `json:"at"`
}

// ActiveSite reads where work is taken.
func (r *Reader) ActiveSite(ctx context.Context) (ActiveSite, error) {
	row, err := r.q.GetActiveSite(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return ActiveSite{}, nil
	}
	if err != nil {
		return ActiveSite{}, fmt.Errorf("reading the active site: %w", err)
	}
	return siteOf(row.Site, row.Epoch, row.Ask)
}

func siteOf(site string, epoch int64, ask string) (ActiveSite, error) {
	a := ActiveSite{Site: site, Epoch: epoch}
	if ask != "" {
		if err := json.Unmarshal([]byte(ask), &a.Ask); err != nil {
			return a, fmt.Errorf("reading who wants another active site: %w", err)
		}
	}
	return a, nil
}

// LockSite reads it and keeps everybody else from changing it, and from working, until the transaction ends.
func (t *Tx) LockSite(ctx context.Context) (ActiveSite, error) {
	row, err := t.q.LockActiveSite(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return ActiveSite{}, nil
	}
	if err != nil {
		return ActiveSite{}, fmt.Errorf("locking the active site: %w", err)
	}
	return siteOf(row.Site, row.Epoch, row.Ask)
}

// AskSite stores a wish, in place of the one before.
func (t *Tx) AskSite(ctx context.Context, a ActiveSite, ask SiteAsk) error {
	raw, err := json.Marshal(ask)
	if err == nil {
		err = t.q.SetActiveSite(ctx, a.Site, a.Epoch, string(raw))
	}
	if err != nil {
		return fmt.Errorf("storing the wish for site %s: %w", ask.Site, err)
	}
	return nil
}

// MoveSite makes another site the one that works. Its epoch rises, and with it that of every lease: whoever
// held one writes nothing more under it.
func (t *Tx) MoveSite(ctx context.Context, a ActiveSite, site string) (ActiveSite, error) {
	moved := ActiveSite{Site: site, Epoch: a.Epoch + 1}
	err := t.q.SetActiveSite(ctx, moved.Site, moved.Epoch, "")
	if err == nil {
		err = t.q.EndLeases(ctx)
	}
	if err != nil {
		return a, fmt.Errorf("moving the active site to %s: %w", site, err)
	}
	return moved, nil
}

// nameSite makes the site of the first server that knows its own the active one.
func (s *Store) nameSite(ctx context.Context) error {
	if s.d == sqlite {
		return nil
	}
	if s.opts.Site != "" {
		err := s.Write(ctx, func(tx *Tx) error {
			n, err := tx.q.FirstSite(ctx, s.opts.Site)
			if err != nil || n == 0 {
				return err
			}
			return tx.journalData(dr.RowSite, dr.SiteData{Event: "first", Site: s.opts.Site, Epoch: 1})
		})
		if err != nil {
			return fmt.Errorf("naming the active site: %w", err)
		}
	}
	_, err := s.Working(ctx)
	return err
}

// Site is where this server is; empty: it was not told.
func (s *Store) Site() string { return s.opts.Site }

// Working reads where work is taken and says whether that is here. The error is for a database that cannot be
// asked. It is asked every few seconds too, so that a server that was told no site hears that there are
// some now.
func (s *Store) Working(ctx context.Context) (a ActiveSite, err error) {
	if s.d == sqlite {
		return ActiveSite{}, nil
	}
	err = s.Read(ctx, func(r *Reader) error {
		a, err = r.ActiveSite(ctx)
		return err
	})
	if err == nil && a.Site != "" {
		s.sited.Store(true)
	}
	return a, err
}

// Here reports whether work is taken at this server's site.
func (s *Store) Here(a ActiveSite) bool { return a.Site == "" || a.Site == s.opts.Site }

// Works refuses at a site that takes no work (site_passive). It holds the active site until the transaction
// ends: what began before it moved ends before that, and what begins later is refused. All that moves a run,
// and every lease, passes here.
func (t *Tx) Works(ctx context.Context) error {
	if t.worked || !t.s.sited.Load() {
		return nil
	}
	var active string
	// Shared, so that those who work do not wait for each other; SQLite has neither several servers nor this.
	err := t.db.QueryRowContext(ctx, "SELECT site FROM active_site WHERE name = 'site' FOR SHARE").Scan(&active)
	if err != nil {
		return fmt.Errorf("reading the active site: %w", err)
	}
	if active != t.s.opts.Site {
		return passive(t.s.opts.Site, active)
	}
	t.worked = true
	return nil
}

// works is Works for leases, which nobody holds at a site that takes no work.
func (t *Tx) works(ctx context.Context) (bool, error) {
	err := t.Works(ctx)
	var own *dr.Error
	if errors.As(err, &own) && (own.ID == "site_passive" || own.ID == "site_unknown") {
		return false, nil
	}
	return err == nil, err
}
