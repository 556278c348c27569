package store

import (
	"context"
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
