package fsm

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// TestOneTroubleIsToldSeldom: an hour of a full disk, tried every second, is a handful of lines; another
// trouble is told at once, and so is the same one after it was over.
func TestOneTroubleIsToldSeldom(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	var said strings.Builder
	e := &Engine{cfg: Config{Clock: dr.Clock{Now: func() time.Time { return now }}, Log: slog.New(slog.NewTextHandler(&said, nil))}}
	full := &dr.Error{Kind: dr.Unavailable, ID: "disk_full"}
	lines := func() int {
		n := strings.Count(said.String(), "\n")
		said.Reset()
		return n
	}
	for i := range 3600 {
		e.complain("r1/carry", "carrying out a run", fmt.Errorf("attempt %d: %w", i, full), "run", "r1")
		now = now.Add(time.Second)
	}
	if n := lines(); n < 5 || n > 12 {
		t.Errorf("an hour of one trouble is told %d times", n)
	}
	e.complain("r1/carry", "carrying out a run", errors.New("something else"))
	e.complain("r1/carry", "carrying out a run", errors.New("something else"))
	e.complain("r2/carry", "carrying out a run", full)
	if n := lines(); n != 2 {
		t.Errorf("another trouble and another run are told %d times", n)
	}
	e.relieved("r1/carry")
	e.relieved("r1/carry")
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=INFO") {
		t.Errorf("the end of it is told so: %s", text)
	}
	lines()
	e.complain("r1/carry", "carrying out a run", errors.New("something else"))
	if n := lines(); n != 1 {
		t.Errorf("what begins anew is told %d times", n)
	}
	e.complaints.forget("r1/")
	if len(e.complaints.open) != 1 {
		t.Errorf("%d complaints are kept, one is about a run that is still there", len(e.complaints.open))
	}
}

// TestHeldLinesAreCounted: the next line says how many were not written.
func TestHeldLinesAreCounted(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	var c complaints
	err := errors.New("no")
	told := []int{}
	for range 31 {
		if tell, held := c.about("x", err, now); tell {
			told = append(told, held)
		}
		now = now.Add(time.Second)
	}
	if fmt.Sprint(told) != "[0 9 19]" {
		t.Errorf("told after holding back %v", told)
	}
}
