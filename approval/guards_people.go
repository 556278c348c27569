package approval

import (
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

func rosterReadable(c Case, _ Act) *dr.Error {
	if c.RosterErr != nil {
		return dr.Refuse("roster_unreadable", nil)
	}
	if len(c.Roster.People) == 0 {
		return dr.Refuse("roster_empty", nil)
	}
	return nil
}

func personKnown(c Case, a Act) *dr.Error {
	p, ok := c.Roster.Person(a.Person)
	if a.Person == "" || !ok {
		return dr.Refuse("person_unknown", dr.Args{"person": a.Person})
	}
	if p.Disabled {
		return dr.Refuse("person_disabled", dr.Args{"person": p.Name})
	}
	return nil
}

// verbHere: other verbs are not allowed here just because no rule speaks about them.
func verbHere(_ Case, a Act) *dr.Error {
	if isVote(a.Verb) || a.Verb == dr.VerbOverride {
		return nil
	}
	return dr.Refuse("verb_unknown", dr.Args{"verb": string(a.Verb)})
}

func requesterVote(c Case, a Act) *dr.Error {
	if c.same(a.Person, c.Run.Requester) || c.same(a.For, c.Run.Requester) {
		return dr.Refuse("vote_of_requester", dr.Args{"person": c.name(c.Run.Requester)})
	}
	return nil
}

func issuerVote(c Case, a Act) *dr.Error {
	for _, k := range c.Run.Codes {
		if c.live(k) && (c.same(a.Person, k.Issuer) || c.same(a.For, k.Issuer)) {
			return dr.Refuse("vote_of_issuer", dr.Args{"person": c.name(k.Issuer)})
		}
	}
	return nil
}

func eligibleNow(c Case, a Act) *dr.Error {
	if fitsAny(c.Roster, c.Slice.Rule, a.Person, a.For, c.Now) {
		return nil
	}
	if p, _ := active(c.Roster, a.Person); a.For != "" && !standsIn(p, a.For, c.Now) {
		return dr.Refuse("deputy_not_now", dr.Args{"person": c.name(a.Person), "for": c.name(a.For)})
	}
	return dr.Refuse("vote_not_eligible", dr.Args{"person": c.name(a.Person), "groups": groupList(c.Slice.Rule)})
}

func eligibleInPlan(c Case, a Act) *dr.Error {
	if fitsAny(c.frozen(), c.Slice.Rule, a.Person, a.For, c.Now) {
		return nil
	}
	return dr.Refuse("vote_not_in_plan", dr.Args{"person": c.name(a.Person)})
}

// onDuty asks for duty only where somebody sets things going; stopping needs none.
func onDuty(c Case, a Act) *dr.Error {
	p, _ := c.Roster.Person(a.Person)
	if OnDuty(p, c.Zone, c.Now) {
		return nil
	}
	return dr.Refuse("not_on_duty", dr.Args{"person": p.Name})
}

// oneAccount refuses the second account of a human who already has a yes in this round.
func oneAccount(c Case, a Act) *dr.Error {
	for _, v := range c.Run.Round.Votes {
		if v.Verdict != Withdrawn && v.Person != a.Person && c.identity(v.Person, v.Human).touches(c.identity(a.Person, "")) {
			return dr.Refuse("vote_of_other_account", dr.Args{"person": c.name(v.Person)})
		}
	}
	return nil
}

func hasVote(c Case, a Act) *dr.Error {
	if _, ok := c.voteOf(a.Person); !ok {
		return dr.Refuse("no_vote_to_withdraw", dr.Args{"person": c.name(a.Person)})
	}
	return nil
}

// voteOf finds the vote of the human behind a person, whichever account it came from.
func (c Case) voteOf(person string) (dr.Vote, bool) {
	for _, v := range c.Run.Round.Votes {
		if v.Verdict != Withdrawn && (v.Person == person || c.identity(v.Person, v.Human).touches(c.identity(person, ""))) {
			return v, true
		}
	}
	return dr.Vote{}, false
}

func issuerRole(c Case, a Act) *dr.Error {
	if p, _ := c.Roster.Person(a.Person); hasAny(p, c.Slice.Rule.Issuers) {
		return nil
	}
	return dr.Refuse("issue_not_eligible", dr.Args{"person": c.name(a.Person), "roles": roleList(c.Slice.Rule.Issuers)})
}

func issuerInPlan(c Case, a Act) *dr.Error {
	if p, ok := active(c.frozen(), a.Person); ok && hasAny(p, c.Slice.Rule.Issuers) {
		return nil
	}
	return dr.Refuse("issue_not_in_plan", dr.Args{"person": c.name(a.Person)})
}

func requesterIssues(c Case, a Act) *dr.Error {
	if c.same(a.Person, c.Run.Requester) {
		return dr.Refuse("issue_by_requester", dr.Args{"person": c.name(a.Person)})
	}
	return nil
}

// voterIssues keeps the two keys in two hands from the other side: who has said yes, or was spoken
// for, does not issue the code as well.
func voterIssues(c Case, a Act) *dr.Error {
	for _, v := range c.Run.Round.Votes {
		if v.Verdict == Approve && c.speaksFor(v, a.Person) {
			return dr.Refuse("issue_by_voter", dr.Args{"person": c.name(a.Person)})
		}
	}
	return nil
}

// submitterRole asks for one of the rule's roles; the run's requester needs none of them where
// policy lets requesters submit. A rehearsal may also be started by any requester or operator.
func submitterRole(c Case, a Act) *dr.Error {
	p, _ := c.Roster.Person(a.Person)
	rule := c.Slice.Rule
	switch {
	case hasAny(p, rule.Submitters):
		return nil
	case c.same(a.Person, c.Run.Requester) && (rule.RequesterMaySubmit || c.Run.Mode == dr.Rehearsal):
		return nil
	case c.Run.Mode == dr.Rehearsal && hasAny(p, []dr.Role{dr.Requester, dr.Operator, dr.Commander}):
		return nil
	}
	return dr.Refuse("start_not_eligible", dr.Args{"person": c.name(a.Person), "roles": roleList(rule.Submitters)})
}

func requesterSubmits(c Case, a Act) *dr.Error {
	if !c.Slice.Rule.RequesterMaySubmit && c.same(a.Person, c.Run.Requester) {
		return dr.Refuse("start_by_requester", dr.Args{"person": c.name(a.Person)})
	}
	return nil
}

// name is how people call a person; the id where the roster no longer knows them.
func (c Case) name(id string) string {
	for _, r := range []dr.Roster{c.Roster, c.frozen()} {
		if p, ok := r.Person(id); ok && p.Name != "" {
			return p.Name
		}
	}
	return id
}

func roleList(roles []dr.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}

func groupList(rule dr.Rule) string {
	names := make([]string, len(rule.Groups))
	for i, g := range rule.Groups {
		names[i] = g.Name
	}
	return strings.Join(names, ", ")
}
