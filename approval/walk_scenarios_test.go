package approval

import (
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// The people of the small worlds. Requester 0 holds every role there is, so that only the rules keep
// them from using them.
func person(human int8, groups uint8, more ...func(*fact)) fact {
	f := fact{human: human, groups: groups, standsFor: none}
	for _, m := range more {
		m(&f)
	}
	return f
}

func issuer(f *fact)    { f.issuer = true }
func submitter(f *fact) { f.submitter = true }
func overrider(f *fact) { f.overrider = true }
func disabled(f *fact)  { f.disabled = true }

func deputy(of, until int8) func(*fact) {
	return func(f *fact) { f.standsFor, f.deputyUntil = of, until }
}

func off(from int8) func(*fact) { return func(f *fact) { f.offFrom = from } }

// changed is a roster that differs in some people.
func changed(facts []fact, who map[int]fact) []fact {
	next := append([]fact(nil), facts...)
	for i, f := range who {
		next[i] = f
	}
	return next
}

func vote1(verb dr.Verb, who ...int8) (moves []move) {
	for _, p := range who {
		moves = append(moves, move{name: string(verb) + " " + name(p), verb: verb, who: p, stands: none, meant: true, reason: true, words: "right"})
	}
	return moves
}

func start1(code string, who ...int8) (moves []move) {
	for _, p := range who {
		moves = append(moves, move{name: "start " + code + " " + name(p), verb: dr.VerbStart, who: p, stands: none, code: code})
	}
	return moves
}

func name(p int8) string {
	if p >= crowd {
		return "stranger"
	}
	return id(p)
}

func happens(name string, f func(*scenario, *world) bool) move { return move{name: name, happens: f} }

func tick() move {
	return happens("time passes", func(s *scenario, w *world) bool {
		w.tick++
		return w.tick <= s.ticks
	})
}

func edit() move {
	return happens("a file is saved", func(_ *scenario, w *world) bool { w.file ^= 1; return true })
}

func reround() move {
	return happens("a new round opens", func(s *scenario, w *world) bool {
		if w.round >= s.rounds || w.state.Started() || w.file == w.digest && w.open == RoundOpen {
			return false
		}
		w.round, w.opened, w.digest, w.open, w.state = w.round+1, w.tick, w.file, RoundOpen, dr.AwaitingApproval
		return true
	})
}

// expire lets production code end rounds, and checks that it does so rightly.
func expire() move {
	return happens("the clock is looked at", func(s *scenario, w *world) bool {
		state, round, moved := Expire(s.newCase(w))
		if !moved {
			return false
		}
		if state == dr.Expired && !w.overdue(s) {
			panic("a round expired before its time")
		}
		w.state, w.open = state, round
		return true
	})
}

func becomes(name string, f func(*world)) move {
	return happens(name, func(_ *scenario, w *world) bool { f(w); return true })
}

func rosterIs(k int8) move { return becomes("the roster changes", func(w *world) { w.roster = k }) }

func steppedBack() move {
	return becomes("the clock jumps", func(w *world) { w.stepped = !w.stepped })
}

func checksAre(k int8) move { return becomes("preflight looks", func(w *world) { w.checks = k }) }

func misfit() move {
	return becomes("another slice is read", func(w *world) { w.misfit = !w.misfit })
}

func leaked() move {
	return happens("the code is seen in a chat", func(_ *scenario, w *world) bool { w.codes[0].revoked = true; return w.codes[0].there })
}

func foreignCode() move {
	return happens("the code was for the way back", func(_ *scenario, w *world) bool {
		w.codes[0].foreign = true
		return w.codes[0].there
	})
}

// preflightAgain goes back to preflight with the round still open, and on from there.
func preflightAgain() move {
	return happens("preflight runs again", func(_ *scenario, w *world) bool {
		switch w.state {
		case dr.AwaitingApproval, dr.AwaitingCode:
			w.state = dr.Preflight
		case dr.Preflight:
			w.state = dr.AwaitingCode
		default:
			return false
		}
		return true
	})
}

func odd(m move, change func(*move)) move {
	change(&m)
	m.name, m.odd = m.name+" (oddly)", true
	return m
}

func join(parts ...[]move) (all []move) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// scenarios are the worlds walked; the crowd is for all guards together, the others keep one thing
// in view each and are small enough to be walked with whole layers of rules missing.
func scenarios(crowd bool) []*scenario {
	list := []*scenario{weakScenario(), rehearsalScenario(), stricterScenario(), seatsScenario(), roundsScenario(), timeScenario(),
		emergencyScenario(), codesScenario(), rosterScenario(), checksScenario(), statesScenario()}
	if crowd {
		list = append(list, crowdScenario())
	}
	for _, s := range list {
		s.prepare()
	}
	return list
}

// Everybody at once: an alias account, a deputy, an issuer who is an approver, edits and time.
func crowdScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(1, 2), person(3, 3), person(4, 0, deputy(3, 0)), person(5, 2, issuer, submitter), person(6, 0, submitter)}
	deny := vote1(dr.VerbDeny, 1)[0]
	return &scenario{name: "crowd", mode: dr.Drill, ticks: 1, rounds: 2, rosters: [][]fact{facts},
		rule: func(r *dr.Rule) { r.RoundExpiry, r.VoteValidity = tickMS, 2*tickMS },
		moves: join(vote1(dr.VerbApprove, 0, 1, 2, 3, 4, 5), vote1(dr.VerbWithdraw, 1, 3, 4, 5), []move{deny},
			[]move{odd(vote1(dr.VerbApprove, 1)[0], func(m *move) { m.old = true })},
			vote1(dr.VerbIssue, 0, 5), start1("right", 6, 5, 0), start1("wrong", 6), []move{tick(), edit(), reround(), expire()}),
	}
}

