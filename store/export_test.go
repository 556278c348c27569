package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Inner parts that cannot be reached from outside: a commit whose answer was lost, and a setting that
// is not what was asked for.

func Arrived(ctx context.Context, s *Store, row dr.Row, head journal.Head) bool {
	return s.arrived(ctx, &Tx{rows: []dr.Row{row}}, head)
}

func Explain(err error) error { return explain(err) }

func Fail(s *Store, err error) { s.fail(err) }

func CheckPragmas(ctx context.Context, db *sql.DB, want map[string]string) error {
	return checkPragmas(ctx, db, want)
}

const SchemaVersion = schemaVersion

// DropAfterAll keeps evidence and then drops its upload, as whoever has not heard that it was committed does.
func DropAfterAll(ctx context.Context, s *Store, body []byte) (dr.Blob, error) {
	u := &upload{s: s, id: "u", hash: sha256.New()}
	if err := u.fill(ctx, bytes.NewReader(body)); err != nil {
		return dr.Blob{}, err
	}
	b := dr.Blob{Digest: dr.Digest(body), Size: u.size, Kind: "output", Media: "text/plain", Name: "out"}
	if err := s.Write(ctx, func(tx *Tx) error { _, err := tx.finishUpload(ctx, u.id, b); return err }); err != nil {
		return b, err
	}
	return b, u.drop(ctx)
}
