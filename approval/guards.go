package approval

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// Guards lists every rule in the order it is asked, the code itself last: a refusal for another
// reason must not use up a code or a try, and must not tell whether a code was right.
//
// Read it layer by layer. Click is asked when a person votes or overrides, Issue when a
// security code is issued, Start when the run starts. The rules over votes stand in the layer Start
// because there they decide; the same rules tell how many votes count while people are still voting.
func Guards() []Guard {
	return slices.Concat(clickGuards(), issueGuards(), voteGuards(), startGuards(), codeGuards())
}

func check(layer, name string, f func(Case, Act) *dr.Error) Guard {
	return Guard{Name: name, Layer: layer, Check: f}
}

// clickGuards judge a vote and an override. Every other verb is judged by the state machine.
func clickGuards() []Guard {
	return []Guard{
		check(Click, "I10_roster", rosterReadable),
		check(Click, "I10_person", personKnown),
		check(Click, "I26_clock", clockSteady),
		check(Click, "I20_verb", verbHere),
		check(Click, "I1_frozen_plan", only(planFrozen, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbOverride)),
		check(Click, "I21_rehearsal", only(noRehearsal, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw)),
		check(Click, "I23_waiting", only(runWaits, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw)),
		check(Click, "I15_round_open", only(roundOpen, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw)),
		check(Click, "I5_round_shown", only(roundShown, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw)),
		check(Click, "I16_round_live", only(roundLive, dr.VerbApprove, dr.VerbWithdraw)),
		check(Click, "I3_plan_unchanged", only(planUnchanged, dr.VerbApprove)),
		check(Click, "I7_requester_vote", only(requesterVote, dr.VerbApprove)),
		check(Click, "I13_issuer_vote", only(issuerVote, dr.VerbApprove)),
		check(Click, "I11_eligible", only(eligibleNow, dr.VerbApprove, dr.VerbDeny)),
		check(Click, "I2_eligible_in_plan", only(eligibleInPlan, dr.VerbApprove)),
		check(Click, "I11_duty", only(onDuty, dr.VerbApprove)),
		check(Click, "I9_one_account", only(oneAccount, dr.VerbApprove)),
		check(Click, "I14_own_vote", only(hasVote, dr.VerbWithdraw)),
		check(Click, "I15_deny_reason", only(denyReason, dr.VerbDeny)),
		check(Click, "I15_deny_meant", only(denyMeant, dr.VerbDeny)),
		check(Click, "I6_words", only(wordsTyped, dr.VerbApprove)),
		check(Click, "I22_override_when", only(overrideWhen, dr.VerbOverride)),
		check(Click, "I22_override_who", only(overrideWho, dr.VerbOverride)),
		check(Click, "I22_override_needed", only(overrideNeeded, dr.VerbOverride)),
		check(Click, "I22_override_reason", only(overrideReason, dr.VerbOverride)),
	}
}

// issueGuards judge the making of a security code.
func issueGuards() []Guard {
	return []Guard{
		check(Issue, "I10_roster", rosterReadable),
		check(Issue, "I10_person", personKnown),
		check(Issue, "I26_clock", clockSteady),
		check(Issue, "I1_frozen_plan", planFrozen),
		check(Issue, "I21_rehearsal", noRehearsal),
		check(Issue, "I23_waiting", runWaits),
		check(Issue, "I15_round_open", roundOpen),
		check(Issue, "I3_plan_unchanged", planUnchanged),
		check(Issue, "I13_issuer_role", issuerRole),
		check(Issue, "I2_issuer_in_plan", issuerInPlan),
		check(Issue, "I13_requester_issues", requesterIssues),
		check(Issue, "I13_voter_issues", voterIssues),
		check(Issue, "I11_duty", onDuty),
		check(Issue, "C5_locked", codeLocked),
		check(Issue, "C6_quorum_first", quorumThere),
	}
}

