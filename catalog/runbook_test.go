package catalog_test

import "testing"

func TestRunbook(t *testing.T) {
	files := good(t)
	edit(t, files, "plans/failover.yaml", "kind: failover", "kind: failover\nrunbook: hello.md")
	edit(t, files, "plans/failover.yaml", "id: declare,", "id: declare, runbook: calls/declare.md,")
	files["runbooks/calls/declare.md"] = files["runbooks/hello.md"]
	c := load(t, files)
	for _, k := range []struct{ plan, step, want string }{
		{"ledger-failover", "", "hello.md"},
		{"ledger-failover", "declare", "calls/declare.md"},
		{"ledger-failover", "promote@ledger-db-w1", "hello.md"},
		{"ledger-failover", "nobody", "hello.md"},
		{"bank-switchback", "promote", ""},
		{"nobody", "", ""},
	} {
		if got := c.Runbook(k.plan, k.step); got != k.want {
			t.Errorf("%s %s: %q, want %q", k.plan, k.step, got, k.want)
		}
	}
}
