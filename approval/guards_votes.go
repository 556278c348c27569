package approval

import "github.com/switchman-dr/switchman/dr"

func voteOfThisPlan(c Case, v dr.Vote, _ dr.Group) bool {
	return v.Digest == c.Run.Digest && v.Round == c.Run.Round.Number
}

func voteValid(c Case, v dr.Vote, _ dr.Group) bool {
	return !v.At.IsZero() && !v.At.After(c.Now.Time) && c.Now.Before(voteExpires(c.Slice.Rule, v).Time)
}

func voteNotRequester(c Case, v dr.Vote, _ dr.Group) bool { return !c.speaksFor(v, c.Run.Requester) }

func voteNotIssuer(c Case, v dr.Vote, _ dr.Group) bool {
	for _, k := range c.Run.Codes {
		if c.live(k) && c.seat(v).holds(c.identity(k.Issuer, k.Human)) {
			return false
		}
	}
	return true
}

func voteEligibleNow(c Case, v dr.Vote, g dr.Group) bool {
	return fits(c.Roster, v.Person, v.For, g, c.Now)
}

func voteEligibleInPlan(c Case, v dr.Vote, g dr.Group) bool {
	return fits(c.frozen(), v.Person, v.For, g, c.Now)
}

// oneHuman: two accounts of one human being fill one slot.
func oneHuman(c Case, v, w dr.Vote) bool {
	return c.identity(v.Person, v.Human).touches(c.identity(w.Person, w.Human))
}

// oneSeat: a deputy and the person they stand in for, or two deputies of one person, fill one slot.
func oneSeat(c Case, v, w dr.Vote) bool {
	return (v.For != "" || w.For != "") && c.seat(v).touches(c.seat(w))
}
