package fsm

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// TestRunIDIsDrawnAgain: an id a run has, of this day or of the same day a year ago, is not given to another.
func TestRunIDIsDrawnAgain(t *testing.T) {
	now := time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)
	clock := dr.Clock{Now: func() time.Time { return now }}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "acme", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	draws := func(text string) *Engine { return New(Config{Clock: clock, Random: strings.NewReader(text)}) }
	err = s.Write(t.Context(), func(tx *store.Tx) error {
		run := dr.Run{ID: "r1103-0000", Plan: "move", Digest: dr.Digest([]byte("{}")), Version: 1, State: dr.Draft}
		if err := tx.InsertRun(t.Context(), run, []byte("{}")); err != nil {
			return err
		}
		id, err := draws(strings.Repeat("\x00", 8)+"\x01\x02\x03\x04").freeRunID(t.Context(), tx)
		if id != "r1103-1234" {
			t.Errorf("drawn: %q", id)
		}
		if err != nil {
			return err
		}
		id, err = draws(string(bytes.Repeat([]byte{0}, 4*200))).freeRunID(t.Context(), tx)
		if id != "" || err == nil || !strings.Contains(err.Error(), "repeats itself") {
			t.Errorf("out of a source that stands still: %q, %v", id, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
