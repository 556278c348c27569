package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store/queries"
)

// tail is how many of the newest rows Open reads and hashes again.
const tail = 4096

// findings are what Open found.
type findings struct {
	head   journal.Head
	keys   []string         // verifier keys the journal names, oldest first; the last signs
	loss   *dr.RollbackData // rows are missing and that was accepted
	newKey *dr.KeyData      // the key was lost and that was accepted
}

// inspect checks what can be checked in the time a start has: the file's structure, the signed
// head, the key's story, the newest rows against the tree, and journal.head.
func (s *Store) inspect(ctx context.Context, mark headMark) (findings, error) {
	if err := s.quickCheck(ctx); err != nil {
		return findings{}, err
	}
	var f findings
	err := s.Read(ctx, func(r *Reader) (err error) {
		if f.head, err = r.Head(ctx); err != nil {
			return err
		}
		if err := r.checkSize(ctx, f.head); err != nil {
			return err
		}
		if f.keys, err = r.keyStory(ctx, f.head, s.opts.Organisation); err != nil {
			return err
		}
		if err := r.checkHead(ctx, f); err != nil {
			return err
		}
		if err := r.checkTail(ctx, f.head, max(0, f.head.Size-tail), nil); err != nil {
			return err
		}
		if err := r.checkRegister(ctx, f.head); err != nil {
			return err
		}
		f.loss, err = r.checkMark(ctx, f, mark)
		return err
	})
	return f, tampered(err)
}

// tampered says what to do about a journal that does not hold together.
func tampered(err error) error {
	var p *journal.Problem
	if !errors.As(err, &p) {
		return err
	}
	e := dr.Errorf(dr.Unverified, "the journal in the database was changed: %s", p.Error()).
		WithHint("keep a copy of the state directory for whoever looks into it, then restore the newest verified backup with `switchman restore FILE`")
	e.Err = err
	return e
}

// Keys are the verifier keys of the journal, oldest first; the last one signs.
func (r *Reader) Keys(ctx context.Context) ([]string, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyStory(ctx, head, r.s.opts.Organisation)
	return keys, tampered(err)
}

// keyStory follows the log key from the first row through every rotation. Each of these rows is
// proven to be in the tree before it is believed.
func (r *Reader) keyStory(ctx context.Context, head journal.Head, organisation string) ([]string, error) {
	rows, err := r.q.KeyRows(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the log key's story: %w", err)
	}
	if head.Size == 0 && len(rows) == 0 {
		return nil, nil
	}
	root, err := journal.Root(head)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, row := range rows {
		if err := r.checkInTree(ctx, head.Size, root, row); err != nil {
			return nil, err
		}
		if keys, err = nextInStory(keys, row, organisation); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return nil, &journal.Problem{Code: "key", Seq: 0, Text: "the first row, which names the log key, is missing"}
	}
	return keys, nil
}

func (r *Reader) checkInTree(ctx context.Context, size int64, root tlog.Hash, row queries.Journal) error {
	if row.Seq >= size {
		return &journal.Problem{Code: "size", Seq: row.Seq, Text: "is beyond the signed head"}
	}
	proof, err := tlog.ProveRecord(size, row.Seq, r.Hashes(ctx))
	if err != nil {
		return fmt.Errorf("proving row %d: %w", row.Seq, err)
	}
	if err := tlog.CheckRecord(proof, size, root, row.Seq, tlog.RecordHash(row.Body)); err != nil {
		return &journal.Problem{Code: "hash", Seq: row.Seq, Text: "is not the row the tree holds"}
	}
	return nil
}

// nextInStory adds what one row says about the key.
func nextInStory(keys []string, row queries.Journal, organisation string) ([]string, error) {
	d, err := journal.Decode(row.Body)
	if err != nil {
		return nil, &journal.Problem{Code: "row", Seq: row.Seq, Text: err.Error()}
	}
	if row.Seq == 0 {
		var data dr.InstalledData
		if err := journal.DecodeData(d, &data); d.Kind != dr.RowInstalled || err != nil {
			return nil, &journal.Problem{Code: "key", Seq: 0, Text: "does not say whose journal this is"}
		}
		if organisation != "" && data.Organisation != organisation {
			return nil, dr.Errorf(dr.Conflict, "this state belongs to the organisation %q, not to %q", data.Organisation, organisation).
				WithHint("name another state directory with --state, or the organisation it belongs to with --org")
		}
		return []string{data.Key}, nil
	}
	var data dr.KeyData
	if err := journal.DecodeData(d, &data); err != nil {
		return nil, &journal.Problem{Code: "key", Seq: row.Seq, Text: err.Error()}
	}
	if err := journal.CheckRotation(keys[len(keys)-1], data); err != nil {
		return nil, &journal.Problem{Code: "key", Seq: row.Seq, Text: err.Error()}
	}
	return append(keys, data.New), nil
}

// checkSize compares the number of rows with what the head says.
func (r *Reader) checkSize(ctx context.Context, head journal.Head) error {
	last, err := r.q.LastSeq(ctx)
	if err != nil {
		return fmt.Errorf("reading the journal's length: %w", err)
	}
	if last+1 != head.Size {
		return &journal.Problem{Code: "size", Seq: -1, Text: fmt.Sprintf("it has %s, its head says %d", count(last+1), head.Size)}
	}
	return nil
}

