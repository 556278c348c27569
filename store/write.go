package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "github.com/mattn/go-sqlite3"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store/queries"
)

// Reader looks at one moment of the store. It is valid inside the function it was given to.
type Reader struct {
	s  *Store
	q  *queries.Queries
	db queries.DBTX
}

// Tx is a transaction that changes the store. It reads what it has written. It is valid inside the
// function it was given to, and used by one goroutine.
type Tx struct {
	Reader
	rows   []dr.Row
	last   map[string]int64 // the newest row of each run this transaction writes rows of
	signer *journal.Signer
	worked bool               // it was looked at already that this site takes work
	seen   map[string]seenRun // runs as this transaction read or wrote them, to leave out what has not changed
}

const (
	writeTries    = 8
	commitTimeout = 30 * time.Second // for a database that stopped answering in mid-transaction
)

// Write runs fn in one transaction and commits it together with the rows given to [Tx.Journal]. When
// it returns nil, everything is durable; when it returns an error, nothing is, except where the error
// (commit_unknown) says that nobody knows. On PostgreSQL fn is run again when another transaction was
// in the way, so it must set what it returns to its caller anew each time. fn must not call Write.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error {
	if s.opts.ReadOnly {
		return &dr.Error{Kind: dr.Unavailable, ID: "database_read_only"}
	}
	s.rotating.RLock() // while a key rotation is under way nobody else signs
	defer s.rotating.RUnlock()
	return s.retry(ctx, fn)
}

func (s *Store) retry(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := s.writeOnce(ctx, fn)
		if try == writeTries || ctx.Err() != nil || !retryable(err) {
			return explain(err)
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, fn func(*Tx) error) error {
	if s.d == sqlite {
		select {
		case s.writing <- struct{}{}:
			defer func() { <-s.writing }()
		case <-ctx.Done():
			return fmt.Errorf("waiting to write: %w", ctx.Err())
		}
	}
	if err := errors.Join(ctx.Err(), s.health()); err != nil {
		return err
	}
	// Once begun, a transaction is short and ends by commit or rollback; a caller that goes away in
	// the middle must not leave it open whether its commit arrived.
	tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	open, err := s.beginWrite(tctx)
	if err != nil {
		return err
	}
	defer func() { _ = open.rollback() }()
	tx := &Tx{Reader: Reader{s: s, q: queries.New(open.db), db: open.db}, seen: map[string]seenRun{}, signer: s.key()}
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.finish(tctx, open, tx)
}

// finish stores the rows, commits, and tells those who wait.
func (s *Store) finish(ctx context.Context, open txn, tx *Tx) error {
	if len(tx.rows) == 0 {
		return s.committed(ctx, open.commit(), tx, journal.Head{})
	}
	head, err := tx.appendRows(ctx)
	if err != nil {
		return err
	}
	if err := s.committed(ctx, open.commit(), tx, head); err != nil {
		return err
	}
	s.mu.Lock()
	if head.Size > s.head.Size {
		s.head = head
	}
	s.noticed = max(s.noticed, head.Size)
	s.mu.Unlock()
	s.putHeadFile(head)
	s.wake()
	s.hint()
	return nil
}

// committed sorts the answer to a commit: done, not done, or not known.
func (s *Store) committed(ctx context.Context, err error, tx *Tx, head journal.Head) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code[:2] != "08" && pg.Code[:2] != "57" {
		return fmt.Errorf("committing: %w", err) // the server says it has undone it
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		if lite.Code == sqlite3.ErrFull || lite.Code == sqlite3.ErrBusy || lite.Code == sqlite3.ErrConstraint {
			return fmt.Errorf("committing: %w", err) // undone by the driver
		}
		// After a failed sync nobody can say what the disk holds; only opening the file again can.
		s.fail(err)
		return &dr.Error{Kind: dr.Unavailable, ID: "commit_unknown", Err: err}
	}
	if s.d == postgres && head.Size > 0 && s.arrived(context.WithoutCancel(ctx), tx, head) {
		return nil
	}
	return &dr.Error{Kind: dr.Unavailable, ID: "commit_unknown", Err: err}
}