// Who may sit where: the requester, an alias account, a deputy and whom they stand in for, the issuer.
func seatsScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(1, 2), person(3, 3), person(4, 0, deputy(3, 0)), person(5, 2, issuer, submitter),
		person(6, 0, submitter), person(7, 0, deputy(0, 0))}
	deny := vote1(dr.VerbDeny, 1)[0]
	return &scenario{name: "seats", mode: dr.Drill, rounds: 1, rosters: [][]fact{facts},
		moves: join(vote1(dr.VerbApprove, 0, 1, 2, 3, 4, 5, 6, 7, 9), vote1(dr.VerbWithdraw, 1, 2),
			[]move{deny, odd(deny, func(m *move) { m.meant = false }), odd(deny, func(m *move) { m.reason = false }), odd(deny, func(m *move) { m.who = 6 }),
				{name: "pause b", verb: dr.VerbPause, who: 1, stands: none}},
			vote1(dr.VerbIssue, 0, 1, 5), start1("right", 6, 5, 0, 1)),
	}
}

// Digests and rounds: files are saved, new rounds open, buttons of the old round are pressed.
func roundsScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(2, 2), person(3, 0, issuer), person(4, 0, submitter)}
	return &scenario{name: "rounds", mode: dr.Drill, rounds: 3, rosters: [][]fact{facts},
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbIssue, 3), vote1(dr.VerbDeny, 1), start1("right", 4), start1("wrong", 4),
			[]move{odd(vote1(dr.VerbApprove, 1)[0], func(m *move) { m.old = true }), odd(start1("right", 4)[0], func(m *move) { m.old = true }), edit(), reround(),
				becomes("guesses were made", func(w *world) { w.tries, w.locked = 2, true })}),
	}
}

// Duty periods, rounds, votes and codes that run out; the requester may not start.
func timeScenario() *scenario {
	facts := []fact{person(0, 1, submitter), person(1, 1, off(1)), person(2, 2), person(3, 0, issuer, off(1)), person(4, 0, submitter, off(4))}
	return &scenario{name: "time", mode: dr.Drill, ticks: 4, rounds: 1, rosters: [][]fact{facts},
		rule:  func(r *dr.Rule) { r.RoundExpiry, r.VoteValidity, r.RequesterMaySubmit = 2*tickMS, 3*tickMS, false },
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbWithdraw, 2), vote1(dr.VerbIssue, 3), start1("right", 4, 0), []move{tick(), expire()}),
	}
}

