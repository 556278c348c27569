package approval

import (
	"fmt"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"pgregory.net/rapid"
)

// hall is a room of approvers in up to three teams, some of them deputies or second accounts.
func hall(t *rapid.T) Case {
	groups := make([]dr.Group, rapid.IntRange(1, 3).Draw(t, "groups"))
	for g := range groups {
		groups[g] = dr.Group{Name: fmt.Sprint("g", g), Roles: []dr.Role{dr.Approver}, Teams: []string{fmt.Sprint("t", g)}, N: rapid.IntRange(1, 2).Draw(t, "n")}
	}
	var people []dr.Person
	n := rapid.IntRange(1, 7).Draw(t, "people")
	for i := range n {
		p := dr.Person{ID: fmt.Sprint("p", i), Human: fmt.Sprint("h", rapid.IntRange(0, n-1).Draw(t, "human")), Roles: []dr.Role{dr.Approver}}
		for g := range groups {
			if rapid.Bool().Draw(t, "in team") {
				p.Teams = append(p.Teams, fmt.Sprint("t", g))
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "deputy") == 0 {
			p.Deputy = []dr.Deputy{{For: fmt.Sprint("p", rapid.IntRange(0, n-1).Draw(t, "for")), From: zero.Plus(-1), To: zero.Plus(1000)}}
		}
		people = append(people, p)
	}
	c := Case{Now: zero, Roster: dr.Roster{People: people},
		Slice: &dr.Slice{People: people, Rule: dr.Rule{Groups: groups, VoteValidity: 1000}},
		Run:   dr.Run{Digest: digestOf(0), Requester: "somebody else", Round: dr.Round{Number: 1}}}
	for _, p := range people {
		v := dr.Vote{Person: p.ID, Human: p.Human, Verdict: Approve, Round: 1, Digest: c.Run.Digest, At: zero}
		if len(p.Deputy) > 0 && rapid.Bool().Draw(t, "as deputy") {
			v.For = p.Deputy[0].For
		}
		if rapid.IntRange(0, 4).Draw(t, "votes") > 0 {
			c.Run.Round.Votes = append(c.Run.Round.Votes, v)
		}
	}
	return c
}

// most tries every way to give votes to slots.
func most(c Case, slots []dr.Group, used map[string]bool, taken map[int]bool) int {
	if len(slots) == 0 {
		return 0
	}
	best := most(c, slots[1:], used, taken) // leave this slot empty
	for i, v := range c.Run.Round.Votes {
		if taken[i] || !eligible(c, v, slots[0]) {
			continue
		}
		humans := []string{v.Human}
		if v.For != "" {
			if p, _ := c.Roster.Person(v.For); p.Human != v.Human {
				humans = append(humans, p.Human)
			}
		}
		free := true
		for _, h := range humans {
			free = free && !used[h]
		}
		if !free {
			continue
		}
		for _, h := range humans {
			used[h] = true
		}
		taken[i] = true
		best = max(best, 1+most(c, slots[1:], used, taken))
		delete(taken, i)
		for _, h := range humans {
			delete(used, h)
		}
	}
	return best
}

func eligible(c Case, v dr.Vote, g dr.Group) bool {
	who := v.Person
	if v.For != "" {
		who = v.For
		if v.For == v.Person {
			return false
		}
	}
	p, _ := c.Roster.Person(who)
	for _, team := range p.Teams {
		if team == g.Teams[0] {
			return true
		}
	}
	return false
}

// Tally finds the most slots that can be filled, fills them honestly, and one vote more never makes
// it fewer.
func TestTallyIsTheBestFilling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := hall(t)
		var slots []dr.Group
		for _, g := range c.Slice.Rule.Groups {
			for range g.N {
				slots = append(slots, g)
			}
		}
		have, need, complete, matched := Tally(c)
		if want := most(c, slots, map[string]bool{}, map[int]bool{}); have != want || need != len(slots) || complete != (have == need) || len(matched) != have {
			t.Fatalf("have %d, need %d, complete %v, %d matched; the best is %d of %d\n%+v", have, need, complete, len(matched), want, len(slots), c.Run.Round.Votes)
		}
		if n := len(c.Run.Round.Votes); n > 0 {
			fewer := c
			fewer.Run.Round.Votes = c.Run.Round.Votes[:n-1]
			if before, _, _, _ := Tally(fewer); before > have {
				t.Fatalf("%d slots with %d votes, %d with one more", before, n-1, have)
			}
		}
	})
}

func TestTallyWithoutPlan(t *testing.T) {
	if have, need, complete, votes := Tally(Case{}); have != 0 || need != 0 || complete || votes != nil {
		t.Error("something counts where there is no plan")
	}
	if _, _, complete, _ := Tally(Case{Slice: &dr.Slice{}}); complete {
		t.Error("a rule without groups is satisfied by nobody")
	}
}

// Many deputies of one person clash with each other; the search must not explode on them.
func TestTallyOfManyDeputies(t *testing.T) {
	c := Case{Now: zero, Slice: &dr.Slice{Rule: dr.Rule{VoteValidity: 1000, Groups: []dr.Group{{Roles: []dr.Role{dr.Approver}, N: 9}}}}, Run: dr.Run{Digest: digestOf(0), Round: dr.Round{Number: 1}}}
	for i := range 40 {
		p := dr.Person{ID: fmt.Sprint("p", i), Human: fmt.Sprint("h", i), Roles: []dr.Role{dr.Approver}}
		p.Deputy = []dr.Deputy{{For: fmt.Sprint("p", i/8*8), From: zero.Plus(-1), To: zero.Plus(1000)}}
		c.Roster.People = append(c.Roster.People, p)
		v := dr.Vote{Person: p.ID, Human: p.Human, Verdict: Approve, Round: 1, Digest: c.Run.Digest, At: zero}
		if i%8 != 0 {
			v.For = p.Deputy[0].For
		}
		c.Run.Round.Votes = append(c.Run.Round.Votes, v)
	}
	c.Slice.People = c.Roster.People
	if have, _, _, _ := Tally(c); have != 5 {
		t.Errorf("five persons and their deputies fill %d slots", have)
	}
}

func TestDeadline(t *testing.T) {
	c := Case{Slice: &dr.Slice{Rule: dr.Rule{VoteValidity: 10 * tickMS, Groups: []dr.Group{{N: 2}}}},
		Run: dr.Run{State: dr.AwaitingApproval, Round: dr.Round{State: RoundOpen, Expires: at(3),
			Votes: []dr.Vote{{Verdict: Approve, At: at(0)}, {Verdict: Approve, At: at(2)}, {Verdict: Deny, At: at(9)}}}}}
	if got := Deadline(c); got != at(3) {
		t.Errorf("while votes are collected: %v", got)
	}
	c.Run.State = dr.AwaitingCode
	if got := Deadline(c); got != at(10) {
		t.Errorf("with the quorum: %v, want the end of the older of two votes", got)
	}
	c.Run.Round.Expires = at(20)
	if got := Deadline(c); got != at(20) {
		t.Errorf("never before the round's own time: %v", got)
	}
	c.Run.Round.Votes = nil
	if got := Deadline(c); got != at(20) {
		t.Errorf("without votes: %v", got)
	}
}
