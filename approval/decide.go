package approval

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// Decide judges one act. Guards are asked in order and the first that refuses speaks; nil means all
// of them allow it and Effect says what changes. Everything is decided on the one Case, so whoever
// calls must hold the run while reading the case and applying the effect.
func Decide(guards []Guard, c Case, a Act) (Effect, *Refusal) {
	if guards == nil {
		guards = []Guard{}
	}
	c.counting = guards
	if isVote(a.Verb) {
		a.For = c.votesFor(a)
	}
	layer := layerOf(a.Verb)
	for _, g := range guards {
		if g.Check == nil || g.Layer != layer {
			continue
		}
		if err := g.Check(c, a); err != nil {
			return Effect{}, &Refusal{Guard: g.Name, Err: err, CountsAsTry: g.Try}
		}
	}
	if c.Slice == nil && (layer != Click || isVote(a.Verb)) {
		return Effect{}, &Refusal{Guard: "I1_frozen_plan", Err: planFrozen(c, a)}
	}
	return effect(c, a), nil
}

func isVote(v dr.Verb) bool {
	return v == dr.VerbApprove || v == dr.VerbDeny || v == dr.VerbWithdraw
}

func effect(c Case, a Act) Effect {
	switch a.Verb {
	case dr.VerbApprove:
		return approved(c, a)
	case dr.VerbDeny:
		return denied(c, a)
	case dr.VerbWithdraw:
		return withdrawn(c, a)
	case dr.VerbIssue:
		return issued(c, a)
	case dr.VerbStart:
		return started(c, a)
	case dr.VerbOverride:
		return overridden(c, a)
	}
	return Effect{}
}

// vote writes the act down as a vote.
func vote(c Case, a Act, verdict string) *dr.Vote {
	human, ok := humanOf(c.Roster, a.Person)
	if !ok {
		human = a.Person
	}
	return &dr.Vote{Person: a.Person, Human: human, For: a.For, Verdict: verdict, Via: a.Surface,
		Round: c.Run.Round.Number, Digest: c.Run.Digest, At: c.Now, Reason: a.Reason}
}

// with is the round's votes as they will be: one per human, the newest.
func (c Case) with(v dr.Vote) []dr.Vote {
	votes := slices.DeleteFunc(slices.Clone(c.Run.Round.Votes), func(old dr.Vote) bool { return old.Human == v.Human })
	return append(votes, v)
}

func approved(c Case, a Act) Effect {
	e := Effect{Vote: vote(c, a, Approve)}
	if old, ok := c.voteOf(a.Person); ok && sameVote(c, old, *e.Vote) {
		e.Vote = nil // said already: nothing to store, and the vote keeps its age
	} else {
		c.Run.Round.Votes = c.with(*e.Vote)
	}
	e.Have, e.Need, e.Quorum, _ = Tally(c)
	if e.Quorum && c.Run.State == dr.AwaitingApproval {
		e.State = dr.AwaitingCode
	}
	return e
}

func sameVote(c Case, old, v dr.Vote) bool {
	return old.Verdict == v.Verdict && old.Person == v.Person && old.For == v.For && old.Human == v.Human &&
		old.Digest == v.Digest && old.Round == v.Round && voteValid(c, old, dr.Group{})
}

func denied(c Case, a Act) Effect {
	e := Effect{Vote: vote(c, a, Deny), RoundState: RoundDenied, State: dr.Denied, Revoked: c.liveCodes()}
	c.Run.Round.Votes = c.with(*e.Vote)
	e.Have, e.Need, _, _ = Tally(c)
	return e
}

// withdrawn takes the human's vote back, from whichever account it was given. A quorum lost takes
// the codes that answered it with it.
func withdrawn(c Case, a Act) Effect {
	v := vote(c, a, Withdrawn)
	if old, ok := c.voteOf(a.Person); ok {
		v.Human, v.For = old.Human, old.For
	}
	e := Effect{Vote: v}
	c.Run.Round.Votes = c.with(*v)
	e.Have, e.Need, e.Quorum, _ = Tally(c)
	if !e.Quorum && c.Run.State == dr.AwaitingCode {
		e.State, e.Revoked = dr.AwaitingApproval, c.liveCodes()
	}
	return e
}

// issued drafts the code's row. A new code takes the place of the issuer's earlier one, and of
// everybody's where one code is enough; the count of wrong tries stays.
func issued(c Case, a Act) Effect {
	human, ok := humanOf(c.Roster, a.Person)
	if !ok {
		human = a.Person
	}
	r := c.Run
	e := Effect{Code: &dr.Code{Issuer: a.Person, Human: human, Round: r.Round.Number, Digest: r.Digest, Direction: r.Direction,
		Mode: r.Mode, Source: Issued, Issued: c.Now, Expires: c.Now.Plus(CodeLife(c.Slice.Rule, Issued))}}
	for _, k := range r.Codes {
		if c.live(k) && (codesNeeded(c) < 2 || c.identity(k.Issuer, k.Human).touches(c.identity(a.Person, human))) {
			e.Revoked = append(e.Revoked, k.ID)
		}
	}
	e.Have, e.Need, e.Quorum, _ = Tally(c)
	return e
}

