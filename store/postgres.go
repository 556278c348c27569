package store

import (
	"context"
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
	s.pg = cfg
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
	if err := s.checkPrimary(ctx); err != nil {
		return err
	}
	return s.checkDurable(ctx)
}
