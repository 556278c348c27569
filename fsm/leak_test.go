package fsm

import (
	"reflect"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// A leak takes one code away and nothing else: state, round, votes and tries stay, and a code that is dead
// already stays as it died.
func TestLeakTakesTheCodeAlone(t *testing.T) {
	s := walkBegin()
	s.Run.State, s.Run.CodeTries = dr.AwaitingCode, 2
	s.Run.Round = dr.Round{Number: 1, State: "complete", Votes: []dr.Vote{{Person: "bob", Human: "2", Verdict: approval.Approve}}}
	s.Run.Codes = []dr.Code{{ID: "one", Round: 1, Issuer: "ann2", Expires: s.Now.Plus(60_000)}, {ID: "two", Round: 1, Issuer: "bob", Source: "sheet", Expires: s.Now.Plus(60_000)}}
	before := cloneRun(s.Run)
	for _, id := range []string{"one", "two"} {
		c := leakChange(s, dr.Actor{Person: "eve"}, id)
		if c == nil || len(c.Codes) != 1 || c.Codes[0].ID != id || c.Codes[0].Revoked != s.Now || len(c.Rows) != 1 || c.Rows[0].Kind != dr.RowCodeRevoked || c.Rows[0].Actor != "eve" {
			t.Fatalf("%s: %+v", id, c)
		}
		after := c.Run
		after.Codes = before.Codes
		if !reflect.DeepEqual(after, before) || !reflect.DeepEqual(s.Run, before) {
			t.Errorf("%s: the run is another: %+v", id, after)
		}
	}
	s.Run.Codes[0].Used, s.Run.Codes[1].Revoked = s.Now, s.Now
	for _, id := range []string{"one", "two", "three"} {
		if c := leakChange(s, dr.Actor{}, id); c != nil {
			t.Errorf("%s was dead, and something changed: %+v", id, c.Rows)
		}
	}
}

// Whoever issued the code that leaked is called again, though they have answered the first call.
func TestLeakCallsTheIssuerAgain(t *testing.T) {
	s := walkBegin()
	s.Run.State, s.Run.Round = dr.AwaitingCode, dr.Round{Number: 1}
	first := occasion(s, callout{about: "code"})
	s.Run.Codes = []dr.Code{{ID: "one", Round: 1, Revoked: s.Now, Expires: s.Now.Plus(60_000)}}
	if again := occasion(s, callout{about: "code"}); again == first {
		t.Errorf("the same call: %s", again)
	}
	if first != "r/code/1" { // as versions before named it: nobody is called twice over an upgrade
		t.Error(first)
	}
}

func TestLooksAreCounted(t *testing.T) {
	var l looks
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	count := func(person string) (n int) {
		for range 100 {
			if l.one(person, now) {
				n++
			}
		}
		return n
	}
	if n := count("ada"); n != leakLooks {
		t.Errorf("%d looks of one person", n)
	}
	if n := count("ben"); n != leakLooks {
		t.Errorf("%d looks of another", n)
	}
	for _, p := range []string{"c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		count(p)
	}
	if l.all != leakLooksBy {
		t.Errorf("%d looks of all", l.all)
	}
	now = now.Add(leakWindow)
	if n := count("ada"); n != leakLooks {
		t.Errorf("%d looks in the next minute", n)
	}
}

// A place is silent after a while, and no longer once it answers.
func TestSilentPlaces(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	e := New(Config{Clock: dr.Clock{Now: func() time.Time { return now }}})
	e.Unheard("slack/b", dr.At(now))
	e.Unheard("slack/a", dr.At(now.Add(time.Minute)))
	count := func(after time.Duration) int {
		now = now.Add(after)
		return len(e.silent())
	}
	if a, b, c := count(4*time.Minute), count(time.Minute), count(time.Minute); a != 0 || b != 1 || c != 2 {
		t.Errorf("%d, %d, %d places are silent", a, b, c)
	}
	if all := e.silent(); all[0].place != "slack/a" {
		t.Errorf("out of order: %+v", all)
	}
	e.Unheard("slack/a", dr.Time{})
	if all := e.silent(); len(all) != 1 || all[0].place != "slack/b" {
		t.Errorf("it answers, and is silent: %+v", all)
	}
}

// The commander is called about a silent place; where they cannot be, whoever leads and is on duty.
func TestSilenceCallsWhoLeads(t *testing.T) {
	s := walkBegin()
	phone := []dr.Contact{{Kind: "phone", Value: "1"}}
	for i := range s.Roster.People {
		s.Roster.People[i].Contacts = phone
	}
	ids := func() (out []string) {
		for _, p := range leads(s, []string{"phone"}) {
			out = append(out, p.ID)
		}
		return out
	}
	if got := ids(); !reflect.DeepEqual(got, []string{"ann"}) {
		t.Errorf("called %v", got)
	}
	s.Roster.People[0].Contacts = nil
	if got := ids(); !reflect.DeepEqual(got, []string{"ann2", "bob"}) {
		t.Errorf("without the commander: %v", got)
	}
	s.Roster.People[2].Duty = []dr.Duty{{Days: []string{"sun"}, From: "00:00", To: "00:01"}}
	if got := ids(); !reflect.DeepEqual(got, []string{"ann2"}) {
		t.Errorf("bob is off duty: %v", got)
	}
}
