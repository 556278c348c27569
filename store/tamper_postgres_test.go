package store_test

import (
	"database/sql"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault15EditedDatabaseIsRefusedPostgres edits the journal as the owner of the database can, once the triggers are gone. All of it is
// found at the next start.
func TestFault15EditedDatabaseIsRefusedPostgres(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ do, says string }{
		"a byte of a row":      {"UPDATE journal SET body = set_byte(body, 30, get_byte(body, 30) # 1) WHERE seq = 8", "row 8"},
		"a row deleted":        {"DELETE FROM journal WHERE seq = 8", "row 8"},
		"the last row deleted": {"DELETE FROM journal WHERE seq = 20", "its head says 21"},
		"rows swapped":         {"UPDATE journal SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE seq IN (5, 6); UPDATE journal SET seq = -seq WHERE seq < 0", "row 5"},
		"the head's size":      {"UPDATE journal_head SET size = 20", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			o := store.Options{Dir: t.TempDir(), URL: storetest.Postgres(t), Clock: clock()}
			s := open(t, o)
			rows(t, s, 20)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("pgx", o.URL)
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.Exec("DROP TRIGGER journal_no_change ON journal; DROP TRIGGER journal_head_grows ON journal_head; " + c.do)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			refusal(t, o, dr.Unverified, c.says, "restore the newest verified backup")
		})
	}
}
