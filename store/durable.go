package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Durability says what a commit that was acknowledged survives.
type Durability struct {
	Commit   string    // synchronous_commit; empty on SQLite
	Names    string    // synchronous_standby_names
	Fsync    string    //
	Standbys []Standby // connected now
	Lacks    string    // what is missing, in a sentence; empty: nothing is
}

// Standby is a copy that is connected to the database.
type Standby struct {
	Name  string
	State string // streaming, catchup …; empty: we may not see it
	Sync  string // sync, quorum, potential, async; empty: we may not see it
}

// Waited reports whether commits wait for it.
func (s Standby) Waited() bool { return s.Sync == "sync" || s.Sync == "quorum" }

// Durability asks the database whether commits reach a standby before they are acknowledged. On SQLite a
// commit is on this disk, and Lacks is empty.
func (s *Store) Durability(ctx context.Context) (d Durability, err error) {
	if s.d == sqlite {
		return d, nil
	}
	err = s.read.QueryRowContext(ctx, "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), current_setting('fsync')").
		Scan(&d.Commit, &d.Names, &d.Fsync)
	if err != nil {
		return d, explain(fmt.Errorf("reading the database's settings: %w", err))
	}
	rows, err := s.read.QueryContext(ctx, "SELECT COALESCE(application_name, ''), COALESCE(state, ''), COALESCE(sync_state, '') FROM pg_stat_replication ORDER BY 1")
	if err != nil {
		return d, explain(fmt.Errorf("reading the database's standbys: %w", err))
	}
	d.Standbys, err = standbys(rows)
	if err != nil {
		return d, explain(fmt.Errorf("reading the database's standbys: %w", err))
	}
	d.Lacks = d.lacks()
	return d, nil
}

func standbys(rows *sql.Rows) (out []Standby, err error) {
	defer rows.Close()
	for rows.Next() {
		var one Standby
		if err := rows.Scan(&one.Name, &one.State, &one.Sync); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func (d Durability) lacks() string {
	var all []string
	if d.Fsync == "off" {
		all = append(all, "the database has fsync=off: what it acknowledges may be lost with the power")
	}
	hidden := slices.ContainsFunc(d.Standbys, func(s Standby) bool { return s.Sync == "" })
	switch {
	case d.Commit == "off" || d.Commit == "local":
		all = append(all, "the database has synchronous_commit="+d.Commit+": a vote it has acknowledged could be lost")
	case strings.TrimSpace(d.Names) == "":
		all = append(all, "the database has no synchronous standby: a failover of the database may lose acknowledged votes")
	case !hidden && !slices.ContainsFunc(d.Standbys, Standby.Waited):
		all = append(all, "no standby that commits wait for is connected: the next commit waits until one is")
	case d.Commit == "remote_write":
		all = append(all, "the database has synchronous_commit=remote_write: a standby that loses its power together with the primary may lack acknowledged votes")
	}
	return strings.Join(all, "; ")
}

// checkDurable refuses a database that may lose what it acknowledged by itself, and warns where a failover may, as
// pragmas are read back on SQLite.
func (s *Store) checkDurable(ctx context.Context) error {
	d, err := s.Durability(ctx)
	if err != nil {
		return err
	}
	if d.Commit == "off" || d.Commit == "local" && d.Names != "" {
		return dr.Errorf(dr.Unavailable, "the database has synchronous_commit=%s: a vote it has acknowledged could be lost", d.Commit).
			WithHint("ALTER ROLE … SET synchronous_commit = on for Switchman's role, then start again")
	}
	if d.Lacks != "" {
		s.log.Warn(d.Lacks)
	}
	return nil
}

// checkPrimary refuses a database that only follows another: a server there can neither sign people in nor
// write down who did what.
func (s *Store) checkPrimary(ctx context.Context) error {
	var follows bool
	if err := s.read.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&follows); err != nil {
		return fmt.Errorf("asking whether the database is a standby: %w", err)
	}
	if follows && !s.opts.ReadOnly {
		return dr.Errorf(dr.Unavailable, "the database is a standby: it follows another one and takes no writes").
			WithHint("start this server when the standby was promoted; docs/replicas.md has the steps")
	}
	return nil
}
