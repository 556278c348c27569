package approval

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// humanOf is the human being behind an account in one roster; the account's own id where nobody
// said otherwise.
func humanOf(r dr.Roster, person string) (string, bool) {
	p, ok := r.Person(person)
	if !ok {
		return "", false
	}
	if p.Human == "" {
		return p.ID, true
	}
	return p.Human, true
}

// frozen is the roster as the approved plan holds it.
func (c Case) frozen() dr.Roster {
	if c.Slice == nil {
		return dr.Roster{}
	}
	return dr.Roster{People: c.Slice.People}
}

// identity is what one human being goes by: in a stored row, in today's roster, in the frozen one.
// People are the same when any of the names is, so that renumbering somebody in the roster cannot
// make them two. A person neither roster knows goes by their id.
type identity [3]string

func (c Case) identity(person, stored string) identity {
	who := identity{0: stored}
	who[1], _ = humanOf(c.Roster, person)
	if c.Slice != nil {
		who[2], _ = humanOf(dr.Roster{People: c.Slice.People}, person)
	}
	if who == (identity{}) {
		who[0] = person
	}
	return who
}

func (a identity) touches(b identity) bool {
	for _, name := range a {
		if name != "" && (name == b[0] || name == b[1] || name == b[2]) {
			return true
		}
	}
	return false
}

// same says whether two accounts belong to one human being.
func (c Case) same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	return a == b || c.identity(a, "").touches(c.identity(b, ""))
}

// seat is whom a vote speaks for: the voter and, for a deputy, the one stood in for.
type seat [2]identity

func (c Case) seat(v dr.Vote) seat {
	s := seat{c.identity(v.Person, v.Human)}
	if v.For != "" {
		s[1] = c.identity(v.For, "")
	}
	return s
}

func (s seat) holds(who identity) bool { return s[0].touches(who) || s[1].touches(who) }

func (s seat) touches(o seat) bool { return s.holds(o[0]) || s.holds(o[1]) }

// speaksFor says whether a vote is by or for a person.
func (c Case) speaksFor(v dr.Vote, person string) bool {
	return person != "" && c.seat(v).holds(c.identity(person, ""))
}

// active finds an enabled person.
func active(r dr.Roster, id string) (dr.Person, bool) {
	p, ok := r.Person(id)
	return p, ok && !p.Disabled
}

// hasAny says whether a person has one of the roles themselves.
func hasAny(p dr.Person, roles []dr.Role) bool {
	return slices.ContainsFunc(roles, p.Has)
}

// belongs says whether a person's own roles and teams fit a group. A group without roles fits
// nobody.
func belongs(p dr.Person, g dr.Group) bool {
	if !hasAny(p, g.Roles) {
		return false
	}
	return len(g.Teams) == 0 || slices.ContainsFunc(g.Teams, func(t string) bool { return slices.Contains(p.Teams, t) })
}

// standsIn says whether a person is the deputy of another at a moment. Deputies of deputies do not
// exist: only what the person away is themselves counts.
func standsIn(p dr.Person, whom string, at dr.Time) bool {
	return whom != p.ID && slices.ContainsFunc(p.Deputy, func(d dr.Deputy) bool {
		return d.For == whom && !at.Before(d.From.Time) && at.Before(d.To.Time)
	})
}

// fits says whether a vote may fill a slot of a group under one roster at one moment.
func fits(r dr.Roster, person, whom string, g dr.Group, at dr.Time) bool {
	p, ok := active(r, person)
	if !ok {
		return false
	}
	if whom == "" {
		return belongs(p, g)
	}
	away, ok := active(r, whom)
	return ok && standsIn(p, whom, at) && belongs(away, g)
}

// fitsAny says it for any group of the rule.
func fitsAny(r dr.Roster, rule dr.Rule, person, whom string, at dr.Time) bool {
	return slices.ContainsFunc(rule.Groups, func(g dr.Group) bool { return fits(r, person, whom, g, at) })
}

// votesFor works out whom a vote is for: the person named, else oneself where one's own roles do,
// else the first person one stands in for now.
func (c Case) votesFor(a Act) string {
	if a.For == a.Person {
		return ""
	}
	if a.For != "" || c.Slice == nil || fitsAny(c.Roster, c.Slice.Rule, a.Person, "", c.Now) {
		return a.For
	}
	p, ok := active(c.Roster, a.Person)
	if !ok {
		return ""
	}
	for _, d := range p.Deputy {
		if fitsAny(c.Roster, c.Slice.Rule, p.ID, d.For, c.Now) {
			return d.For
		}
	}
	return ""
}

// OnDuty says whether a person is on duty at a moment, read in the organisation's zone. Nobody's
// duty is limited unless the roster limits it; a period that cannot be read does not count, and
// without a zone no period does. To before or equal From runs past midnight, and belongs to the day
// it begins on.
func OnDuty(p dr.Person, zone *time.Location, at dr.Time) bool {
	if len(p.Duty) == 0 {
		return true
	}
	if zone == nil || at.IsZero() {
		return false
	}
	local := at.In(zone)
	minute := local.Hour()*60 + local.Minute()
	today := weekday(local.Weekday())
	yesterday := weekday((local.Weekday() + 6) % 7)
	return slices.ContainsFunc(p.Duty, func(d dr.Duty) bool {
		from, to, ok := period(d.From, d.To)
		switch {
		case !ok:
			return false
		case from < to:
			return onDay(d, today) && minute >= from && minute < to
		default:
			return onDay(d, today) && minute >= from || onDay(d, yesterday) && minute < to
		}
	})
}

func weekday(d time.Weekday) string { return strings.ToLower(d.String()[:3]) }

func onDay(d dr.Duty, day string) bool {
	return len(d.Days) == 0 || slices.ContainsFunc(d.Days, func(s string) bool { return strings.EqualFold(s, day) })
}

// period reads two times of day into minutes; 24:00 is the end of the day.
func period(from, to string) (f, t int, ok bool) {
	f, okF := minutes(from)
	t, okT := minutes(to)
	return f, t, okF && okT && f < 24*60
}

func minutes(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) != 2 || len(m) != 2 {
		return 0, false
	}
	hours, err1 := strconv.ParseUint(h, 10, 8)
	mins, err2 := strconv.ParseUint(m, 10, 8)
	if err1 != nil || err2 != nil || hours > 24 || mins > 59 || hours == 24 && mins != 0 {
		return 0, false
	}
	return int(hours*60 + mins), true
}