// arrived asks the database whether a commit it did not answer is there: the row we would have
// written at our place of the journal is ours or it is not. Taking the head's lock first waits for a
// server process that is still at it. False also means that the database cannot be asked.
func (s *Store) arrived(ctx context.Context, tx *Tx, head journal.Head) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	last := tx.rows[len(tx.rows)-1]
	last.Seq = head.Size - 1
	want, err := journal.Encode(last)
	if err != nil {
		return false
	}
	open, err := s.beginWrite(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = open.rollback() }()
	q := queries.New(open.db)
	if _, err := q.LockHead(ctx); err != nil {
		return false
	}
	row, err := q.GetRow(ctx, last.Seq)
	return err == nil && string(row.Body) == string(want)
}

// appendRows encodes, hashes and stores the transaction's rows and signs the new head.
func (t *Tx) appendRows(ctx context.Context) (journal.Head, error) {
	head, err := t.lockHead(ctx)
	if err != nil {
		return journal.Head{}, err
	}
	old := head.Size
	for i := range t.rows {
		if head, err = t.appendRow(ctx, head, &t.rows[i]); err != nil {
			return journal.Head{}, err
		}
	}
	if head.Register, err = t.register(ctx, head.Register); err != nil {
		return journal.Head{}, err
	}
	root, err := journal.Root(head)
	if err != nil {
		return journal.Head{}, fmt.Errorf("hashing the journal: %w", err)
	}
	if head.Note, err = t.signer.Sign(head, root); err != nil {
		return journal.Head{}, err
	}
	n, err := t.q.SetHead(ctx, queries.SetHeadParams{Size: head.Size, Frontier: joinFrontier(head), Note: head.Note, OldSize: old})
	if err != nil {
		return journal.Head{}, fmt.Errorf("storing the journal's head: %w", err)
	}
	if n != 1 {
		return journal.Head{}, dr.Errorf(dr.Unverified, "the journal's head was changed by somebody else").
			WithHint("stop every program that opens this database besides Switchman, then start again; `switchman doctor` looks closer")
	}
	return head, nil
}

func (t *Tx) appendRow(ctx context.Context, head journal.Head, row *dr.Row) (journal.Head, error) {
	row.Seq = head.Size
	if err := t.link(ctx, row); err != nil {
		return head, err
	}
	body, err := journal.Encode(*row)
	if err != nil {
		return head, err
	}
	next, hashes, err := journal.Append(head, body)
	if err != nil {
		return head, fmt.Errorf("hashing the journal: %w", err)
	}
	err = t.q.InsertJournal(ctx, queries.InsertJournalParams{Seq: row.Seq, RunID: row.Run, Kind: string(row.Kind),
		MadeAt: row.At.Micros(), Body: body, Hashes: joinHashes(hashes)})
	if err != nil {
		return head, fmt.Errorf("storing journal row %d: %w", row.Seq, err)
	}
	return next, nil
}

// link makes a run's rows a chain, so that a reader of some of them sees that none between is missing.
func (t *Tx) link(ctx context.Context, row *dr.Row) error {
	if row.Run == "" {
		return nil
	}
	last, known := t.last[row.Run]
	if !known {
		var err error
		if last, err = t.q.LastOf(ctx, row.Run); err != nil {
			return fmt.Errorf("looking for the last row of run %s: %w", row.Run, err)
		}
	}
	row.Prev = last
	if t.last == nil {
		t.last = map[string]int64{}
	}
	t.last[row.Run] = row.Seq
	return nil
}

