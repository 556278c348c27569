package approval

import (
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
)

// live says whether a code of this round still opens something.
func (c Case) live(k dr.Code) bool {
	return k.Used.IsZero() && k.Revoked.IsZero() && k.Round == c.Run.Round.Number && c.Now.Before(k.Expires.Time)
}

func (c Case) liveCodes() (ids []string) {
	for _, k := range c.Run.Codes {
		if c.live(k) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// matched are the run's codes the act typed.
func (c Case) matched(a Act) (codes []dr.Code) {
	for _, k := range c.Run.Codes {
		if slices.Contains(a.Code.Match, k.ID) {
			codes = append(codes, k)
		}
	}
	return codes
}

// codesNeeded is one, or two where the rule wants two issuers.
func codesNeeded(c Case) int { return max(c.Slice.Rule.Codes, 1) }

func typed(a Act) int {
	if !a.Code.Typed {
		return 0
	}
	return max(a.Code.Count, 1)
}

// codeLocked: wrong codes count against the run for good. Nothing in a run's life takes them back,
// so a locked run is over as far as codes go, and people request another.
func codeLocked(c Case, _ Act) *dr.Error {
	used, limit := Tries(c)
	if c.Run.CodeLocked || used >= limit {
		return dr.Refuse("code_locked", dr.Args{"run": c.Run.ID, "tries": strconv.Itoa(used)})
	}
	return nil
}

func codeWellFormed(c Case, a Act) *dr.Error {
	if a.Code.WellFormed {
		return nil
	}
	return dr.Refuse("code_mistyped", dr.Args{"run": c.Run.ID})
}

func codesTyped(c Case, a Act) *dr.Error {
	if typed(a) == 0 && c.issued(a.Person) { // whoever made the code is not asked to type it
		return dr.Refuse("start_by_issuer", dr.Args{"person": c.name(a.Person)})
	}
	if typed(a) == 0 {
		return dr.Refuse("code_missing", dr.Args{"run": c.Run.ID})
	}
	if need := codesNeeded(c); typed(a) != need {
		return dr.Refuse("code_count", dr.Args{"run": c.Run.ID, "have": strconv.Itoa(typed(a)), "need": strconv.Itoa(need)})
	}
	return nil
}

// codeWrong is one sentence for every way in which a code does not open this run.
func codeWrong(c Case) *dr.Error {
	used, limit := Tries(c)
	return dr.Refuse("code_wrong", dr.Args{"run": c.Run.ID, "left": strconv.Itoa(max(limit-used-1, 0))})
}

// codeMatches wants every code typed to be one of this run's.
func codeMatches(c Case, a Act) *dr.Error {
	if n := len(c.matched(a)); n == 0 || n < typed(a) {
		return codeWrong(c)
	}
	return nil
}

func everyCode(good func(Case, dr.Code) bool) func(Case, Act) *dr.Error {
	return func(c Case, a Act) *dr.Error {
		for _, k := range c.matched(a) {
			if !good(c, k) {
				return codeWrong(c)
			}
		}
		return nil
	}
}

// codeLive also cuts lifetimes that a policy or a row made longer than they may be.
func codeLive(c Case, k dr.Code) bool {
	limit := MaxCodeLife
	if k.Source == Sheet {
		limit = MaxSheetLife
	}
	return !k.Issued.IsZero() && !k.Issued.After(c.Now.Time) && c.Now.Before(k.Expires.Time) && c.Now.Since(k.Issued) < limit
}

func codeBound(c Case, k dr.Code) bool {
	r := c.Run
	return k.Round == r.Round.Number && k.Digest == r.Digest && k.Direction == r.Direction && k.Mode == r.Mode
}

// issued says whether a code that still opens the run is somebody's own.
func (c Case) issued(person string) bool {
	return slices.ContainsFunc(c.Run.Codes, func(k dr.Code) bool {
		return c.live(k) && c.identity(k.Issuer, k.Human).touches(c.identity(person, ""))
	})
}

func issuerSubmits(c Case, a Act) *dr.Error {
	for _, k := range c.matched(a) {
		if c.identity(k.Issuer, k.Human).touches(c.identity(a.Person, "")) {
			return dr.Refuse("start_by_issuer", dr.Args{"person": c.name(a.Person)})
		}
	}
	return nil
}

func issuerRequested(c Case, a Act) *dr.Error {
	for _, k := range c.matched(a) {
		if c.identity(k.Issuer, k.Human).touches(c.identity(c.Run.Requester, "")) {
			return dr.Refuse("code_of_requester", dr.Args{"person": c.name(k.Issuer), "run": c.Run.ID})
		}
	}
	return nil
}

// issuerEligible asks again at the start, in today's roster and in the plan.
func issuerEligible(c Case, a Act) *dr.Error {
	for _, k := range c.matched(a) {
		now, ok := active(c.Roster, k.Issuer) // gone, disabled and without the role are one
		then, inPlan := active(c.frozen(), k.Issuer)
		if !ok || !inPlan || !hasAny(now, c.Slice.Rule.Issuers) || !hasAny(then, c.Slice.Rule.Issuers) {
			return dr.Refuse("code_issuer_gone", dr.Args{"person": c.name(k.Issuer), "run": c.Run.ID})
		}
	}
	return nil
}

// codeAfterQuorum: the code is the answer to a quorum. One issued before the last vote it needs, or
// before a vote was withdrawn and given again, answers nothing.
func codeAfterQuorum(c Case, a Act) *dr.Error {
	for _, k := range c.matched(a) {
		var before []dr.Vote
		for _, v := range c.Run.Round.Votes {
			if !v.At.After(k.Issued.Time) {
				before = append(before, v)
			}
		}
		if _, _, complete, _ := tally(c, before); !complete {
			return dr.Refuse("code_before_quorum", dr.Args{"run": c.Run.ID})
		}
	}
	return nil
}

func twoIssuers(c Case, a Act) *dr.Error {
	var issuers people
	for _, k := range c.matched(a) {
		issuers.add(c.identity(k.Issuer, k.Human))
	}
	if len(issuers) < codesNeeded(c) {
		return dr.Refuse("code_same_issuer", dr.Args{"run": c.Run.ID})
	}
	return nil
}

func enoughPeople(c Case, a Act) *dr.Error {
	have, need := takingPart(c, a), PeopleNeeded(c.Slice.Rule, c.Run.Mode)
	if have < need {
		return dr.Refuse("people_too_few", dr.Args{"have": strconv.Itoa(have), "need": strconv.Itoa(need), "run": c.Run.ID})
	}
	return nil
}

// takingPart counts the humans behind a start: requester, voters, issuers, submitter.
func takingPart(c Case, a Act) int {
	var all people
	all.add(c.identity(c.Run.Requester, ""))
	_, _, _, votes := Tally(c)
	for _, v := range votes {
		all.add(c.identity(v.Person, v.Human))
	}
	for _, k := range c.matched(a) {
		all.add(c.identity(k.Issuer, k.Human))
	}
	all.add(c.identity(a.Person, ""))
	return len(all)
}

// people are different humans, each with all the names they turned out to have.
type people [][]identity

// add merges whoever the newcomer is the same as.
func (p *people) add(who identity) {
	one := []identity{who}
	var rest people
	for _, other := range *p {
		if slices.ContainsFunc(other, who.touches) {
			one = append(one, other...)
		} else {
			rest = append(rest, other)
		}
	}
	*p = append(rest, one)
}
