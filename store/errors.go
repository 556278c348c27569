package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"github.com/switchman-dr/switchman/dr"
)

// ErrFenced says that the lease a writer acts under is not, or no longer, its own. Nothing was
// written; the writer must stop.
var ErrFenced error = &dr.Error{Kind: dr.Conflict, ID: "lease_lost"}

// passive says that another site takes work. Nothing was written.
func passive(mine, active string) error {
	if mine == "" {
		return &dr.Error{Kind: dr.Unavailable, ID: "site_unknown", Args: dr.Args{"active": active}}
	}
	return &dr.Error{Kind: dr.Unavailable, ID: "site_passive", Args: dr.Args{"site": mine, "active": active}}
}

// conflict says that what the caller looked at moved on meanwhile.
func conflict(id string, args dr.Args) error { return &dr.Error{Kind: dr.Conflict, ID: id, Args: args} }

// one turns "no rows" into what is missing. Runs, rows and evidence are what people ask for by name;
// for the rest callers look at the kind of the error.
func one(err error, what, name string) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return missing(what, name)
}

func missing(what, name string) error {
	switch what {
	case "run":
		return &dr.Error{Kind: dr.NotFound, ID: "run_not_found", Args: dr.Args{"run": name}}
	case "row":
		return &dr.Error{Kind: dr.NotFound, ID: "row_not_found", Args: dr.Args{"row": name}}
	case "blob":
		return &dr.Error{Kind: dr.NotFound, ID: "blob_not_found", Args: dr.Args{"digest": name}}
	}
	return &dr.Error{Kind: dr.NotFound, ID: "not_in_store", Args: dr.Args{"what": what, "name": name}}
}

// lost is the refusal of a database that is behind journal.head.
func lost(size int64, mark headMark) *dr.Error {
	return dr.Errorf(dr.Unverified, "the database holds %s, but journal.head says that %s were written: the rest is gone",
		count(size), count(mark.cp.Size)).
		WithHint("a write-ahead log was deleted or an older copy was put in place. Put back the newest state.db together with its state.db-wal, " +
			"or restore the newest verified backup with `switchman restore FILE`. If the loss is known, start once with --accept-rollback REASON; the journal will say so")
}

func count(n int64) string {
	if n == 1 {
		return "1 journal row"
	}
	return strconv.FormatInt(n, 10) + " journal rows"
}

// damaged is the refusal of a file SQLite cannot read.
func damaged(found string) *dr.Error {
	return dr.Errorf(dr.Unverified, "the database file is damaged: %s", found).
		WithHint("keep a copy of the state directory for whoever looks into it, then restore the newest verified backup with `switchman restore FILE`")
}

// explain turns errors of the databases that somebody can do something about into errors that say
// what. Others pass as they are.
func explain(err error) error {
	var own *dr.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	var lite sqlite3.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return explainSQLite(err, lite)
	case errors.As(err, &pg):
		return explainPostgres(err, pg)
	case errors.Is(err, unix.ENOSPC):
		return &dr.Error{Kind: dr.Unavailable, ID: "disk_full", Err: err}
	case !errors.Is(err, context.Canceled) && (pgconn.Timeout(err) || lineBroke(err)):
		return &dr.Error{Kind: dr.Unavailable, ID: "database_down", Err: err}
	}
	return err
}

// lineBroke reports whether there was no line to PostgreSQL, or none any more, as when it has just been killed.
func lineBroke(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return true
	}
	for _, broken := range []error{io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn, unix.EPIPE, unix.ECONNRESET, unix.ECONNREFUSED} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

func explainSQLite(err error, lite sqlite3.Error) error {
	switch {
	case lite.Code == sqlite3.ErrFull || lite.SystemErrno == unix.ENOSPC || lite.ExtendedCode == sqlite3.ErrIoErrSHMSize:
		return &dr.Error{Kind: dr.Unavailable, ID: "disk_full", Err: err}
	case lite.Code == sqlite3.ErrBusy:
		return &dr.Error{Kind: dr.Unavailable, ID: "database_busy", Err: err}
	case lite.Code == sqlite3.ErrReadonly:
		return &dr.Error{Kind: dr.Unavailable, ID: "database_read_only", Err: err}
	case lite.Code == sqlite3.ErrCorrupt || lite.Code == sqlite3.ErrNotADB:
		e := damaged(lite.Error())
		e.Err = err
		return e
	}
	return err
}

func explainPostgres(err error, pg *pgconn.PgError) error {
	switch {
	case pg.Code == "53100":
		return &dr.Error{Kind: dr.Unavailable, ID: "disk_full", Err: err}
	case pg.Code == "25006":
		return &dr.Error{Kind: dr.Unavailable, ID: "database_read_only", Err: err}
	case pg.Code == "55P03":
		return &dr.Error{Kind: dr.Unavailable, ID: "database_busy", Err: err}
	case strings.HasPrefix(pg.Code, "57P0"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "08"):
		return &dr.Error{Kind: dr.Unavailable, ID: "database_down", Err: err}
	}
	return err
}

// retryable reports whether PostgreSQL undid the transaction only because of another one.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
