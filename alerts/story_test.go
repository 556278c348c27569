package alerts

import (
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func TestASiteDies(t *testing.T) {
	d := newDay(t)
	d.fire("PowerLost", "critical", "site=east").fire("HypervisorDown", "critical", "host=east-h1", "host=east-h2")
	d.fire("ProbeFailed", "critical", nodes(at("east"))...).fire("NodeDown", "critical", nodes(at("east"))...)
	d.fire("ReplicationStopped", "warning", "node=ledger-db-w1", "node=payments-db-w1").fire("LinkDown", "critical", "link=dci").wait(30 * time.Second)
	s := d.only()
	if s.Entity.String() != "site/east" || s.Fault != dr.FaultDown {
		t.Errorf("it is %s %s", s.Entity, s.Fault)
	}
	if s.Advice.Verdict != dr.Recommend || s.Advice.Plan != "bank-failover" {
		t.Errorf("the advice is%s", told([]dr.Situation{s}))
	}
	if !slices.Equal(s.Systems, []string{"ledger", "payments", "identity"}) && len(s.Systems) != 3 {
		t.Errorf("systems: %v", s.Systems)
	}
	if at := s.Advice.At.Sub(s.FirstAt.Time); at > 2*time.Minute {
		t.Errorf("the advice came after %s", at)
	}
}

func TestADatabaseCrashes(t *testing.T) {
	d := newDay(t)
	d.fire("PostgresDown", "critical", "instance=ledger-db-e1:9187").fire("ProbeFailed", "critical", "target=ledger-db-e1.east.bank.example")
	d.fire("HighErrorRate", "warning", "instance=ledger-app-e1:8080", "instance=ledger-app-e2:8080", "instance=payments-app-e1:8080").wait(40 * time.Second)
	s := d.only()
	if s.Entity.String() != "node/ledger-db-e1" || s.Fault != dr.FaultDown || s.Advice.Verdict != dr.Recommend || s.Advice.Plan != "ledger-failover" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestTheLinkIsCut(t *testing.T) {
	d := newDay(t)
	d.fire("ReplicationStopped", "critical", "node=identity-db-w1", "node=ledger-db-w1", "node=payments-db-w1").fire("LinkDown", "critical", "link=dci").wait(time.Minute)
	s := d.only()
	if s.Entity.String() != "link/dci" || s.Fault != dr.FaultPartition || s.Advice.Verdict != dr.NoneFits || s.Advice.Headline.ID != "alert_advice_partition" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	// While the link is cut, a crashed database must not be moved.
	d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1", "node=ledger-app-e1").wait(time.Minute)
	s = d.is("node/ledger-db-e1", dr.FaultDown)
	if s.Advice.Verdict != dr.NoneFits || s.Advice.Nearest != "ledger-failover" || !slices.Contains(ids(s.Advice.Forbids), "alert_forbid_partition") {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestTheStandbySideDies(t *testing.T) {
	d := newDay(t)
	d.fire("NodeDown", "critical", nodes(at("west"))...).fire("ReplicationStopped", "warning", "node=ledger-db-e1").fire("ProbeFailed", "critical", nodes(at("west"))...).wait(time.Minute)
	s := d.only()
	if s.Entity.String() != "site/west" || s.Fault != dr.FaultStandby || s.Advice.Verdict != dr.NoneFits || s.Advice.Headline.ID != "alert_advice_standby" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestAfterAMoveTheOtherSideIsTheOneThatCounts(t *testing.T) {
	d := newDay(t)
	for _, id := range []string{"identity", "ledger", "payments"} {
		d.e.Place(id, "west", dr.At(d.at))
	}
	d.fire("NodeDown", "critical", nodes(at("east"))...).fire("ProbeFailed", "critical", nodes(at("east"))...).wait(time.Minute)
	if s := d.only(); s.Fault != dr.FaultStandby || s.Advice.Verdict != dr.NoneFits {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestABadDeploy(t *testing.T) {
	d := newDay(t)
	d.change("deploy", "system=payments", "release 2026.11.4").wait(3 * time.Minute)
	d.fire("HighErrorRate", "critical", "node=payments-app-e1", "node=payments-app-e2").fire("LatencyHigh", "warning", "node=payments-app-e3", "node=payments-app-e1").wait(time.Minute)
	s := d.only()
	if s.Entity.String() != "system/payments" || s.Fault != dr.FaultBadChange || s.Advice.Verdict != dr.NoneFits {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	if len(s.Changes) != 1 || s.Changes[0].Text != "release 2026.11.4" || s.Changes[0].By != "pipeline" || s.Changes[0].Weight < .5 {
		t.Errorf("changes: %+v", s.Changes)
	}
}

func TestADiskFills(t *testing.T) {
	d := newDay(t)
	d.fire("FilesystemAlmostFull", "critical", "node=ledger-db-e1").fire("PostgresDiskFilling", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1").wait(time.Minute)
	s := d.only()
	if s.Entity.String() != "node/ledger-db-e1" || s.Fault != dr.FaultDiskFull || s.Advice.Verdict != dr.NoneFits {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestTwoIndependentIncidents(t *testing.T) {
	d := newDay(t)
	d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1", "node=ledger-app-e2").wait(2 * time.Minute)
	d.fire("HypervisorDown", "critical", "host=west-h2").fire("VMUnreachable", "critical", nodes(func(n dr.Node) bool { return n.Host == "west-h2" })...).wait(time.Minute)
	if len(d.open()) != 2 {
		t.Errorf("want two:%s", told(d.open()))
	}
	d.is("node/ledger-db-e1", dr.FaultDown)
	if s := d.is("host/west-h2", dr.FaultDown); s.Advice.Verdict != dr.NoneFits {
		t.Errorf("a host of the standby side: %s", told([]dr.Situation{s}))
	}
}

func TestFlappingIsNoise(t *testing.T) {
	d := newDay(t)
	for range 30 {
		d.fire("ProbeFailed", "warning", "node=ledger-app-e1").wait(time.Minute).end("ProbeFailed", "node=ledger-app-e1").wait(20 * time.Minute)
	}
	for _, s := range d.e.Situations() {
		if s.Advice.Verdict == dr.Recommend {
			t.Errorf("advice on noise:%s", told([]dr.Situation{s}))
		}
	}
	if open := d.open(); len(open) > 0 {
		t.Errorf("noise is shown:%s", told(open))
	}
}

func TestOneAlertNeverRecommends(t *testing.T) {
	d := newDay(t)
	d.fire("SiteDown", "critical", "site=east").wait(5 * time.Minute)
	if s := d.only(); s.Advice.Verdict == dr.Recommend || !slices.Contains(ids(s.Advice.Needs), "alert_need_second") {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
}

func TestItClosesAndIsOpenedAgain(t *testing.T) {
	d := newDay(t)
	crash := func() {
		d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1")
	}
	mend := func() {
		d.end("PostgresDown", "node=ledger-db-e1").end("ProbeFailed", "node=ledger-db-e1").end("HighErrorRate", "node=ledger-app-e1")
	}
	crash()
	d.wait(time.Minute)
	id := d.only().ID
	mend()
	d.wait(5 * time.Second)
	if s := d.only(); s.State != "quiet" || s.Firing != 0 || s.Advice.Plan != "" {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	d.wait(11 * time.Minute)
	if s, _ := d.e.Situation(id); s.State != "closed" || s.EndedAt.IsZero() || s.Advice.Plan != "ledger-failover" {
		t.Fatalf("it is %s", s.State)
	}
	d.wait(5 * time.Minute)
	crash()
	d.wait(time.Minute)
	if s := d.only(); s.ID != id || s.Times != 2 || s.State != "open" {
		t.Errorf("it was opened again as%s", told(d.open()))
	}
	mend()
	d.wait(3 * time.Hour)
	crash()
	d.wait(time.Minute)
	if s := d.only(); s.ID == id {
		t.Error("hours later it is still the same situation")
	}
	var events []string
	for _, m := range d.said {
		if m.ID == id {
			events = append(events, m.Event)
		}
	}
	for _, want := range []string{"opened", "advised", "quiet", "closed", "reopened"} {
		if !slices.Contains(events, want) {
			t.Errorf("no milestone %s in %v", want, events)
		}
	}
}

func TestNotThisIsRemembered(t *testing.T) {
	d := newDay(t)
	d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1").wait(time.Minute)
	s := d.only()
	d.e.Answer(s.ID, "not_this", dr.At(d.at))
	d.wait(10 * time.Second)
	if s = d.only(); s.Answer != "not_this" || s.Advice.Verdict != dr.NoneFits || !slices.Contains(ids(s.Advice.Forbids), "alert_forbid_answered") {
		t.Errorf("it is%s", told([]dr.Situation{s}))
	}
	d.e.Answer(s.ID, "", dr.At(d.at)) // and may be taken back
	d.wait(10 * time.Second)
	if s = d.only(); s.Answer != "" || s.Advice.Verdict == dr.NoneFits {
		t.Errorf("taken back, it is%s", told([]dr.Situation{s}))
	}
}

func TestLooksConfirmOrContradict(t *testing.T) {
	probes := []Probe{{Name: "ledger/can-pay", Proves: "business", System: "ledger"}, {Name: "payments/can-order", Proves: "business", System: "payments"}}
	d := dayWith(t, bank(), plans(), Options{Probes: probes})
	d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1").wait(time.Minute)
	s := d.only()
	if s.Advice.Verdict != dr.Possible || !slices.Equal(s.Wants, []string{"ledger/can-pay"}) || !slices.Contains(ids(s.Advice.Needs), "alert_need_look") {
		t.Fatalf("it is%s, wants %v", told([]dr.Situation{s}), s.Wants)
	}
	look := func(found string) dr.Situation {
		d.take(Looked(dr.Look{Probe: "ledger/can-pay", Proves: "business", Found: found, At: dr.At(d.at)}, "ledger"))
		d.wait(10 * time.Second)
		return d.only()
	}
	if s = look("yes"); s.Advice.Verdict != dr.Possible || !slices.Contains(ids(s.Advice.Needs), "alert_need_contradicted") {
		t.Errorf("customers are fine, and yet%s", told([]dr.Situation{s}))
	}
	if s = look("no"); s.Advice.Verdict != dr.Recommend || len(s.Looks) != 1 {
		t.Errorf("customers are not fine, and yet%s", told([]dr.Situation{s}))
	}
	if d.wait(3 * time.Minute); d.only().Advice.Verdict != dr.Possible {
		t.Errorf("an old look still counts:%s", told(d.open()))
	}
}
