package fsm

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// TestCommandNeverDeadEnds: whoever leads may leave the roster in mid-run; then a commander on duty takes
// over, or any commander where none is on duty, and nobody else.
func TestCommandNeverDeadEnds(t *testing.T) {
	never := []dr.Duty{{Days: []string{"sun"}, From: "00:00", To: "00:01"}} // the walk's day is a Wednesday
	roster := func(change func(people []dr.Person)) dr.Roster {
		r := walkRoster()
		r.People = append(slices.Clone(r.People), dr.Person{ID: "fay", Human: "6", Name: "Fay", Roles: []dr.Role{dr.Commander}})
		change(r.People)
		return r
	}
	for _, c := range []struct {
		name   string
		roster dr.Roster
		asked  string
		may    []string
	}{
		{"the commander is there", roster(func([]dr.Person) {}), "", nil},
		{"and asked bob", roster(func([]dr.Person) {}), "bob", []string{"bob"}},
		{"disabled", roster(func(p []dr.Person) { p[0].Disabled = true }), "", []string{"bob", "fay"}},
		{"gone", roster(func(p []dr.Person) { p[0].ID = "another" }), "", []string{"another", "bob", "fay"}},
		{"without a role that leads", roster(func(p []dr.Person) { p[0].Roles = []dr.Role{dr.Requester} }), "", []string{"bob", "fay"}},
		{"bob is off duty", roster(func(p []dr.Person) { p[0].Disabled, p[2].Duty = true, never }), "", []string{"fay"}},
		{"bob is off duty and was asked", roster(func(p []dr.Person) { p[0].Disabled, p[2].Duty = true, never }), "bob", []string{"bob", "fay"}},
		{"nobody is on duty", roster(func(p []dr.Person) { p[0].Disabled, p[2].Duty, p[5].Duty = true, never, never }), "", []string{"bob", "fay"}},
	} {
		s := walkBegin()
		s.Roster, s.Run.Handover = c.roster, c.asked
		for _, p := range append(slices.Clone(s.Roster.People), dr.Person{ID: "nobody"}) {
			change, refusal := Decide(AllGuards(), s, Act{Actor: dr.Actor{Person: p.ID}, Verb: dr.VerbAccept})
			want := slices.Contains(c.may, p.ID)
			if got := refusal == nil; got != want {
				t.Errorf("%s: %s takes command: %v, %v", c.name, p.ID, got, refusal)
			}
			if offered := slices.Contains(Verbs(s, p.ID), dr.VerbAccept); offered != want {
				t.Errorf("%s: accept is offered to %s: %v", c.name, p.ID, offered)
			}
			if refusal != nil || !want {
				continue
			}
			var told dr.CommandData
			if err := json.Unmarshal(change.Rows[0].Data, &told); err != nil {
				t.Fatal(err)
			}
			if change.Run.Commander != p.ID || told != (dr.CommandData{From: "ann", To: p.ID, Accepted: true, Taken: c.asked != p.ID}) {
				t.Errorf("%s: %s leads after %+v", c.name, change.Run.Commander, told)
			}
		}
	}
	s := walkBegin()
	s.Roster = roster(func(p []dr.Person) { p[0].Disabled = true })
	_, refusal := Decide(AllGuards(), s, Act{Actor: dr.Actor{Person: "bob"}, Verb: dr.VerbHandover, Args: Args{To: "fay"}})
	if refusal == nil || refusal.Err.ID != "commander_gone" {
		t.Errorf("handing over what nobody leads: %v", refusal)
	}
}
