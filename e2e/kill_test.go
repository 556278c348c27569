//go:build !race

package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// killPoints are the kinds of places a crash must be survived at.
var killPoints = []string{"before_decision", "after_decision", "before_intent", "after_intent", "before_dispatch", "after_dispatch",
	"before_outcome", "after_outcome", "before_recover", "after_recover"}

// TestFault01Killed kills the app -9 at every kind of point and at random moments in the middle of a plan of
// 39 steps, time and again, until the run stands at the standby. Whatever was acknowledged is
// there, no once effect happened twice, none is missing, and it always ends.
//
// SWITCHMAN_SOAK_KILLS sets the number of kills of each of these four tests; without it, enough to see every kind of point.
func TestFault01Killed(t *testing.T) { kills(t, 15, false, death) }

// TestFault01KilledPostgres does the same with the store in PostgreSQL.
func TestFault01KilledPostgres(t *testing.T) { kills(t, 10, true, death) }

// TestFault02KilledInALoop kills every life of the app 50 to 300 ms after its start, until the run has ended:
// each life gets further, however short they all are.
func TestFault02KilledInALoop(t *testing.T) { kills(t, 6, false, soon) }

// TestFault02KilledInALoopPostgres does the same with the store in PostgreSQL.
func TestFault02KilledInALoopPostgres(t *testing.T) { kills(t, 6, true, soon) }

func kills(t *testing.T, want int, postgres bool, how func(*rand.Rand, int) string) {
	t.Helper()
	t.Parallel()
	if n, err := strconv.Atoi(os.Getenv("SWITCHMAN_SOAK_KILLS")); err == nil {
		want = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	killed, stories := 0, 0
	for killed < want {
		url := ""
		if postgres {
			url = storetest.Postgres(t)
		}
		stories++
		killed += killStory(t, rnd, url, stories, max(6, want/6), how)
	}
	t.Logf("soak: %d kills in %d runs of 39 steps (%s): no once effect twice, none missing, no vote lost, every run ended", killed, stories, t.Name())
}

// killStory carries one run through up to most kills and checks what is left at the target.
func killStory(t *testing.T, rnd *rand.Rand, url string, story, most int, how func(*rand.Rand, int) string) (kills int) {
	t.Helper()
	dir := t.TempDir()
	if err := writeBigOrg(filepath.Join(dir, "org")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "facts"), 0o700); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(dir, "switchman-victim")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, victim)
	}
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for attempt := 0; ; attempt++ {
		env := []string{"PATH=" + toolPath(t, dir), "VICTIM_PLAN=big", "VICTIM_URL=" + url}
		if kills < most && attempt < 3*most {
			env = append(env, how(rnd, story+attempt))
		}
		killed := runVictim(t, victim, dir, env, acknowledged)
		if !killed {
			break
		}
		kills++
	}
	checkEffects(t, dir)
	checkVotes(t, dir, url, acknowledged)
	return kills
}

// death picks a point in turn, or a random moment.
func death(rnd *rand.Rand, i int) string {
	if i%3 == 2 {
		return fmt.Sprintf("DIE_AFTER=%dms", 20+rnd.IntN(900))
	}
	return fmt.Sprintf("DIE_AT=%s:%d", killPoints[i%len(killPoints)], 1+rnd.IntN(6))
}

// soon is a moment after the start.
func soon(rnd *rand.Rand, _ int) string { return fmt.Sprintf("DIE_AFTER=%dms", 50+rnd.IntN(250)) }

// checkEffects counts effects at the target by the tokens the commands left there.
func checkEffects(t *testing.T, dir string) {
	t.Helper()
	for _, node := range bigNodes() {
		got := effects(dir, node)
		if len(got) == 0 {
			t.Errorf("%s: the effect is missing", node)
		}
		once := strings.Contains(node, "-w")
		if once && len(got) > 1 {
			t.Errorf("%s: a once effect happened %d times: %v", node, len(got), got)
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != len(effects(dir, node)) {
			t.Errorf("%s: one token made two effects", node)
		}
	}
}

// checkVotes opens what the last victim left and looks for everything that was acknowledged.
func checkVotes(t *testing.T, dir, url string, acknowledged map[string]bool) {
	t.Helper()
	a, err := opening{dir: dir, path: os.Getenv("PATH"), clock: app.SystemClock(), log: slog.New(slog.DiscardHandler), url: url, instance: "victim"}.start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	runs, err := a.Engine.List(context.Background(), dr.Actor{}, fsm.Filter{})
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	rows, err := journalRows(context.Background(), a, runs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"bob", "cat"} {
		has := slices.ContainsFunc(rows, func(r dr.Row) bool { return r.Kind == dr.RowVote && r.Actor == who })
		if acknowledged[who+" approve"] && !has {
			t.Errorf("the vote of %s was acknowledged and is lost", who)
		}
	}
	if n := countKind(rows, dr.RowStarted); n != 1 {
		t.Errorf("the run started %d times", n)
	}
}
