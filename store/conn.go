package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/switchman-dr/switchman/store/queries"
)

// txn is an open transaction on either database.
type txn struct {
	db       queries.DBTX
	commit   func() error
	rollback func() error // after a commit it does nothing
}

// liteConn is one SQLite connection with the statements it has met. The generated queries go through
// it: a statement is prepared once, and runs without the machinery by which database/sql and the
// driver watch for cancellation, which costs more than most of our statements. A context is looked at
// between statements instead; each takes well under a millisecond.
type liteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newLiteConn(ctx context.Context, db *sql.DB) (*liteConn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &liteConn{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *liteConn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// ExecContext runs a statement that gives no rows.
func (c *liteConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.WithoutCancel(ctx), args...)
}

// QueryContext runs a statement that gives rows.
func (c *liteConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.WithoutCancel(ctx), args...)
}

// QueryRowContext runs a statement that gives one row. One that cannot be prepared is run unprepared,
// which is how its error reaches the row.
func (c *liteConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return c.conn.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(context.WithoutCancel(ctx), args...)
}

// PrepareContext is there because the generated code asks for it.
func (c *liteConn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.conn.PrepareContext(ctx, query)
}

// begin opens a transaction on this connection; how is "BEGIN" or "BEGIN IMMEDIATE".
func (c *liteConn) begin(ctx context.Context, how string) (txn, error) {
	if _, err := c.ExecContext(ctx, how); err != nil {
		return txn{}, fmt.Errorf("beginning a transaction: %w", err)
	}
	open := true
	end := func(word string) error {
		_, err := c.ExecContext(context.WithoutCancel(ctx), word)
		return err
	}
	return txn{
		db: c,
		commit: func() error {
			if err := end("COMMIT"); err != nil {
				return err
			}
			open = false
			return nil
		},
		rollback: func() error {
			if !open {
				return nil
			}
			open = false
			return end("ROLLBACK")
		},
	}, nil
}

func (c *liteConn) close() error {
	errs := make([]error, 0, len(c.stmts)+1)
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// beginWrite opens a transaction that may write. On SQLite the caller holds the writer's token.
func (s *Store) beginWrite(ctx context.Context) (txn, error) {
	if s.d == sqlite {
		return s.writer.begin(ctx, "BEGIN IMMEDIATE")
	}
	return beginSQL(ctx, s.write, nil)
}

// beginRead opens a transaction that sees one moment, and gives what ends it.
func (s *Store) beginRead(ctx context.Context) (txn, error) {
	if s.d == postgres {
		return beginSQL(ctx, s.read, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	}
	select {
	case c, open := <-s.readers:
		if !open {
			return txn{}, errClosed
		}
		tx, err := c.begin(ctx, "BEGIN")
		if err != nil {
			s.readers <- c
			return tx, err
		}
		end := tx.rollback
		tx.rollback = func() error {
			err := end()
			s.readers <- c
			return err
		}
		return tx, nil
	case <-ctx.Done():
		return txn{}, fmt.Errorf("waiting to read: %w", ctx.Err())
	}
}

func beginSQL(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (txn, error) {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return txn{}, fmt.Errorf("beginning a transaction: %w", err)
	}
	return txn{db: tx, commit: tx.Commit, rollback: tx.Rollback}, nil
}
