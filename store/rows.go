package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store/queries"
)

// Row reads one row of the journal.
func (r *Reader) Row(ctx context.Context, seq int64) (dr.Row, error) {
	raw, err := r.RawRow(ctx, seq)
	if err != nil {
		return dr.Row{}, err
	}
	return journal.Decode(raw)
}

// RawRow reads the exact bytes of one row, which are what the tree holds.
func (r *Reader) RawRow(ctx context.Context, seq int64) ([]byte, error) {
	row, err := r.q.GetRow(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("reading journal row %d: %w", seq, one(err, "row", strconv.FormatInt(seq, 10)))
	}
	return row.Body, nil
}

// Rows reads at most limit rows from a sequence on, decoded and as bytes.
func (r *Reader) Rows(ctx context.Context, from int64, limit int) ([]dr.Row, [][]byte, error) {
	rows, err := r.q.Rows(ctx, from, int32(min(max(limit, 0), 1<<30)))
	if err != nil {
		return nil, nil, fmt.Errorf("reading journal rows from %d on: %w", from, err)
	}
	return decodeRows(rows)
}

// RowsOf reads the rows of one run, every kind of them or those named.
func (r *Reader) RowsOf(ctx context.Context, run string, kinds ...dr.RowKind) ([]dr.Row, error) {
	found, err := r.q.RowsOf(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the journal of run %s: %w", run, err)
	}
	rows := make([]dr.Row, 0, len(found))
	for _, f := range found {
		if len(kinds) > 0 && !slices.Contains(kinds, dr.RowKind(f.Kind)) {
			continue
		}
		row, err := journal.Decode(f.Body)
		if err != nil {
			return nil, fmt.Errorf("reading journal row %d: %w", f.Seq, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func decodeRows(found []queries.Journal) ([]dr.Row, [][]byte, error) {
	rows, raw := make([]dr.Row, len(found)), make([][]byte, len(found))
	for i, f := range found {
		row, err := journal.Decode(f.Body)
		if err != nil {
			return nil, nil, fmt.Errorf("reading journal row %d: %w", f.Seq, err)
		}
		rows[i], raw[i] = row, f.Body
	}
	return rows, raw, nil
}

// Hashes reads stored hashes of the tree, for proofs. It is valid as long as the reader is.
func (r *Reader) Hashes(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			var err error
			if hashes[i], err = r.hash(ctx, index); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	})
}

// Root is the root of the journal as it was with its first rows, as many as size says.
func (r *Reader) Root(ctx context.Context, size int64) (tlog.Hash, error) {
	root, err := tlog.TreeHash(size, r.Hashes(ctx))
	if err != nil {
		return root, fmt.Errorf("computing the root at %d rows: %w", size, err)
	}
	return root, nil
}

// hash reads one hash: every node of the tree is stored with the row that completed it, at the place
// of its level.
func (r *Reader) hash(ctx context.Context, index int64) (tlog.Hash, error) {
	level, n := tlog.SplitStoredHashIndex(index)
	seq := (n+1)<<level - 1
	b, err := r.q.GetHashes(ctx, seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return tlog.Hash{}, fmt.Errorf("reading the hashes of row %d: %w", seq, err)
	}
	at := level * tlog.HashSize
	if len(b) < at+tlog.HashSize {
		return tlog.Hash{}, &journal.Problem{Code: "hash", Seq: seq, Text: "its hashes are missing"}
	}
	return tlog.Hash(b[at : at+tlog.HashSize]), nil
}

// Proof makes the proof that a row is in the journal as it is now.
func (r *Reader) Proof(ctx context.Context, seq int64) (journal.Proof, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return journal.Proof{}, err
	}
	return journal.InclusionProof(head.Size, seq, head.Note, r.Hashes(ctx))
}

// batch is how many rows are in memory while a journal is read through.
const batch = 1024

// journalRows reads the journal through from a sequence on, with the columns stored beside each row. The
// next rows are fetched while one looks at these, so nothing else is asked of the reader meanwhile.
func (r *Reader) journalRows(ctx context.Context, from int64) iter.Seq2[queries.Journal, error] {
	type fetched struct {
		rows []queries.Journal
		err  error
	}
	fetch := func(out chan<- fetched, stop <-chan struct{}) {
		defer close(out)
		for next, more := from, true; more; {
			rows, err := r.q.Rows(ctx, next, batch)
			if err != nil {
				err = fmt.Errorf("reading journal rows from %d on: %w", next, err)
			}
			select {
			case out <- fetched{rows, err}:
			case <-stop:
				return
			}
			if more = err == nil && len(rows) == batch; more {
				next = rows[len(rows)-1].Seq + 1
			}
		}
	}
	return func(yield func(queries.Journal, error) bool) {
		out, stop := make(chan fetched, 1), make(chan struct{})
		go fetch(out, stop)
		defer func() {
			close(stop)
			for range out { // until the connection is free again
			}
		}()
		for f := range out {
			for _, row := range f.rows {
				if !yield(row, nil) {
					return
				}
			}
			if f.err != nil {
				yield(queries.Journal{}, f.err)
				return
			}
		}
	}
}
