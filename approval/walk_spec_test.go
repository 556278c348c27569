package approval

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// The specification says of an allowed act what is wrong with it, "" for nothing. It is written from
// the invariants, over the world's plain facts: every way to fill the slots is tried out, people are
// numbers, times are ticks.

func (s *scenario) facts(w *world) []fact { return s.rosters[w.roster] }

func (s *scenario) readable(w *world) bool {
	if s.unread != 0 && w.roster == s.unread {
		return false
	}
	return slices.ContainsFunc(s.facts(w), func(f fact) bool { return !f.gone })
}

func (s *scenario) present(facts []fact, p int8) bool {
	return p >= 0 && int(p) < len(facts) && !facts[p].gone && !facts[p].disabled
}

func (s *scenario) human(p int8) int8 { return s.rosters[0][p].human }

// groupsOf are the groups a person may fill at a tick in one roster, as themselves or for another.
func (s *scenario) groupsOf(facts []fact, p, stands, tick int8) uint8 {
	if !s.present(facts, p) {
		return 0
	}
	f := facts[p]
	if stands == none {
		return f.groups
	}
	if f.standsFor != stands || f.deputyUntil > 0 && tick >= f.deputyUntil || !s.present(facts, stands) {
		return 0
	}
	return facts[stands].groups
}

func (s *scenario) dutyAt(f fact, tick int8) bool { return f.offFrom == 0 || tick < f.offFrom }

func (s *scenario) liveBook(w *world, b book) bool {
	return b.there && !b.used && !b.revoked && b.round == w.round && !s.outlived(w, b)
}

func (s *scenario) outlived(w *world, b book) bool {
	return dr.Millis(w.tick-b.tick)*tickMS >= s.slices[0].Rule.CodeExpiry
}

// whatIsWrong judges an act that was allowed.
func (s *scenario) whatIsWrong(w *world, m move, e Effect) string {
	switch {
	case !s.readable(w):
		return "nobody may act on an unreadable roster"
	case !s.present(s.facts(w), m.who):
		return "the actor is not there"
	case w.stepped && m.verb != dr.VerbDeny && m.verb != dr.VerbWithdraw:
		return "the clock ran backwards"
	case w.misfit:
		return "the plan is not the run's"
	case m.verb != dr.VerbStart && e.State == dr.Running:
		return "only a start starts"
	}
	switch m.verb {
	case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw:
		return s.wrongVote(w, m, e)
	case dr.VerbIssue:
		return s.wrongIssue(w, m)
	case dr.VerbStart:
		return s.wrongStart(w, m)
	case dr.VerbOverride:
		return s.wrongOverride(w, m, e)
	}
	return "this verb is decided elsewhere"
}

func (s *scenario) wrongVote(w *world, m move, e Effect) string {
	switch {
	case s.mode == dr.Rehearsal:
		return "a rehearsal has no votes"
	case w.state != dr.AwaitingApproval && w.state != dr.AwaitingCode:
		return "nobody waits for votes"
	case w.open != RoundOpen:
		return "the round is over"
	case m.old:
		return "the act is about another round"
	}
	switch m.verb {
	case dr.VerbWithdraw:
		return s.wrongWithdrawal(w, m)
	case dr.VerbDeny:
		return s.wrongDeny(w, m, e)
	}
	return s.wrongApproval(w, m, e)
}

func (s *scenario) wrongWithdrawal(w *world, m move) string {
	for p, b := range w.votes {
		if b.verdict != 0 && b.verdict != back && s.human(int8(p)) == s.human(m.who) {
			if w.overdue(s) {
				return "the round's time is over"
			}
			return ""
		}
	}
	return "there is no vote to take back"
}

func (s *scenario) wrongDeny(w *world, m move, e Effect) string {
	stands := standsFor(e)
	switch {
	case s.groupsOf(s.facts(w), m.who, stands, w.tick) == 0:
		return "a stranger said no"
	case !m.meant || !m.reason:
		return "a no without meaning it or saying why"
	case e.RoundState != RoundDenied || e.State != dr.Denied:
		return "a no did not end the round"
	}
	return ""
}

