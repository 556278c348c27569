//go:build !race

package fsm

// What visits everything is pure, has one goroutine or shares nothing, and takes ten times as long with the race
// detector: it runs without it.

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// walk visits everything reachable and stops at the first disagreement.
func walk(g Guards, limit int) (states, moves int, disagreement string) {
	acts := walkActs()
	begin := walkBegin()
	seen := map[string]bool{walkKey(begin): true}
	queue := []Situation{begin}
	visit := func(n Situation) {
		if k := walkKey(n); !seen[k] {
			seen[k] = true
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 && len(seen) < limit {
		s := queue[0]
		queue = queue[1:]
		for _, n := range walkWorld(s) {
			visit(n)
		}
		for _, a := range acts {
			moves++
			change, refusal := Decide(g, s, a)
			if may := lawful(s, a); may != (refusal == nil) {
				return len(seen), moves, fmt.Sprintf("%s by %s %+v in %s/%s %v: lawful %v, refusal %v", a.Verb, a.Actor.Person, a.Args, s.Run.State,
					s.Run.Pause, s.Steps, may, refusal)
			}
			if refusal != nil {
				continue
			}
			if s.Run.State.Ended() && change.Run.State != s.Run.State {
				return len(seen), moves, fmt.Sprintf("%s left the end %s", a.Verb, s.Run.State)
			}
			if len(change.Rows) == 0 && !change.Switch {
				return len(seen), moves, fmt.Sprintf("%s leaves no row", a.Verb)
			}
			visit(walkApply(s, change))
		}
	}
	return len(seen), moves, ""
}

func TestWalk(t *testing.T) {
	states, moves, bad := walk(AllGuards(), walkLimit())
	if bad != "" {
		t.Fatal(bad)
	}
	t.Logf("%d situations, %d acts tried, none answered against the rules", states, moves)
	if states < 5_000 {
		t.Errorf("only %d situations were reached: the walk is too small to mean anything", states)
	}
}

// unreached are guards whose verbs this walk does not use; the stories in e2e do.
var unreached = []string{"surprise", "switchback"}

func TestEveryGuardIsNeeded(t *testing.T) {
	for i, guard := range LifeGuards() {
		if slices.Contains(unreached, guard.Name) {
			continue
		}
		g := AllGuards()
		g.Life = slices.Delete(LifeGuards(), i, i+1)
		if _, _, bad := walk(g, 30_000); bad == "" {
			t.Errorf("nothing changes without the guard %s", guard.Name)
		}
	}
}

// walkLimit is how many situations the walk visits: all of them when SWITCHMAN_SOAK is set.
func walkLimit() int {
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		return 1_000_000
	}
	return 10_000
}
