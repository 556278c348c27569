package alerts

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// everything gives the clues of a situation.
func everything(s dr.Situation) []dr.Clue {
	out := append([]dr.Clue{s.Advice.Headline}, s.For...)
	for _, list := range [][]dr.Clue{s.Against, s.Advice.Why, s.Advice.Needs, s.Advice.Forbids} {
		out = append(out, list...)
	}
	return out
}

// TestEveryClueCanBeSaid: in every story, each clue has its sentence in both languages and fills all its
// holes.
func TestEveryClueCanBeSaid(t *testing.T) {
	said := map[string]bool{}
	check := func(d *day) {
		for _, s := range d.e.Situations() {
			for _, c := range everything(s) {
				said[c.ID] = true
				for _, lang := range []string{"en", "zh"} {
					if text := locale.Say(lang, c.ID, c.Args) + locale.Hint(lang, c.ID, c.Args); !locale.Has(c.ID) || strings.ContainsAny(text, "{}") {
						t.Errorf("%s in %s: %s", c.ID, lang, text)
					}
				}
			}
		}
	}
	probes := []Probe{{Name: "ledger/can-pay", Proves: "business", System: "ledger"}}
	for _, tell := range []func(*day){
		func(d *day) {
			d.fire("NodeDown", "critical", nodes(at("east"))...).fire("ProbeFailed", "critical", nodes(at("east"))...)
		},
		func(d *day) {
			d.fire("NodeDown", "critical", nodes(at("west"))...).fire("ProbeFailed", "critical", nodes(at("west"))...)
		},
		func(d *day) {
			d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1")
		},
		func(d *day) {
			d.fire("ReplicationStopped", "critical", "node=identity-db-w1", "node=ledger-db-w1", "node=payments-db-w1").fire("LinkDown", "critical", "link=dci").fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1")
		},
		func(d *day) {
			d.fire("ReplicationStopped", "critical", "node=ledger-db-w1").fire("PostgresReplicationLag", "warning", "node=ledger-db-w1").fire("ArrayIOErrors", "critical", "array=east-a1").fire("DiskLatencyHigh", "critical", "node=ledger-db-e1", "node=payments-db-e1")
		},
		func(d *day) {
			d.change("deploy", "system=payments", "").fire("HighErrorRate", "critical", "node=payments-app-e1", "node=payments-app-e2").fire("LatencyHigh", "warning", "node=payments-app-e3", "node=payments-app-e1")
		},
		func(d *day) {
			d.change("maintenance", "system=ledger", "new disks").fire("DiskFull", "critical", "node=ledger-db-e1").fire("CertificateExpired", "critical", "node=payments-app-e1").fire("CPUHigh", "critical", "node=identity-app-e1", "node=identity-app-e2").fire("LatencyHigh", "critical", "node=identity-app-e1", "node=identity-app-e2", "node=identity-app-e3")
		},
		func(d *day) {
			d.lost().back().fire("ReplicationBroken", "critical", databases("west")...)
		},
		func(d *day) {
			d.fire("PostgresDown", "critical", "node=payments-db-w1").fire("Odd", "critical", "node=identity-app-e1")
		},
	} {
		d := dayWith(t, bank(), plans(), Options{Probes: probes})
		tell(d)
		d.wait(5 * time.Second)
		check(d)
		for _, found := range []string{"yes", "unknown", "no"} {
			d.take(Looked(dr.Look{Probe: "ledger/can-pay", Proves: "business", Found: found, At: dr.At(d.at)}, "ledger"))
			d.wait(time.Minute)
			check(d)
		}
		for _, s := range d.open() {
			d.e.Answer(s.ID, "not_this", dr.At(d.at))
		}
		d.end("NodeDown", nodes(at("east"))[:3]...).wait(time.Minute)
		check(d)
		d.end("NodeDown", nodes(at("east"))...).end("ProbeFailed", nodes(at("east"))...).wait(5 * time.Second)
		check(d)
		d.fire("NodeDown", "critical", nodes(at("east"))[0]).wait(5 * time.Second)
		check(d)
		d.wait(25 * time.Hour) // whatever still hangs, it is over
		check(d)
	}
	if len(said) < 30 {
		t.Errorf("only %d sentences were said; the stories are too tame", len(said))
	}
}

func TestRestoreRefusesWhatItCannotRead(t *testing.T) {
	topology := NewTopology(bank())
	for _, raw := range []string{"", "{", `{"version":99}`, `[]`} {
		if e, err := Restore(topology, plans(), Options{}, []byte(raw)); err == nil || e != nil {
			t.Errorf("%q was taken up", raw)
		}
	}
}

// An organisation whose files changed keeps what is still there.
func TestRestoreWithOtherFiles(t *testing.T) {
	d := newDay(t)
	d.fire("PostgresDown", "critical", "node=ledger-db-e1").fire("ProbeFailed", "critical", "node=ledger-db-e1").fire("HighErrorRate", "warning", "node=ledger-app-e1", "node=payments-app-e1").wait(time.Minute)
	raw, err := d.e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	org := bank()
	org.Systems = org.Systems[1:2] // only the ledger is left
	e, err := Restore(NewTopology(org), plans(), Options{}, raw)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := e.Situation(d.only().ID)
	if !ok || s.Entity.ID != "ledger-db-e1" {
		t.Errorf("it is %+v", s)
	}
	e.Advance(dr.At(d.at.Add(time.Hour)))
	if _, err := json.Marshal(e.Situations()); err != nil {
		t.Error(err)
	}
	empty, err := Restore(NewTopology(dr.Organisation{}), nil, Options{}, raw)
	if err != nil || len(empty.Situations()) != 0 {
		t.Errorf("an organisation of nothing: %v", err)
	}
	empty.Advance(dr.At(d.at.Add(time.Hour)))
}

// Situations are kept apart by id even when many come about in one day.
func TestUnresolvedStaysVisible(t *testing.T) {
	d := newDay(t)
	for range 3 {
		d.fire("Strange", "critical", "instance=172.16.3.4:9100")
	}
	if got := d.e.Unresolved(); len(got) != 3 || got[0].Name != "Strange" || len(d.open()) != 0 {
		t.Errorf("%+v%s", got, told(d.open()))
	}
}
