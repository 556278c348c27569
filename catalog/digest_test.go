package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// change is one edit of the files and whether it touches what a drill of ledger-failover uses.
type change struct {
	inside         bool
	file, old, new string
}

func changes() []change {
	const org, idn, led, fail, over, ros, pol = "organisation.yaml", "systems/identity.yaml", "systems/ledger.yaml", "plans/failover.yaml", "plans/switchover.yaml", "roster.yaml", "policy.yaml"
	return []change{
		// outside: other systems, other plans, other rules, comments, what says when a plan fits, who cannot act
		{false, idn, "rto: 5m", "rto: 6m"},
		{false, idn, "10.1.0.21:443", "10.1.0.22:443"},
		{false, idn, "uses: [vault]", "uses: []"},
		{false, over, "soak: 2s", "soak: 3s"},
		{false, over, "drain, ", "drain, --fast, "},
		{false, over, "title: Make {node} the database", "title: Promote {node}"},
		{false, fail, "faults: [down, io_errors]", "faults: [down]"},
		{false, fail, "kind: failover", "kind: failover # the last resort"},
		{false, fail, "for:", "guards: [{never: partition}]\nfor:"},
		{false, org, "{id: ops, audience: internal}", "{id: ops}"},
		{false, org, "{id: public-dns}", "{id: public-dns}, {id: mainframe}"},
		{false, org, "sites: [east, west]}", "sites: [west]}"},
		{false, ros, `value: "+86 1"`, `value: "+86 2"`},
		{false, ros, "name: Clerk, roles: []", "name: Clerk Two, roles: []"},
		{false, ros, "language: zh", "language: en"},
		{false, pol, "words: true", "words: true\n    facts_fresh: 1m"},
		{false, pol, "level: warn", "level: block"}, // of an emergency
		{false, pol, "roles: [commander]}]", "roles: [commander, operator]}]"},
		{false, "runbooks/hello.md", "Hello", "Good evening"},
		{false, fail, "kind: failover", "kind: failover\nrunbook: hello.md"},
		{false, fail, "id: declare,", "id: declare, runbook: hello.md,"},

		// inside: what runs, on what, under which rule, by whom, and what the report calls it
		{true, led, "rpo: 0s", "rpo: 1s"},
		{true, led, "10.1.0.13:80", "10.1.0.14:80"},
		{true, led, "tier: gold", "tier: silver"},
		{true, led, `when: "22:00-01:30"`, `when: "22:00-02:30"`},
		{true, led, "until: 2027-03-01", "until: 2027-03-02"},
		{true, led, `"{to}", "1"`, `"{to}", "2"`},
		{true, led, "table: postings", "table: entries"},
		{true, led, "uses: [public-dns, vault]", "uses: [public-dns]"},
		{true, led, "rack: 7", "rack: 8"},
		{true, fail, "value: 8m", "value: 9m"},
		{true, fail, "promote, ", "promote, --now, "},
		{true, fail, "is, primary", "is, writable"},
		{true, fail, "title: Declare", "title: Declare a disaster"},
		{true, fail, "needs: [declare]", "needs: []"},
		{true, fail, "pair: bank-switchback", "pair: bank-switchback\nmax_in_flight: 3"},
		{true, fail, "pair: bank-switchback", "pair: bank-switchback\nsoak: 1h"},
		{true, org, "name: Small Bank", "name: Smaller Bank"},
		{true, org, "name: East}", "name: Far East}"},
		{true, org, "environment: test", "environment: sample"},
		{true, org, "Asia/Shanghai", "Asia/Tokyo"},
		{true, ros, "id: yi, name: Yi Fei, roles: [observer]", "id: yi, name: Yi Fei, roles: [observer, operator]"},
		{true, ros, "name: Clerk, roles: []", "name: Clerk, roles: [observer]"},
		{true, ros, "slack: U01", "slack: U02"},
		{true, ros, `human: "10041"`, `human: "10042"`},
		{true, ros, "to: 2027-01-01T00:00:00Z", "to: 2027-02-01T00:00:00Z"},
		{true, ros, "{id: xu, name: Xu Ran, roles: [code_issuer, commander]}", "{id: xu, name: Xu Ran, roles: [code_issuer, commander]}\n  - {id: zoe, name: Zoe, roles: [code_issuer]}"},
		{true, ros, `version: "1"`, `version: "2"`},
		{true, pol, `version: "2026-11"`, `version: "2026-12"`},
		{true, pol, "vote_validity: 3d", "vote_validity: 2d"},
		{true, pol, "min_people: 3", "min_people: 4"},
		{true, pol, "name: year-end", "name: new-year"},
	}
}

