package catalog

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// What the rules of a policy say where the file says nothing.
const (
	roundExpiry  = dr.Millis(30 * 60_000)
	drillVotes   = dr.Millis(72 * 3_600_000)
	codeExpiry   = dr.Millis(10 * 60_000) // also the longest allowed
	codeTries    = 5                      // also the most allowed
	decideAfter  = dr.Millis(10 * 60_000)
	factsFresh   = dr.Millis(5 * 60_000)
	standard     = "standard"
	smallSite    = "small_site"
	maxInFlight  = 16
	fewestDrill  = 3
	fewestReal   = 4
	fewestOfAll  = 3
	votesPerSeat = 10
)

func (k *checker) policy() {
	raw := k.c.files.policy
	if raw == nil {
		return
	}
	p := dr.Policy{Version: raw.Version.S}
	ids := map[string]pos{}
	for i := range raw.Rules {
		r := &raw.Rules[i]
		k.unique(ids, "rule", r.ID)
		rule := ruleOf(r)
		k.rule(r, rule)
		p.Rules = append(p.Rules, rule)
	}
	for _, o := range raw.Overrides {
		k.checkName(o.Check)
		k.twice(o.Modes)
		p.Overrides = append(p.Overrides, dr.OverrideRule{Check: o.Check.S, Modes: as[dr.Mode](o.Modes), Roles: as[dr.Role](o.Roles)})
	}
	for _, s := range raw.Severity {
		k.checkName(s.Check)
		p.Severity = append(p.Severity, dr.Severity{Check: s.Check.S, Mode: dr.Mode(s.Mode.S), Level: s.Level.S})
	}
	for _, f := range raw.Freezes {
		if !f.From.T.IsZero() && !f.To.T.IsZero() && !f.From.T.Before(f.To.T.Time) {
			k.err(f.To.At, "", "the freeze %q ends before it begins", f.Name.S)
		}
		p.Freezes = append(p.Freezes, dr.Freeze{Name: f.Name.S, From: f.From.T, To: f.To.T})
	}
	k.c.org.Policy = p
	k.covered(raw, p)
}

func (k *checker) checkName(w word) {
	if i := strings.IndexByte(w.S, '*'); i >= 0 && i != len(w.S)-1 {
		k.err(w.At, `such as "lag:*"`, "the * of a check stands at its end, found %q", w.S)
	}
}

// covered warns of modes without a rule and of rules another one hides.
func (k *checker) covered(raw *rawPolicy, p dr.Policy) {
	for _, mode := range dr.Modes()[1:] {
		for _, d := range []dr.Direction{dr.Outbound, dr.Return} {
			if _, ok := ruleFor(p, mode, d, ""); !ok {
				k.warn(raw.At, "", "no rule is for mode %s, direction %s: no such run can be requested", mode, d)
			}
		}
	}
	for i, r := range p.Rules {
		hidden := len(r.Modes) > 0 && len(r.Directions) > 0
		for _, mode := range r.Modes {
			for _, d := range r.Directions {
				if first, ok := ruleFor(p, mode, d, r.Profile); ok && first.ID == r.ID {
					hidden = false
				}
			}
		}
		if hidden && r.ID != "" {
			k.warn(raw.Rules[i].At, "the first rule that fits counts", "the rule %q is never used: rules before it fit first", r.ID)
		}
	}
}

// ruleFor finds the first rule for mode and direction, of one staffing profile where it is named.
func ruleFor(p dr.Policy, mode dr.Mode, d dr.Direction, profile string) (dr.Rule, bool) {
	for _, r := range p.Rules {
		if slices.Contains(r.Modes, mode) && slices.Contains(r.Directions, d) && (profile == "" || profile == r.Profile) {
			return r, true
		}
	}
	return dr.Rule{}, false
}

