package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/switchman-dr/switchman/dr"
)

// postgresNow is the one query that has no portable form; see [Store.Now].
const postgresNow = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

// connections bounds one server's share of the database's connections.
const connections = 8

func (s *Store) connectPostgres(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(s.opts.URL)
	if err != nil {
		// pgx quotes the URL without its password, yet what was mistyped may be the password.
		return dr.Errorf(dr.Usage, "the database URL cannot be read").
			WithHint("SWITCHMAN_DATABASE_URL looks like postgres://user:password@host:5432/switchman?sslmode=verify-full")
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "switchman"
	}
	// A server that stopped answering must not hold a run's row for ever.
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "60000"
	cfg.RuntimeParams["lock_timeout"] = "30000"
	s.read = stdlib.OpenDB(*cfg)
	s.read.SetMaxOpenConns(connections)
	s.read.SetMaxIdleConns(connections)
	if !s.opts.ReadOnly {
		s.write = stdlib.OpenDB(*cfg)
		s.write.SetMaxOpenConns(connections)
		s.write.SetMaxIdleConns(connections)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.read.PingContext(ctx); err != nil {
		return dr.Errorf(dr.Unavailable, "the database does not answer: %w", err).
			WithHint("check that PostgreSQL runs and that SWITCHMAN_DATABASE_URL names it; `psql` with the same URL shows more")
	}
	return s.checkDurable(ctx)
}

// checkDurable reads back what makes a commit durable, as pragmas are read back on SQLite.
func (s *Store) checkDurable(ctx context.Context) error {
	var commit, fsync, standbys string
	row := s.read.QueryRowContext(ctx, "SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('synchronous_standby_names')")
	if err := row.Scan(&commit, &fsync, &standbys); err != nil {
		return fmt.Errorf("reading the database's settings: %w", err)
	}
	if commit == "off" || commit == "local" && standbys != "" {
		return dr.Errorf(dr.Unavailable, "the database has synchronous_commit=%s: a vote it has acknowledged could be lost", commit).
			WithHint("ALTER ROLE … SET synchronous_commit = on for Switchman's role, then start again")
	}
	if fsync == "off" {
		s.log.Warn("the database has fsync=off: what it acknowledges may be lost with the power")
	}
	if standbys == "" {
		s.log.Warn("the database has no synchronous standby: a failover of the database may lose acknowledged votes")
	}
	return nil
}