func standsFor(e Effect) int8 {
	if e.Vote == nil || e.Vote.For == "" {
		return none
	}
	return int8(e.Vote.For[0] - 'a')
}

func (s *scenario) wrongApproval(w *world, m move, e Effect) string {
	if e.Vote == nil { // said before
		if b := w.votes[m.who]; b.verdict != yes {
			return "a yes was swallowed"
		}
		return ""
	}
	stands := standsFor(e)
	requester, f := s.human(0), s.facts(w)[m.who]
	switch {
	case w.overdue(s):
		return "the round's time is over"
	case w.file != w.digest && s.mode != dr.Emergency:
		return "the files have changed"
	case s.human(m.who) == requester || stands != none && s.human(stands) == requester:
		return "the requester's vote"
	case s.groupsOf(s.facts(w), m.who, stands, w.tick) == 0:
		return "the voter is not eligible"
	case s.groupsOf(s.rosters[0], m.who, stands, w.tick) == 0:
		return "the voter is not in the plan"
	case !s.dutyAt(f, w.tick):
		return "the voter is off duty"
	case (s.mode == dr.Emergency || s.mode == dr.SurpriseDrill) && m.words != "right":
		return "the words were not typed"
	}
	for p, b := range w.votes {
		if int8(p) != m.who && b.verdict != 0 && b.verdict != back && s.human(int8(p)) == s.human(m.who) {
			return "one human voted with two accounts"
		}
	}
	for _, b := range w.codes {
		if s.liveBook(w, b) && (s.human(b.issuer) == s.human(m.who) || stands != none && s.human(b.issuer) == s.human(stands)) {
			return "the issuer's vote"
		}
	}
	return ""
}

// overdue: with the quorum there the round lives as long as enough votes do, else its own time.
func (w *world) overdue(s *scenario) bool {
	rule := s.slices[0].Rule
	end := at(w.opened).Plus(rule.RoundExpiry)
	if w.state == dr.AwaitingCode {
		var ends []dr.Time
		for _, b := range w.votes {
			if b.verdict == yes {
				ends = append(ends, at(b.tick).Plus(rule.VoteValidity))
			}
		}
		slices.SortFunc(ends, func(a, b dr.Time) int { return b.Compare(a.Time) })
		if n := s.needs(0) + s.needs(1); len(ends) >= n && n > 0 && ends[n-1].After(end.Time) {
			end = ends[n-1]
		}
	}
	return !at(w.tick).Before(end.Time)
}

// quorum tries every way of giving each slot a vote.
func (s *scenario) quorum(w *world, usable func(p int8, b ballot) bool) bool {
	var slots []uint8
	for g := range uint8(2) {
		for range s.needs(g) {
			slots = append(slots, g)
		}
	}
	taken := map[int8]bool{} // humans who voted or were spoken for
	var seat func(i int) bool
	seat = func(i int) bool {
		if i == len(slots) {
			return true
		}
		for p, b := range w.votes {
			who := []int8{s.human(int8(p))}
			if b.stands != none {
				who = append(who, s.human(b.stands))
			}
			if b.verdict != yes || !usable(int8(p), b) || slices.ContainsFunc(who, func(h int8) bool { return taken[h] }) {
				continue
			}
			now := s.groupsOf(s.facts(w), int8(p), b.stands, w.tick) & s.groupsOf(s.rosters[0], int8(p), b.stands, w.tick)
			if now&(1<<slots[i]) == 0 {
				continue
			}
			for _, h := range who {
				taken[h] = true
			}
			if seat(i + 1) {
				return true
			}
			for _, h := range who {
				delete(taken, h)
			}
		}
		return false
	}
	return len(slots) > 0 && seat(0)
}

