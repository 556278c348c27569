package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/switchman-dr/switchman/dr"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the newest migration this program knows; a test compares it with the files.
const schemaVersion = 11

// migrate brings the schema to our version, or refuses one that is newer.
func (s *Store) migrate(ctx context.Context, mark headMark) error {
	at, err := s.version(ctx)
	if err != nil {
		return err
	}
	switch {
	case at > schemaVersion:
		return dr.Errorf(dr.Unavailable, "the database was written by a newer Switchman: its schema is version %d, this one knows %d", at, schemaVersion).
			WithHint("start the newer Switchman, or restore a backup made before the upgrade into a fresh state directory with `switchman restore FILE`")
	case at == schemaVersion:
		return nil
	case s.opts.ReadOnly:
		return dr.Errorf(dr.Unavailable, "the database has schema version %d, this Switchman needs %d", at, schemaVersion).
			WithHint("start this version's server once; it brings the schema up to date")
	case at == 0 && mark.there && !mark.blank && s.d == sqlite && s.opts.AcceptRollback == "":
		return lost(0, mark)
	}
	p, err := s.provider()
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bringing the schema from version %d to %d: %w", at, schemaVersion, err)
	}
	return nil
}

// version reads the schema's version without changing anything; 0 where there is none.
func (s *Store) version(ctx context.Context) (int64, error) {
	there := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'"
	if s.d == postgres {
		there = "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'goose_db_version' AND schemaname = current_schema()"
	}
	var n int
	if err := s.read.QueryRowContext(ctx, there).Scan(&n); err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	var version sql.NullInt64
	if err := s.read.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version.Int64, nil
}

func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	dialect, other := goose.DialectSQLite3, "00002_journal_postgres.sql"
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.log)}
	if s.d == postgres {
		dialect, other = goose.DialectPostgres, "00002_journal_sqlite.sql"
		// Servers started at the same moment take turns.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 60))
		if err != nil {
			return nil, fmt.Errorf("making the migration lock: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, s.write, files, append(opts, goose.WithExcludeNames([]string{other}))...)
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	if n := p.ListSources(); len(n) == 0 {
		return nil, errors.New("no migrations embedded")
	}
	return p, nil
}
