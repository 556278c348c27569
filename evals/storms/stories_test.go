package storms

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

// story is one file of testdata/stories: something that goes wrong in the sample bank, told in the words of
// one kind of monitoring, written by hand. None of them has to do with how days are generated.
type story struct {
	name     string
	entities []string // one of these is named
	faults   []dr.Fault
	verdicts []dr.Verdict
	plans    []string // one of these is recommended; where none is, none may be
	share    float64  // of the story's alerts, at least so many are in the situation
}

func stories() []story {
	none := []dr.Verdict{dr.NoneFits}
	yes := []dr.Verdict{dr.Recommend}
	return []story{
		{"zabbix-database", []string{"node/ledger-db-e1", "system/ledger"}, []dr.Fault{dr.FaultDown}, yes, []string{"ledger-failover"}, 0.8},
		{"nagios-site", []string{"site/east"}, []dr.Fault{dr.FaultDown}, yes, []string{"bank-failover"}, 0.9},
		{"chinese-link", []string{"link/dci"}, []dr.Fault{dr.FaultPartition}, none, nil, 0.8},
		{"traps-array", []string{"array/east-a1"}, []dr.Fault{dr.FaultIO, dr.FaultDown}, yes, []string{"bank-switchover"}, 0.7},
		{"cloudwatch-load", []string{"system/channels"}, []dr.Fault{dr.FaultOverload}, nil, nil, 0.7},
		{"datadog-release", []string{"system/payments"}, []dr.Fault{dr.FaultBadChange}, nil, nil, 0.8},
		{"uptime-certificate", []string{"system/channels", "node/channels-frontdoor-e1", "node/channels-frontdoor-e2"}, []dr.Fault{dr.FaultCertificate}, []dr.Verdict{dr.Recommend, dr.Possible}, []string{"channels-switchover"}, 0.7},
		{"chinese-standby", []string{"site/west"}, []dr.Fault{dr.FaultStandby, dr.FaultDown}, none, nil, 0.9},
		{"quiet-night", nil, nil, nil, nil, 0},
		{"oracle-standby", []string{"node/payments-db-w1", "node/payments-db-e1", "system/payments"}, []dr.Fault{dr.FaultReplication}, none, nil, 0.7},
		{"vcenter-host", []string{"host/east-h1"}, []dr.Fault{dr.FaultDown}, nil, nil, 0.8},
	}
}

// TestStoriesInOtherWords: what is said in words no rule here was made for is understood, too.
func TestStoriesInOtherWords(t *testing.T) {
	c, problems := catalog.Load(data.FS(), actions.Specs(), "test", time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	for _, p := range problems {
		if p.Severity == catalog.Error {
			t.Fatal(p.Text)
		}
	}
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			found, fired := tellStory(t, c, s.name)
			slices.SortStableFunc(found, func(a, b Found) int { return len(b.Lines) - len(a.Lines) })
			for i, f := range found {
				if f.Advice.Verdict == dr.Recommend && (i > 0 || len(s.plans) == 0) {
					t.Errorf("%s recommends %s at %.2f for %s %s with %d lines", f.ID, f.Advice.Plan, f.Advice.Confidence, f.Entity, f.Fault, len(f.Lines))
				}
			}
			if len(s.entities) > 0 {
				s.check(t, found, fired)
			}
		})
	}
}

func (s story) check(t *testing.T, found []Found, fired map[string]bool) {
	t.Helper()
	if len(found) == 0 {
		t.Fatal("no situation")
	}
	f := found[0]
	t.Logf("%d situations; first %s %s: %s %s %.2f", len(found), f.Entity, f.Fault, f.Advice.Verdict, f.Advice.Plan, f.Advice.Confidence)
	if !slices.Contains(s.entities, f.Entity.String()) || !slices.Contains(s.faults, f.Fault) {
		t.Errorf("%s %s, want one of %v and %v", f.Entity, f.Fault, s.entities, s.faults)
	}
	if len(s.verdicts) > 0 && !slices.Contains(s.verdicts, f.Advice.Verdict) {
		t.Errorf("verdict %s, want %v", f.Advice.Verdict, s.verdicts)
	}
	if len(s.plans) > 0 && !slices.Contains(s.plans, f.Advice.Plan) {
		t.Errorf("plan %q at %.2f, want %v", f.Advice.Plan, f.Advice.Confidence, s.plans)
	}
	in := 0
	for _, id := range f.Lines {
		if fired[id] {
			in++
		}
	}
	if got := float64(in) / float64(len(fired)); got < s.share {
		t.Errorf("%.2f of the alerts are in it, want %.2f; there are %d situations", got, s.share, len(found))
	}
}

func tellStory(t *testing.T, c *catalog.Catalog, name string) ([]Found, map[string]bool) {
	t.Helper()
	raw, err := os.ReadFile("testdata/stories/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r := NewReplay(c, nil, dr.Clock{Now: func() time.Time { return time.Time{} }})
	fired := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		var l struct {
			At            dr.Time
			ID            string
			Alert, Change json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		var signals []dr.Signal
		switch {
		case l.Alert != nil:
			signals, err = ReadAlert(l.At, l.Alert)
		case l.Change != nil:
			signals, err = ReadChange(l.At, l.Change)
		}
		if err != nil {
			t.Fatalf("%s: %v", l.ID, err)
		}
		for _, s := range signals {
			if s.Kind == dr.SignalAlert && s.Status == dr.Firing {
				fired[l.ID] = true
			}
		}
		r.Give(l.ID, signals)
	}
	return r.End(), fired
}
