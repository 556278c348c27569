package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

const (
	chunkSize   = 64 << 10
	chunksAtOne = 16             // chunks in one transaction: evidence must not hold the writer for long
	uploadLife  = 24 * time.Hour // on PostgreSQL another server may be at it
)

// PutBlob keeps evidence under the digest of its content, in transactions of its own, before the row
// that names it is written. Content that is there already is not kept twice. What a crash leaves
// half-way is removed at a later start.
func (s *Store) PutBlob(ctx context.Context, kind, media, name string, r io.Reader) (dr.Blob, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return dr.Blob{}, fmt.Errorf("naming an upload: %w", err)
	}
	u := &upload{s: s, id: hex.EncodeToString(id[:]), hash: sha256.New()}
	if err := u.fill(ctx, r); err != nil {
		return dr.Blob{}, errors.Join(err, u.drop(context.WithoutCancel(ctx)))
	}
	b := dr.Blob{Digest: "sha256:" + hex.EncodeToString(u.hash.Sum(nil)), Size: u.size, Kind: kind, Media: media, Name: name}
	kept := false
	err := s.Write(ctx, func(tx *Tx) (err error) {
		kept, err = tx.finishUpload(ctx, u.id, b)
		return err
	})
	if err != nil {
		return dr.Blob{}, errors.Join(fmt.Errorf("keeping %s: %w", name, err), u.drop(context.WithoutCancel(ctx)))
	}
	if !kept {
		return b, u.drop(ctx)
	}
	return b, nil
}

// finishUpload makes an upload the content of its digest; false when that content was there before.
func (t *Tx) finishUpload(ctx context.Context, id string, b dr.Blob) (bool, error) {
	n, err := t.q.InsertBlob(ctx, queries.InsertBlobParams{Digest: b.Digest, Upload: id, Size: b.Size, Kind: b.Kind, Media: b.Media,
		Name: text(b.Name), MadeAt: t.s.opts.Clock.Time().Micros()})
	if err != nil || n == 0 {
		return false, err
	}
	n, err = t.q.DeleteUpload(ctx, id)
	if err == nil && n != 1 {
		err = errors.New("the upload was removed meanwhile")
	}
	return true, err
}

// upload is content on its way in.
type upload struct {
	s    *Store
	id   string
	hash hash.Hash
	size int64
	n    int64
}

