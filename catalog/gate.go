package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// weekdays in the order the week is walked.
func weekdays() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

// gates checks that every rule can be fulfilled at any time of the week with any one person missing.
// The week is walked in the stretches in which the same people are on duty. People are counted as
// humans: two accounts of one human fill one seat.
func (k *checker) gates() {
	if k.c.files.roster == nil || k.c.files.policy == nil || len(k.c.org.Roster.People) == 0 {
		return
	}
	for i, r := range k.c.org.Policy.Rules {
		if r.ID == "" || r.Quorum() == 0 || !slices.ContainsFunc(r.Modes, func(m dr.Mode) bool { return m != dr.Rehearsal }) {
			continue
		}
		g := gate{rule: r, roster: k.c.org.Roster, now: dr.At(k.now)}
		if text := g.firstGap(); text != "" {
			k.err(k.c.files.policy.Rules[i].At, "give more people the roles it needs, or longer duty periods", "the rule %q cannot be fulfilled %s", r.ID, text)
		}
	}
}

// gate is one rule and the people who could fulfil it.
type gate struct {
	rule   dr.Rule
	roster dr.Roster
	now    dr.Time
}

// seat is one part in a run that one human must play.
type seat struct {
	what string
	fits func(gate, []dr.Person) bool // one human's accounts on duty
}

// firstGap says when and without whom the rule cannot be fulfilled; empty when it always can.
func (g gate) firstGap() string {
	seen := map[string]bool{}
	for _, seg := range segments(g.roster) {
		humans := g.onDuty(seg.from)
		key := strings.Join(keys(humans), "\x00")
		if seen[key] {
			continue
		}
		seen[key] = true
		who, lacking := g.fill(humans)
		if lacking != "" {
			return fmt.Sprintf("%s, even with everybody there: %s is missing", seg, lacking)
		}
		for _, absent := range who { // whoever has no seat is not missed
			rest := make(map[string][]dr.Person, len(humans))
			for id, accounts := range humans {
				if id != absent {
					rest[id] = accounts
				}
			}
			if _, lacking := g.fill(rest); lacking != "" {
				return fmt.Sprintf("%s when %s is missing: no other %s", seg, nameOf(humans[absent]), lacking)
			}
		}
	}
	return ""
}

func nameOf(accounts []dr.Person) string {
	if accounts[0].Name != "" {
		return accounts[0].Name
	}
	return accounts[0].ID
}

// onDuty are the humans on duty at a minute of the week, with their accounts.
func (g gate) onDuty(minute int) map[string][]dr.Person {
	out := map[string][]dr.Person{}
	for _, p := range g.roster.People {
		if !p.Disabled && onDuty(p, minute) {
			out[p.Human] = append(out[p.Human], p)
		}
	}
	return out
}

// fill seats the humans and answers who sits, or the seat nobody is left for. Whoever types the code
// may be the requester where the rule allows it, or one of the voters; only the issuer may not. So
// there are several ways to share the seats, and one that works is enough.
func (g gate) fill(humans map[string][]dr.Person) (who []string, lacking string) {
	ids := keys(humans)
	fewest := -1
	for _, seats := range g.arrangements() {
		taken, missing := match(len(seats), len(ids), func(s, h int) bool { return seats[s].fits(g, humans[ids[h]]) })
		if len(missing) == 0 {
			for _, h := range taken {
				who = append(who, ids[h])
			}
			return who, ""
		}
		if fewest < 0 || len(missing) < fewest {
			fewest, lacking = len(missing), seats[missing[0]].what
		}
	}
	return nil, lacking
}

// arrangements are the ways to share the seats of the rule.
func (g gate) arrangements() [][]seat {
	has := func(roles []dr.Role) func(gate, []dr.Person) bool {
		return func(_ gate, accounts []dr.Person) bool {
			return slices.ContainsFunc(accounts, func(p dr.Person) bool { return slices.ContainsFunc(roles, p.Has) })
		}
	}
	submits := has(g.rule.Submitters)
	base := []seat{{"requester", has([]dr.Role{dr.Requester})}}
	for _, group := range g.rule.Groups {
		for range group.N {
			base = append(base, seat{fmt.Sprintf("voter of group %q", group.Name), func(g gate, a []dr.Person) bool { return g.votes(group, a) }})
		}
	}
	voters := len(base)
	for range g.rule.Codes {
		base = append(base, seat{"issuer of the code", has(g.rule.Issuers)})
	}
	var out [][]seat
	if g.rule.RequesterMaySubmit {
		out = append(out, g.padded(slices.Clone(base)))
	}
	for i := 1; i < voters; i++ {
		shared := slices.Clone(base)
		also := shared[i].fits
		shared[i] = seat{shared[i].what, func(g gate, a []dr.Person) bool { return also(g, a) && submits(g, a) }}
		out = append(out, g.padded(shared))
	}
	return append(out, g.padded(append(slices.Clone(base), seat{"submitter of the code", submits})))
}

