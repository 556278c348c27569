package alerts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// databases are the nodes a copy of which may break, at a site.
func databases(site string) []string {
	return nodes(func(n dr.Node) bool { return n.Site == site && n.Role == "db" })
}

// lost has the east die and everything be moved to the west by force.
func (d *day) lost() *day {
	d.fire("ProbeFailed", "critical", nodes(at("east"))...).fire("NodeDown", "critical", nodes(at("east"))...).wait(30 * time.Second)
	for _, id := range []string{"identity", "ledger", "payments"} {
		d.take(Moved(id, "west", "east", dr.At(d.at)))
	}
	return d.wait(time.Minute)
}

// back has the machines of the east answer again.
func (d *day) back() *day {
	return d.end("ProbeFailed", nodes(at("east"))...).end("NodeDown", nodes(at("east"))...)
}

func looked(d *day, probe, proves, found string) {
	d.take(Looked(dr.Look{Probe: probe, Proves: proves, Found: found, At: dr.At(d.at)}, strings.Split(probe, "/")[0]))
}

// unprotected checks that what is open is the old side that has not rejoined, and nothing else.
func (d *day) unprotected(n int) dr.Situation {
	d.t.Helper()
	s := d.is("site/east", dr.FaultUnprotected)
	if s.Signals != n || s.Advice.Verdict != dr.NoneFits || s.Advice.Headline.ID != "alert_advice_unprotected_plan" || s.Advice.Headline.Args["plan"] != "bank-switchback" {
		d.t.Errorf("it is %d signals, %s: %v", s.Signals, s.Advice.Headline.ID, s.Advice.Headline.Args)
	}
	for _, o := range d.e.Situations() {
		if o.Fault == dr.FaultPartition || o.Fault == dr.FaultReplication {
			d.t.Errorf("a consequence is taken for a cause:%s", told([]dr.Situation{o}))
		}
	}
	return s
}

// TestTheOldSideIsBack: after a failover the old databases wait to be let in again. Whenever they say so, it is
// no cut link.
func TestTheOldSideIsBack(t *testing.T) {
	for name, later := range map[string]time.Duration{"at once": 5 * time.Second, "while the loss is remembered": 20 * time.Minute, "after a day": 26 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			d := newDay(t).lost()
			d.wait(later - 5*time.Second)
			d.back().wait(2 * time.Second)
			d.fire("ReplicationBroken", "critical", databases("west")...).wait(30 * time.Second)
			d.unprotected(3)
			d.wait(time.Hour).unprotected(3)
		})
	}
	t.Run("it broke before the move", func(t *testing.T) {
		d := newDay(t)
		d.fire("ProbeFailed", "critical", nodes(at("east"))...).fire("NodeDown", "critical", nodes(at("east"))...).fire("ReplicationBroken", "critical", databases("west")...).wait(30 * time.Second)
		if s := d.only(); s.Fault != dr.FaultDown {
			t.Errorf("it is%s", told([]dr.Situation{s}))
		}
		for _, id := range []string{"identity", "ledger", "payments"} {
			d.take(Moved(id, "west", "east", dr.At(d.at)))
		}
		d.wait(time.Minute).back().wait(30 * time.Second)
		d.unprotected(3)
	})
	t.Run("one broke just before the move, by itself", func(t *testing.T) {
		d := newDay(t)
		for i, on := range databases("west") {
			d.take(d.signal("ReplicationBroken", "critical", on))
			if i == 0 {
				d.wait(7 * time.Second)
			}
			if i > 0 {
				continue
			}
			for _, id := range []string{"identity", "ledger", "payments"} {
				d.take(Moved(id, "west", "east", dr.At(d.at)))
			}
		}
		d.wait(time.Minute).unprotected(3)
		if open := d.open(); len(open) != 1 {
			t.Errorf("told twice:%s", told(open))
		}
	})
	t.Run("where every loss is forgotten soon", func(t *testing.T) {
		d := dayWith(t, bank(), plans(), Options{QuietMS: 20_000}).lost()
		d.wait(time.Hour).back().wait(time.Second)
		d.fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		d.unprotected(3)
	})
	t.Run("it dies again and comes back again", func(t *testing.T) {
		d := newDay(t).lost().back().fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		d.end("ReplicationBroken", databases("west")...).fire("NodeDown", "critical", nodes(at("east"))...).wait(time.Hour)
		d.end("NodeDown", nodes(at("east"))...).fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		d.is("site/east", dr.FaultUnprotected)
	})
}