// counts says whether a vote may be used now at all.
func (s *scenario) counts(w *world, p int8, b ballot) bool {
	valid := dr.Millis(w.tick-b.tick)*tickMS < s.slices[0].Rule.VoteValidity
	mine := b.round == w.round && b.digest == w.digest
	requester := s.human(p) == s.human(0) || b.stands != none && s.human(b.stands) == s.human(0)
	for _, k := range w.codes {
		if s.liveBook(w, k) && (s.human(k.issuer) == s.human(p) || b.stands != none && s.human(k.issuer) == s.human(b.stands)) {
			return false
		}
	}
	return valid && mine && !requester
}

func (s *scenario) wrongIssue(w *world, m move) string {
	f := s.facts(w)[m.who]
	switch {
	case s.mode == dr.Rehearsal:
		return "a rehearsal has no code"
	case w.state != dr.AwaitingCode:
		return "nobody waits for a code"
	case w.open != RoundOpen:
		return "the round is over"
	case w.file != w.digest && s.mode != dr.Emergency:
		return "the files have changed"
	case !f.issuer:
		return "no issuer"
	case !s.present(s.rosters[0], m.who) || !s.rosters[0][m.who].issuer:
		return "no issuer in the plan"
	case s.human(m.who) == s.human(0):
		return "the requester issued"
	case !s.dutyAt(f, w.tick):
		return "off duty"
	case w.locked || w.tries >= int8(s.slices[0].Rule.CodeTries):
		return "the run is locked"
	}
	for p, b := range w.votes {
		if b.verdict == yes && (s.human(int8(p)) == s.human(m.who) || b.stands != none && s.human(b.stands) == s.human(m.who)) {
			return "a voter issued"
		}
	}
	if !s.quorum(w, func(p int8, b ballot) bool { return s.counts(w, p, b) }) {
		return "a code before the quorum"
	}
	return ""
}

func (s *scenario) wrongStart(w *world, m move) string {
	rule, f := s.slices[0].Rule, s.facts(w)[m.who]
	if s.mode == dr.Rehearsal {
		if w.state.Started() || w.state.Ended() {
			return "started twice"
		}
		if !f.submitter && m.who != 0 {
			return "no submitter"
		}
		return ""
	}
	isRequester := s.human(m.who) == s.human(0)
	switch {
	case w.state != dr.AwaitingCode || w.open != RoundOpen:
		return "the run does not wait for a start"
	case m.old:
		return "the act is about another round"
	case !f.submitter && !(isRequester && rule.RequesterMaySubmit):
		return "no submitter"
	case isRequester && !rule.RequesterMaySubmit:
		return "the requester started"
	case !s.dutyAt(f, w.tick):
		return "off duty"
	case w.file != w.digest && s.mode != dr.Emergency:
		return "the files have changed"
	case w.locked || w.tries >= int8(rule.CodeTries):
		return "the run is locked"
	case s.needs(0)+s.needs(1) < 2:
		return "a single vote is no quorum"
	}
	for _, b := range w.votes {
		if b.verdict == no && b.round == w.round {
			return "somebody said no"
		}
	}
	if !s.quorum(w, func(p int8, b ballot) bool { return s.counts(w, p, b) }) {
		return "no quorum"
	}
	if bad := s.wrongSurroundings(w); bad != "" {
		return bad
	}
	return s.wrongCode(w, m)
}

func (s *scenario) wrongSurroundings(w *world) string {
	overridden := w.digest == 1 && s.present(s.facts(w), 0) && s.facts(w)[0].overrider
	switch {
	case w.checks == factsOld || w.checks == factsNone:
		return "old facts"
	case w.checks == lagBlocks && !overridden:
		return "a check blocks"
	case len(s.freezes) > 0 && w.tick == 1 && !overridden:
		return "in a freeze"
	case len(s.windows) > 0 && w.tick == 2:
		return "in a window"
	}
	return ""
}

