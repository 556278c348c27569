package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// apps is how many application nodes each of the four systems of the big organisation has.
var apps = []int{4, 4, 4, 3}

// bigNodes lists every node a step of the big plan has an effect on.
func bigNodes() []string {
	var out []string
	for s, n := range apps {
		out = append(out, fmt.Sprintf("s%d-db-w", s))
		for a := range n {
			out = append(out, fmt.Sprintf("s%d-app%d-e", s, a), fmt.Sprintf("s%d-app%d-w", s, a))
		}
	}
	return out
}

// writeBigOrg writes an organisation of four systems whose plan has 39 steps, half of them once.
func writeBigOrg(dir string) error {
	if err := os.CopyFS(dir, os.DirFS("testdata/org")); err != nil {
		return err
	}
	for _, old := range []string{"systems/core.yaml", "systems/cards.yaml", "plans/move.yaml", "plans/move-back.yaml"} {
		if err := os.Remove(filepath.Join(dir, old)); err != nil {
			return err
		}
	}
	var ids []string
	for s, n := range apps {
		var b strings.Builder
		fmt.Fprintf(&b, "system: s%d\nname: System %d\nrto: 10m\nrpo: 0s\nlimit: 30m\nhome: east\nnodes:\n", s, s)
		fmt.Fprintf(&b, "  - {id: s%d-db-e, site: east, role: db, peer: s%d-db-w}\n  - {id: s%d-db-w, site: west, role: db, peer: s%d-db-e}\n", s, s, s, s)
		for a := range n {
			fmt.Fprintf(&b, "  - {id: s%d-app%d-e, site: east, role: app, peer: s%d-app%d-w}\n", s, a, s, a)
			fmt.Fprintf(&b, "  - {id: s%d-app%d-w, site: west, role: app, peer: s%d-app%d-e}\n", s, a, s, a)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("systems/s%d.yaml", s)), []byte(b.String()), 0o600); err != nil {
			return err
		}
		ids = append(ids, fmt.Sprintf("s%d", s))
	}
	for name, kind := range map[string]string{"big": "switchover", "big-back": "switchback"} {
		if err := os.WriteFile(filepath.Join(dir, "plans", name+".yaml"), []byte(bigPlan(name, kind, ids)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func bigPlan(name, kind string, systems []string) string {
	pair := ""
	if kind == "switchover" {
		pair = "pair: big-back\n"
	}
	return fmt.Sprintf(`plan: %s
title: Move everything
kind: %s
%ssystems: [%s]
max_in_flight: 16
criteria: [{id: rto, metric: rto}]
steps:
  - id: stop
    title: Stop {node}
    on: {role: app, site: from}
    action: exec
    with: {argv: [tool, set, "{node}", %s-stopped]}
    class: idempotent
    timeout: 5s
    probe: {action: exec, with: {argv: [tool, is, "{node}", %s-stopped]}}
  - id: promote
    title: Promote {node}
    on: {role: db, site: to}
    action: exec
    with: {argv: [tool, set, "{node}", %s-primary]}
    class: once
    timeout: 5s
    needs: [stop]
    probe: {action: exec, with: {argv: [tool, is, "{node}", %s-primary]}}
    no_return: true
  - id: start
    title: Start {node}
    on: {role: app, site: to}
    action: exec
    with: {argv: [tool, set, "{node}", %s-started]}
    class: once
    timeout: 5s
    needs: [promote]
    ungraceful: try
    probe: {action: exec, with: {argv: [tool, is, "{node}", %s-started]}}
  - {id: settle, title: Let it settle, action: wait, with: {for: 10ms}, class: read, needs: ["start@all"]}
  - id: prove
    title: Prove {system}
    per: system
    action: check
    probe: {action: exec, with: {argv: [tool, not, "{system}", broken]}}
    class: read
    timeout: 5s
    phase: verify
`, name, kind, pair, strings.Join(systems, ", "), name, name, name, name, name, name)
}
