package app

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// moved notes a run that brought both systems to the west, as the engine of runs does.
func (l *lookout) moved(kind dr.Kind, forced bool) {
	l.t.Helper()
	run := dr.Run{ID: "r-1", Plan: "bank-failover", Digest: dr.Digest([]byte("{}")), Round: dr.Round{Number: 1, State: "used"}, Kind: kind, Mode: dr.Emergency, Direction: dr.Outbound, State: dr.Closed, From: "east", To: "west", Requester: "ann", Clocks: dr.Clocks{Requested: l.clock.clock().Time()}}
	for _, id := range []string{"ledger", "payments"} {
		run.Systems = append(run.Systems, dr.RunSystem{ID: id, From: "east", To: "west", Site: "west", State: "verified", Forced: forced})
	}
	err := l.Store.Write(l.t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertRun(context.Background(), run, []byte("{}")); err != nil {
			return err
		}
		for _, s := range run.Systems {
			if err := tx.SetPlacement(context.Background(), dr.Placement{System: s.ID, Site: "west", Previous: "east", Run: run.ID, Since: run.Clocks.Requested}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.watch.placedAt = time.Time{}
}

// TestWhatAFailoverLeavesBehind: copies that stop after a run moved everything by force are told as what they are;
// after a planned move they are news. A restart, and an engine made anew, know it still.
func TestWhatAFailoverLeavesBehind(t *testing.T) {
	for _, tc := range []struct {
		name   string
		kind   dr.Kind
		forced bool
		want   dr.Fault
	}{
		{"failover", dr.Failover, true, dr.FaultUnprotected},
		{"planned, and then forced", dr.Switchover, true, dr.FaultUnprotected},
		{"planned", dr.Switchover, false, dr.FaultPartition},
	} {
		for _, again := range []string{"", "restarted", "made anew"} {
			t.Run(tc.name+" "+again, func(t *testing.T) {
				l := newLookout(t, "")
				l.wait(time.Hour)
				l.pass()
				l.moved(tc.kind, tc.forced)
				l.pass()
				switch again {
				case "made anew":
					err := l.Store.Write(t.Context(), func(tx *store.Tx) error { return tx.PutFold(t.Context(), store.Fold{Body: []byte("not a fold")}) })
					if err != nil {
						t.Fatal(err)
					}
					l.watch.drop()
				case "restarted":
					l.watch.leave(t.Context())
				}
				if again != "" {
					l.crash()
					l.start()
					l.pass()
				}
				for n, system := range []string{"ledger", "payments"} {
					l.wait(time.Second)
					l.send(l.alert("ReplicationBroken", fmt.Sprintf("%s-db-w1", system), "firing", "n", fmt.Sprint(n)))
				}
				for range 15 {
					l.pass()
					l.wait(time.Second)
				}
				told := l.tell()
				if len(told.Situations) != 1 || told.Situations[0].Fault != tc.want {
					t.Errorf("%d situations: %+v", len(told.Situations), told.Situations)
				}
			})
		}
	}
}

// TestTheRunIsTold: a situation whose plan somebody asked for already comes with that run, whatever the reason was.
func TestTheRunIsTold(t *testing.T) {
	l := newLookout(t, "")
	l.wait(time.Hour)
	l.send(l.lost()...)
	for range 40 {
		l.pass()
		l.wait(time.Second)
	}
	ask := func(id string, mode dr.Mode) {
		run := dr.Run{ID: id, Plan: "bank-failover", Digest: dr.Digest([]byte("{}")), Round: dr.Round{Number: 1, State: "open"}, Kind: dr.Failover, Mode: mode, Direction: dr.Outbound, State: dr.AwaitingApproval, Requester: "ann", Reason: "by hand"}
		if err := l.Store.Write(t.Context(), func(tx *store.Tx) error { return tx.InsertRun(t.Context(), run, []byte("{}")) }); err != nil {
			t.Fatal(err)
		}
	}
	told := func() string {
		var out struct {
			Situations []struct {
				ID  string
				Run struct{ ID string }
			}
		}
		l.call("GET", "/api/situations", "", &out)
		var one struct{ Run struct{ ID string } }
		l.call("GET", "/api/situations/"+out.Situations[0].ID, "", &one)
		if one.Run.ID != out.Situations[0].Run.ID {
			t.Errorf("the list says run %q, the page %q", out.Situations[0].Run.ID, one.Run.ID)
		}
		return one.Run.ID
	}
	if ask("r-1", dr.Rehearsal); told() != "" {
		t.Errorf("a rehearsal carries nothing out: %s", told())
	}
	if ask("r-2", dr.Emergency); told() != "r-2" {
		t.Errorf("the run is %q", told())
	}
}