// lockHead takes the journal's head, the last lock of every transaction. On SQLite the writer is
// alone, so the head we remember is the head; SetHead finds out if it is not.
func (t *Tx) lockHead(ctx context.Context) (journal.Head, error) {
	if t.s.d == sqlite {
		t.s.mu.Lock()
		defer t.s.mu.Unlock()
		return t.s.head, nil
	}
	r, err := t.q.LockHead(ctx)
	if err != nil {
		return journal.Head{}, fmt.Errorf("locking the journal's head: %w", err)
	}
	head, err := splitFrontier(r.Size, r.Frontier, r.Note)
	if err != nil || head.Size == 0 {
		return head, err
	}
	if cp, err := journal.Verify(head.Note, t.s.PublicKey()); err != nil || cp.Size != head.Size {
		return head, dr.Errorf(dr.Unverified, "the journal's newest checkpoint is not signed with this server's log key").
			WithHint("another server rotated the key or has one of its own: copy its log.key into this state directory and start again")
	}
	return head, nil
}

// Journal adds a row to what the transaction will write at its end. Its sequence is given then; a
// moment left out is the store's.
func (t *Tx) Journal(row dr.Row) {
	if row.At.IsZero() {
		row.At = t.s.opts.Clock.Time()
	}
	t.rows = append(t.rows, row)
}

// journalData writes a row of the store's own.
func (t *Tx) journalData(kind dr.RowKind, data any) error {
	return t.journalBy(dr.Itself(), kind, data)
}

func (t *Tx) journalBy(actor dr.Actor, kind dr.RowKind, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("writing a %s row: %w", kind, err)
	}
	t.Journal(dr.Row{Kind: kind, Actor: actor.Person, Surface: actor.Surface, Data: b})
	return nil
}

// Read runs fn on one moment of the store. fn is short and calls neither Read nor Write: on SQLite four
// readings may be open at a time, and an open one keeps the write-ahead log from being cleared.
func (s *Store) Read(ctx context.Context, fn func(*Reader) error) error {
	open, err := s.beginRead(ctx)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = open.rollback() }() // nothing was written
	return explain(fn(&Reader{s: s, q: queries.New(open.db), db: open.db}))
}

// Watch gives a channel that receives after commits with journal rows, those of other servers on the same
// database too. It is a hint: several commits may wake once; read the journal from where you stood.
func (s *Store) Watch() (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, ch)
	}
}

func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (s *Store) key() *journal.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signer
}

// health refuses further writes after a commit of which nobody knows whether it is there.
func (s *Store) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.broken, errClosed) {
		return s.broken
	}
	if s.broken != nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "store_broken", Err: s.broken}
	}
	return nil
}

// errClosed answers whoever still asks after Close.
var errClosed = errors.New("the store is closed")

func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
	s.log.Error("the disk did not say whether a commit is there; nothing more is written until a restart", "err", err)
}

// Head is the journal's head with its signed note.
func (r *Reader) Head(ctx context.Context) (journal.Head, error) {
	h, err := r.q.GetHead(ctx)
	if err != nil {
		return journal.Head{}, fmt.Errorf("reading the journal's head: %w", err)
	}
	return splitFrontier(h.Size, h.Frontier, h.Note)
}

func joinHashes(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

func joinFrontier(h journal.Head) []byte {
	b := make([]byte, 0, len(h.Frontier)*32)
	for _, f := range h.Frontier {
		b = append(b, f...)
	}
	return b
}

func splitFrontier(size int64, b, note []byte) (journal.Head, error) {
	h := journal.Head{Size: size, Note: note}
	for ; len(b) >= 32; b = b[32:] {
		h.Frontier = append(h.Frontier, b[:32:32])
	}
	if err := h.Check(); err != nil || len(b) > 0 {
		return h, damaged("the journal's head does not fit its size")
	}
	if size == 0 {
		return h, nil
	}
	cp, err := journal.Peek(note)
	if err != nil {
		return h, damaged("the journal's checkpoint cannot be read: " + err.Error())
	}
	h.Register = cp.Register
	return h, nil
}