// voteGuards judge each vote given earlier, whenever votes are counted.
func voteGuards() []Guard {
	return []Guard{
		{Name: "I3_vote_digest", Layer: Start, Count: voteOfThisPlan},
		{Name: "I16_vote_valid", Layer: Start, Count: voteValid},
		{Name: "I7_vote_requester", Layer: Start, Count: voteNotRequester},
		{Name: "I13_vote_issuer", Layer: Start, Count: voteNotIssuer},
		{Name: "I11_vote_eligible", Layer: Start, Count: voteEligibleNow},
		{Name: "I2_vote_in_plan", Layer: Start, Count: voteEligibleInPlan},
		{Name: "I9_one_human", Layer: Start, Clash: oneHuman},
		{Name: "I9_one_seat", Layer: Start, Clash: oneSeat},
	}
}

// startGuards judge the start, all but its code.
func startGuards() []Guard {
	real := func(f func(Case, Act) *dr.Error) func(Case, Act) *dr.Error {
		return func(c Case, a Act) *dr.Error {
			if c.Run.Mode == dr.Rehearsal {
				return nil // nothing outside moves: no votes, no code, no freeze
			}
			return f(c, a)
		}
	}
	return []Guard{
		check(Start, "I10_roster", rosterReadable),
		check(Start, "I10_person", personKnown),
		check(Start, "I26_clock", clockSteady),
		check(Start, "I1_frozen_plan", planFrozen),
		check(Start, "I23_state", startState),
		check(Start, "I20_submitter", submitterRole),
		check(Start, "I13_requester_submits", real(requesterSubmits)),
		check(Start, "I11_duty", real(onDuty)),
		check(Start, "I15_round_open", real(roundOpen)),
		check(Start, "I5_round_shown", real(roundShownIfAny)),
		check(Start, "I15_no_deny", real(noDeny)),
		check(Start, "I3_plan_unchanged", real(planUnchanged)),
		check(Start, "I8_policy_floor", real(policyFloor)),
		check(Start, "I21_quorum", real(quorumThere)),
		check(Start, "I22_facts_fresh", real(factsFresh)),
		check(Start, "I22_checks", real(checksGreen)),
		check(Start, "I22_freeze", real(noFreeze)),
		check(Start, "I22_window", real(noWindow)),
		check(Start, "C5_locked", real(codeLocked)),
	}
}

// codeGuards judge the security code. What could be known without looking at the code stands first,
// then whether the code is one that opens this run (the same sentence for wrong, used, revoked,
// expired and foreign, and a try), then what concerns a code that is right.
func codeGuards() []Guard {
	real := func(name string, f func(Case, Act) *dr.Error) Guard {
		return check(Start, name, func(c Case, a Act) *dr.Error {
			if c.Run.Mode == dr.Rehearsal {
				return nil
			}
			return f(c, a)
		})
	}
	try := func(name string, good func(Case, dr.Code) bool) Guard {
		g := real(name, everyCode(good))
		g.Try = true
		return g
	}
	matched := real("C8_code_matches", codeMatches)
	matched.Try = true
	return []Guard{
		real("C9_codes_typed", codesTyped),
		real("C8_code_well_formed", codeWellFormed),
		matched,
		try("C1_code_unused", func(_ Case, k dr.Code) bool { return k.Used.IsZero() }),
		try("C10_code_unrevoked", func(_ Case, k dr.Code) bool { return k.Revoked.IsZero() }),
		try("C3_code_live", codeLive),
		try("C2_code_bound", codeBound),
		real("I13_issuer_submits", issuerSubmits),
		real("I13_issuer_requested", issuerRequested),
		real("I11_issuer_eligible", issuerEligible),
		real("C6_code_after_quorum", codeAfterQuorum),
		real("C9_two_issuers", twoIssuers),
		real("I13_people", enoughPeople),
	}
}

// only lets a check speak for some verbs.
func only(f func(Case, Act) *dr.Error, verbs ...dr.Verb) func(Case, Act) *dr.Error {
	return func(c Case, a Act) *dr.Error {
		if !slices.Contains(verbs, a.Verb) {
			return nil
		}
		return f(c, a)
	}
}

// layerOf says which layer judges a verb.
func layerOf(v dr.Verb) string {
	switch v {
	case dr.VerbIssue:
		return Issue
	case dr.VerbStart:
		return Start
	}
	return Click
}
