package approval

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// The walk visits every state a small world can reach by acts of people and by what happens around
// them, deciding every act with the production Decide. What is allowed is compared with a second
// description of the rules (walk_spec_test.go) that is written over the plain facts below and knows
// nothing of guards, tallies or dr types.

const (
	crowd = 8 // people in a world at most
	books = 2 // security codes remembered at once
	none  = int8(-1)
)

// fact is what one roster says of one person. Everything is small so that a world is a map key.
type fact struct {
	gone, disabled bool
	human          int8
	groups         uint8 // quorum groups the person's own roles fit, as bits
	issuer         bool
	submitter      bool
	overrider      bool
	standsFor      int8 // whom they may stand in for; none
	deputyUntil    int8 // tick from which they no longer do; 0: no end
	offFrom        int8 // tick from which they are off duty; 0: always on
}

type ballot struct {
	verdict uint8 // 0 none, then the letters below
	stands  int8
	tick    int8
	round   int8
	digest  int8
}

const (
	yes  = 'y'
	no   = 'n'
	back = 'w'
)

type book struct {
	there, used, revoked bool
	issuer               int8
	round, digest, tick  int8
	foreign              bool // made for another direction
}

// world is a state of the walk: what the store would hold, and what is so around it.
type world struct {
	state   dr.State
	round   int8
	opened  int8 // tick
	open    string
	digest  int8 // of the run
	file    int8 // of today's files
	roster  int8
	tick    int8
	tries   int8
	locked  bool
	stepped bool
	checks  int8
	misfit  bool // the slice read back belongs to another mode
	votes   [crowd]ballot
	codes   [books]book
	starts  int8
}

// scenario is a world's fixed part.
type scenario struct {
	name    string
	mode    dr.Mode
	rule    func(*dr.Rule)
	rosters [][]fact // variants; the first is the frozen one
	unread  int8     // index of the variant that cannot be read; 0: none
	moves   []move
	ticks   int8
	rounds  int8
	zone    *time.Location
	freezes []dr.Freeze
	windows []dr.Window
	first   func(*world)
	books   int // codes remembered; 0: one

	slices []*dr.Slice
	typed  [2]string // digest words
	live   []dr.Roster
}

// move is either an act or something that happens.
type move struct {
	name    string
	verb    dr.Verb
	who     int8
	stands  int8
	odd     bool   // done in a way people should not
	old     bool   // carries the nonce of an earlier round
	words   string // right, wrong, none
	meant   bool
	reason  bool
	code    string // right, own, wrong, slip, none, one, two
	check   string
	happens func(*scenario, *world) bool // false: not possible here
}

const tickMS = dr.Millis(5 * 60 * 1000)

// zero is a Wednesday, 19:40 in the zone of the walk.
var zero = dr.At(time.Date(2026, 11, 25, 19, 40, 0, 0, time.UTC))

func at(tick int8) dr.Time { return zero.Plus(tickMS * dr.Millis(tick)) }

// digests and what people type for them, worked out once.
var digests = [2]string{dr.Digest([]byte{0}), dr.Digest([]byte{1})}

func digestOf(d int8) string { return digests[d] }

func id(p int8) string { return string(rune('a' + p)) }

func (s *scenario) needs(group uint8) int {
	if int(group) < len(s.slices[0].Rule.Groups) {
		return s.slices[0].Rule.Groups[group].N
	}
	return 0
}

