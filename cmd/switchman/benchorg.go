package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	benchSystems = 39
	benchNodes   = 2 // of each system at each site

	benchOnlookers = 20
	benchPolls     = 4
)

const benchOrganisation = `organisation: {id: bench, name: Bench, environment: test, time_zone: UTC, languages: [en]}
switchman: {sites: [west]}
sites: [{id: east, name: East}, {id: west, name: West}]
`

const benchRoster = `version: "1"
teams: [{id: operations}, {id: business}]
people:
  - {id: ann, name: Ann, human: "1", slack: U0BENCH00, roles: [requester, operator, commander], teams: [operations]}
  - {id: bob, name: Bob, human: "2", slack: U0BENCH01, roles: [approver], teams: [operations]}
  - {id: cat, name: Cat, human: "3", slack: U0BENCH02, roles: [approver], teams: [business]}
  - {id: dan, name: Dan, human: "4", slack: U0BENCH03, roles: [code_issuer], teams: [operations]}
  - {id: eve, name: Eve, human: "5", slack: U0BENCH04, roles: [requester, operator, approver, commander], teams: [operations]}
  - {id: fay, name: Fay, human: "6", slack: U0BENCH05, roles: [approver, code_issuer], teams: [business]}
  - {id: gus, name: Gus, human: "7", slack: U0BENCH06, roles: [code_issuer, operator], teams: [operations]}
`

const benchPolicy = `version: "1"
rules:
  - id: drill
    modes: [drill]
    directions: [outbound, return]
    profile: standard
    groups:
      - {name: operations, roles: [approver], teams: [operations], n: 1}
      - {name: business, roles: [approver], teams: [business], n: 1}
    min_people: 3
    issuers: [code_issuer]
    submitters: [operator, requester]
    requester_may_submit: true
    codes: 1
    words: false
    round_expiry: 30m
    vote_validity: 24h
    code_expiry: 10m
    code_tries: 5
    decide_after: 10m
    rto_from: requested
    facts_fresh: 5m
`

// benchShape is what the generated plan is like: so many stages on each node, one after the other, each a
// wait.
type benchShape struct {
	stages int
	wait   string // a millisecond when empty
	flight int    // most steps at once; 40 when zero
	lost   bool   // with a plan for a lost site, and with plans of one system each to vote on
}

// writeBenchOrg writes an organisation of 39 systems of two nodes at each site, and its plan.
func writeBenchOrg(dir string, shape benchShape) error {
	files := map[string]string{"organisation.yaml": benchOrganisation, "roster.yaml": benchRoster + onlookers(), "policy.yaml": benchPolicy}
	var ids []string
	for k := range benchSystems {
		id := fmt.Sprintf("w%d", k)
		ids = append(ids, id)
		var b strings.Builder
		fmt.Fprintf(&b, "system: %s\nname: Wide %d\nrto: 10m\nrpo: 0s\nlimit: 30m\nhome: east\nnodes:\n", id, k)
		for n := range benchNodes {
			fmt.Fprintf(&b, "  - {id: %[1]s-n%[2]d-e, site: east, role: app, peer: %[1]s-n%[2]d-w}\n  - {id: %[1]s-n%[2]d-w, site: west, role: app, peer: %[1]s-n%[2]d-e}\n", id, n)
		}
		files["systems/"+id+".yaml"] = b.String()
	}
	if shape.lost {
		files["plans/wide-lost.yaml"] = widePlan("wide-lost", "kind: failover\nfor: [{scope: site, faults: [down]}]\n", ids, benchShape{stages: 1})
		for _, id := range ids[:benchPolls] {
			files["plans/poll-"+id+".yaml"] = widePlan("poll-"+id, "kind: failover\n", []string{id}, benchShape{stages: 1})
		}
		ids = ids[benchPolls:] // a system is in one run at a time
	}
	files["plans/wide.yaml"] = widePlan("wide", "kind: switchover\npair: wide-back\n", ids, shape)
	files["plans/wide-back.yaml"] = widePlan("wide-back", "kind: switchback\n", ids, shape)
	return writeFiles(dir, files)
}

// writeFiles writes files below a directory.
func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// onlookers are people who watch in a browser and could act.
func onlookers() string {
	var b strings.Builder
	for i := range benchOnlookers {
		fmt.Fprintf(&b, "  - {id: o%[1]d, name: Onlooker %[1]d, human: \"1%02[1]d\", slack: U0LOOK%02[1]d, roles: [requester, operator, approver, observer], teams: [operations]}\n", i)
	}
	return b.String()
}

func widePlan(name, head string, systems []string, shape benchShape) string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan: %s\ntitle: Move many systems\n%ssystems: [%s]\nmax_in_flight: %d\ncriteria: [{id: rto, metric: rto}]\nsteps:\n",
		name, head, strings.Join(systems, ", "), cmp.Or(shape.flight, 40))
	for i := range shape.stages {
		needs := ""
		if i > 0 {
			needs = fmt.Sprintf(", needs: [s%d]", i-1)
		}
		fmt.Fprintf(&b, "  - {id: s%d, title: Wait, on: {role: app, site: to}, action: wait, with: {for: %s}, class: read%s}\n", i, cmp.Or(shape.wait, "1ms"), needs)
	}
	return b.String()
}