func started(c Case, a Act) Effect {
	r := c.Run
	s := &dr.StartedData{Digest: r.Digest, Round: r.Round.Number, Submitter: a.Person, Profile: c.Slice.Rule.Profile}
	e := Effect{State: dr.Running, Started: s}
	if r.Mode == dr.Rehearsal {
		s.People = 1
		return e
	}
	e.RoundState = RoundUsed
	var votes []dr.Vote
	e.Have, e.Need, e.Quorum, votes = Tally(c)
	for _, v := range votes {
		s.Voters = append(s.Voters, v.Person)
	}
	for _, k := range c.matched(a) {
		s.Issuers = append(s.Issuers, k.Issuer)
		e.UsedCodes = append(e.UsedCodes, k.ID)
	}
	for _, id := range c.liveCodes() {
		if !slices.Contains(e.UsedCodes, id) {
			e.Revoked = append(e.Revoked, id)
		}
	}
	s.People = takingPart(c, a)
	return e
}

// overridden asks for a new slice with the override in it; people vote on that.
func overridden(c Case, a Act) Effect {
	e := Effect{NewRound: true, Revoked: c.liveCodes(),
		Override: &dr.Override{Check: a.Check, Person: a.Person, Reason: a.Reason, At: c.Now}}
	if c.Run.Round.State == RoundOpen {
		e.RoundState = RoundReplaced
	}
	return e
}

// MayVerb says why a person may not use a verb now, with everything they would have to type taken
// as right; nil means they may. It draws buttons and help.
func MayVerb(c Case, person string, verb dr.Verb) *dr.Error {
	a := Act{Verb: verb, Person: person, Nonce: c.Run.Round.Nonce, Reason: "-", Confirmed: true}
	if n, ok := wordNumbers(c.Run.Digest); ok {
		a.Words = word(n[0]) + " " + word(n[1]) + " " + word(n[2])
	}
	switch {
	case verb == dr.VerbOverride && c.Slice != nil:
		a.Check = c.firstOverridable(person)
	case verb == dr.VerbStart && c.Slice != nil:
		a.Code = c.rightCode(person)
		c.Run.Checks = c.lookedAgain()
	}
	e, refusal := Decide(Guards(), c, a)
	switch {
	case refusal == nil && verb == dr.VerbApprove && e.Vote == nil:
		return dr.Refuse("vote_stands", dr.Args{"person": c.name(person), "run": c.Run.ID}) // it would change nothing
	case refusal == nil:
		return nil
	case refusal.CountsAsTry:
		return dr.Refuse("code_not_issued", dr.Args{"run": c.Run.ID})
	}
	return refusal.Err
}

// MayTry says whether a code a person typed is worth hashing: everything that can be known without
// it is in order. It is asked before the work is done, so that strangers cannot make it be done, and
// does not look at codes: an issuer who types their own is told so, which takes a match.
func MayTry(c Case, person string) *dr.Error {
	a := Act{Verb: dr.VerbStart, Person: person, Code: CodeTry{Typed: true, WellFormed: true, Count: 1}}
	if c.Slice != nil {
		a.Code.Count = codesNeeded(c)
	}
	_, refusal := Decide(Guards(), c, a)
	if refusal == nil || refusal.CountsAsTry {
		return nil
	}
	return refusal.Err
}

// MayLook says whether a start by a person is worth another look at the facts: all that has nothing to
// do with facts is in order. It is asked before the look, which every node of the plan has to answer, so
// that strangers cannot make them.
func MayLook(c Case, person string) *dr.Error {
	c.Run.Checks = []dr.Check{{ID: "look", OK: true, At: c.Now}}
	return MayTry(c, person)
}

// lookedAgain are the facts as a start would find them were they still so: it looks again at what has
// grown old before it is judged. What stands in the way stays in the way.
func (c Case) lookedAgain() []dr.Check {
	checks := slices.Clone(c.Run.Checks)
	for i := range checks {
		if !checks[i].At.IsZero() && checks[i].At.Before(c.Now.Time) {
			checks[i].At = c.Now
		}
	}
	return checks
}

// FactsUntil is when the oldest fact of a run's preflight gets too old for a start; zero without facts.
func FactsUntil(c Case) dr.Time {
	var first dr.Time
	for _, k := range c.Run.Checks {
		if first.IsZero() || k.At.Before(first.Time) {
			first = k.At
		}
	}
	if first.IsZero() || c.Slice == nil {
		return dr.Time{}
	}
	return first.Plus(factsLife(c))
}

// firstOverridable is a check in the way that the person may override.
func (c Case) firstOverridable(person string) string {
	for _, k := range c.Run.Checks {
		if Blocks(k) && !Overridden(c, k.ID) && mayOverride(c, person, k.ID) {
			return k.ID
		}
	}
	for _, f := range c.Slice.Freezes {
		if id := "freeze:" + f.Name; !Overridden(c, id) && mayOverride(c, person, id) {
			return id
		}
	}
	return ""
}

// rightCode is what somebody would type who holds the codes issued by others.
func (c Case) rightCode(person string) CodeTry {
	try := CodeTry{Typed: true, WellFormed: true, Count: codesNeeded(c)}
	var issuers people
	for _, k := range c.Run.Codes {
		who := c.identity(k.Issuer, k.Human)
		if !c.live(k) || !codeLive(c, k) || !codeBound(c, k) || who.touches(c.identity(person, "")) || len(try.Match) == try.Count {
			continue
		}
		n := len(issuers)
		if issuers.add(who); len(issuers) > n {
			try.Match = append(try.Match, k.ID)
		}
	}
	return try
}