// padded adds further voters until as many people take part as the rule wants.
func (g gate) padded(seats []seat) []seat {
	for len(seats) < g.rule.MinPeople {
		seats = append(seats, seat{fmt.Sprintf("voter beyond the quorum (the rule wants %d people)", g.rule.MinPeople), func(g gate, a []dr.Person) bool {
			return slices.ContainsFunc(g.rule.Groups, func(group dr.Group) bool { return g.votes(group, a) })
		}})
	}
	return seats
}

// votes reports whether a human may vote in a group, for themselves or for somebody they stand in for.
func (g gate) votes(group dr.Group, accounts []dr.Person) bool {
	for _, p := range accounts {
		if inGroup(group, p) {
			return true
		}
		for _, d := range p.Deputy {
			active := !g.now.Before(d.From.Time) && g.now.Before(d.To.Time)
			if other, ok := g.roster.Person(d.For); ok && active && !other.Disabled && inGroup(group, other) {
				return true
			}
		}
	}
	return false
}

func inGroup(group dr.Group, p dr.Person) bool {
	team := len(group.Teams) == 0 || slices.ContainsFunc(group.Teams, func(t string) bool { return slices.Contains(p.Teams, t) })
	return team && slices.ContainsFunc(group.Roles, p.Has)
}

// match seats as many as possible (Kuhn's augmenting paths) and answers who sits where and which
// seats stay empty.
func match(seats, people int, fits func(seat, person int) bool) (taken []int, empty []int) {
	seatOf := make([]int, people)
	for i := range seatOf {
		seatOf[i] = -1
	}
	var try func(s int, seen []bool) bool
	try = func(s int, seen []bool) bool {
		for p := range people {
			if seen[p] || !fits(s, p) {
				continue
			}
			seen[p] = true
			if seatOf[p] < 0 || try(seatOf[p], seen) {
				seatOf[p] = s
				return true
			}
		}
		return false
	}
	for s := range seats {
		if !try(s, make([]bool, people)) {
			empty = append(empty, s)
		}
	}
	for p, s := range seatOf {
		if s >= 0 {
			taken = append(taken, p)
		}
	}
	return taken, empty
}

// segment is a stretch of the week, in minutes, during which duty does not change.
type segment struct{ from, to int }

func (s segment) String() string {
	if s.from == 0 && s.to == weekMinutes {
		return "at any time"
	}
	at := func(m int) string {
		m %= weekMinutes
		return fmt.Sprintf("%s %02d:%02d", weekdays()[m/dayMinutes], m%dayMinutes/60, m%60)
	}
	return fmt.Sprintf("from %s to %s", at(s.from), at(s.to))
}

// segments cuts the week wherever somebody's duty begins or ends.
func segments(r dr.Roster) []segment {
	cuts := []int{0}
	for _, p := range r.People {
		for _, d := range p.Duty {
			for day := range 7 {
				for _, clock := range []string{d.From, d.To} {
					if m, ok := minuteOf(clock); ok {
						cuts = append(cuts, (day*dayMinutes+m)%weekMinutes)
					}
				}
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	out := make([]segment, len(cuts))
	for i, from := range cuts {
		to := weekMinutes
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		out[i] = segment{from, to}
	}
	return out
}

func minuteOf(clock string) (int, bool) {
	if len(clock) != 5 || !formats["until"].fits(clock) {
		return 0, false
	}
	return int(clock[0]-'0')*600 + int(clock[1]-'0')*60 + int(clock[3]-'0')*10 + int(clock[4]-'0'), true
}

// onDuty reports whether a person is on duty at a minute of the week; without periods, always.
func onDuty(p dr.Person, minute int) bool {
	if len(p.Duty) == 0 {
		return true
	}
	for _, d := range p.Duty {
		from, ok1 := minuteOf(d.From)
		to, ok2 := minuteOf(d.To)
		if !ok1 || !ok2 {
			continue
		}
		for day, name := range weekdays() {
			if len(d.Days) > 0 && !slices.Contains(d.Days, name) {
				continue
			}
			start, end := day*dayMinutes+from, day*dayMinutes+to
			if to <= from {
				end += dayMinutes
			}
			if minute >= start && minute < end || minute+weekMinutes >= start && minute+weekMinutes < end {
				return true
			}
		}
	}
	return false
}
