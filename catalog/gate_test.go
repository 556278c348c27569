package catalog

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/dr"
)

func TestOnDuty(t *testing.T) {
	at := func(day, hour int) int { return day*dayMinutes + hour*60 }
	night := dr.Person{Duty: []dr.Duty{{Days: []string{"fri", "sun"}, From: "20:00", To: "08:00"}}}
	for _, c := range []struct {
		person dr.Person
		minute int
		want   bool
	}{
		{dr.Person{}, at(2, 3), true},
		{night, at(4, 19), false},
		{night, at(4, 20), true},
		{night, at(5, 7), true},  // Saturday morning belongs to Friday's night
		{night, at(5, 8), false}, // until is not included
		{night, at(5, 21), false},
		{night, at(6, 23), true},
		{night, at(0, 7), true}, // Monday morning belongs to Sunday's night
		{night, at(0, 8), false},
		{dr.Person{Duty: []dr.Duty{{From: "12:00", To: "00:00"}}}, at(3, 23), true},
		{dr.Person{Duty: []dr.Duty{{From: "12:00", To: "00:00"}}}, at(3, 0), false},
	} {
		if got := onDuty(c.person, c.minute); got != c.want {
			t.Errorf("%v at minute %d: %v", c.person.Duty, c.minute, got)
		}
	}
}

func drawRoster(t *rapid.T) dr.Roster {
	clock := rapid.SampledFrom([]string{"00:00", "06:30", "08:00", "12:00", "20:00", "23:59", "24:00"})
	var r dr.Roster
	for i := range rapid.IntRange(1, 7).Draw(t, "people") {
		p := dr.Person{ID: fmt.Sprint("p", i), Human: fmt.Sprint("h", rapid.IntRange(0, i).Draw(t, "human"))}
		p.Roles = rapid.SliceOfNDistinct(rapid.SampledFrom(dr.Roles()), 0, 3, rapid.ID[dr.Role]).Draw(t, "roles")
		p.Teams = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 0, 2, rapid.ID[string]).Draw(t, "teams")
		if rapid.Bool().Draw(t, "has duty") {
			d := dr.Duty{Days: rapid.SliceOfNDistinct(rapid.SampledFrom(weekdays()), 0, 3, rapid.ID[string]).Draw(t, "days"), From: clock.Draw(t, "from"), To: clock.Draw(t, "to")}
			p.Duty = append(p.Duty, d)
		}
		r.People = append(r.People, p)
	}
	return r
}

// Within a segment nobody comes or goes.
func TestSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRoster(t)
		next := 0
		for _, s := range segments(r) {
			if s.from != next || s.to <= s.from {
				t.Fatalf("segment %v after %d", s, next)
			}
			next = s.to
			for _, p := range r.People {
				for _, m := range []int{s.from + 1, (s.from + s.to) / 2, s.to - 1} {
					if m >= s.from && m < s.to && onDuty(p, m) != onDuty(p, s.from) {
						t.Fatalf("%s: duty %v changes inside %v", p.ID, p.Duty, s)
					}
				}
			}
		}
		if next != weekMinutes {
			t.Fatalf("the week ends at %d", next)
		}
	})
}

// The gate is said to close exactly when some choice of people, written down the slow way, closes it.
func TestGateAgainstExhaustion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRoster(t)
		rule := dr.Rule{ID: "r", Codes: rapid.IntRange(1, 2).Draw(t, "codes"), MinPeople: rapid.IntRange(3, 5).Draw(t, "min"), Issuers: []dr.Role{dr.CodeIssuer},
			Submitters: []dr.Role{dr.Operator, dr.Requester}, RequesterMaySubmit: rapid.Bool().Draw(t, "may submit"),
			Groups: []dr.Group{{Name: "g", Roles: []dr.Role{dr.Approver}, N: 1}, {Name: "h", Roles: []dr.Role{dr.Approver, dr.Commander}, Teams: []string{"a"}, N: rapid.IntRange(0, 1).Draw(t, "n")}}}
		g := gate{rule: rule, roster: r}
		humans := g.onDuty(0)
		_, lacking := g.fill(humans)
		if want := closable(g, humans); want != (lacking == "") {
			t.Fatalf("closes: %v, lacking %q\n%+v\n%+v", want, lacking, rule, humans)
		}
	})
}

// closable tries every way to give out the parts: each human is the requester, an issuer, a voter for
// one group, a voter too many, or nobody; anybody but an issuer may submit.
func closable(g gate, humans map[string][]dr.Person) bool {
	const nobody, requester, issuer, extra, firstGroup = 0, 1, 2, 3, 4
	ids := keys(humans)
	has := func(id string, roles ...dr.Role) bool {
		for _, p := range humans[id] {
			for _, r := range roles {
				if p.Has(r) {
					return true
				}
			}
		}
		return false
	}
	part := make([]int, len(ids))
	var try func(i int) bool
	complete := func() bool {
		counts := map[int]int{}
		submitter, outsider := false, false
		for i, id := range ids {
			counts[part[i]]++
			if part[i] == requester && g.rule.RequesterMaySubmit {
				submitter = true
			}
			if has(id, g.rule.Submitters...) && part[i] != issuer && part[i] != requester {
				submitter = true
				outsider = outsider || part[i] == nobody
			}
		}
		people := len(ids) - counts[nobody]
		if outsider {
			people++
		}
		if counts[requester] != 1 || counts[issuer] != g.rule.Codes || !submitter || people < g.rule.MinPeople {
			return false
		}
		for i, group := range g.rule.Groups {
			if counts[firstGroup+i] != group.N {
				return false
			}
		}
		return true
	}
	try = func(i int) bool {
		if i == len(ids) {
			return complete()
		}
		id := ids[i]
		options := []int{nobody}
		if has(id, dr.Requester) {
			options = append(options, requester)
		}
		if has(id, g.rule.Issuers...) {
			options = append(options, issuer)
		}
		for j, group := range g.rule.Groups {
			if g.votes(group, humans[id]) {
				options = append(options, firstGroup+j, extra)
			}
		}
		for _, o := range options {
			part[i] = o
			if try(i + 1) {
				return true
			}
		}
		return false
	}
	return try(0)
}

func TestDeputies(t *testing.T) {
	year := func(y int) dr.Time {
		var m dr.Time
		if err := m.UnmarshalJSON(fmt.Appendf(nil, `"%d-01-01T00:00:00Z"`, y)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	boss := dr.Person{ID: "boss", Roles: []dr.Role{dr.Approver}}
	stand := dr.Person{ID: "stand", Deputy: []dr.Deputy{{For: "boss", From: year(2026), To: year(2027)}}}
	group := dr.Group{Roles: []dr.Role{dr.Approver}, N: 1}
	for now, want := range map[int]bool{2025: false, 2026: true, 2027: false} {
		g := gate{roster: dr.Roster{People: []dr.Person{boss, stand}}, now: year(now)}
		if got := g.votes(group, []dr.Person{stand}); got != want {
			t.Errorf("in %d the deputy votes: %v", now, got)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"system", "systems", "title", "retry"}
	for got, want := range map[string]string{
		"sytems": `did you mean "systems"?`, "SYSTEM": `did you mean "system"?`, "titel": `did you mean "title"?`, "retyr": `did you mean "retry"?`,
		"mainframe": "known: retry, system, systems, title", "": "known: retry, system, systems, title",
	} {
		if hint := didYouMean(got, known); hint != want {
			t.Errorf("%q: %s", got, hint)
		}
	}
}
