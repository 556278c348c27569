package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKeeping lets a switchover come home and another one stand at the standby, and moves the clock
// past the days evidence is kept: that of the runs that ended goes, that of the open one stays, no
// row changes, and copies have been made of it all.
func TestKeeping(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	copies := filepath.Join(s.dir, "copies")
	if err := os.Mkdir(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	s.open(nil, "SWITCHMAN_RETENTION_DAYS=7", "SWITCHMAN_BACKUP_EVERY=1h", "SWITCHMAN_BACKUP_PATH="+copies)
	out := s.drill("move", "")
	home := s.drill("move-back", out)
	open := s.drill("move", "")
	before := s.rowsOf(out)
	s.clock.advance(8 * 24 * time.Hour)
	s.eventually("the evidence of ended runs is erased", func() bool { return !s.readable(out) && !s.readable(home) })
	if !s.readable(open) {
		t.Error("evidence of a run that has not ended was erased")
	}
	if n := s.rowsOf(out); n != before {
		t.Errorf("the ended run had %d rows and has %d", before, n)
	}
	if _, err := s.app.Store.Verify(t.Context()); err != nil {
		t.Errorf("the journal does not verify any more: %v", err)
	}
	s.eventually("two copies are made", func() bool {
		found, err := filepath.Glob(filepath.Join(copies, "tiny-bank-*.db"))
		return err == nil && len(found) >= 2
	})
}
