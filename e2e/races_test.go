//go:build !race

package e2e

import "testing"

// The many rounds of the races run without the race detector, which makes each hash of a code slow
// and with it the race less of one.

func TestManyRaces(t *testing.T)         { races(t, 30) }
func TestManyRacesPostgres(t *testing.T) { racesPostgres(t, 10) }
