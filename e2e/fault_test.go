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
// says on which database it is tried; without it, on SQLite, or on none. docs/faults.md is the list for people.
var faults = [...]struct {
	what     string
	sqlite   string // why it is not tried there
	postgres string
}{
	1: {what: "kill -9 at every kind of point and at random moments of a plan of 39 steps"},
	2: {what: "kill -9 in a loop, every life 50 to 300 ms long"},
	3: {what: "kill -9 between a vote's commit and its acknowledgement in chat"},
	4: {what: "everybody votes at one instant, through three servers"},
	5: {what: "one security code used at one instant by many; wrong ones counted across restarts"},
	6: {what: "the plan changes after people have approved it"},
	7: {what: "servers race for a lease and its step"},
	8: {what: "a run's owner is stopped past its lease and woken, or dies"},
	9: {what: "clocks jump by an hour"},
	10: {what: "the database dies in mid-run; a line is cut around COMMIT",
		sqlite: "there is neither a server that could die nor a line: what dies is the process, fault 1"},
	11: {what: "the database's primary is lost and its standby promoted",
		sqlite: "there is no standby; the copy that goes to another site is tried by TestRunThatLeavesUs"},
	12: {what: "the disk is full, or can only be read; SQLite's write-ahead log is gone; others have the database open"},
	13: {what: "the power goes at every moment of a run",
		postgres: "its files are its own business, ours beside it are written as on SQLite; that it waits for the disk is read back at the start, fault 14"},
	14: {what: "a second process on the same file; a database that would not wait for the disk"},
	15: {what: "a byte of the journal changes, rows go, come or change places, an older copy is put in place"},
	16: {what: "the line to a machine is cut before a step is sent, during it, and before its end is recorded"},
	17: {what: "the same token from several at once; a machine's journal is full, or lost with a restart"},
	18: {what: "a probe that cannot tell, hangs or contradicts; a decision on another attempt, or by the starter"},
	19: {what: "a step takes longer on its machine than its time-out"},
	20: {what: "a machine is cut off during its step and comes back later"},
	21: {what: "a run is stopped during a step that may be sent once"},
}

// TestEveryFaultIsTried: there is a test for each number on both databases, or a reason why one has none, and no number
// without a meaning. docs/faults.md says the same.
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
	doc := "# Faults, and where each is tried\n\nEvery release comes through these on real processes, machines and databases. A test of a fault has its number in its name.\n" +
		"`make test` does small counts, `make soak` full ones.\n\n| | fault | SQLite | PostgreSQL |\n|---|---|---|---|\n"
	for n, f := range faults[1:] {
		number := fmt.Sprintf("%02d", n+1)
		slices.Sort(tried[number])
		var lite, pg []string
		for _, name := range tried[number] {
			if strings.HasSuffix(name, "Postgres") || strings.HasPrefix(name, "TestStoriesPostgres/") {
				pg = append(pg, name)
			} else {
				lite = append(lite, name)
			}
		}
		for _, side := range []struct {
			on, why string
			names   []string
		}{{"SQLite", f.sqlite, lite}, {"PostgreSQL", f.postgres, pg}} {
			if (len(side.names) == 0) != (side.why != "") {
				t.Errorf("fault %s (%s) on %s: tried by %q, and not tried because %q", number, f.what, side.on, side.names, side.why)
			}
		}
		doc += fmt.Sprintf("| %d | %s | %s | %s |\n", n+1, f.what, triedBy(lite, f.sqlite), triedBy(pg, f.postgres))
		delete(tried, number)
	}
	for number, names := range tried {
		t.Errorf("nobody knows fault %s of %v", number, names)
	}
	if got, err := os.ReadFile("../docs/faults.md"); err != nil || string(got) != doc {
		t.Errorf("docs/faults.md is not this (%v):\n%s", err, doc)
	}
}

// triedBy is a cell of the list: the tests, or why there is none.
func triedBy(names []string, why string) string {
	if len(names) == 0 {
		return "– " + why
	}
	return "`" + strings.Join(names, "` `") + "`"
}