// The digest words, and an open round that keeps its version while files and roster move on.
func emergencyScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(2, 0), person(3, 2), person(4, 2, issuer), person(5, 0, submitter)}
	later := changed(facts, map[int]fact{2: person(2, 2, issuer)}) // becomes approver and issuer overnight
	approve := vote1(dr.VerbApprove, 1)[0]
	return &scenario{name: "emergency", mode: dr.Emergency, rounds: 2, rosters: [][]fact{facts, later},
		rule: func(r *dr.Rule) { r.Words, r.MinPeople = true, 4 },
		moves: join(vote1(dr.VerbApprove, 2, 3), vote1(dr.VerbIssue, 4, 2), start1("right", 5),
			[]move{approve, odd(approve, func(m *move) { m.words = "wrong" }), odd(approve, func(m *move) { m.words = "" }), edit(), reround(), rosterIs(1), rosterIs(0)}),
	}
}

// Two issuers and two codes; guesses, slips, halves, leaks and foreign codes.
func codesScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(2, 2), person(3, 0, issuer), person(4, 0, issuer, submitter), person(4, 0, issuer), person(6, 0, submitter)}
	return &scenario{name: "two codes", mode: dr.Drill, ticks: 1, rounds: 1, books: 2, rosters: [][]fact{facts, changed(facts, map[int]fact{3: person(3, 0)})},
		rule: func(r *dr.Rule) { r.Codes = 2 },
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbIssue, 0, 3, 4, 5),
			start1("right", 6, 4), start1("first", 6), start1("wrong", 6, 9), start1("half", 6), start1("slips", 6), start1("slip", 6),
			[]move{tick(), leaked(), foreignCode(), rosterIs(1), rosterIs(0)}),
	}
}

// People who come, go and are switched off; a roster that is empty or cannot be read.
func rosterScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(2, 2), person(3, 0, issuer), person(4, 0, submitter), person(5, 0, deputy(1, 0))}
	goneAll := make([]fact, len(facts))
	for i := range goneAll {
		goneAll[i].gone, goneAll[i].standsFor = true, none
	}
	return &scenario{name: "roster", mode: dr.Drill, rounds: 1, unread: 1,
		rosters: [][]fact{facts, facts, goneAll,
			changed(facts, map[int]fact{1: person(1, 1, disabled)}),
			changed(facts, map[int]fact{2: person(2, 1), 5: person(5, 1)}),
			changed(facts, map[int]fact{3: person(3, 0, issuer, disabled), 4: person(4, 0, submitter, disabled)}),
			changed(facts, map[int]fact{4: person(4, 0, submitter, disabled)}),
			changed(facts, map[int]fact{3: person(3, 0), 4: person(4, 0)})},
		moves: join(vote1(dr.VerbApprove, 1, 2, 5), vote1(dr.VerbIssue, 3), vote1(dr.VerbWithdraw, 1), vote1(dr.VerbDeny, 1), start1("right", 4),
			[]move{odd(vote1(dr.VerbApprove, 5)[0], func(m *move) { m.stands = 2 }),
				steppedBack(), misfit(), expire(), rosterIs(0), rosterIs(1), rosterIs(2), rosterIs(3), rosterIs(4), rosterIs(5), rosterIs(6), rosterIs(7)}),
	}
}

