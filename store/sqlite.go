package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/mattn/go-sqlite3" // driver "sqlite3"

	"github.com/switchman-dr/switchman/dr"
)

// readers is the number of connections that look while one writes.
const readers = 4

func (s *Store) connectSQLite(ctx context.Context, mark headMark) (err error) {
	path := s.path(dbFile)
	info, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0)
	if s.opts.ReadOnly {
		if missing {
			return dr.Errorf(dr.NotFound, "there is no Switchman state in %s", s.opts.Dir).
				WithHint("start the server once, or name another directory with --state")
		}
		return s.openReaders(ctx, path)
	}
	if s.lock, err = takeLock(ctx, s.opts.Clock, s.path(lockFile)); err != nil {
		return err
	}
	if missing && mark.there && !mark.blank && s.opts.AcceptRollback == "" {
		return lost(0, mark)
	}
	if missing { // its name must outlive a power cut as surely as the first row does
		if err := touch(s.path(headName)); err != nil {
			return err
		}
	}
	if err := touch(path); err != nil {
		return err
	}
	if s.write, err = openSQLite(path, writerParams); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := checkPragmas(ctx, s.write, map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
	}); err != nil {
		return err
	}
	return s.openReaders(ctx, path)
}

// take makes the connections our own, once the migration no longer needs the pools.
func (s *Store) take(ctx context.Context) (err error) {
	if s.d != sqlite {
		return nil
	}
	if s.write != nil {
		if s.writer, err = newLiteConn(ctx, s.write); err != nil {
			return err
		}
	}
	s.readers = make(chan *liteConn, readers)
	for range readers {
		c, err := newLiteConn(ctx, s.read)
		if err != nil {
			return err
		}
		s.readers <- c
		s.lookers++
	}
	return nil
}

func (s *Store) openReaders(ctx context.Context, path string) (err error) {
	if s.read, err = openSQLite(path, readerParams); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers + 1) // one for questions outside of a reading
	s.read.SetMaxIdleConns(readers)
	return checkPragmas(ctx, s.read, map[string]string{"query_only": "1", "busy_timeout": "5000"})
}

// touch makes the file with our mode before SQLite makes it with its own.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("making %s: %w", filepath.Base(path), err)
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// The driver's own defaults are synchronous=NORMAL, deferred transactions and no foreign keys: an
// acknowledged vote could be lost with the power, and a read that becomes a write could fail.
const (
	writerParams = "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000&_foreign_keys=1&mode=rw"
	readerParams = "_busy_timeout=5000&_query_only=1&mode=ro"
)

func openSQLite(path, params string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+params)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return db, nil
}

// checkPragmas reads settings back: what was asked for and what is so may differ.
func checkPragmas(ctx context.Context, db *sql.DB, want map[string]string) error {
	for name, value := range want {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&got); err != nil {
			return fmt.Errorf("reading back %s: %w", name, err)
		}
		if !strings.EqualFold(got, value) {
			return dr.Errorf(dr.Unavailable, "the database has %s=%s, Switchman needs %s", name, got, value).
				WithHint("the state directory is on a file system that does not allow it; use a local disk")
		}
	}
	return nil
}

// quickCheck looks at the file's structure. A file over 64 MiB is looked at in the tables that
// decide, since the whole would take longer than people wait for a start; Verify does the rest.
func (s *Store) quickCheck(ctx context.Context) error {
	if s.d != sqlite {
		return nil
	}
	info, err := os.Stat(s.path(dbFile))
	if err != nil {
		return fmt.Errorf("reading the database's size: %w", err)
	}
	if info.Size() <= 64<<20 {
		return s.structure(ctx, "PRAGMA quick_check(5)")
	}
	for _, table := range []string{"run", "run_system", "round", "vote", "code", "step", "placement", "lock", "lease", "journal_head"} {
		if err := s.structure(ctx, "PRAGMA quick_check('"+table+"')"); err != nil {
			return err
		}
	}
	return nil
}

// structure runs one of SQLite's own checks and turns what it says into an error.
func (s *Store) structure(ctx context.Context, pragma string) error {
	rows, err := s.read.QueryContext(ctx, pragma)
	if err != nil {
		return fmt.Errorf("checking the database's structure: %w", err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("checking the database's structure: %w", err)
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("checking the database's structure: %w", err)
	}
	if len(found) > 0 {
		return damaged(strings.Join(found, "; "))
	}
	return nil
}
