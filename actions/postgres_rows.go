package actions

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// side reads the tables of a call as one side of a reconciliation: every row in the order of its key, of
// one moment. Beyond what may be compared row by row, totals and the digest are what is left.
func (x *postgresAction) side(ctx context.Context, outer *scene, job Job, scale int) (*side, error) {
	s, err := x.host.scene(x.form, job)
	outer.learn(s.values)
	switch {
	case err != nil:
		return nil, err
	case s.params.has("do") || s.params.has("is"):
		return nil, errors.New("a side of a reconciliation names tables, no do and no is")
	case len(s.params.list("tables")) == 0:
		return nil, errors.New("no tables are named")
	}
	for name := range s.params.pairs("amounts") {
		if !slices.Contains(s.params.list("tables"), name) {
			return nil, fmt.Errorf("amounts names %s, which is not among the tables", quote(name))
		}
	}
	out, err := s.readTables(ctx, scale)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%s: %w", why(ctx, job.Timeout), err)
	}
	return out, err
}

func (s *scene) readTables(ctx context.Context, scale int) (*side, error) {
	conn, err := s.postgres(ctx, s.params.text("address"))
	if err != nil {
		return nil, err
	}
	defer conn.hangUp()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	out := &side{rows: map[string]line{}}
	sum := sha256.New()
	for _, table := range s.params.list("tables") {
		if err := out.table(ctx, tx, sum, table, s.params.pairs("amounts")[table], scale); err != nil {
			return nil, fmt.Errorf("table %s: %w", quote(table), err)
		}
	}
	out.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return out, tx.Commit(ctx)
}

// pgKeySQL lists the columns of a primary key, and whether their order depends on the machine's languages.
const pgKeySQL = `
SELECT a.attname, a.attcollation <> 0 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = to_regclass($1) AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)`

// table adds the rows of one table.
func (o *side) table(ctx context.Context, tx pgx.Tx, sum hash.Hash, table, amount string, scale int) error {
	name := pgx.Identifier{"public", table}
	if schema, bare, ok := strings.Cut(table, "."); ok {
		name = pgx.Identifier{schema, bare}
	}
	query, err := pgRowsSQL(ctx, tx, name.Sanitize(), amount)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	fmt.Fprintf(sum, "%s\n", table)
	for rows.Next() {
		var id, value, digest string
		if err := rows.Scan(&id, &value, &digest); err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s\n", digest)
		if err := o.put(table+"/"+id, value, digest, scale); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pgRowsSQL reads id, amount and digest of every row of a table. A key of several columns is written
// as a list, so that no two of them look the same.
func pgRowsSQL(ctx context.Context, tx pgx.Tx, table, amount string) (string, error) {
	keys, err := tx.Query(ctx, pgKeySQL, table)
	if err != nil {
		return "", err
	}
	defer keys.Close()
	var columns, order []string
	for keys.Next() {
		column, words := "", false
		if err := keys.Scan(&column, &words); err != nil {
			return "", err
		}
		column = pgx.Identifier{column}.Sanitize()
		columns = append(columns, column)
		if words {
			column += ` COLLATE "C"`
		}
		order = append(order, column)
	}
	if err := keys.Err(); err != nil {
		return "", err
	}
	id, value := "", "'0'"
	switch len(columns) {
	case 0:
		return "", errors.New("is not there, or has no primary key to tell its rows by")
	case 1:
		id = columns[0] + "::text"
	default:
		id = "json_build_array(" + strings.Join(columns, ", ") + ")::text"
	}
	if amount != "" {
		value = "coalesce(" + pgx.Identifier{amount}.Sanitize() + "::text, '0')"
	}
	return fmt.Sprintf("SELECT %s, %s, encode(sha256(convert_to((switchman_row.*)::text, 'UTF8')), 'hex') FROM %s AS switchman_row ORDER BY %s",
		id, value, table, strings.Join(order, ", ")), nil
}

// put takes a row that was read, and lets go of single rows when there are too many.
func (o *side) put(id, amount, digest string, scale int) error {
	l := line{}
	var err error
	if l.amount, err = minor([]byte(amount), scale); err != nil {
		return fmt.Errorf("amount of %s %w", quote(id), err)
	}
	sum, ok := within(o.amount, l.amount)
	if !ok {
		return errors.New("the sum of amounts is too large")
	}
	o.amount, o.count = sum, o.count+1
	if o.count > maxRows {
		o.rows = nil
		return nil
	}
	raw, err := hex.DecodeString(digest)
	if err != nil {
		return errors.New("an unreadable digest")
	}
	copy(l.sum[:], raw)
	o.rows[id] = l
	return nil
}
