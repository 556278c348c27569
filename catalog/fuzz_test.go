package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// tiny is the smallest organisation in which something can run; small, so that many inputs are tried.
func tiny() map[string]string {
	return map[string]string{
		"organisation.yaml": "organisation: {id: o, name: O, environment: test, time_zone: UTC}\nsites: [{id: a}, {id: b}]\nhosts: [{id: h, site: a}]\nresources: [{id: r}]\n",
		"roster.yaml":       "people: [{id: q, name: Q, roles: [requester, operator]}, {id: p, name: P, roles: [approver], duty: [{days: [mon], from: \"08:00\", to: \"20:00\"}]}]\n",
		"policy.yaml":       "rules: [{id: r, modes: [rehearsal], directions: [outbound, return], groups: [{name: g, roles: [approver], n: 1}], code_expiry: 5m}]\nfreezes: [{name: f, from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z}]\n",
		"systems/s.yaml":    "system: s\nname: S\nrto: 1m\nrpo: 0s\nhome: a\nuses: [r]\nnodes: [{id: na, site: a, role: x, peer: nb, address: \"h:1\", host: h}, {id: nb, site: b, role: x, labels: {k: 1}}]\nprobes: [{id: p, proves: business, action: exec, with: {argv: [x, \"{to}\"]}}]\nprotections: [{id: d, kind: db, from: na, to: nb}]\n",
		"plans/p.yaml":      "plan: p\ntitle: P\nkind: failover\nsystems: [s]\ncriteria: [{id: c, metric: rto, value: 1m}]\nsteps:\n  - &s {id: one, on: {role: x, site: to}, action: exec, with: {argv: [\"{node}\", \"{run}\"]}, class: read, ungraceful: skip}\n  - {<<: *s, id: two, needs: [one@deps, one]}\n  - {id: c, per: system, action: check, with: {probe: p}, needs: [two@all], phase: verify}\n",
	}
}

func FuzzLoad(f *testing.F) {
	base := tiny()
	names := []string{"organisation.yaml", "policy.yaml", "roster.yaml", "systems/s.yaml", "plans/p.yaml"}
	for i, name := range names {
		f.Add(uint8(i), []byte(base[name]))
	}
	for _, s := range []string{"", "a: &a [*a]", "? [a]\n: b", "<<: {plan: x}\nsteps: [{<<: *x}]", "--- a\n--- b", "plan: !!binary aGk=", "steps: [{id: a, needs: [a@deps]}]", "\xff\xfe", "{\t}"} {
		f.Add(uint8(4), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		files := fstest.MapFS{"runbooks/r.md": {Data: []byte("#")}}
		for name, s := range base {
			files[name] = &fstest.MapFile{Data: []byte(s)}
		}
		name := names[int(which)%len(names)]
		files[name] = &fstest.MapFile{Data: data}
		c, problems := catalog.Load(files, specs(), "test", now())
		for _, p := range problems {
			if p.Text == "" || p.File == name && p.Line > len(data)+2 {
				t.Errorf("a problem without text or beyond the end: %+v", p)
			}
		}
		sound := catalog.Errors(problems) == 0
		for _, p := range c.Plans() {
			s, err := c.Compile(catalog.Selection{Plan: p.ID, Mode: dr.Rehearsal})
			if sound != (err == nil) {
				t.Errorf("%s: compiled with %v, although check found:\n%s", p.ID, err, catalog.FormatProblems(problems))
			}
			if err == nil {
				digest(t, s)
			}
		}
	})
}

// The small organisation is sound, so that the fuzzer starts where the compiler is reached.
func TestTiny(t *testing.T) {
	files := fstest.MapFS{}
	for name, s := range tiny() {
		files[name] = &fstest.MapFile{Data: []byte(s)}
	}
	s := compile(t, load(t, files), catalog.Selection{Plan: "p", Mode: dr.Rehearsal})
	var ids []string
	for _, st := range s.Steps {
		ids = append(ids, st.ID)
	}
	if got := strings.Join(ids, " "); got != "one@nb two@nb c@s reconcile-d" {
		t.Errorf("steps %s", got)
	}
}
