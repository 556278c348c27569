package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// bank is the organisation the tests are about: two sites, three systems, a link, hosts and arrays.
func bank() dr.Organisation {
	org := dr.Organisation{ID: "bank", Name: "Bank", TimeZone: "UTC", Sites: []dr.Site{{ID: "east", Name: "East Bay"}, {ID: "west", Name: "West Hill"}}, Links: []dr.Link{{ID: "dci", Between: []string{"east", "west"}}}}
	for _, s := range []string{"east", "west"} {
		for n := 1; n <= 3; n++ {
			org.Hosts = append(org.Hosts, dr.Host{ID: fmt.Sprintf("%s-h%d", s, n), Site: s})
		}
		org.Arrays = append(org.Arrays, dr.Array{ID: s + "-a1", Site: s})
	}
	ip := 10
	system := func(id string, depends ...string) dr.System {
		sys := dr.System{ID: id, Name: "The " + id, Home: "east", DependsOn: depends}
		for i, s := range []string{"east", "west"} {
			other := []string{"w", "e"}[i]
			here := s[:1]
			add := func(role string, n int, host, array string, on ...string) {
				ip++
				sys.Nodes = append(sys.Nodes, dr.Node{ID: fmt.Sprintf("%s-%s-%s%d", id, role, here, n), System: id, Site: s, Role: role, Kind: "vm", Host: host, Array: array, Peer: fmt.Sprintf("%s-%s-%s%d", id, role, other, n),
					Address: fmt.Sprintf("10.%d.0.%d:5432", i+1, ip), DependsOn: on, Aliases: []string{id + "-" + role + fmt.Sprint(n) + "." + s + ".bank.example", id + "-" + role}})
			}
			db := fmt.Sprintf("%s-db-%s1", id, here)
			add("db", 1, s+"-h1", s+"-a1")
			for n := 1; n <= 3; n++ {
				add("app", n, fmt.Sprintf("%s-h%d", s, 2+n%2), "", db)
			}
		}
		sys.Protections = []dr.Protection{{ID: id + "-stream", Kind: "db", From: id + "-db-e1", To: id + "-db-w1"}}
		return sys
	}
	org.Systems = []dr.System{system("identity"), system("ledger", "identity"), system("payments", "identity", "ledger")}
	return org
}

func plans() []Plan {
	guards := []dr.Fault{dr.FaultPartition, dr.FaultStandby}
	all := []string{"identity", "ledger", "payments"}
	out := []Plan{
		{ID: "bank-failover", Kind: dr.Failover, Direction: dr.Outbound, Systems: all, From: "east", To: "west", For: []Answer{{Scope: "site", Faults: []dr.Fault{dr.FaultDown}, Entity: "east"}}, Guards: guards},
		{ID: "bank-switchback", Kind: dr.Switchback, Direction: dr.Return, Systems: all, From: "west", To: "east"},
		{ID: "bank-switchover", Kind: dr.Switchover, Direction: dr.Outbound, Systems: all, From: "east", To: "west", For: []Answer{{Scope: "array", Faults: []dr.Fault{dr.FaultIO}, Entity: "east-a1"}}, Guards: append(slices.Clone(guards), dr.FaultReplication)},
	}
	for _, id := range all {
		out = append(out, Plan{ID: id + "-failover", Kind: dr.Failover, Direction: dr.Outbound, Systems: []string{id}, From: "east", To: "west", For: []Answer{{Scope: "system", Faults: []dr.Fault{dr.FaultDown, dr.FaultIO}, Entity: id}}, Guards: guards})
	}
	return out
}

// day is a day of alerts told to an engine.
type day struct {
	t     *testing.T
	e     *Engine
	at    time.Time
	n     int
	said  []dr.SituationData
	every []dr.Signal
}

var midnight = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func newDay(t *testing.T) *day {
	t.Helper()
	return dayWith(t, bank(), plans(), Options{})
}

func dayWith(t *testing.T, org dr.Organisation, p []Plan, o Options) *day {
	t.Helper()
	d := &day{t: t, e: New(NewTopology(org), p, nil, o), at: midnight}
	// A quiet night, so that the engine has learnt that nothing comes by itself.
	d.take(d.signal("Heartbeat", "info", "node=identity-app-w1"))
	d.end("Heartbeat", "node=identity-app-w1")
	return d.wait(12 * time.Hour)
}

func (d *day) wait(by time.Duration) *day {
	d.at = d.at.Add(by)
	d.said = append(d.said, d.e.Advance(dr.At(d.at))...)
	return d
}

func labels(text string) map[string]string {
	out := map[string]string{}
	for _, f := range strings.Fields(text) {
		k, v, _ := strings.Cut(f, "=")
		out[k] = v
	}
	return out
}

func (d *day) signal(name, severity, text string) dr.Signal {
	d.n++
	at := dr.At(d.at)
	return dr.Signal{Key: fmt.Sprintf("k%d", d.n), Source: "test", Kind: dr.SignalAlert, Name: name, Status: dr.Firing, Severity: severity, StartsAt: at, At: at, Labels: labels(text)}
}

func (d *day) take(s dr.Signal) {
	d.every = append(d.every, s)
	d.said = append(d.said, d.e.Take(s)...)
}

// fire has alerts come in two seconds apart.
func (d *day) fire(name, severity string, on ...string) *day {
	for _, text := range on {
		d.at = d.at.Add(2 * time.Second)
		d.take(d.signal(name, severity, text))
	}
	return d
}

func (d *day) end(name string, on ...string) *day {
	for _, text := range on {
		s := d.signal(name, "warning", text)
		s.Status = dr.Resolved
		d.take(s)
	}
	return d
}

func (d *day) change(kind, text, summary string) *day {
	s := d.signal(kind, "info", text)
	s.Kind, s.Annotations, s.By = dr.SignalChange, map[string]string{"summary": summary}, "pipeline"
	d.take(s)
	return d
}

// nodes gives "node=…" for every node that is asked for.
func nodes(yes func(dr.Node) bool) []string {
	var out []string
	org := bank()
	for _, s := range org.Systems {
		for _, n := range s.Nodes {
			if yes(n) {
				out = append(out, "node="+n.ID)
			}
		}
	}
	return out
}

func at(site string) func(dr.Node) bool { return func(n dr.Node) bool { return n.Site == site } }

// open lists the situations that are not over.
func (d *day) open() []dr.Situation {
	return slices.DeleteFunc(d.e.Situations(), func(s dr.Situation) bool { return s.State != "open" && s.State != "quiet" })
}

// only is the one open situation.
func (d *day) only() dr.Situation {
	d.t.Helper()
	open := d.open()
	if len(open) != 1 {
		d.t.Fatalf("%d situations, want one:%s", len(open), told(open))
	}
	return open[0]
}

// is finds the open situation of an entity and fault.
func (d *day) is(entity string, fault dr.Fault) dr.Situation {
	d.t.Helper()
	for _, s := range d.open() {
		if s.Entity.String() == entity && s.Fault == fault {
			return s
		}
	}
	d.t.Fatalf("no situation says that %s is %s:%s", entity, fault, told(d.open()))
	return dr.Situation{}
}

func told(list []dr.Situation) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "\n  %s %s %s %s %d signals: %s %s %s %.2f %v %v", s.ID, s.State, s.Entity, s.Fault, s.Signals, s.Advice.Verdict, s.Advice.Plan, s.Advice.Nearest, s.Advice.Confidence, ids(s.Advice.Needs), ids(s.Advice.Forbids))
	}
	return b.String()
}

func ids(list []dr.Clue) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.ID)
	}
	return out
}