// prepare writes facts out as the rosters and slices production code reads.
func (s *scenario) prepare() {
	if s.zone == nil {
		s.zone = time.UTC
	}
	for i, facts := range s.rosters {
		facts = append([]fact(nil), facts...)
		for p := len(facts); p < crowd; p++ { // the rest of the world is not in the roster
			facts = append(facts, fact{gone: true, human: int8(100 + p), standsFor: none})
		}
		s.rosters[i] = facts
		s.live = append(s.live, rosterOf(facts))
	}
	rule := dr.Rule{ID: "walk", Profile: "standard", MinPeople: 3, Issuers: []dr.Role{dr.CodeIssuer}, Submitters: []dr.Role{dr.Operator},
		Groups: []dr.Group{
			{Name: "g0", Roles: []dr.Role{dr.Approver}, Teams: []string{"g0"}, N: 1},
			{Name: "g1", Roles: []dr.Role{dr.Approver}, Teams: []string{"g1"}, N: 1}},
		RequesterMaySubmit: true, Codes: 1, RoundExpiry: 4 * tickMS, VoteValidity: 5 * tickMS, CodeExpiry: tickMS, CodeTries: 2, FactsFresh: tickMS}
	if s.rule != nil {
		s.rule(&rule)
	}
	for d := int8(0); d < 2; d++ {
		sl := &dr.Slice{Plan: "plan", Mode: s.mode, Direction: dr.Outbound, Rule: rule, People: s.live[0].People, Freezes: s.freezes,
			Systems:     []dr.System{{ID: "ledger", Windows: s.windows}},
			MayOverride: []dr.OverrideRule{{Check: "*", Modes: []dr.Mode{s.mode}, Roles: []dr.Role{dr.Commander}}}}
		if d == 1 { // the second version of the plan has the overrides in it
			sl.Overrides = []dr.Override{{Check: "lag:x", Person: id(0), Reason: "r"}, {Check: "freeze:year-end", Person: id(0), Reason: "r"}}
		}
		s.slices = append(s.slices, sl)
		s.typed[d] = strings.Join(first(Words(digestOf(d))), " ")
	}
}

func first(words [3]string, _ [3]int) []string { return words[:] }

func rosterOf(facts []fact) (r dr.Roster) {
	for i, f := range facts {
		if f.gone {
			continue
		}
		p := dr.Person{ID: id(int8(i)), Name: id(int8(i)), Human: fmt.Sprint("h", f.human), Disabled: f.disabled}
		for g := range 2 {
			if f.groups&(1<<g) != 0 {
				p.Roles = append(p.Roles, dr.Approver)
				p.Teams = append(p.Teams, fmt.Sprint("g", g))
			}
		}
		if f.issuer {
			p.Roles = append(p.Roles, dr.CodeIssuer)
		}
		if f.submitter {
			p.Roles = append(p.Roles, dr.Operator)
		}
		if f.overrider {
			p.Roles = append(p.Roles, dr.Commander)
		}
		if f.standsFor != none {
			until := at(100)
			if f.deputyUntil > 0 {
				until = at(f.deputyUntil)
			}
			p.Deputy = []dr.Deputy{{For: id(f.standsFor), From: at(-100), To: until}}
		}
		if f.offFrom > 0 {
			from := at(0).Plus(-6 * 60 * 60 * 1000)
			p.Duty = []dr.Duty{{From: from.Format("15:04"), To: at(f.offFrom).Format("15:04")}}
		}
		r.People = append(r.People, p)
	}
	return r
}

func (s *scenario) start() world {
	w := world{state: dr.AwaitingApproval, round: 1, open: RoundOpen}
	for i := range w.votes {
		w.votes[i].stands = none
	}
	if s.first != nil {
		s.first(&w)
	}
	return w
}

func nonce(round int8) string { return [...]string{"none", "n1", "n2", "n3", "n4"}[round] }

