package approval

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// context is a set of guards walked with the part of the specification they are answerable for.
type context struct {
	name     string
	guards   []Guard
	verbs    []dr.Verb // whose acts the specification judges
	skip     []dr.Verb // verbs not walked
	careless bool      // the engine keeps old votes and codes, and does not obey a no or a revocation
	starts   bool      // look for wrong starts only, not for tries counted wrongly
}

func contexts() []context {
	all := Guards()
	of := func(layer string, votesToo bool) (some []Guard) {
		for _, g := range all {
			if g.Layer == layer || votesToo && g.Check == nil {
				some = append(some, g)
			}
		}
		return some
	}
	clicks := []dr.Verb{dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbOverride, dr.VerbPause}
	return []context{
		{name: "all", guards: all, verbs: append(clicks, dr.VerbIssue, dr.VerbStart)},
		{name: Click, guards: of(Click, false), verbs: clicks, skip: []dr.Verb{dr.VerbStart}},
		{name: Issue, guards: of(Issue, true), verbs: []dr.Verb{dr.VerbIssue}, skip: []dr.Verb{dr.VerbStart, dr.VerbOverride}},
		{name: Start, guards: of(Start, false), verbs: []dr.Verb{dr.VerbStart}, careless: true},
	}
}

// finding is a state reached in which something was wrong.
type finding struct {
	what  string
	trail []string
}

type walked struct {
	states, acts, depth int
	found               *finding
}

type step struct {
	from  int
	move  string
	depth int
}

// try makes one move in one state.
func (s *scenario) try(ctx context, c Case, w world, m move) (next world, bad string, moved bool) {
	if m.happens != nil {
		next = w
		if !m.happens(s, &next) {
			return w, "", false
		}
		if ctx.careless {
			return next, "", true
		}
		return s.settle(w, next), "", true
	}
	judged := slices.Contains(ctx.verbs, m.verb)
	if slices.Contains(ctx.skip, m.verb) || !judged && (m.who >= crowd || m.odd) { // without its guards an odd act is like a plain one
		return w, "", false
	}
	a, possible := s.act(&w, m)
	if !possible {
		return w, "", false
	}
	e, refusal := Decide(ctx.guards, c, a)
	if refusal != nil {
		return s.refused(ctx, w, m, refusal)
	}
	if judged {
		if bad = s.whatIsWrong(&w, m, e); bad != "" {
			return w, bad, false
		}
	}
	return s.apply(ctx, w, m, e), "", true
}

func (s *scenario) refused(ctx context, w world, m move, refusal *Refusal) (next world, bad string, moved bool) {
	if m.verb != dr.VerbStart || !slices.Contains(ctx.verbs, m.verb) {
		return w, "", false
	}
	if wanted := s.tryWanted(&w, m); wanted != refusal.CountsAsTry && !ctx.starts {
		return w, fmt.Sprintf("counted as a try: %v, should be %v (%s)", refusal.CountsAsTry, wanted, refusal.Guard), false
	}
	if !refusal.CountsAsTry {
		return w, "", false
	}
	w.tries++
	w.locked = w.tries >= int8(s.slices[0].Rule.CodeTries)
	return w, "", true
}

// settle is what the engine does when it opens a new round: votes and codes of the old one are gone.
func (s *scenario) settle(before, after world) world {
	if after.round != before.round {
		after.votes, after.codes = s.start().votes, [books]book{}
	}
	return after
}

// apply is the engine in small: it writes an effect down.
func (s *scenario) apply(ctx context, w world, m move, e Effect) world {
	if e.Vote != nil {
		if !ctx.careless { // the store keeps one vote per human and round
			for p := range w.votes {
				if p < len(s.rosters[0]) && s.human(int8(p)) == s.human(m.who) {
					w.votes[p] = ballot{stands: none}
				}
			}
		}
		verdict := map[string]uint8{Approve: yes, Deny: no, Withdrawn: back}[e.Vote.Verdict]
		w.votes[m.who] = ballot{verdict, standsFor(e), w.tick, w.round, w.digest}
	}
	for _, k := range e.UsedCodes {
		w.codes[k[1]-'0'].used = true
	}
	if m.verb == dr.VerbOverride {
		w.file = 1
	}
	if e.Code != nil {
		w = s.keep(ctx, w, e, m.who)
	}
	if ctx.careless && (m.verb == dr.VerbStart || m.verb == dr.VerbDeny) {
		return w
	}
	if !ctx.careless {
		for _, k := range e.Revoked {
			w.codes[k[1]-'0'].revoked = true
		}
	}
	if e.State != "" {
		w.state = e.State
	}
	if e.RoundState != "" {
		w.open = e.RoundState
	}
	return w
}

func (s *scenario) keep(ctx context, w world, e Effect, who int8) world {
	for i, b := range w.codes[:max(s.books, 1)] {
		dead := b.used || b.revoked || s.outlived(&w, b) || slices.Contains(e.Revoked, fmt.Sprint("k", i))
		if !b.there || dead && !ctx.careless {
			w.codes[i] = book{there: true, issuer: who, round: w.round, digest: w.digest, tick: w.tick}
			return w
		}
	}
	return w
}
