package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Verified says what [Store.Verify] has looked at.
type Verified struct {
	Checkpoint journal.Checkpoint
	Keys       []string // verifier keys the journal names, oldest first
	Line       []string // those of them from which the one that signs follows by signatures, itself last
	Rows       int64
	Runs       []string // in the order they were requested
	Slices     int64
	Blobs      int64
}

// Verify reads everything: the file's structure, every row and every stored hash against the signed
// root, every frozen plan and every piece of evidence against its digest. It answers the first
// problem as an error of kind Unverified. A million rows take well under a minute;
// writers are not held up.
func (s *Store) Verify(ctx context.Context) (Verified, error) {
	sound := make(chan error, 1)
	go func() { sound <- s.checkStructure(ctx) }()
	var v Verified
	err := s.Read(ctx, func(r *Reader) (err error) {
		v, err = r.verify(ctx)
		return err
	})
	if broken := <-sound; broken != nil {
		return Verified{}, broken // what a broken file says of its rows means nothing
	}
	return v, tampered(err)
}

// checkStructure has SQLite look at its file as a whole, beside whoever reads the rows.
func (s *Store) checkStructure(ctx context.Context) error {
	if s.d != sqlite {
		return nil
	}
	for _, check := range []string{"PRAGMA integrity_check(5)", "PRAGMA foreign_key_check"} {
		if err := s.structure(ctx, check); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) verify(ctx context.Context) (Verified, error) {
	var v Verified
	head, err := r.Head(ctx)
	if err != nil {
		return v, err
	}
	if err := r.checkSize(ctx, head); err != nil {
		return v, err
	}
	if v.Keys, err = r.keyStory(ctx, head, r.s.opts.Organisation); err != nil {
		return v, err
	}
	if err := r.checkHead(ctx, findings{head: head, keys: v.Keys}); err != nil {
		return v, err
	}
	if head.Size > 0 {
		if v.Checkpoint, err = journal.Verify(head.Note, v.Keys...); err != nil {
			return v, &journal.Problem{Code: "signature", Seq: -1, Text: err.Error()}
		}
		if err := r.readThrough(ctx, head, &v); err != nil {
			return v, err
		}
	}
	v.Rows = head.Size
	if v.Slices, err = r.verifySlices(ctx); err != nil {
		return v, err
	}
	v.Blobs, err = r.verifyBlobs(ctx)
	return v, err
}

// readThrough checks every row, makes the register of runs anew from them, and names runs and keys.
func (r *Reader) readThrough(ctx context.Context, head journal.Head, v *Verified) error {
	var fold journal.Fold
	err := r.checkTail(ctx, head, 0, func(row dr.Row) error {
		if row.Kind == dr.RowRequested {
			v.Runs = append(v.Runs, row.Run)
		}
		if err := fold.Read(row); err != nil {
			return &journal.Problem{Code: "register", Seq: row.Seq, Text: err.Error()}
		}
		return v.follow(row)
	})
	if err != nil {
		return err
	}
	if err := fold.Check(journal.Checkpoint{Register: head.Register}); err != nil {
		return err
	}
	return r.checkRegister(ctx, head)
}

// follow takes in what a row says about the key. After a loss the new one does not follow from the old.
func (v *Verified) follow(row dr.Row) error {
	switch {
	case row.Seq == 0:
		v.Line = v.Keys[:1:1]
	case row.Kind == dr.RowKey:
		var d dr.KeyData
		if err := journal.DecodeData(row, &d); err != nil {
			return &journal.Problem{Code: "key", Seq: row.Seq, Text: err.Error()}
		}
		if d.OldSig == "" {
			v.Line = nil
		}
		v.Line = append(v.Line, d.New)
	}
	return nil
}

func (r *Reader) verifySlices(ctx context.Context) (int64, error) {
	digests, err := r.q.SliceDigests(ctx)
	if err != nil {
		return 0, fmt.Errorf("listing frozen plans: %w", err)
	}
	for _, digest := range digests {
		body, err := r.Slice(ctx, digest)
		if err != nil {
			return 0, err
		}
		if dr.Digest(body) != digest {
			return 0, dr.Errorf(dr.Unverified, "the frozen plan %s was changed in the database", digest).
				WithHint("restore the newest verified backup with `switchman restore FILE`; runs of this plan must not go on")
		}
	}
	return int64(len(digests)), nil
}

func (r *Reader) verifyBlobs(ctx context.Context) (int64, error) {
	digests, err := r.q.BlobDigests(ctx)
	if err != nil {
		return 0, fmt.Errorf("listing evidence: %w", err)
	}
	for _, digest := range digests {
		_, content, err := r.Blob(ctx, digest)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, content) // the reader compares the digest at the end
		if err = errors.Join(err, content.Close()); err != nil {
			return 0, err
		}
	}
	return int64(len(digests)), nil
}