// Facts, checks, a freeze, a window, and overrides that are part of the plan.
func checksScenario() *scenario {
	facts := []fact{person(0, 0, overrider), person(1, 1), person(2, 2), person(3, 0, issuer), person(4, 0, submitter)}
	override := func(who int8, check string) move {
		return move{name: "override " + check + " " + name(who), verb: dr.VerbOverride, who: who, stands: none, reason: true, check: check}
	}
	return &scenario{name: "checks", mode: dr.Drill, ticks: 2, rounds: 2, zone: time.FixedZone("walk", 0),
		rosters: [][]fact{facts, changed(facts, map[int]fact{0: person(0, 0)})},
		freezes: []dr.Freeze{{Name: "year-end", From: at(1), To: at(2)}},
		windows: []dr.Window{{Kind: "batch", When: at(2).Format("15:04") + "-" + at(3).Format("15:04"), OnConflict: "block"}},
		rule:    func(r *dr.Rule) { r.CodeExpiry, r.RoundExpiry, r.VoteValidity = 2*tickMS, 9*tickMS, 9*tickMS },
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbIssue, 3), start1("right", 4),
			[]move{override(0, "lag:x"), override(0, "freeze:year-end"), override(0, "lag:y"), override(2, "lag:x"),
				odd(override(0, "lag:x"), func(m *move) { m.reason = false }),
				checksAre(allGreen), checksAre(lagBlocks), checksAre(lagWarns), checksAre(factsOld), checksAre(factsNone),
				tick(), reround(), rosterIs(1), rosterIs(0)}),
	}
}

// Rounds and states that do not fit each other, as after a crash between two transactions.
func statesScenario() *scenario {
	facts := []fact{person(0, 1, submitter), person(1, 1), person(2, 2), person(3, 0, issuer), person(4, 0, submitter), person(5, 0, overrider)}
	return &scenario{name: "states", mode: dr.Drill, rounds: 2, rosters: [][]fact{facts},
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbWithdraw, 1), vote1(dr.VerbDeny, 2), vote1(dr.VerbIssue, 3), start1("right", 4), start1("wrong", 4),
			[]move{{name: "override", verb: dr.VerbOverride, who: 5, stands: none, reason: true, check: "lag:x"}, checksAre(lagBlocks), checksAre(allGreen),
				edit(), reround(), preflightAgain(), expire(),
				happens("the round is replaced", func(_ *scenario, w *world) bool { w.open = RoundReplaced; return !w.state.Started() })}),
	}
}

// A rule under which five people have to take part.
func stricterScenario() *scenario {
	facts := []fact{person(0, 1, submitter), person(1, 1, submitter), person(2, 2), person(3, 0, issuer), person(4, 0, submitter)}
	return &scenario{name: "stricter", mode: dr.Drill, ticks: 1, rounds: 1, rosters: [][]fact{facts},
		rule:  func(r *dr.Rule) { r.MinPeople = 5 },
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbIssue, 3), start1("right", 0, 1, 4), []move{tick()}),
	}
}

// A rule that should never have been loaded: a single vote.
func weakScenario() *scenario {
	facts := []fact{person(0, 0, submitter), person(1, 1), person(2, 0, issuer), person(3, 0, submitter)}
	return &scenario{name: "weak policy", mode: dr.Drill, ticks: 1, rounds: 1, rosters: [][]fact{facts},
		rule:  func(r *dr.Rule) { r.Groups = r.Groups[:1] },
		moves: join(vote1(dr.VerbApprove, 1), vote1(dr.VerbIssue, 2), start1("right", 3)),
	}
}

// A rehearsal needs nobody's vote and takes none.
func rehearsalScenario() *scenario {
	facts := []fact{person(0, 1, issuer, submitter), person(1, 1), person(2, 2), person(3, 0, issuer, submitter)}
	return &scenario{name: "rehearsal", mode: dr.Rehearsal, ticks: 1, rounds: 1, rosters: [][]fact{facts},
		moves: join(vote1(dr.VerbApprove, 1, 2), vote1(dr.VerbDeny, 1), vote1(dr.VerbIssue, 3), start1("", 0, 1, 3),
			[]move{tick(), happens("it waits for a code", func(_ *scenario, w *world) bool { w.state = dr.AwaitingCode; return true })}),
	}
}
