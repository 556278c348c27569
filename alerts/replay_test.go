package alerts

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"pgregory.net/rapid"
)

// anySignals draws an afternoon: storms and silence, repeats, ends, clocks that are off, changes, looks,
// moves and answers.
func anySignals(t *rapid.T) []dr.Signal {
	names := []string{"NodeDown", "ProbeFailed", "PostgresDown", "HighErrorRate", "LatencyHigh", "ReplicationStopped", "DiskFull", "CPUHigh", "SiteDown", "LinkDown", "ArrayIOErrors", "CertificateExpired", "Odd"}
	var where []string
	for _, n := range nodes(func(dr.Node) bool { return true }) {
		where = append(where, n)
	}
	where = append(where, "site=east", "site=west", "link=dci", "array=east-a1", "host=east-h1", "host=west-h2", "system=ledger", "system=payments site=east", "instance=172.16.0.9")
	at := midnight
	var out []dr.Signal
	for i := range rapid.IntRange(1, 60).Draw(t, "n") {
		at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 500, 1500, 4000, 5000, 20_000, 200_000, 3_000_000}).Draw(t, "gap")) * time.Millisecond)
		s := dr.Signal{Key: fmt.Sprint("k", i), Source: "any", Kind: dr.SignalAlert, Name: rapid.SampledFrom(names).Draw(t, "name"), Status: dr.Firing, Severity: rapid.SampledFrom([]string{"critical", "critical", "warning", "info"}).Draw(t, "severity"),
			At: dr.At(at), StartsAt: dr.At(at.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, -30, -400, -90_000, 7200}).Draw(t, "skew")) * time.Second)), Labels: labels(rapid.SampledFrom(where).Draw(t, "where"))}
		switch rapid.IntRange(0, 19).Draw(t, "kind") {
		case 0, 1, 2, 3:
			s.Status = dr.Resolved
		case 4:
			s.Kind, s.Name, s.By = dr.SignalChange, rapid.SampledFrom([]string{"deploy", "maintenance"}).Draw(t, "change"), "ann"
		case 5:
			s = Moved(rapid.SampledFrom([]string{"ledger", "payments"}).Draw(t, "system"), rapid.SampledFrom([]string{"east", "west"}).Draw(t, "site"), rapid.SampledFrom([]string{"", "east", "west"}).Draw(t, "left"), dr.At(at))
		case 6:
			s = Looked(dr.Look{Probe: "ledger/can-pay", Proves: "business", Found: rapid.SampledFrom([]string{"yes", "no", "unknown"}).Draw(t, "found"), At: dr.At(at)}, "ledger")
		case 7:
			s = Looked(dr.Look{Probe: rapid.SampledFrom([]string{"payments/dci", "ledger/stream"}).Draw(t, "probe"), Proves: "link", Found: rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "link"), At: dr.At(at)}, "")
		}
		out = append(out, s)
	}
	return out
}

func anyProbes() Options {
	return Options{Probes: []Probe{{Name: "ledger/can-pay", Proves: "business", System: "ledger"}, {Name: "payments/dci", Proves: "link", System: "payments"}, {Name: "ledger/stream", Proves: "replication", System: "ledger"}}}
}

// fold is everything an engine said, and what it knows in the end.
func fold(t *rapid.T, signals []dr.Signal, between func(e *Engine, until dr.Time) (*Engine, []dr.SituationData)) (news, state string) {
	o := anyProbes()
	topology := NewTopology(bank())
	e := New(topology, plans(), nil, o)
	said := []dr.SituationData{}
	for _, s := range signals {
		var more []dr.SituationData
		e, more = between(e, s.At)
		said = append(said, more...)
		said = append(said, e.Take(s)...)
		if open := e.Situations(); s.Kind == dr.SignalLook && len(open) > 0 && s.Labels["proves"] == "business" && len(s.Labels["found"]) == 3 {
			said = append(said, e.Answer(open[len(open)-1].ID, "not_this", s.At)...)
		}
	}
	end := signals[len(signals)-1].At.Plus(4 * 3_600_000)
	e, more := between(e, end)
	said = append(append(said, more...), e.Advance(end)...)
	raw, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal([]any{e.Situations(), e.Unresolved()})
	if err != nil {
		t.Fatal(err)
	}
	return string(told), string(raw) + string(list)
}

// TestReplay: being put down and taken up again at any moment, and being told the time in between, changes
// nothing of what is said then and later.
func TestReplay(t *testing.T) {
	if os.Getenv("SWITCHMAN_SOAK") == "" { // a few in every run of the tests, the usual hundred with it
		checks := flag.Lookup("rapid.checks")
		usual := checks.Value.String()
		_ = checks.Value.Set("20")
		defer func() { _ = checks.Value.Set(usual) }()
	}
	rapid.Check(t, func(t *rapid.T) {
		signals := anySignals(t)
		topology := NewTopology(bank())
		news, state := fold(t, signals, func(e *Engine, _ dr.Time) (*Engine, []dr.SituationData) { return e, nil })
		o := anyProbes()
		again, stateAgain := fold(t, signals, func(e *Engine, until dr.Time) (*Engine, []dr.SituationData) {
			var said []dr.SituationData
			for range rapid.IntRange(0, 2).Draw(t, "moments") {
				said = append(said, e.Advance(dr.At(until.Add(-time.Duration(rapid.IntRange(0, 60_000).Draw(t, "before"))*time.Millisecond)))...)
			}
			if rapid.IntRange(0, 3).Draw(t, "restart") > 0 {
				return e, said
			}
			raw, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if e, err = Restore(topology, plans(), o, raw); err != nil {
				t.Fatal(err)
			}
			return e, said
		})
		if news != again {
			t.Errorf("milestones differ:\n%s\n%s", news, again)
		}
		if state != stateAgain {
			t.Errorf("states differ:\n%s\n%s", state, stateAgain)
		}
	})
}
