package bot

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

// TestBooksOfTheRoot: what broke is looked for, not what most alerts or the first of them say.
func TestBooksOfTheRoot(t *testing.T) {
	h := open(t)
	shelf := fstest.MapFS{}
	sub, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(sub, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(sub, path)
		shelf[path] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l := h.shelve(shelf)
	sign := func(name string) dr.Clue { return dr.Clue{ID: "alert_signs", Args: dr.Args{"name": name}} }
	for _, tc := range []struct {
		what    string
		s       dr.Situation
		signals []string
		want    string
	}{
		{"a site is lost, and its copies stop first", dr.Situation{Entity: dr.Entity{Scope: "site", ID: "east"}, Fault: dr.FaultDown, Systems: []string{"ledger", "payments"}, For: []dr.Clue{sign("TargetDown")}},
			[]string{"ReplicationBroken", "ReplicationBroken", "TargetDown", "ProbeFailed"}, "runbooks/moves/site-lost.md"},
		{"the link is cut", dr.Situation{Entity: dr.Entity{Scope: "link", ID: "dci"}, Fault: dr.FaultPartition, Systems: []string{"ledger"}, For: []dr.Clue{sign("ReplicationBroken"), sign("LinkDown")}},
			[]string{"ReplicationBroken", "LinkDown"}, "runbooks/network/interconnect.md"},
		{"one copy stops", dr.Situation{Entity: dr.Entity{Scope: "system", ID: "ledger"}, Fault: dr.FaultReplication, Systems: []string{"ledger"}, For: []dr.Clue{sign("ReplicationBroken")}},
			[]string{"ReplicationBroken"}, "runbooks/postgres/replication-broken.md"},
		{"the old side has not rejoined", dr.Situation{Entity: dr.Entity{Scope: "site", ID: "east"}, Fault: dr.FaultUnprotected, Systems: []string{"ledger", "payments", "identity"}, For: []dr.Clue{sign("ReplicationBroken")}},
			[]string{"ReplicationBroken"}, "runbooks/moves/site-lost.md"},
	} {
		var signals []dr.Signal
		for _, name := range tc.signals {
			signals = append(signals, dr.Signal{Kind: dr.SignalAlert, Name: name})
		}
		for _, lang := range []string{"en", "zh"} {
			found, err := l.Fitting(context.Background(), Question{Person: "ada", Company: Alone, Lang: lang}, tc.s, signals)
			if err != nil || len(found) == 0 {
				t.Fatalf("%s: %v, %v", tc.what, found, err)
			}
			if found[0].Doc != tc.want {
				for _, f := range found {
					t.Logf("%s %s", f.Doc, f.Heading)
				}
				t.Errorf("%s: first %s, want %s", tc.what, found[0].Doc, tc.want)
			}
		}
	}
}
