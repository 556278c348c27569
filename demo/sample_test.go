package demo

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

func sample(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load(data.FS(), actions.Specs(), "test", time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
	home := 0
	for _, p := range problems {
		// The one warning that is meant: Switchman runs at west, and the switchbacks leave west.
		if p.Severity == "warning" && strings.Contains(p.Text, "the only site Switchman runs at") {
			home++
			continue
		}
		t.Errorf("%s:%d:%d: %s: %s (%s)", p.File, p.Line, p.Column, p.Severity, p.Text, p.Hint)
	}
	if err := c.Runnable(); err != nil {
		t.Fatal(err)
	}
	if home != 5 {
		t.Errorf("%d plans leave Switchman's only site, want the 5 switchbacks", home)
	}
	return c
}

func TestTheSampleIsSoundAndIsTheEstate(t *testing.T) {
	o := sample(t).Organisation()
	nodes := map[string]dr.Node{}
	for _, s := range o.Systems {
		for _, n := range s.Nodes {
			nodes[n.ID] = n
		}
	}
	if len(o.Systems) != 4 || len(nodes) != 2*NodesPerSite {
		t.Errorf("%d systems, %d nodes", len(o.Systems), len(nodes))
	}
	for _, want := range Nodes() {
		got := nodes[want.ID]
		if got.System != want.System || got.Site != want.Site || got.Role != want.Role || got.Peer != want.Peer() || got.Address != want.Address(firstBase) {
			t.Errorf("the files say %+v, the estate %+v with peer %s at %s", got, want, want.Peer(), want.Address(firstBase))
		}
	}
	if len(o.Roster.People) < 12 {
		t.Errorf("%d people", len(o.Roster.People))
	}
}

func TestEveryPlanOfTheSampleCompilesInEveryMode(t *testing.T) {
	c := sample(t)
	if len(c.Plans()) != 15 {
		t.Errorf("%d plans, want 5 × 3", len(c.Plans()))
	}
	for _, p := range c.Plans() {
		for _, mode := range dr.Modes() {
			s, err := c.Compile(catalog.Selection{Plan: p.ID, Mode: mode})
			if err != nil {
				t.Errorf("%s, %s: %v", p.ID, mode, err)
				continue
			}
			touched := map[string]bool{}
			for _, st := range s.Steps {
				if n, ok := s.Node(st.Node); ok {
					touched[n.ID], touched[n.Peer] = true, true
				}
			}
			if strings.HasPrefix(p.ID, "bank-") && len(touched) != 2*NodesPerSite {
				t.Errorf("%s touches %d of %d nodes and peers", p.ID, len(touched), 2*NodesPerSite)
			}
			if mode == dr.Drill {
				t.Logf("%s: %d steps", p.ID, len(s.Steps))
			}
		}
	}
}

func TestACopyCarriesTheDemosPorts(t *testing.T) {
	b, err := fs.ReadFile(data.FS(), "systems/ledger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(b), "127.0.0.1:210") != 20 {
		t.Errorf("%d addresses in the ledger's file", strings.Count(string(b), "127.0.0.1:210"))
	}
	moved := string(rebase(b, 21700))
	for _, n := range Nodes() {
		if n.System == "ledger" && !strings.Contains(moved, fmt.Sprintf("%q", n.Address(21700))) {
			t.Errorf("%s is not in the copy", n.Address(21700))
		}
	}
}