// fill reads to the end, some chunks a transaction.
func (u *upload) fill(ctx context.Context, r io.Reader) error {
	buf := make([]byte, chunksAtOne*chunkSize)
	for first := true; ; first = false {
		got, err := io.ReadFull(r, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("reading evidence: %w", err)
		}
		if got > 0 || first {
			if err := u.store(ctx, buf[:got], first); err != nil {
				return fmt.Errorf("keeping evidence: %w", err)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func (u *upload) store(ctx context.Context, b []byte, first bool) error {
	n := u.n
	err := u.s.Write(ctx, func(tx *Tx) error {
		n = u.n
		if first {
			if err := tx.q.InsertUpload(ctx, u.id, tx.s.opts.Clock.Time().Micros()); err != nil {
				return err
			}
		}
		for rest := b; len(rest) > 0; n++ {
			size := min(chunkSize, len(rest))
			if err := tx.q.InsertChunk(ctx, u.id, n, rest[:size]); err != nil {
				return err
			}
			rest = rest[size:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	u.n, u.size = n, u.size+int64(len(b))
	u.hash.Write(b)
	return nil
}

// drop removes an upload that did not become a blob. One that did stays: that may be all the same where nobody
// heard whether it was committed.
func (u *upload) drop(ctx context.Context) error { return u.s.dropUpload(ctx, u.id) }

func (s *Store) dropUpload(ctx context.Context, id string) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.q.DeleteUpload(ctx, id)
		if err != nil {
			return fmt.Errorf("removing an upload: %w", err)
		}
		if n == 0 {
			return nil // its chunks are a blob's, or gone
		}
		if err := tx.q.DeleteChunks(ctx, id); err != nil {
			return fmt.Errorf("removing an upload: %w", err)
		}
		return nil
	})
}

// dropStaleUploads removes what earlier processes left half-way.
func (s *Store) dropStaleUploads(ctx context.Context) error {
	before := int64(1) << 62 // on SQLite we are alone
	if s.d == postgres {
		before = dr.At(s.opts.Clock.Now().Add(-uploadLife)).Micros()
	}
	var stale []string
	err := s.Read(ctx, func(r *Reader) (err error) {
		stale, err = r.q.StaleUploads(ctx, before)
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for unfinished uploads: %w", err)
	}
	for _, id := range stale {
		if err := s.dropUpload(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Blob opens kept evidence. The content is read chunk by chunk and is valid as long as the reader is;
// for a content that leaves through a slow door use [Store.OpenBlob].
func (r *Reader) Blob(ctx context.Context, digest string) (dr.Blob, io.ReadCloser, error) {
	b, upload, err := r.blob(ctx, digest)
	if err != nil {
		return b, nil, err
	}
	next := func(n int64) ([]byte, error) { return r.q.GetChunk(ctx, upload, n) }
	return b, &blobReader{next: next, left: b.Size, hash: sha256.New(), want: digest}, nil
}

// OpenBlob opens kept evidence outside of any reading: each chunk is read by itself, so that a browser
// on a slow line holds neither a connection nor a moment of the database.
func (s *Store) OpenBlob(ctx context.Context, digest string) (dr.Blob, io.ReadCloser, error) {
	var b dr.Blob
	var upload string
	err := s.Read(ctx, func(r *Reader) (err error) {
		b, upload, err = r.blob(ctx, digest)
		return err
	})
	if err != nil {
		return b, nil, err
	}
	next := func(n int64) (chunk []byte, err error) {
		err = s.Read(ctx, func(r *Reader) error {
			chunk, err = r.q.GetChunk(ctx, upload, n)
			return err
		})
		return chunk, err
	}
	return b, &blobReader{next: next, left: b.Size, hash: sha256.New(), want: digest}, nil
}

// blob reads what evidence is called and under which upload its chunks are.
func (r *Reader) blob(ctx context.Context, digest string) (dr.Blob, string, error) {
	row, err := r.q.GetBlob(ctx, digest)
	if err != nil {
		return dr.Blob{}, "", fmt.Errorf("reading evidence %s: %w", digest, one(err, "blob", digest))
	}
	b := dr.Blob{Digest: row.Digest, Size: row.Size, Kind: row.Kind, Media: row.Media, Name: row.Name}
	if row.ErasedAt != 0 {
		return b, "", &dr.Error{Kind: dr.NotFound, ID: "blob_erased", Args: dr.Args{"digest": digest, "at": dr.FromMicros(row.ErasedAt).String()}}
	}
	return b, row.Upload, nil
}

// blobReader gives the content and says at its end whether it was the content of its name.
type blobReader struct {
	next func(n int64) ([]byte, error)
	n    int64
	buf  []byte
	left int64
	hash hash.Hash
	want string
}

func (b *blobReader) Read(p []byte) (int, error) {
	if len(b.buf) == 0 {
		if b.left == 0 {
			if got := "sha256:" + hex.EncodeToString(b.hash.Sum(nil)); got != b.want {
				return 0, dr.Errorf(dr.Unverified, "kept evidence %s was changed in the database", b.want).
					WithHint("restore a verified backup; the journal still holds the digest of the true content")
			}
			return 0, io.EOF
		}
		chunk, err := b.next(b.n)
		if err != nil {
			return 0, fmt.Errorf("reading chunk %d of evidence %s: %w", b.n, b.want, err)
		}
		b.n++
		b.left -= int64(len(chunk))
		if len(chunk) == 0 || b.left < 0 {
			return 0, damaged("evidence " + b.want + " has not the size it should have")
		}
		b.hash.Write(chunk)
		b.buf = chunk
	}
	n := copy(p, b.buf)
	b.buf = b.buf[n:]
	return n, nil
}

// Close is there for callers that may one day be given a file.
func (b *blobReader) Close() error { return nil }

// BlobsBefore lists evidence kept before a moment and not erased, oldest first.
func (r *Reader) BlobsBefore(ctx context.Context, at dr.Time, limit int) ([]dr.Blob, error) {
	rows, err := r.q.BlobsBefore(ctx, at.Micros(), int32(min(max(limit, 0), 1<<30)))
	if err != nil {
		return nil, fmt.Errorf("listing evidence: %w", err)
	}
	blobs := make([]dr.Blob, len(rows))
	for i, b := range rows {
		blobs[i] = dr.Blob{Digest: b.Digest, Size: b.Size, Kind: b.Kind, Media: b.Media, Name: b.Name}
	}
	return blobs, nil
}

// EraseBlob removes the content of evidence and writes a row that says so. Its digest, and every row
// that names it, stay, so the journal still verifies.
func (t *Tx) EraseBlob(ctx context.Context, actor dr.Actor, digest string) error {
	row, err := t.q.GetBlob(ctx, digest)
	if err != nil {
		return fmt.Errorf("erasing evidence %s: %w", digest, one(err, "blob", digest))
	}
	n, err := t.q.EraseBlob(ctx, t.s.opts.Clock.Time().Micros(), digest)
	if err != nil {
		return fmt.Errorf("erasing evidence %s: %w", digest, err)
	}
	if n == 0 {
		return nil // erased before
	}
	if err := t.q.DeleteChunks(ctx, row.Upload); err != nil {
		return fmt.Errorf("erasing evidence %s: %w", digest, err)
	}
	return t.journalBy(actor, dr.RowBlobErased, dr.Blob{Digest: row.Digest, Size: row.Size, Kind: row.Kind, Media: row.Media, Name: row.Name})
}
