package approval

import (
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func TestOnDuty(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*60*60)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	day := []dr.Duty{{Days: []string{"mon", "Tue", "wed", "thu", "fri"}, From: "08:00", To: "20:00"}}
	night := []dr.Duty{{Days: []string{"fri"}, From: "20:00", To: "08:00"}}
	for _, tc := range []struct {
		name string
		duty []dr.Duty
		zone *time.Location
		at   string
		want bool
	}{
		{"no periods", nil, nil, "2026-11-25T03:00:00Z", true},
		{"no zone", day, nil, "2026-11-25T03:00:00Z", false},
		{"day shift, Wednesday 11:00 local", day, shanghai, "2026-11-25T03:00:00Z", true},
		{"day shift begins", day, shanghai, "2026-11-25T00:00:00Z", true},
		{"day shift ends", day, shanghai, "2026-11-25T12:00:00Z", false},
		{"a minute before the end", day, shanghai, "2026-11-25T11:59:00Z", true},
		{"Saturday", day, shanghai, "2026-11-28T03:00:00Z", false},
		{"Friday in UTC, Saturday at home", day, shanghai, "2026-11-27T17:00:00Z", false},
		{"night shift, Friday 21:00", night, shanghai, "2026-11-27T13:00:00Z", true},
		{"night shift goes on on Saturday 07:59", night, shanghai, "2026-11-27T23:59:00Z", true},
		{"night shift ended, Saturday 08:00", night, shanghai, "2026-11-28T00:00:00Z", false},
		{"no night shift on Friday 07:00", night, shanghai, "2026-11-26T23:00:00Z", false},
		{"round the clock", []dr.Duty{{From: "08:00", To: "08:00"}}, shanghai, "2026-11-25T23:59:00Z", true},
		{"to midnight", []dr.Duty{{From: "16:00", To: "24:00"}}, shanghai, "2026-11-25T15:59:00Z", true},
		{"from midnight", []dr.Duty{{From: "00:00", To: "08:00"}}, shanghai, "2026-11-25T15:59:00Z", false},
		{"summer time", []dr.Duty{{From: "08:00", To: "09:00"}}, london, "2026-07-01T07:30:00Z", true},
		{"unreadable", []dr.Duty{{From: "8", To: "20:00"}}, shanghai, "2026-11-25T03:00:00Z", false},
		{"unreadable end", []dr.Duty{{From: "08:00", To: "25:00"}}, shanghai, "2026-11-25T03:00:00Z", false},
		{"unknown day", []dr.Duty{{Days: []string{"someday"}, From: "00:00", To: "24:00"}}, shanghai, "2026-11-25T03:00:00Z", false},
		{"second period", []dr.Duty{{From: "01:00", To: "02:00"}, {From: "10:00", To: "12:00"}}, shanghai, "2026-11-25T03:00:00Z", true},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := OnDuty(dr.Person{Duty: tc.duty}, tc.zone, dr.At(at)); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// Renumbering a person in the roster, or taking them out, does not make them somebody else.
func TestIdentitySurvivesTheRoster(t *testing.T) {
	frozen := []dr.Person{{ID: "lin", Human: "10041"}, {ID: "lin.admin", Human: "10041"}, {ID: "wei", Human: "10042"}, {ID: "bare"}}
	for _, tc := range []struct {
		name string
		live []dr.Person
		a, b string
		want bool
	}{
		{"one human, two accounts", frozen, "lin", "lin.admin", true},
		{"two humans", frozen, "lin", "wei", false},
		{"renumbered since", []dr.Person{{ID: "lin", Human: "1"}, {ID: "lin.admin", Human: "2"}}, "lin", "lin.admin", true},
		{"one account gone", []dr.Person{{ID: "lin", Human: "10041"}}, "lin", "lin.admin", true},
		{"both gone", nil, "lin", "lin.admin", true},
		{"merged since", []dr.Person{{ID: "lin", Human: "10042"}, {ID: "wei", Human: "10042"}}, "lin", "wei", true},
		{"nobody knows either", nil, "x", "y", false},
		{"no number", frozen, "bare", "bare", true},
		{"nobody", frozen, "", "", false},
	} {
		c := Case{Slice: &dr.Slice{People: frozen}, Roster: dr.Roster{People: tc.live}}
		if got := c.same(tc.a, tc.b); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// A chain of "the same as" is one human.
func TestPeopleMerge(t *testing.T) {
	var p people
	p.add(identity{"a"})
	p.add(identity{"b"})
	p.add(identity{"c"})
	if len(p) != 3 {
		t.Fatalf("%d people", len(p))
	}
	p.add(identity{"a", "", "b"})
	if len(p) != 2 {
		t.Errorf("%d people after two turned out to be one", len(p))
	}
}

func TestVotesFor(t *testing.T) {
	rule := dr.Rule{Groups: []dr.Group{{Name: "g", Roles: []dr.Role{dr.Approver}, Teams: []string{"ops"}, N: 1}}}
	until := zero.Plus(tickMS)
	approver := dr.Person{ID: "chen", Roles: []dr.Role{dr.Approver}, Teams: []string{"ops"}}
	away := dr.Deputy{For: "chen", From: zero.Plus(-tickMS), To: until}
	c := Case{Slice: &dr.Slice{Rule: rule}, Now: zero, Roster: dr.Roster{People: []dr.Person{
		approver,
		{ID: "lin", Deputy: []dr.Deputy{{For: "nobody", From: away.From, To: until}, away}},
		{ID: "both", Roles: approver.Roles, Teams: approver.Teams, Deputy: []dr.Deputy{away}},
		{ID: "late", Deputy: []dr.Deputy{{For: "chen", From: zero.Plus(-2 * tickMS), To: zero}}},
		{ID: "second", Deputy: []dr.Deputy{{For: "lin", From: away.From, To: until}}},
		{ID: "self", Deputy: []dr.Deputy{{For: "self", From: away.From, To: until}}},
	}}}
	for _, tc := range []struct{ person, asked, want string }{
		{"chen", "", ""}, {"lin", "", "chen"}, {"lin", "chen", "chen"}, {"both", "", ""}, {"both", "chen", "chen"}, {"both", "both", ""},
		{"late", "", ""}, {"second", "", ""}, {"second", "chen", "chen"}, {"self", "", ""}, {"stranger", "", ""},
	} {
		if got := c.votesFor(Act{Person: tc.person, For: tc.asked}); got != tc.want {
			t.Errorf("%s asking for %q votes for %q, want %q", tc.person, tc.asked, got, tc.want)
		}
	}
	for person, want := range map[string]bool{"chen": true, "lin": true, "both": true, "late": false, "second": false, "self": false} {
		whom := c.votesFor(Act{Person: person})
		if got := fitsAny(c.Roster, rule, person, whom, c.Now); got != want {
			t.Errorf("%s for %q: eligible %v", person, whom, got)
		}
	}
}