// newCase shows a world to production code.
func (s *scenario) newCase(w *world) Case {
	run := dr.Run{ID: "r", Plan: "plan", Mode: s.mode, Direction: dr.Outbound, State: w.state, Digest: digestOf(w.digest),
		Requester: id(0), CodeTries: int(w.tries), CodeLocked: w.locked, Checks: checksOf(w)}
	run.Round = dr.Round{Number: int(w.round), Nonce: nonce(w.round), Digest: run.Digest, Opened: at(w.opened),
		Expires: at(w.opened).Plus(s.slices[0].Rule.RoundExpiry), State: w.open}
	for p, b := range w.votes {
		if b.verdict == 0 {
			continue
		}
		v := dr.Vote{Person: id(int8(p)), Human: fmt.Sprint("h", s.rosters[0][p].human), At: at(b.tick), Round: int(b.round), Digest: digestOf(b.digest)}
		if b.stands != none {
			v.For = id(b.stands)
		}
		v.Verdict = map[uint8]string{yes: Approve, no: Deny, back: Withdrawn}[b.verdict]
		run.Round.Votes = append(run.Round.Votes, v)
	}
	for i, b := range w.codes {
		if b.there {
			run.Codes = append(run.Codes, s.codeRow(i, b))
		}
	}
	c := Case{Run: run, Slice: s.slices[w.digest], Roster: s.live[w.roster], Zone: s.zone, Now: at(w.tick), ClockStepped: w.stepped, Current: digestOf(w.file)}
	if s.unread != 0 && w.roster == s.unread {
		c.RosterErr = errors.New("roster.yaml: permission denied")
	}
	if w.misfit {
		other := *c.Slice
		other.Mode = dr.Rehearsal
		c.Slice = &other
	}
	return c
}

func (s *scenario) codeRow(i int, b book) dr.Code {
	k := dr.Code{ID: fmt.Sprint("k", i), Issuer: id(b.issuer), Human: fmt.Sprint("h", s.rosters[0][b.issuer].human), Round: int(b.round),
		Digest: digestOf(b.digest), Direction: dr.Outbound, Mode: s.mode, Source: Issued, Issued: at(b.tick), Expires: at(b.tick).Plus(s.slices[0].Rule.CodeExpiry)}
	if b.foreign {
		k.Direction = dr.Return
	}
	if b.used {
		k.Used = at(b.tick)
	}
	if b.revoked {
		k.Revoked = at(b.tick)
	}
	return k
}

// The facts preflight may have found.
const (
	allGreen = int8(iota)
	lagBlocks
	lagWarns
	factsOld
	factsNone
)

func checksOf(w *world) []dr.Check {
	now := at(w.tick)
	k := dr.Check{ID: "lag:x", OK: true, Level: "block", At: now}
	switch w.checks {
	case lagBlocks:
		k.OK = false
	case lagWarns:
		k.OK, k.Level = false, "warn"
	case factsOld:
		k.At = now.Plus(-2 * tickMS)
	case factsNone:
		return nil
	}
	return []dr.Check{k}
}

// act turns a move into what a surface would send.
func (s *scenario) act(w *world, m move) (Act, bool) {
	a := Act{Verb: m.verb, Person: id(m.who), Nonce: nonce(w.round), Confirmed: m.meant, Check: m.check}
	if m.who >= crowd {
		a.Person = "stranger"
	}
	if m.stands != none {
		a.For = id(m.stands)
	}
	if m.old {
		if w.round == 1 {
			return a, false
		}
		a.Nonce = nonce(w.round - 1)
	}
	if m.reason {
		a.Reason = "r"
	}
	switch m.words {
	case "right":
		a.Words = s.typed[w.digest]
	case "wrong":
		a.Words = "these are wrong"
	}
	a.Code = s.typedCode(w, m)
	return a, true
}

func (s *scenario) typedCode(w *world, m move) CodeTry {
	var ids []string
	for i, b := range w.codes {
		if b.there {
			ids = append(ids, fmt.Sprint("k", i))
		}
	}
	switch m.code {
	case "right": // everything there is, whatever has become of it
		return CodeTry{Typed: true, WellFormed: true, Count: max(len(ids), 1), Match: ids}
	case "first":
		return CodeTry{Typed: true, WellFormed: true, Count: 1, Match: ids[:min(1, len(ids))]}
	case "wrong":
		return CodeTry{Typed: true, WellFormed: true, Count: 1}
	case "half": // one right and one guessed
		return CodeTry{Typed: true, WellFormed: true, Count: 2, Match: ids[:min(1, len(ids))]}
	case "slip":
		return CodeTry{Typed: true, Count: 1}
	case "slips":
		return CodeTry{Typed: true, Count: 2}
	}
	return CodeTry{}
}
