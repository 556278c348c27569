package approval

import (
	"cmp"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// Tally fills the slots of all groups with the votes that count now, and says how many slots are
// filled, how many there are, whether that is all of them, and which votes fill them. It finds the
// best filling there is: nobody's vote is wasted on a slot that only somebody else's needs.
func Tally(c Case) (have, need int, complete bool, matched []dr.Vote) {
	if c.Slice == nil {
		return 0, 0, false, nil
	}
	return tally(c, c.Run.Round.Votes)
}

func tally(c Case, cast []dr.Vote) (have, need int, complete bool, matched []dr.Vote) {
	rule := c.Slice.Rule
	need = rule.Quorum()
	guards := c.counting
	if guards == nil {
		guards = Guards()
	}
	var votes []dr.Vote
	var seats [][]bool // vote × group
	for _, v := range cast {
		row := make([]bool, len(rule.Groups))
		for g, group := range rule.Groups {
			row[g] = v.Verdict == Approve && counts(guards, c, v, group)
		}
		if slices.Contains(row, true) {
			votes, seats = append(votes, v), append(seats, row)
		}
	}
	best := fill(rule.Groups, seats, clashes(guards, c, votes), need)
	for _, i := range best {
		matched = append(matched, votes[i])
	}
	return len(best), need, need > 0 && len(best) >= need, matched
}

func counts(guards []Guard, c Case, v dr.Vote, g dr.Group) bool {
	for _, guard := range guards {
		if guard.Count != nil && !guard.Count(c, v, g) {
			return false
		}
	}
	return true
}

func clashes(guards []Guard, c Case, votes []dr.Vote) [][]bool {
	clash := make([][]bool, len(votes))
	for i := range votes {
		clash[i] = make([]bool, len(votes))
	}
	for i, v := range votes {
		for j, w := range votes[:i] {
			for _, guard := range guards {
				if guard.Clash != nil && guard.Clash(c, v, w) {
					clash[i][j], clash[j][i] = true, true
				}
			}
		}
	}
	return clash
}

// fill finds the largest set of votes no two of which clash and that have a slot each. Votes clash
// only where one human holds two accounts or a deputy and the person away both voted, so a branch on
// the most contested vote (keep it and drop its rivals, or drop it) is soon at its end; without
// clashes what is left is a bipartite matching.
func fill(groups []dr.Group, seats [][]bool, clash [][]bool, need int) []int {
	alive := make([]int, len(seats))
	for i := range alive {
		alive[i] = i
	}
	var best []int
	var branch func(alive []int)
	branch = func(alive []int) {
		if len(best) == need || len(alive) <= len(best) {
			return
		}
		v, rivals := contested(alive, clash)
		if rivals == 0 {
			if got := match(groups, seats, alive); len(got) > len(best) {
				best = got
			}
			return
		}
		branch(without(alive, func(i int) bool { return clash[v][i] }))
		branch(without(alive, func(i int) bool { return i == v }))
	}
	branch(alive)
	slices.Sort(best)
	return best
}

func contested(alive []int, clash [][]bool) (vote, rivals int) {
	for _, i := range alive {
		n := 0
		for _, j := range alive {
			if clash[i][j] {
				n++
			}
		}
		if n > rivals {
			vote, rivals = i, n
		}
	}
	return vote, rivals
}

func without(votes []int, drop func(int) bool) []int {
	var kept []int
	for _, v := range votes {
		if !drop(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// match is a maximum bipartite matching of votes to slots by augmenting paths.
func match(groups []dr.Group, seats [][]bool, alive []int) []int {
	var slots []int // the group each slot belongs to
	for g, group := range groups {
		for range max(group.N, 0) {
			slots = append(slots, g)
		}
	}
	holder := make([]int, len(slots))
	for i := range holder {
		holder[i] = -1
	}
	var seen []bool
	var seat func(vote int) bool
	seat = func(vote int) bool {
		for s, g := range slots {
			if !seats[vote][g] || seen[s] {
				continue
			}
			seen[s] = true
			if holder[s] < 0 || seat(holder[s]) {
				holder[s] = vote
				return true
			}
		}
		return false
	}
	var filled []int
	for _, vote := range alive {
		seen = make([]bool, len(slots))
		seat(vote)
	}
	for _, vote := range holder {
		if vote >= 0 {
			filled = append(filled, vote)
		}
	}
	return filled
}

// voteExpires is the moment a vote stops counting.
func voteExpires(rule dr.Rule, v dr.Vote) dr.Time {
	life := rule.VoteValidity
	if life <= 0 {
		life = DefaultVoteLife
	}
	return v.At.Plus(life)
}

// Defaults where a policy says nothing; a missing number is never "for ever".
const (
	DefaultVoteLife   = dr.Millis(30 * 60 * 1000)
	DefaultFactsFresh = dr.Millis(5 * 60 * 1000)
)

// Deadline is the moment the open round ends by itself. While votes are being collected it is the
// round's expiry. Once the quorum is there the round lives on for as long as enough votes do, which
// in a drill may be days.
func Deadline(c Case) dr.Time {
	round := c.Run.Round
	if c.Slice == nil || c.Run.State != dr.AwaitingCode {
		return round.Expires
	}
	var ends []dr.Time
	for _, v := range round.Votes {
		if v.Verdict == Approve {
			ends = append(ends, voteExpires(c.Slice.Rule, v))
		}
	}
	need := c.Slice.Rule.Quorum()
	if need < 1 || len(ends) < need {
		return round.Expires
	}
	slices.SortFunc(ends, func(a, b dr.Time) int { return cmp.Compare(b.UnixMilli(), a.UnixMilli()) })
	if last := ends[need-1]; last.After(round.Expires.Time) {
		return last
	}
	return round.Expires
}

// Expire says what time alone does to a waiting run: the round ends at its deadline, and a run that
// waits for its code goes back to waiting for votes when too few still count. Where the roster
// cannot be read only the deadline counts, so that a directory that is away ends nothing.
func Expire(c Case) (state dr.State, roundState string, changed bool) {
	if c.Run.State != dr.AwaitingApproval && c.Run.State != dr.AwaitingCode || c.Run.Round.State != RoundOpen || c.ClockStepped {
		return c.Run.State, c.Run.Round.State, false
	}
	if pastDeadline(c) {
		return dr.Expired, RoundExpired, true
	}
	if c.Run.State == dr.AwaitingCode && c.RosterErr == nil && len(c.Roster.People) > 0 {
		if _, _, complete, _ := Tally(c); !complete {
			return dr.AwaitingApproval, RoundOpen, true
		}
	}
	return c.Run.State, c.Run.Round.State, false
}

// pastDeadline holds too where the deadline was never set.
func pastDeadline(c Case) bool { return !c.Now.Before(Deadline(c).Time) }
