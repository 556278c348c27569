package approval

import (
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// clockSteady freezes decisions while the clock cannot be trusted. A no and a vote taken back set
// nothing going and stay possible.
func clockSteady(c Case, a Act) *dr.Error {
	if c.Now.IsZero() || c.ClockStepped && a.Verb != dr.VerbDeny && a.Verb != dr.VerbWithdraw {
		return dr.Refuse("clock_stepped_back", nil)
	}
	return nil
}

// planFrozen wants the plan people see to be the plan of this run.
func planFrozen(c Case, _ Act) *dr.Error {
	s := c.Slice
	if s == nil || c.Run.Digest == "" || s.Mode != c.Run.Mode || s.Direction != c.Run.Direction || s.Plan != c.Run.Plan {
		return dr.Refuse("plan_not_frozen", dr.Args{"run": c.Run.ID})
	}
	return nil
}

func noRehearsal(c Case, _ Act) *dr.Error {
	if c.Run.Mode == dr.Rehearsal {
		return dr.Refuse("rehearsal_needs_none", dr.Args{"run": c.Run.ID})
	}
	return nil
}

func runWaits(c Case, a Act) *dr.Error {
	switch {
	case c.Run.State == dr.AwaitingCode:
		return nil
	case c.Run.State == dr.AwaitingApproval && a.Verb == dr.VerbIssue:
		return quorumShort(c)
	case c.Run.State == dr.AwaitingApproval:
		return nil
	case c.Run.State.Started():
		return dr.Refuse("run_started", dr.Args{"run": c.Run.ID, "state": string(c.Run.State)})
	}
	return dr.Refuse("run_not_waiting", dr.Args{"run": c.Run.ID, "state": string(c.Run.State)})
}

// startState: a run starts once. A rehearsal waits for nobody.
func startState(c Case, _ Act) *dr.Error {
	s := c.Run.State
	switch {
	case s == dr.AwaitingCode:
		return nil
	case c.Run.Mode == dr.Rehearsal && (s == dr.Preflight || s == dr.AwaitingApproval):
		return nil
	case s.Started():
		return dr.Refuse("run_started", dr.Args{"run": c.Run.ID, "state": string(s)})
	case s == dr.AwaitingApproval:
		return quorumShort(c)
	}
	return dr.Refuse("run_not_waiting", dr.Args{"run": c.Run.ID, "state": string(s)})
}

func roundOpen(c Case, _ Act) *dr.Error {
	switch c.Run.Round.State {
	case RoundOpen:
		return nil
	case RoundDenied:
		return dr.Refuse("round_denied", dr.Args{"run": c.Run.ID})
	case RoundExpired:
		return dr.Refuse("round_expired", dr.Args{"run": c.Run.ID})
	}
	return conflict(dr.Refuse("round_over", dr.Args{"run": c.Run.ID}))
}

// roundShown wants the act to name the round the person saw. No nonce is no round.
func roundShown(c Case, a Act) *dr.Error {
	if c.Run.Round.Nonce != "" && a.Nonce == c.Run.Round.Nonce {
		return nil
	}
	return conflict(dr.Refuse("round_over", dr.Args{"run": c.Run.ID}))
}

// roundShownIfAny: the code is bound to the round by itself, so a start may come without the nonce.
func roundShownIfAny(c Case, a Act) *dr.Error {
	if a.Nonce == "" {
		return nil
	}
	return roundShown(c, a)
}

func roundLive(c Case, _ Act) *dr.Error {
	if pastDeadline(c) {
		return dr.Refuse("round_expired", dr.Args{"run": c.Run.ID})
	}
	return nil
}

// planUnchanged: files that changed inside the slice make this another plan. In an emergency the
// open round keeps the version it began with; nobody should have to vote twice because a file was
// saved.
func planUnchanged(c Case, _ Act) *dr.Error {
	if c.Run.Round.Digest != c.Run.Digest {
		return conflict(dr.Refuse("plan_changed", dr.Args{"run": c.Run.ID}))
	}
	pinned := c.Run.Mode == dr.Emergency && c.Run.Round.State == RoundOpen
	if c.Current != "" && c.Current != c.Run.Digest && !pinned {
		return conflict(dr.Refuse("plan_changed", dr.Args{"run": c.Run.ID}))
	}
	return nil
}

// wordsNeeded: in a surprise drill and in an emergency a vote shows that somebody read the plan; in
// other modes where policy asks for it.
func wordsNeeded(c Case) bool {
	return c.Slice.Rule.Words || c.Run.Mode == dr.SurpriseDrill || c.Run.Mode == dr.Emergency
}

// WordsNeeded says whether an approver must type the three digest words.
func WordsNeeded(c Case) bool { return c.Slice != nil && wordsNeeded(c) }

func wordsTyped(c Case, a Act) *dr.Error {
	if !wordsNeeded(c) || MatchWords(c.Run.Digest, a.Words) {
		return nil
	}
	if strings.TrimSpace(a.Words) == "" {
		return dr.Refuse("words_missing", dr.Args{"run": c.Run.ID})
	}
	return dr.Refuse("words_wrong", dr.Args{"run": c.Run.ID})
}

func denyMeant(c Case, a Act) *dr.Error {
	if a.Confirmed {
		return nil
	}
	return dr.Refuse("deny_not_confirmed", dr.Args{"run": c.Run.ID})
}

func denyReason(c Case, a Act) *dr.Error {
	if strings.TrimSpace(a.Reason) != "" {
		return nil
	}
	return dr.Refuse("deny_without_reason", dr.Args{"run": c.Run.ID})
}

func noDeny(c Case, _ Act) *dr.Error {
	for _, v := range c.Run.Round.Votes {
		if v.Verdict == Deny && v.Round == c.Run.Round.Number {
			return dr.Refuse("round_denied_by", dr.Args{"run": c.Run.ID, "person": c.name(v.Person)})
		}
	}
	return nil
}

func quorumThere(c Case, _ Act) *dr.Error {
	if _, _, complete, _ := Tally(c); complete {
		return nil
	}
	return quorumShort(c)
}

func quorumShort(c Case) *dr.Error {
	have, need, _, _ := Tally(c)
	return dr.Refuse("quorum_missing", dr.Args{"have": strconv.Itoa(have), "need": strconv.Itoa(need), "run": c.Run.ID})
}

// SmallSite is the one staffing profile under which a single vote may be a quorum.
const SmallSite = "small_site"

// policyFloor refuses rules under which too few people could act, however they came to be loaded.
func policyFloor(c Case, _ Act) *dr.Error {
	rule := c.Slice.Rule
	votes := 2
	if rule.Profile == SmallSite {
		votes = 1
	}
	weak := rule.Quorum() < votes || len(rule.Issuers) == 0
	for _, g := range rule.Groups {
		weak = weak || g.N < 1 || len(g.Roles) == 0
	}
	if weak {
		return dr.Refuse("policy_too_weak", dr.Args{"rule": rule.ID})
	}
	return nil
}

// PeopleNeeded is how many different humans a start takes: what the rule says, but never fewer than
// three, and never fewer than four in an emergency or a surprise drill unless the rule carries a
// staffing profile other than the standard one, which the report prints on its first page.
func PeopleNeeded(rule dr.Rule, mode dr.Mode) int {
	floor := 3
	standard := rule.Profile == "" || rule.Profile == "standard"
	if standard && (mode == dr.Emergency || mode == dr.SurpriseDrill) {
		floor = 4
	}
	return max(rule.MinPeople, floor)
}

// conflict marks a refusal whose cause is that something changed while the person was looking.
func conflict(e *dr.Error) *dr.Error {
	e.Kind = dr.Conflict
	return e
}
