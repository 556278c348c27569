//go:build !race

package e2e

import (
	"os"
	"testing"
)

// The many rounds of the races run without the race detector, which makes each hash of a code slow
// and with it the race less of one.

// TestFault04Votes has n people approve at one instant, some on two surfaces and one under two names, and a few
// start at one instant: every vote counts once, fewer than are needed start nothing, and there is one start.
func TestFault04Votes(t *testing.T) { t.Parallel(); races(t, rounds(4, 200), fewStarts) }

// TestFault04VotesPostgres does so through three servers on one database.
func TestFault04VotesPostgres(t *testing.T) {
	t.Parallel()
	racesPostgres(t, rounds(4, 1000), fewStarts)
}

// TestFault05ManyStarts has 64 starts with one code at one instant, more often.
func TestFault05ManyStarts(t *testing.T) { t.Parallel(); races(t, rounds(1, 100), starts) }

// TestFault05ManyStartsPostgres does so through three servers on one database.
func TestFault05ManyStartsPostgres(t *testing.T) {
	t.Parallel()
	racesPostgres(t, rounds(1, 100), starts)
}

// fewStarts are two at each server.
const fewStarts = 6

// rounds is how often a race is run: a few times, or as often as a soak wants it.
func rounds(few, soak int) int {
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		return soak
	}
	return few
}
