package alerts

import (
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func crash(d *day) *day {
	return d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1", "node=ledger-app-e2")
}

// TestWorkThatWasAnnounced: what comes from where people work is expected, and no move is recommended for it.
// Elsewhere, and once the work is over, it is trouble like any other.
func TestWorkThatWasAnnounced(t *testing.T) {
	for _, c := range []struct {
		name, on string
		after    time.Duration
		verdict  dr.Verdict
	}{
		{"on the system", "system=ledger", time.Minute, dr.Possible}, {"on the machine", "node=ledger-db-e1", time.Minute, dr.Possible}, {"on the array", "array=east-a1", time.Minute, dr.Possible},
		{"at the site", "site=east", 20 * time.Minute, dr.Possible}, {"on another system", "system=identity", time.Minute, dr.Recommend}, {"long ago", "system=ledger", 3 * time.Hour, dr.Recommend},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDay(t)
			d.change("maintenance", c.on, "new disks").wait(c.after)
			crash(d).wait(time.Minute)
			s := d.only()
			held := slices.Contains(ids(s.Advice.Needs), "alert_need_maintenance") && slices.Contains(ids(s.Advice.Why), "alert_but_maintenance")
			if s.Advice.Verdict != c.verdict || held != (c.verdict == dr.Possible) {
				t.Errorf("it is%s, because %v", told([]dr.Situation{s}), ids(s.Advice.Why))
			}
		})
	}
}

// TestASiteIsNoMaintenance: work on one system does not keep a lost site's plan back.
func TestASiteIsNoMaintenance(t *testing.T) {
	d := newDay(t)
	d.change("maintenance", "system=ledger", "new disks").wait(time.Minute)
	d.fire("NodeDown", "critical", nodes(at("east"))...).fire("ProbeFailed", "critical", nodes(at("east"))...).wait(time.Minute)
	if s := d.only(); s.Advice.Verdict != dr.Recommend {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

// TestWindows: a system's daily window holds advice back where it is for maintenance, or where a move must not
// collide with it.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		w       dr.Window
		verdict dr.Verdict
	}{
		{dr.Window{Kind: "maintenance", When: "11:00-13:00", OnConflict: "warn"}, dr.Possible}, {dr.Window{Kind: "batch", When: "11:00-13:00", OnConflict: "block"}, dr.Possible},
		{dr.Window{Kind: "batch", When: "11:00-13:00", OnConflict: "warn"}, dr.Recommend}, {dr.Window{Kind: "maintenance", When: "02:00-04:00", OnConflict: "block"}, dr.Recommend},
	} {
		org := bank()
		org.Systems[1].Windows = []dr.Window{c.w}
		d := dayWith(t, org, plans(), Options{})
		crash(d).wait(time.Minute)
		s := d.only()
		if held := slices.Contains(ids(s.Advice.Needs), "alert_need_window") && slices.Contains(ids(s.Advice.Why), "alert_but_window"); s.Advice.Verdict != c.verdict || held != (c.verdict == dr.Possible) {
			t.Errorf("%+v: it is%s, because %v", c.w, told([]dr.Situation{s}), ids(s.Advice.Why))
		}
	}
}

// TestABadDeployStaysOne: whatever a release breaks and in whatever order that is noticed, the verdict is that no
// plan fits because it is a bad change, from the first word to the last.
func TestABadDeployStaysOne(t *testing.T) {
	parts := []func(*day){
		func(d *day) { d.fire("HighErrorRate", "critical", "node=payments-app-e1", "node=payments-app-e2") },
		func(d *day) { d.fire("LatencyHigh", "warning", "node=payments-app-e3", "node=payments-app-e1") },
		func(d *day) { d.fire("ContainerRestarting", "warning", "node=payments-app-e2", "node=payments-app-e3") },
		func(d *day) { d.fire("OrdersDropped", "critical", "system=payments") },
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}, {0}, {3, 0}} {
		d := newDay(t)
		d.change("deploy", "system=payments", "release 2026.11.4").wait(3 * time.Minute)
		for _, i := range order {
			parts[i](d)
			d.wait(20 * time.Second)
		}
		d.wait(5 * time.Minute)
		s := d.only()
		if s.Entity.String() != "system/payments" || s.Fault != dr.FaultBadChange || s.Advice.Verdict != dr.NoneFits || s.Advice.Headline.ID != "alert_advice_change" {
			t.Errorf("%v: it is%s", order, told([]dr.Situation{s}))
		}
		for _, m := range d.said {
			if m.Verdict == dr.Recommend || m.Verdict == dr.Possible {
				t.Errorf("%v: for a moment it said %s %s", order, m.Verdict, m.Plan)
			}
		}
	}
}

// TestAReleaseTakesItsSystemDown: where a plan would be the answer, it waits until the release is taken back.
func TestAReleaseTakesItsSystemDown(t *testing.T) {
	d := newDay(t)
	d.change("deploy", "system=payments", "release 2026.11.4").wait(3 * time.Minute)
	d.fire("TargetDown", "critical", "node=payments-app-e1", "node=payments-app-e2", "node=payments-app-e3").fire("ProbeFailed", "critical", "node=payments-app-e1", "node=payments-app-e2", "node=payments-app-e3").wait(time.Minute)
	for _, s := range d.open() {
		if s.Advice.Verdict == dr.Recommend {
			t.Errorf("it is%s", told([]dr.Situation{s}))
		}
	}
}
