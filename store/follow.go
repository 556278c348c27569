package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Servers on one PostgreSQL database hear of each other's rows by NOTIFY, which comes at once and may get
// lost, and look by themselves every second, which is what can be relied on.
const (
	hintChannel = "switchman"
	lookEvery   = time.Second
	hearAgain   = 10 * time.Second // between two tries to listen, where that does not work, as through a pooler
	hintWait    = 5 * time.Second
)

// listen begins to hear of other servers' rows and to tell them of ours.
func (s *Store) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	s.unhear, s.hints = cancel, make(chan struct{}, 1)
	s.mu.Lock()
	s.noticed = s.head.Size
	s.mu.Unlock()
	s.beside.Go(func() { s.follow(ctx) })
	s.beside.Go(func() { s.tell(ctx) })
}

// hint has others told that there are rows. It never waits.
func (s *Store) hint() {
	select {
	case s.hints <- struct{}{}:
	default:
	}
}

// tell sends hints, several commits in one, beside the work. One that fails is no loss: others look by
// themselves.
func (s *Store) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.hints:
		}
		within, cancel := context.WithTimeout(ctx, hintWait)
		_, err := s.read.ExecContext(within, "SELECT pg_notify($1, '')", hintChannel)
		cancel()
		if err != nil && ctx.Err() == nil {
			s.log.Debug("telling other servers of new rows; they look by themselves", "err", err)
		}
	}
}

// follow wakes watchers for rows that others wrote.
func (s *Store) follow(ctx context.Context) {
	var line *pgx.Conn
	defer func() { hangUp(line) }()
	var tried time.Time
	for ctx.Err() == nil {
		if now := s.opts.Clock.Now(); line == nil && (now.Sub(tried) >= hearAgain || now.Before(tried)) {
			tried = now
			line = s.hear(ctx)
		}
		line = s.await(ctx, line)
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("looking for rows of other servers; it is tried again", "err", err)
		}
	}
}

// hear opens a line for hints; nil where that does not work.
func (s *Store) hear(ctx context.Context) *pgx.Conn {
	ctx, cancel := context.WithTimeout(ctx, hintWait)
	defer cancel()
	line, err := pgx.ConnectConfig(ctx, s.pg.Copy())
	if err == nil {
		_, err = line.Exec(ctx, "LISTEN "+hintChannel)
	}
	if err != nil {
		s.log.Debug("listening for hints of other servers; rows are looked for every second", "err", err)
		hangUp(line)
		return nil
	}
	return line
}

func hangUp(line *pgx.Conn) {
	if line == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookEvery)
	defer cancel()
	_ = line.Close(ctx) // it is given up either way
}

// await waits for a hint, a second at most. A line that broke is given up.
func (s *Store) await(ctx context.Context, line *pgx.Conn) *pgx.Conn {
	within, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if line == nil {
		<-within.Done()
		return nil
	}
	_, err := line.WaitForNotification(within)
	if err != nil && within.Err() == nil || line.IsClosed() {
		hangUp(line)
		return nil
	}
	return line
}

// look wakes watchers when the journal has grown since they were woken last.
func (s *Store) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hintWait)
	defer cancel()
	var size int64
	if err := s.read.QueryRowContext(ctx, "SELECT size FROM journal_head WHERE id = 1").Scan(&size); err != nil {
		return err
	}
	s.mu.Lock()
	grown := size > s.noticed
	s.noticed = max(s.noticed, size)
	s.mu.Unlock()
	if grown {
		s.wake()
	}
	return nil
}
