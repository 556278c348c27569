package alerts

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// counter is the bank with what customers touch: front doors and gateways that keep no books and name no
// machine of the systems they need.
func counter() dr.Organisation {
	org := bank()
	sys := dr.System{ID: "channels", Name: "Customer channels", Home: "east", DependsOn: []string{"identity", "ledger", "payments"}}
	for i, s := range []string{"east", "west"} {
		other := []string{"w", "e"}[i]
		for _, role := range []string{"frontdoor", "gateway", "app"} {
			for n := 1; n <= 2; n++ {
				sys.Nodes = append(sys.Nodes, dr.Node{ID: fmt.Sprintf("channels-%s-%s%d", role, s[:1], n), System: "channels", Site: s, Role: role, Kind: "appliance", Peer: fmt.Sprintf("channels-%s-%s%d", role, other, n)})
			}
		}
	}
	org.Systems = append(org.Systems, sys)
	return org
}

// TestACustomersComplaintFindsItsCause: what customers notice may come before anybody knows why. Whatever the
// order and however far apart, it ends as one situation about the database that died, and the journal says that
// the complaint was joined to it.
func TestACustomersComplaintFindsItsCause(t *testing.T) {
	complaints := map[string]func(*day){
		"a business probe": func(d *day) {
			d.fire("ProbeFailed", "critical", "system=channels site=east probe=can-transfer asks=transfer")
		},
		"a synthetic check": func(d *day) { d.fire("SyntheticCheckFailing", "critical", "service=channels") },
		"a front door": func(d *day) {
			d.fire("FrontDoorErrors", "critical", "node=channels-frontdoor-e1", "node=channels-frontdoor-e2")
		},
		"sales": func(d *day) { d.fire("OrdersPerMinuteDropped", "warning", "system=channels") },
	}
	cause := func(d *day) { d.fire("PostgresDown", "critical", "instance=ledger-db-e1:9187") } // pg_up == 0
	errors := func(d *day) {
		d.fire("HighErrorRate", "warning", "instance=ledger-app-e1:8080", "instance=ledger-app-e2:8080")
	}
	for name, complaint := range complaints {
		for order, parts := range map[string][]func(*day){
			"complaint first":      {complaint, cause, errors},
			"errors between":       {complaint, errors, cause},
			"errors first":         {errors, complaint, cause},
			"cause first":          {cause, complaint, errors},
			"complaint last":       {cause, errors, complaint},
			"errors, cause, sales": {errors, cause, complaint},
		} {
			for _, c := range []struct {
				gap    time.Duration
				learnt bool
			}{{0, true}, {15 * time.Second, false}, {40 * time.Second, true}} {
				t.Run(fmt.Sprintf("%s, %s, %s apart, learnt %v", name, order, c.gap, c.learnt), func(t *testing.T) { complained(t, parts, c.gap, c.learnt) })
			}
		}
	}
}

func complained(t *testing.T, parts []func(*day), gap time.Duration, learnt bool) {
	d := &day{t: t, e: New(NewTopology(counter()), plans(), nil, Options{}), at: midnight}
	if learnt {
		d = dayWith(t, counter(), plans(), Options{})
	}
	for _, part := range parts {
		part(d)
		d.wait(gap)
	}
	d.wait(time.Minute)
	s := d.only()
	if s.Entity.String() != "node/ledger-db-e1" || s.Fault != dr.FaultDown || s.Advice.Verdict != dr.Recommend || s.Advice.Plan != "ledger-failover" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	shown := map[string]bool{}
	for _, m := range d.said {
		shown[m.ID] = shown[m.ID] || m.Event == "opened"
	}
	for id := range shown {
		if id != s.ID && !slices.ContainsFunc(d.said, func(m dr.SituationData) bool {
			return m.ID == id && m.Event == "merged" && slices.Contains(m.Others, s.ID)
		}) {
			t.Errorf("%s was shown and is gone without a word", id)
		}
	}
}

// TestARealMonitorsOrder: exactly what the sample bank's real monitoring says of a dead database, one second
// after the other in any order, to a Switchman that was started just before.
func TestARealMonitorsOrder(t *testing.T) {
	parts := []func(*day){
		func(d *day) {
			d.fire("ProbeFailed", "critical", "system=channels site=east asks=transfer probe=can-transfer")
		},
		func(d *day) {
			d.fire("TargetDown", "critical", "node=ledger-db-e1 system=ledger site=east role=db instance=127.0.0.1:21025 job=node")
		},
		func(d *day) {
			d.fire("ReplicationBroken", "critical", "instance=http://127.0.0.1:21075/is/replicating node=ledger-db-w1 asks=replicating system=ledger site=west")
		},
	}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 1}, {1, 0}} {
		for _, gap := range []time.Duration{0, 5 * time.Second, 60 * time.Second} {
			t.Run(fmt.Sprint(order, gap), func(t *testing.T) {
				var told []func(*day)
				for _, i := range order {
					told = append(told, parts[i])
				}
				if len(order) == 2 { // two alerts are enough for one situation, not for a move
					joined(t, told, gap)
					return
				}
				complained(t, told, gap, false)
			})
		}
	}
}

func joined(t *testing.T, parts []func(*day), gap time.Duration) {
	d := &day{t: t, e: New(NewTopology(counter()), plans(), nil, Options{}), at: midnight}
	for _, part := range parts {
		part(d)
		d.wait(gap)
	}
	d.wait(time.Minute)
	if s := d.only(); s.Entity.String() != "node/ledger-db-e1" || s.Fault != dr.FaultDown {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

// TestAComplaintAlone stays what it is: customers are hurt, and nobody knows yet why.
func TestAComplaintAlone(t *testing.T) {
	d := dayWith(t, counter(), plans(), Options{})
	d.fire("ProbeFailed", "critical", "system=channels site=east probe=can-transfer").wait(5 * time.Minute)
	if s := d.only(); s.Advice.Verdict == dr.Recommend || s.Entity.String() != "system/channels" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	// And a machine of another system, of which customers have plenty, has nothing to do with it.
	d.fire("NodeDown", "critical", "node=identity-app-w2").wait(time.Minute)
	if open := d.open(); len(open) != 2 {
		t.Errorf("want two:%s", told(open))
	}
}