// checkHead compares the signed note with the frontier and the stored hashes.
func (r *Reader) checkHead(ctx context.Context, f findings) error {
	if f.head.Size == 0 {
		return nil
	}
	cp, err := journal.Verify(f.head.Note, f.keys[len(f.keys)-1])
	if err != nil {
		return &journal.Problem{Code: "signature", Seq: -1, Text: err.Error()}
	}
	if err := journal.CheckHead(f.head, cp); err != nil {
		return err
	}
	stored, err := tlog.TreeHash(f.head.Size, r.Hashes(ctx))
	if err != nil {
		return err
	}
	if stored != cp.Root {
		return &journal.Problem{Code: "hash", Seq: -1, Text: "the stored hashes do not make the signed root"}
	}
	return nil
}

// checkTail hashes the rows from a sequence on again, on top of the stored hashes before them. Each row
// found good is shown to whoever wants it.
func (r *Reader) checkTail(ctx context.Context, head journal.Head, from int64, show func(dr.Row) error) error {
	before, err := journal.HeadAt(from, r.Hashes(ctx))
	if err != nil {
		return err
	}
	at, err := before.Edge()
	if err != nil {
		return err
	}
	for row, err := range r.journalRows(ctx, from) {
		if err != nil {
			return err
		}
		d, err := checkColumns(row, at.Size())
		if err != nil {
			return err
		}
		if !bytes.Equal(row.Hashes, joinHashes(at.Append(row.Body))) {
			return &journal.Problem{Code: "hash", Seq: row.Seq, Text: "is not the row the tree holds"}
		}
		if show == nil {
			continue
		}
		if err := show(d); err != nil {
			return err
		}
	}
	root, err := journal.Root(head)
	if err != nil {
		return err
	}
	return journal.CheckHead(at.Head(), journal.Checkpoint{Size: head.Size, Root: root})
}

// checkColumns decodes a row strictly and compares the columns beside it, by which it is found.
func checkColumns(row queries.Journal, seq int64) (dr.Row, error) {
	d, err := journal.Decode(row.Body)
	if err != nil {
		return d, &journal.Problem{Code: "row", Seq: seq, Text: err.Error()}
	}
	if row.Seq != seq || d.Seq != seq {
		return d, &journal.Problem{Code: "sequence", Seq: seq, Text: fmt.Sprintf("holds row %d; rows were cut, added or swapped", d.Seq)}
	}
	if row.RunID != d.Run || row.Kind != string(d.Kind) || row.MadeAt != d.At.Micros() {
		return d, &journal.Problem{Code: "row", Seq: seq, Text: "the columns beside the row say something else than the row"}
	}
	return d, nil
}

// checkMark compares the database with journal.head. Ahead of it is how a crash between commit and
// rename leaves things; behind it, or another story, is not.
func (r *Reader) checkMark(ctx context.Context, f findings, mark headMark) (*dr.RollbackData, error) {
	accept := r.s.opts.AcceptRollback
	if !mark.there || mark.blank {
		return r.noMark(f, mark)
	}
	if f.head.Size < mark.cp.Size {
		if accept == "" {
			return nil, lost(f.head.Size, mark)
		}
		return &dr.RollbackData{Found: f.head.Size, Had: mark.cp.Size, Root: mark.cp.Root.String(), Reason: accept}, nil
	}
	cp, err := journal.Verify(mark.note, f.keys...)
	if err == nil {
		var root tlog.Hash
		if root, err = tlog.TreeHash(cp.Size, r.Hashes(ctx)); err == nil && root == cp.Root {
			return nil, nil
		}
	}
	if accept != "" {
		return &dr.RollbackData{Found: f.head.Size, Had: mark.cp.Size, Root: mark.cp.Root.String(), Reason: accept}, nil
	}
	e := dr.Errorf(dr.Unverified, "the database and journal.head tell different stories about the first %s", count(mark.cp.Size)).
		WithHint("one of the two was put there from elsewhere. Bring back the pair that belongs together, or restore the newest verified backup " +
			"with `switchman restore FILE`. If the change is known, start once with --accept-rollback REASON; the journal will say so")
	e.Err = err
	return nil, e
}

// noMark decides about a missing journal.head. A power cut leaves it blank; nothing but a person
// removes it. A further server on PostgreSQL begins without one.
func (r *Reader) noMark(f findings, mark headMark) (*dr.RollbackData, error) {
	if f.head.Size == 0 || r.s.d == postgres || r.s.opts.ReadOnly {
		return nil, nil
	}
	if mark.blank {
		r.s.log.Warn("journal.head is blank, as after a power cut; the journal itself is sound", "rows", f.head.Size)
		return nil, nil
	}
	if accept := r.s.opts.AcceptRollback; accept != "" {
		return &dr.RollbackData{Found: f.head.Size, Had: -1, Reason: accept}, nil
	}
	return nil, dr.Errorf(dr.Unverified, "journal.head is missing beside a database of %s, so nobody can say whether it is the newest", count(f.head.Size)).
		WithHint("put journal.head back from a copy of the state directory, or restore a verified backup with `switchman restore FILE`. " +
			"If you know that this is the newest database, start once with --accept-rollback REASON; the journal will say so")
}

// journalRollback writes into the journal what was accepted at this start.
func (s *Store) journalRollback(ctx context.Context, f findings) error {
	s.headFile = 0 // the mark of the journal that was lost gives way
	return s.Write(ctx, func(tx *Tx) error {
		if f.newKey != nil {
			if err := tx.journalData(dr.RowKey, *f.newKey); err != nil {
				return err
			}
		}
		if f.loss != nil {
			return tx.journalData(dr.RowRollback, *f.loss)
		}
		return nil
	})
}
