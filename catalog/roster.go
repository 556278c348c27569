package catalog

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

func (k *checker) roster() {
	k.teams, k.people = map[string]pos{}, map[string]*rawPerson{}
	raw := k.c.files.roster
	if raw == nil {
		return
	}
	roster := dr.Roster{Version: raw.Version.S}
	for _, t := range raw.Teams {
		k.unique(k.teams, "team", t.ID)
		roster.Teams = append(roster.Teams, dr.Team{ID: t.ID.S, Name: t.Name.S})
	}
	ids, slack := map[string]pos{}, map[string]pos{}
	for i := range raw.People {
		p := &raw.People[i]
		k.unique(ids, "person", p.ID)
		k.unique(slack, "Slack member", p.Slack)
		if k.people[p.ID.S] == nil && p.ID.S != "" {
			k.people[p.ID.S] = p
		}
	}
	if len(raw.People) == 0 {
		k.err(raw.At, "", "the roster names nobody, so everybody is refused")
	}
	for i := range raw.People {
		if p := &raw.People[i]; k.people[p.ID.S] == p {
			roster.People = append(roster.People, k.person(p))
		}
	}
	slices.SortFunc(roster.People, func(a, b dr.Person) int { return strings.Compare(a.ID, b.ID) })
	k.c.org.Roster = roster
}

func (k *checker) person(raw *rawPerson) dr.Person {
	p := dr.Person{ID: raw.ID.S, Human: raw.Human.S, Name: raw.Name.S, Roles: as[dr.Role](raw.Roles), Teams: texts(raw.Teams),
		Slack: raw.Slack.S, Language: raw.Language.S, Disabled: raw.Disabled.B}
	if p.Human == "" {
		p.Human = p.ID
	}
	k.twice(raw.Roles)
	k.twice(raw.Teams)
	for _, t := range raw.Teams {
		knows(k, k.teams, "team", t)
	}
	for _, c := range raw.Contacts {
		p.Contacts = append(p.Contacts, dr.Contact{Kind: c.Kind.S, Value: c.Value.S})
	}
	for _, d := range raw.Duty {
		if d.From.S == d.To.S && d.From.S != "" {
			k.err(d.To.At, `a whole day is "00:00" to "24:00"; always on duty is no duty field at all`, "the duty period has no length")
		}
		p.Duty = append(p.Duty, dr.Duty{Days: texts(d.Days), From: d.From.S, To: d.To.S})
	}
	for _, d := range raw.Deputy {
		k.deputy(p, d)
		p.Deputy = append(p.Deputy, dr.Deputy{For: d.For.S, From: d.From.T, To: d.To.T})
	}
	return p
}

func (k *checker) deputy(p dr.Person, d rawDeputy) {
	if knows(k, k.people, "person", d.For) {
		other := k.people[d.For.S]
		human := other.Human.S
		if human == "" {
			human = other.ID.S
		}
		if human == p.Human {
			k.err(d.For.At, "", "%s cannot be their own deputy", p.ID)
		}
	}
	if !d.From.T.IsZero() && !d.To.T.IsZero() && !d.From.T.Before(d.To.T.Time) {
		k.err(d.To.At, "", "the deputyship ends before it begins")
	}
}