func TestDigestCoversTheSlice(t *testing.T) {
	before := compile(t, load(t, good(t)), drill("ledger-failover"))
	for _, ch := range changes() {
		files := good(t)
		edit(t, files, ch.file, ch.old, ch.new)
		after := compile(t, load(t, files), drill("ledger-failover"))
		compareSlices(t, before, after, ch.inside, ch.file+": "+ch.new)
	}
}

type fataler interface {
	Helper()
	Errorf(format string, args ...any)
}

func compareSlices(t fataler, before, after *dr.Slice, inside bool, what string) {
	t.Helper()
	a, _ := before.Bytes()
	b, _ := after.Bytes()
	if changed := string(a) != string(b); changed != inside {
		t.Errorf("%s: digest changed: %v, wanted %v", what, changed, inside)
	}
	lines := catalog.Diff(before, after)
	if said := len(lines) > 0; said != inside {
		t.Errorf("%s: said %q", what, lines)
	}
}

// Any number of changes outside leaves the digest alone; one inside among them does not.
func TestDigestProperty(t *testing.T) {
	all := changes()
	base := good(t)
	before := compile(t, load(t, base), drill("ledger-failover"))
	rapid.Check(t, func(rt *rapid.T) {
		files := fstest.MapFS{}
		for name, f := range base {
			files[name] = f
		}
		inside := false
		var what []string
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 8, rapid.ID[int]).Draw(rt, "changes") {
			ch := all[i]
			s := string(files[ch.file].Data)
			if !strings.Contains(s, ch.old) {
				continue // an earlier change took its place
			}
			files[ch.file] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(s, ch.old, ch.new))}
			inside = inside || ch.inside
			what = append(what, ch.new)
		}
		c, problems := catalog.Load(files, specs(), "test", now())
		if catalog.Errors(problems) > 0 {
			rt.Fatalf("%v:\n%s", what, catalog.FormatProblems(problems))
		}
		after, err := c.Compile(drill("ledger-failover"))
		if err != nil {
			rt.Fatal(err)
		}
		compareSlices(rt, before, after, inside, strings.Join(what, ", "))
	})
}

// What is asked for is part of the digest, too.
func TestDigestCoversTheSelection(t *testing.T) {
	c := load(t, good(t))
	seen := map[string]string{}
	for name, sel := range map[string]catalog.Selection{
		"plain": drill("bank-switchover"), "emergency": {Plan: "bank-switchover", Mode: dr.Emergency}, "rehearsal": {Plan: "bank-switchover", Mode: dr.Rehearsal},
		"subset":    {Plan: "bank-switchover", Mode: dr.Drill, Systems: []string{"ledger"}},
		"parent":    {Plan: "bank-switchover", Mode: dr.Drill, Parent: "r1"},
		"challenge": {Plan: "bank-switchover", Mode: dr.Drill, Challenge: "heron"},
		"override":  {Plan: "bank-switchover", Mode: dr.Drill, Overrides: []dr.Override{{Check: "lag:x", Person: "wu", Reason: "known"}}},
	} {
		d := digest(t, compile(t, c, sel))
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
	all := drill("bank-switchover")
	all.Systems = []string{"ledger", "identity"}
	if digest(t, compile(t, c, all)) != digest(t, compile(t, c, drill("bank-switchover"))) {
		t.Error("naming all systems, in another order, is not the same as naming none")
	}
	other, _ := catalog.Load(good(t), specs(), "later", now())
	if digest(t, compile(t, other, drill("bank-switchover"))) == digest(t, compile(t, c, drill("bank-switchover"))) {
		t.Error("another version of Switchman has the same digest")
	}
}

func TestDiff(t *testing.T) {
	before := compile(t, load(t, good(t)), drill("ledger-failover"))
	files := good(t)
	for _, ch := range changes() {
		if ch.inside && strings.Contains(string(files[ch.file].Data), ch.old) {
			edit(t, files, ch.file, ch.old, ch.new)
		}
	}
	edit(t, files, "plans/failover.yaml", "  - id: promote", "  - {id: call, action: manual, class: read, needs: [declare]}\n  - id: promote")
	edit(t, files, "roster.yaml", "roles: [approver], teams: [business]", "roles: [approver], teams: [business, operations]")
	after := compile(t, load(t, files), drill("ledger-failover"))
	golden(t, "testdata/diff.txt", []byte(strings.Join(catalog.Diff(before, after), "\n")+"\n"))
	if lines := catalog.Diff(before, before); lines != nil {
		t.Errorf("a slice differs from itself: %q", lines)
	}
}