// profilesOf lists the staffing profiles of each mode that leaves a choice, the one that counts unasked first.
func profilesOf(p dr.Policy, d dr.Direction) map[dr.Mode][]string {
	all := map[dr.Mode][]string{}
	for _, mode := range dr.Modes() {
		var names []string
		for _, r := range p.Rules {
			if slices.Contains(r.Modes, mode) && slices.Contains(r.Directions, d) && !slices.Contains(names, r.Profile) {
				names = append(names, r.Profile)
			}
		}
		if len(names) > 1 {
			all[mode] = names
		}
	}
	return all
}

// rehearsalRule is the rule of rehearsals where the policy has none: nothing moves, so nobody votes.
func rehearsalRule() dr.Rule {
	return dr.Rule{ID: string(dr.Rehearsal), Modes: []dr.Mode{dr.Rehearsal}, Directions: []dr.Direction{dr.Outbound, dr.Return}, Profile: standard,
		Groups: []dr.Group{}, MinPeople: 1, Issuers: []dr.Role{}, Submitters: []dr.Role{dr.Operator, dr.Requester}, RequesterMaySubmit: true,
		RoundExpiry: roundExpiry, VoteValidity: roundExpiry, CodeExpiry: codeExpiry, CodeTries: codeTries, DecideAfter: decideAfter, RTOFrom: "requested", FactsFresh: factsFresh}
}

// ruleOf fills a rule's defaults.
func ruleOf(r *rawRule) dr.Rule {
	rule := dr.Rule{ID: r.ID.S, Modes: as[dr.Mode](r.Modes), Directions: as[dr.Direction](r.Directions), Profile: r.Profile.S, Groups: []dr.Group{},
		MinPeople: int(r.MinPeople.N), Issuers: as[dr.Role](r.Issuers), Submitters: as[dr.Role](r.Submitters), Codes: int(r.Codes.N), Words: r.Words.B,
		RequesterMaySubmit: r.RequesterMaySubmit.B || !r.RequesterMaySubmit.Set, CodeTries: int(r.CodeTries.N), RTOFrom: r.RTOFrom.S,
		RoundExpiry: or(r.RoundExpiry, roundExpiry), CodeExpiry: or(r.CodeExpiry, codeExpiry), DecideAfter: or(r.DecideAfter, decideAfter), FactsFresh: or(r.FactsFresh, factsFresh)}
	for _, g := range r.Groups {
		rule.Groups = append(rule.Groups, dr.Group{Name: g.Name.S, Roles: as[dr.Role](g.Roles), Teams: texts(g.Teams), N: int(g.N.N)})
	}
	announced := !slices.ContainsFunc(rule.Modes, func(m dr.Mode) bool { return m != dr.Drill && m != dr.Rehearsal })
	rehearsal := !slices.ContainsFunc(rule.Modes, func(m dr.Mode) bool { return m != dr.Rehearsal })
	if rule.VoteValidity = or(r.VoteValidity, roundExpiry); announced {
		rule.VoteValidity = or(r.VoteValidity, drillVotes)
	}
	if rule.Profile == "" {
		rule.Profile = standard
	}
	if !r.CodeTries.Set {
		rule.CodeTries = codeTries
	}
	if !r.MinPeople.Set {
		rule.MinPeople = fewest(rule)
	}
	if rehearsal {
		return rehearsalDefaults(rule)
	}
	if !r.Codes.Set {
		rule.Codes = 1
	}
	if len(r.Issuers) == 0 {
		rule.Issuers = []dr.Role{dr.CodeIssuer}
	}
	if len(r.Submitters) == 0 {
		rule.Submitters = []dr.Role{dr.Operator, dr.Requester}
	}
	if rule.RTOFrom == "" {
		rule.RTOFrom = "requested"
	}
	return rule
}

func rehearsalDefaults(rule dr.Rule) dr.Rule {
	base := rehearsalRule()
	if len(rule.Issuers) == 0 {
		rule.Issuers = base.Issuers
	}
	if len(rule.Submitters) == 0 {
		rule.Submitters = base.Submitters
	}
	if rule.RTOFrom == "" {
		rule.RTOFrom = base.RTOFrom
	}
	return rule
}