// TestTheOldSideHasRejoined: what breaks after the copy ran again is news.
func TestTheOldSideHasRejoined(t *testing.T) {
	partition := func(d *day) {
		d.t.Helper()
		d.fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		if s := d.only(); s.Fault != dr.FaultPartition || s.Advice.Headline.ID != "alert_advice_partition" {
			d.t.Errorf("it is%s", told([]dr.Situation{s}))
		}
	}
	t.Run("brought home", func(t *testing.T) {
		d := newDay(t).lost().back().fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		d.end("ReplicationBroken", databases("west")...).wait(time.Minute)
		for _, id := range []string{"identity", "ledger", "payments"} {
			d.e.Place(id, "east", dr.At(d.at))
		}
		partition(d.wait(2 * time.Hour))
	})
	t.Run("the alerts ended", func(t *testing.T) {
		d := newDay(t).lost().back().fire("ReplicationBroken", "critical", databases("west")...).wait(time.Minute)
		partition(d.end("ReplicationBroken", databases("west")...).wait(2 * time.Hour))
	})
	t.Run("a look found it copied", func(t *testing.T) {
		d := dayWith(t, bank(), plans(), Options{Probes: []Probe{{Name: "identity/stream", Proves: "replication", System: "identity"}, {Name: "ledger/stream", Proves: "replication", System: "ledger"}, {Name: "payments/stream", Proves: "replication", System: "payments"}}})
		d.lost().back().wait(time.Hour)
		for _, id := range []string{"identity", "ledger", "payments"} {
			looked(d, id+"/stream", "replication", "yes")
		}
		partition(d)
	})
	t.Run("nothing was heard of it for long", func(t *testing.T) {
		partition(newDay(t).lost().back().wait(3 * time.Hour))
	})
	t.Run("it was a planned move", func(t *testing.T) {
		d := newDay(t)
		for _, id := range []string{"identity", "ledger", "payments"} {
			d.e.Place(id, "west", dr.At(d.at))
		}
		partition(d.wait(time.Minute))
	})
}

// TestOtherTroubleBesideTheOldSide: the old side that has not rejoined hides nothing.
func TestOtherTroubleBesideTheOldSide(t *testing.T) {
	d := newDay(t).lost().back().fire("ReplicationBroken", "critical", databases("west")...).wait(20 * time.Minute)
	d.fire("PostgresDown", "critical", "node=ledger-db-w1").fire("ProbeFailed", "critical", "node=ledger-db-w1").wait(time.Minute)
	d.is("node/ledger-db-w1", dr.FaultDown)
	d.fire("LinkDown", "critical", "link=dci").fire("PacketLoss", "critical", "link=dci").wait(time.Minute)
	d.is("link/dci", dr.FaultPartition)
}

// TestTheLinkWorks: a look that finds the link working outweighs what only looks like a cut one; one that finds
// it cut brings the belief back.
func TestTheLinkWorks(t *testing.T) {
	d := dayWith(t, bank(), plans(), Options{Probes: []Probe{{Name: "payments/dci", Proves: "link", System: "payments"}}})
	d.fire("ReplicationBroken", "critical", databases("west")...).wait(10 * time.Second)
	if s := d.only(); s.Fault != dr.FaultPartition || !slices.Contains(s.Wants, "payments/dci") {
		t.Errorf("nobody looks at the link (%v):%s", s.Wants, told([]dr.Situation{s}))
	}
	looked(d, "payments/dci", "link", "yes")
	d.wait(10 * time.Second)
	s := d.only()
	if s.Fault != dr.FaultReplication || s.Advice.Headline.ID == "alert_advice_partition" || !slices.Contains(ids(s.Against), "alert_look_yes") || !slices.Contains(s.Wants, "payments/dci") {
		t.Errorf("it is%s against: %v wants %v", told([]dr.Situation{s}), ids(s.Against), s.Wants)
	}
	looked(d, "payments/dci", "link", "no")
	d.wait(10 * time.Second)
	if s = d.only(); s.Fault != dr.FaultPartition || !slices.Contains(ids(s.For), "alert_look_no") {
		t.Errorf("it is%s for: %v", told([]dr.Situation{s}), ids(s.For))
	}
}
