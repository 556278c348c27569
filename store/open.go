package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store/queries"
)

// Options say where the state lives and who keeps it.
type Options struct {
	Dir          string          // state directory: state.db, state.db.lock, journal.head, log.key
	URL          string          // postgres://…: the database; Dir still holds journal.head and log.key
	ReadOnly     bool            // look only, beside a running server or without one
	Organisation string          // id; names the journal. May be empty when a journal exists
	Environment  dr.Environment  // told in the first row
	Clock        dr.Clock        // needed unless ReadOnly
	Key          *journal.Signer // log key; nil: log.key of the state directory, made at the first start
	Log          *slog.Logger    // nil: nothing is logged
	// AcceptRollback takes a database that is behind journal.head, or a lost log key, as it is. The
	// reason is journaled. It has no effect on a database that is sound.
	AcceptRollback string
	// Site is where this server is. Of several on one PostgreSQL database only those at the active site
	// take work; empty: the organisation has one place for all, or none was told.
	Site string
}

// Store is an open database. All methods may be called at the same time.
type Store struct {
	opts  Options
	log   *slog.Logger
	d     dialect
	write *sql.DB
	read  *sql.DB
	lock  *os.File
	pg    *pgx.ConnConfig // PostgreSQL: how it is reached

	writer  *liteConn      // SQLite: the one that writes
	readers chan *liteConn // SQLite: those that look, when not in use
	lookers int            // how many there are

	closing sync.Once
	closed  error              // what closing said
	checked recent[[]dr.Check] // by their digest
	details details
	writing chan struct{} // SQLite: one writer; a token of its own, so that waiting heeds the context

	rotating sync.RWMutex // held by writers for reading, by a key rotation for itself

	sited  atomic.Bool    // the database has an active site: what is written as work is held against it
	hints  chan struct{}  // rows were written that other servers may want to know of; nil on SQLite
	unhear func()         // ends what listens to other servers
	beside sync.WaitGroup // what does

	mu       sync.Mutex
	noticed  int64 // size of the journal watchers were last woken for
	signer   *journal.Signer
	head     journal.Head // as of the last commit of ours
	headFile int64        // size journal.head was last written with
	marker   marker       // writes it
	watchers map[chan struct{}]struct{}
	broken   error // set when the disk did not say whether a commit is there
}

// dialect is the little in which the two databases differ.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// Open opens the state, brings its schema up to date, checks it, and refuses what is not sound. It
// checks the file's structure, the signed head, and the newest 4,096 rows against the tree;
// [Store.Verify] reads everything.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Dir == "" {
		return nil, dr.Errorf(dr.Usage, "no state directory given").WithHint("set SWITCHMAN_STATE_DIR or --state")
	}
	if o.Clock.Now == nil && !o.ReadOnly {
		return nil, errors.New("opening the store: no clock given")
	}
	s := &Store{opts: o, log: o.Log, d: sqlite, writing: make(chan struct{}, 1), watchers: map[chan struct{}]struct{}{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.URL != "" {
		s.d = postgres
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(explain(err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if !s.opts.ReadOnly {
		if err := makeDir(s.opts.Dir); err != nil {
			return err
		}
	}
	mark, err := readHeadFile(s.opts.Dir)
	if err != nil && s.opts.AcceptRollback == "" {
		return err // accepted, a damaged checkpoint counts as a missing one
	}
	if err := s.connect(ctx, mark); err != nil {
		return err
	}
	if err := s.migrate(ctx, mark); err != nil {
		return err
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	return s.begin(ctx, mark)
}

// connect opens the pools, and on SQLite takes the lock file first.
func (s *Store) connect(ctx context.Context, mark headMark) error {
	if s.d == postgres {
		return s.connectPostgres(ctx)
	}
	return s.connectSQLite(ctx, mark)
}

// begin checks what is there, loads the key, and writes the first row of a new journal.
func (s *Store) begin(ctx context.Context, mark headMark) error {
	found, err := s.inspect(ctx, mark)
	if err != nil {
		return err
	}
	s.head = found.head
	if s.opts.ReadOnly {
		return s.peekKey(found)
	}
	if err := s.loadKey(&found); err != nil {
		return err
	}
	if err := s.dropStaleUploads(ctx); err != nil {
		return err
	}
	switch {
	case found.head.Size == 0:
		err = s.install(ctx, found)
	case found.loss != nil || found.newKey != nil:
		err = s.journalRollback(ctx, found)
	default:
		s.putHeadFile(s.head)
	}
	if err == nil {
		err = s.nameSite(ctx)
	}
	if err == nil && s.d == postgres {
		s.listen()
	}
	return err
}

// install writes row 0, which names the organisation and the key everything after is signed with.
func (s *Store) install(ctx context.Context, found findings) error {
	if s.opts.Organisation == "" {
		return errors.New("opening a new store: no organisation given")
	}
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.journalData(dr.RowInstalled, dr.InstalledData{
			Organisation: s.opts.Organisation, Environment: s.opts.Environment, Key: s.signer.Public(),
		}); err != nil {
			return err
		}
		if found.loss != nil {
			return tx.journalData(dr.RowRollback, *found.loss)
		}
		return nil
	})
}

// Close ends everything. A second call does nothing.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

// close keeps the pools' handles: whoever still uses the store then is told that it is closed.
func (s *Store) close() error {
	var errs []error
	if s.unhear != nil {
		s.unhear()
		s.beside.Wait()
	}
	s.mu.Lock()
	if s.broken == nil {
		s.broken = errClosed
	}
	s.mu.Unlock()
	if s.writer != nil {
		s.writing <- struct{}{} // the transaction under way ends first
		errs = append(errs, s.writer.close())
		<-s.writing
	}
	for range s.lookers {
		if c, open := <-s.readers; open {
			errs = append(errs, c.close())
		}
	}
	if s.readers != nil {
		close(s.readers)
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.mu.Lock()
	errs = append(errs, s.marker.close())
	s.mu.Unlock()
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// Now is the time leases and expiries are compared with: the database's on PostgreSQL, so that
// several servers agree, and our own on SQLite.
func (s *Store) Now(ctx context.Context) (dr.Time, error) {
	now, err := s.now(ctx, s.read)
	return now, explain(err)
}

func (s *Store) now(ctx context.Context, db queries.DBTX) (dr.Time, error) {
	if s.d == sqlite {
		return s.opts.Clock.Time(), nil
	}
	var micros int64
	if err := db.QueryRowContext(ctx, postgresNow).Scan(&micros); err != nil {
		return dr.Time{}, fmt.Errorf("reading the database's clock: %w", err)
	}
	return dr.FromMicros(micros), nil
}

// Ping reports whether the database answers and may be written.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.health(); err != nil {
		return err
	}
	if err := s.read.PingContext(ctx); err != nil {
		return explain(fmt.Errorf("asking the database: %w", err))
	}
	return nil
}

// Dialect names the database for people: "sqlite" or "postgres".
func (s *Store) Dialect() string { return string(s.d) }

// Dir is the state directory.
func (s *Store) Dir() string { return s.opts.Dir }

// PublicKey is the verifier key of the log, for auditors to keep elsewhere.
func (s *Store) PublicKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signer == nil {
		return ""
	}
	return s.signer.Public()
}

func (s *Store) path(name string) string { return filepath.Join(s.opts.Dir, name) }