func or(s span, otherwise dr.Millis) dr.Millis {
	if s.Set {
		return s.MS
	}
	return otherwise
}

// fewest is the number of different people the strictest mode of a rule wants at least.
func fewest(r dr.Rule) int {
	n := 1
	for _, m := range r.Modes {
		switch {
		case m == dr.Drill || m != dr.Rehearsal && r.Profile == smallSite:
			n = max(n, fewestDrill)
		case m != dr.Rehearsal:
			n = max(n, fewestReal)
		}
	}
	return n
}

// rule refuses what would let one person act alone or a code live too long, whatever the file says.
func (k *checker) rule(raw *rawRule, r dr.Rule) {
	k.twice(raw.Modes)
	k.twice(raw.Directions)
	k.ruleTimes(raw, r)
	names := map[string]pos{}
	for _, g := range raw.Groups {
		k.unique(names, "group", g.Name)
		if g.N.Set && (g.N.N < 1 || g.N.N > votesPerSeat) {
			k.err(g.N.At, "", "n: expected 1 to %d votes, found %d", votesPerSeat, g.N.N)
		}
		if k.c.files.roster != nil {
			for _, t := range g.Teams {
				knows(k, k.teams, "team", t)
			}
		}
	}
	if n := raw.Codes; n.Set && (n.N < 0 || n.N > 2) {
		k.err(n.At, "", "codes: expected 1 or 2, found %d", n.N)
	}
	moves := slices.ContainsFunc(r.Modes, func(m dr.Mode) bool { return m != dr.Rehearsal })
	if !moves {
		return
	}
	k.alone(raw, r)
	if raw.Codes.Set && raw.Codes.N == 0 {
		k.err(raw.Codes.At, "", "only a rehearsal goes without a code")
	}
	for _, m := range raw.Modes {
		if (m.S == string(dr.SurpriseDrill) || m.S == string(dr.Emergency)) && !r.Words {
			k.err(m.At, "words: true", "in mode %s approvers type the three words of the digest; the rule %q does not ask for them", m.S, r.ID)
			break
		}
	}
}

func (k *checker) ruleTimes(raw *rawRule, r dr.Rule) {
	if r.CodeExpiry > codeExpiry || raw.CodeExpiry.Set && r.CodeExpiry == 0 {
		k.err(raw.CodeExpiry.At, "", "code_expiry: at most 10m, found %s", r.CodeExpiry)
	}
	if raw.CodeTries.Set && (r.CodeTries < 1 || r.CodeTries > codeTries) {
		k.err(raw.CodeTries.At, "", "code_tries: expected 1 to %d, found %d", codeTries, r.CodeTries)
	}
	for name, s := range map[string]span{"round_expiry": raw.RoundExpiry, "vote_validity": raw.VoteValidity, "facts_fresh": raw.FactsFresh} {
		if s.Set && s.MS == 0 {
			k.err(s.At, "", "%s: 0 would let nothing ever start", name)
		}
	}
}

// alone checks quorum and number of people.
func (k *checker) alone(raw *rawRule, r dr.Rule) {
	least, at := 2, raw.At
	if len(raw.Groups) > 0 {
		at = raw.Groups[0].At
	}
	if r.Profile == smallSite {
		least = 1
	}
	if q := r.Quorum(); q < least {
		hint := "ask for votes of at least two people; one vote is enough only under profile: small_site"
		if least == 1 {
			hint = "groups: [{name: …, roles: [approver], n: 1}]"
		}
		k.err(at, hint, "the rule %q lets too few people act: %s wanted, at least %d needed", r.ID, count(q, "vote"), least)
	}
	if want := fewest(r); r.MinPeople < want {
		place := raw.MinPeople.At
		if !raw.MinPeople.Set {
			place = raw.At
		}
		k.err(place, "", "the rule %q lets too few people act: min_people is %d, at least %d needed for %s under profile %s", r.ID, r.MinPeople, want, strings.Join(texts(raw.Modes), ", "), r.Profile)
	}
}
