package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// faults are what every release has to come through, by number. A test of one has the number in its name:
// TestFault07LeaseRacePostgres, or a story fault06_change.txtar, which is played on both databases. "Postgres" at the end
// says on which database it is tried; without it, on SQLite, or on none.
var faults = [...]string{
	1:  "kill -9 at every kind of point and at random moments of a plan of 39 steps",
	2:  "kill -9 in a loop, every life 50 to 300 ms long",
	3:  "kill -9 between a vote's commit and its acknowledgement in chat",
	4:  "everybody votes at one instant, through three servers",
	5:  "one security code used at one instant by many; wrong ones counted across restarts",
	6:  "the plan changes after people have approved it",
	7:  "servers race for a lease and its step",
	8:  "a run's owner is stopped past its lease and woken, or dies",
	9:  "clocks jump by an hour",
	10: "the database dies in mid-run; a line is cut around COMMIT",
	11: "the database's primary is lost and its standby promoted",
	12: "the disk is full, or can only be read; the write-ahead log is gone; others have the database open",
	13: "the power goes at every moment of a run",
	14: "a second process on the same file; a database that would not wait for the disk",
	15: "a byte of the journal changes, rows go, come or change places, an older copy is put in place",
	16: "the line to a machine is cut before a step is sent, during it, and before its end is recorded",
	17: "the same token from several at once; a machine's journal is full, or lost with a restart",
	18: "a probe that cannot tell, hangs or contradicts; a decision on another attempt, or by the starter",
	19: "a step takes longer on its machine than its time-out",
	20: "a machine is cut off during its step and comes back later",
	21: "a run is stopped during a step that may be sent once",
}

// TestEveryFaultIsTried: there is a test for each number, and no number without a meaning.
func TestEveryFaultIsTried(t *testing.T) {
	named := regexp.MustCompile(`func (TestFault(\d\d)\w+)\(`)
	tried := map[string][]string{}
	for _, folder := range []string{".", "../store", "../actions"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllStringSubmatch(string(text), -1) {
				tried[m[2]] = append(tried[m[2]], m[1])
			}
		}
	}
	stories, err := filepath.Glob("scripts/fault[0-9][0-9]_*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		name := strings.TrimSuffix(filepath.Base(s), ".txtar")
		tried[name[5:7]] = append(tried[name[5:7]], "TestStories/"+name, "TestStoriesPostgres/"+name)
	}
	for n, what := range faults[1:] {
		number := fmt.Sprintf("%02d", n+1)
		if len(tried[number]) == 0 {
			t.Errorf("nothing tries fault %s: %s", number, what)
		}
		slices.Sort(tried[number])
		t.Logf("%s %s: %s", number, what, strings.Join(tried[number], ", "))
		delete(tried, number)
	}
	for number, names := range tried {
		t.Errorf("nobody knows fault %s of %v", number, names)
	}
}