func (s *scenario) wrongCode(w *world, m move) string {
	typed, wanted := map[int8]bool{}, max(s.slices[0].Rule.Codes, 1)
	people := map[int8]bool{s.human(0): true, s.human(m.who): true}
	for i, b := range w.codes {
		if !b.there || m.code == "first" && i > 0 {
			continue
		}
		switch {
		case b.used || b.revoked || b.foreign || b.round != w.round || b.digest != w.digest || s.outlived(w, b):
			return "a dead code"
		case s.human(b.issuer) == s.human(m.who):
			return "the issuer started"
		case s.human(b.issuer) == s.human(0):
			return "a code of the requester"
		case !s.present(s.facts(w), b.issuer) || !s.facts(w)[b.issuer].issuer || !s.rosters[0][b.issuer].issuer:
			return "a code of no issuer"
		case !s.quorum(w, func(p int8, v ballot) bool { return s.counts(w, p, v) && v.tick <= b.tick }):
			return "a code older than the quorum"
		}
		typed[s.human(b.issuer)] = true
		people[s.human(b.issuer)] = true
	}
	if m.code != "right" && m.code != "first" || len(typed) < wanted {
		return fmt.Sprint("codes of ", len(typed), " issuers")
	}
	// Voters are other humans than requester and issuers, and two at least; a submitter may be one of
	// them, so the smallest number of people is what is known plus voters who are not the submitter.
	voters := s.needs(0) + s.needs(1)
	if len(people)+voters < s.slices[0].Rule.MinPeople+s.submitterVotes(w, m) {
		return "too few people"
	}
	return ""
}

func (s *scenario) submitterVotes(w *world, m move) int {
	for p, b := range w.votes {
		if b.verdict == yes && s.human(int8(p)) == s.human(m.who) && s.counts(w, int8(p), b) {
			return 1
		}
	}
	return 0
}

func (s *scenario) wrongOverride(w *world, m move, e Effect) string {
	f := s.facts(w)[m.who]
	stretch := m.check == "freeze:year-end" && len(s.freezes) > 0
	switch {
	case w.state.Started() || w.state.Ended():
		return "an override after the start"
	case !f.overrider:
		return "an override by nobody in particular"
	case !m.reason:
		return "an override without a reason"
	case w.digest == 1 && s.facts(w)[0].overrider && s.present(s.facts(w), 0):
		return "overridden already"
	case !stretch && w.checks != lagBlocks:
		return "nothing to override"
	case !e.NewRound:
		return "an override without a new round"
	}
	return ""
}

// tryWanted says whether a refused start must have counted as a wrong code: only when all that can be
// known without the code is in order and the code typed is no good.
func (s *scenario) tryWanted(w *world, m move) bool {
	wanted := max(s.slices[0].Rule.Codes, 1)
	typedRight, typed := 0, 0
	dead := false
	for i, b := range w.codes {
		if b.there && (m.code == "right" || (m.code == "first" || m.code == "half") && i == 0) {
			typedRight++
			dead = dead || b.used || b.revoked || b.foreign || b.round != w.round || b.digest != w.digest || s.outlived(w, b)
		}
	}
	switch m.code {
	case "right":
		typed = max(typedRight, 1)
	case "first", "wrong":
		typed = 1
	case "half":
		typed = 2
	default:
		return false
	}
	if typed != wanted || typedRight == typed && !dead {
		return false
	}
	return s.startable(w, m)
}

// startable is everything a start needs but its code.
func (s *scenario) startable(w *world, m move) bool {
	bare := move{verb: m.verb, who: m.who, old: m.old, stands: none}
	if !s.readable(w) || !s.present(s.facts(w), m.who) || w.stepped || w.misfit || s.mode == dr.Rehearsal {
		return false
	}
	why := s.wrongStart(w, bare)
	return why == "" || slices.Contains([]string{"a dead code", "the issuer started", "a code of the requester", "a code of no issuer",
		"a code older than the quorum", "too few people", "codes of 0 issuers", "codes of 1 issuers", "codes of 2 issuers"}, why)
}
