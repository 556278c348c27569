package catalog_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

func drill(plan string) catalog.Selection { return catalog.Selection{Plan: plan, Mode: dr.Drill} }

func needsOf(s *dr.Slice) map[string][]string {
	out := map[string][]string{}
	for _, st := range s.Steps {
		out[st.ID] = slices.Sorted(slices.Values(st.Needs))
	}
	return out
}

func TestNeeds(t *testing.T) {
	got := needsOf(compile(t, load(t, good(t)), drill("bank-switchover")))
	want := map[string][]string{
		"freeze":                  nil,
		"drain@id-e1":             {"freeze"},
		"drain@ledger-app-e1":     {"freeze"},
		"drain@ledger-app-e2":     {"freeze"},
		"promote@ledger-db-w1":    {"drain@ledger-app-e1", "drain@ledger-app-e2"},
		"start@id-w1":             {"drain@id-e1"}, // identity has nothing to promote; what promote waits for stands in
		"start@ledger-app-w1":     {"promote@ledger-db-w1", "start@id-w1"},
		"prove-identity@identity": {"start@id-w1"},
		"prove-ledger@ledger":     {"start@id-w1", "start@ledger-app-w1"},
		"tell":                    {"freeze"},
		"reconcile-ledger-stream": {"start@ledger-app-w1"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("needs: %v", got)
	}
}

func TestNeedsOnPeer(t *testing.T) {
	files := good(t)
	edit(t, files, "plans/switchover.yaml", "needs: [promote, start@deps]", "needs: [promote, drain@peer]")
	s := compile(t, load(t, files), drill("bank-switchover"))
	if got := needsOf(s)["start@ledger-app-w1"]; !slices.Equal(got, []string{"drain@ledger-app-e1", "promote@ledger-db-w1"}) {
		t.Errorf("needs: %v", got)
	}
}

// A system that is left out of a run passes on what it depends on itself.
func TestDependenciesThroughAbsentSystems(t *testing.T) {
	files := good(t)
	files["systems/mail.yaml"] = &fstest.MapFile{Data: []byte(`{system: mail, name: Mail, rto: 1h, rpo: 1h, home: east, depends_on: [ledger], nodes: [
  {id: mail-e1, site: east, role: app, address: "10.1.0.9:25", peer: mail-w1}, {id: mail-w1, site: west, role: app, address: "10.2.0.9:25"}]}`)}
	for _, plan := range []string{"switchover", "switchback"} {
		edit(t, files, "plans/"+plan+".yaml", "systems: [identity, ledger]", "systems: [identity, ledger, mail]")
	}
	c := load(t, files)
	sel := drill("bank-switchover")
	sel.Systems = []string{"mail", "identity"}
	s := compile(t, c, sel)
	if got := needsOf(s)["start@mail-w1"]; !slices.Contains(got, "start@id-w1") {
		t.Errorf("mail does not wait for identity: %v", got)
	}
	if ids := []string{s.Systems[0].ID, s.Systems[1].ID}; !slices.Equal(ids, []string{"identity", "mail"}) {
		t.Errorf("systems in the order %v", ids)
	}
}

func TestSubset(t *testing.T) {
	c := load(t, good(t))
	sel := drill("bank-switchover")
	sel.Systems = []string{"identity"}
	s := compile(t, c, sel)
	for _, st := range s.Steps {
		if strings.Contains(st.ID, "ledger") {
			t.Errorf("step %s of a system that is not part of the run", st.ID)
		}
	}
	if len(s.Resources) != 1 || len(s.Criteria) != 2 {
		t.Errorf("resources %v, criteria %v", s.Resources, s.Criteria)
	}
	sel.Systems = []string{"cards"}
	if _, err := c.Compile(sel); dr.KindOf(err) != dr.Usage {
		t.Errorf("unknown system: %v", err)
	}
}

// A single step that looks through the probe of a system, or compares its protection, goes with it.
func TestSubsetLeavesOutWhatBelongsToOthers(t *testing.T) {
	files := good(t)
	edit(t, files, "plans/switchover.yaml", "  - {id: tell,", "  - {id: look, action: check, with: {probe: can-pay}, needs: [start]}\n  - {id: compare, action: reconcile, with: {protection: ledger-stream}, needs: [look]}\n  - {id: tell,")
	edit(t, files, "plans/switchover.yaml", "needs: [freeze]}", "needs: [compare]}")
	c := load(t, files)
	sel := drill("bank-switchover")
	if s := compile(t, c, sel); s.Steps[len(s.Steps)-1].ID != "tell" {
		t.Errorf("steps: %v", needsOf(s))
	} else if look, _ := s.Step("look"); look.System != "ledger" || look.Probe.Action != "exec" {
		t.Errorf("look: %+v", look)
	}
	sel.Systems = []string{"identity"}
	s := compile(t, c, sel)
	if got := needsOf(s)["tell"]; !slices.Equal(got, []string{"start@id-w1"}) {
		t.Errorf("tell waits for %v", got)
	}
}

func TestProblemsOfAPlan(t *testing.T) {
	files := good(t)
	edit(t, files, "systems/identity.yaml", "home: east", "home: eats")
	edit(t, files, "plans/failover.yaml", "kind: failover", "kind: failovr")
	c, _ := catalog.Load(files, specs(), "test", now())
	where := func(plan string) string {
		var out []string
		for _, p := range c.Problems(plan) {
			out = append(out, p.File)
		}
		return strings.Join(slices.Compact(out), " ")
	}
	if got := where("ledger-failover"); got != "plans/failover.yaml" {
		t.Errorf("ledger-failover: %s", got)
	}
	if got := where("bank-switchover"); got != "plans/switchover.yaml systems/identity.yaml" {
		t.Errorf("bank-switchover: %s", got)
	}
	if c.Problems("other") != nil {
		t.Error("problems of a plan nobody knows")
	}
}

func TestDirection(t *testing.T) {
	c := load(t, good(t))
	s := compile(t, c, drill("bank-switchback"))
	if s.From != "west" || s.To != "east" || s.Direction != dr.Return {
		t.Errorf("from %s to %s, %s", s.From, s.To, s.Direction)
	}
	st, ok := s.Step("reconcile-ledger-stream")
	want := map[string]any{"protection": "ledger-stream", "from_address": "10.2.0.11:5432", "to_address": "10.1.0.11:5432", "table": "postings"}
	if !ok || !reflect.DeepEqual(st.Call.Params, want) {
		t.Errorf("reconcile: %v", st.Call)
	}
	if st, _ := s.Step("prove-ledger@ledger"); !slices.Contains(st.Probe.Params["argv"].([]string), "east") {
		t.Errorf("probe looks at %v", st.Probe.Params)
	}
}

// Every action of the plan that reconciles a protection takes the place of the step added for it.
func TestReconcileOfThePlan(t *testing.T) {
	files := good(t)
	edit(t, files, "plans/switchover.yaml", "  - {id: tell,", "  - {id: compare, action: reconcile, with: {protection: ledger-stream}, needs: [start]}\n  - {id: tell,")
	s := compile(t, load(t, files), drill("bank-switchover"))
	if _, ok := s.Step("reconcile-ledger-stream"); ok {
		t.Error("compared twice")
	}
}

func TestThreeSites(t *testing.T) {
	files := good(t)
	edit(t, files, "organisation.yaml", "{id: west, name: West}", "{id: west, name: West}, {id: north}")
	edit(t, files, "systems/ledger.yaml", "windows:", "  - {id: ledger-app-n1, site: north, role: app, address: \"10.3.0.1:80\"}\nwindows:")
	for _, p := range []string{"switchover", "switchback", "failover"} {
		edit(t, files, "plans/"+p+".yaml", "kind:", "between: [east, west]\nkind:")
	}
	s := compile(t, load(t, files), drill("bank-switchover"))
	for _, st := range s.Steps {
		if st.Node == "ledger-app-n1" {
			t.Errorf("%s is done at a third site", st.ID)
		}
	}
}

func TestRules(t *testing.T) {
	c := load(t, good(t))
	for mode, rule := range map[dr.Mode]string{dr.Rehearsal: "rehearsal", dr.Drill: "drill", dr.SurpriseDrill: "real", dr.Emergency: "real"} {
		s := compile(t, c, catalog.Selection{Plan: "bank-switchover", Mode: mode})
		if s.Rule.ID != rule {
			t.Errorf("mode %s has the rule %s", mode, s.Rule.ID)
		}
		if listed := len(s.MayOverride) > 0; listed != (mode == dr.Emergency) {
			t.Errorf("mode %s may override %v", mode, s.MayOverride)
		}
	}
	s := compile(t, c, drill("bank-switchover"))
	if s.Rule.VoteValidity != 3*24*3_600_000 || s.Rule.CodeTries != 5 || s.Rule.Codes != 1 || !s.Rule.RequesterMaySubmit {
		t.Errorf("rule: %+v", s.Rule)
	}
	sel := drill("bank-switchover")
	sel.Profile = "small_site"
	if _, err := c.Compile(sel); dr.KindOf(err) != dr.Refused || !strings.Contains(err.Error(), "small_site") {
		t.Errorf("a profile without a rule: %v", err)
	}
	sel.Mode = dr.Rehearsal
	if _, err := c.Compile(sel); dr.KindOf(err) != dr.Refused {
		t.Errorf("a rehearsal under a profile without a rule: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	c := load(t, good(t))
	if _, err := c.Compile(drill("bank-swichover")); dr.KindOf(err) != dr.NotFound || !strings.Contains(hint(err), "bank-switchover") {
		t.Errorf("unknown plan: %v, %s", err, hint(err))
	}
	if _, err := c.Compile(catalog.Selection{Plan: "bank-switchover", Mode: "dril"}); dr.KindOf(err) != dr.Usage {
		t.Errorf("unknown mode: %v", err)
	}
	files := good(t)
	edit(t, files, "systems/ledger.yaml", "home: east", "home: eats")
	c, problems := catalog.Load(files, specs(), "test", now())
	if _, err := c.Compile(drill("bank-switchover")); dr.KindOf(err) != dr.Invalid || !strings.Contains(err.Error(), problems[0].Where()) {
		t.Errorf("compiled from files with a mistake: %v", err)
	}
}

func hint(err error) string {
	if e, ok := errors.AsType[*dr.Error](err); ok {
		return e.Hint
	}
	return ""
}

// An organisation without roster, policy and runbooks can be read; nothing can run in it, and what a
// plan lacks is worth a warning only.
func TestReadOnlyOrganisation(t *testing.T) {
	files := good(t)
	for _, name := range []string{"roster.yaml", "policy.yaml", "runbooks/hello.md", "plans/switchback.yaml"} {
		delete(files, name)
	}
	edit(t, files, "plans/failover.yaml", "action: manual, class: read", "action: telephone")
	edit(t, files, "systems/identity.yaml", "name: Identity\nrto: 5m\nrpo: 0s\n", "")
	edit(t, files, "systems/identity.yaml", "role: app, ", "")
	c, problems := catalog.Load(files, specs(), "test", now())
	if catalog.Errors(problems) > 0 || len(problems) < 9 {
		t.Errorf("problems:\n%s", catalog.FormatProblems(problems))
	}
	if len(c.Organisation().Systems) != 2 || len(c.Plans()) != 2 {
		t.Errorf("read %d systems, %d plans", len(c.Organisation().Systems), len(c.Plans()))
	}
	if err := c.Runnable(); err == nil {
		t.Error("something can run")
	}
	if _, err := c.Compile(drill("bank-switchover")); err == nil {
		t.Error("compiled")
	}
	c, problems = catalog.Load(files, nil, "test", now())
	if catalog.Errors(problems) > 0 || len(c.Plans()) != 2 {
		t.Errorf("without actions:\n%s", catalog.FormatProblems(problems))
	}
}

// What the executor reads back from the frozen bytes has the same types as what was compiled.
func TestSliceRoundTrip(t *testing.T) {
	files := good(t)
	edit(t, files, "plans/switchover.yaml", "action: check, with: {probe: can-sign-in}", "action: check, with: {call: {action: exec, with: {argv: [x], pty: true, env: {A: b}}}, for: 3s}")
	s := compile(t, load(t, files), catalog.Selection{Plan: "bank-switchover", Mode: dr.Emergency, Challenge: "heron", Parent: "r1", Overrides: []dr.Override{{Check: "lag:x", Person: "wu", Reason: "r"}}})
	b, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var back dr.Slice
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := back.Bytes()
	if err != nil || string(again) != string(b) {
		t.Errorf("bytes changed on the way: %v\n%s\n%s", err, b, again)
	}
	if !reflect.DeepEqual(back.Steps, s.Steps) {
		t.Error("steps changed on the way")
	}
}

// reversed lists directories backwards.
type reversed struct{ fs.FS }

func (r reversed) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(r.FS, name)
	slices.Reverse(entries)
	return entries, err
}

func TestOrderOfFiles(t *testing.T) {
	a, b := load(t, good(t)), load(t, reversed{good(t)})
	if a.Digest() != b.Digest() {
		t.Error("the digest of the files depends on their order")
	}
	for _, p := range a.Plans() {
		if digest(t, compile(t, a, drill(p.ID))) != digest(t, compile(t, b, drill(p.ID))) {
			t.Errorf("%s: the digest depends on the order of files", p.ID)
		}
	}
}
