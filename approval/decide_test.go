package approval

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// ready is a drill with its quorum and a live code, about to be started.
func ready() (*scenario, world) {
	s := roundsScenario()
	s.prepare()
	w := s.start()
	w.state = dr.AwaitingCode
	w.votes[1] = ballot{yes, none, 0, 1, 0}
	w.votes[2] = ballot{yes, none, 0, 1, 0}
	w.codes[0] = book{there: true, issuer: 3, round: 1}
	return s, w
}

func start(c Case, try CodeTry) (Effect, *Refusal) {
	return Decide(Guards(), c, Act{Verb: dr.VerbStart, Person: "e", Surface: "cli", Code: try})
}

var rightCode = CodeTry{Typed: true, WellFormed: true, Count: 1, Match: []string{"k0"}}

func TestStart(t *testing.T) {
	s, w := ready()
	e, refusal := start(s.newCase(&w), rightCode)
	if refusal != nil {
		t.Fatal(refusal)
	}
	want := dr.StartedData{Digest: digestOf(0), Round: 1, Submitter: "e", Issuers: []string{"d"}, Voters: []string{"b", "c"}, People: 5, Profile: "standard"}
	if e.State != dr.Running || e.RoundState != RoundUsed || !slices.Equal(e.UsedCodes, []string{"k0"}) || !reflect.DeepEqual(*e.Started, want) {
		t.Errorf("%+v\n%+v", e, e.Started)
	}
}

// A restart is a run read back from its stored form: the decision is the same.
func TestRestartDecidesTheSame(t *testing.T) {
	s, w := ready()
	c := s.newCase(&w)
	raw, err := json.Marshal(c.Run)
	if err != nil {
		t.Fatal(err)
	}
	again := c
	again.Run = dr.Run{}
	if err := json.Unmarshal(raw, &again.Run); err != nil {
		t.Fatal(err)
	}
	first, r1 := start(c, rightCode)
	second, r2 := start(again, rightCode)
	if r1 != nil || r2 != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("%+v\n%+v", first, second)
	}
	c.Run.CodeTries, again.Run.CodeTries = 2, 2
	if _, r := start(again, rightCode); r == nil || r.Guard != "C5_locked" {
		t.Errorf("the count of tries did not survive: %v", r)
	}
}

// Every way in which a code does not open the run reads the same and counts the same.
func TestWrongCodesLookAlike(t *testing.T) {
	for name, spoil := range map[string]func(*dr.Code){
		"used": func(k *dr.Code) { k.Used = at(0) }, "revoked": func(k *dr.Code) { k.Revoked = at(0) }, "expired": func(k *dr.Code) { k.Expires = at(0) },
		"other round": func(k *dr.Code) { k.Round = 2 }, "other digest": func(k *dr.Code) { k.Digest = digestOf(1) },
		"other direction": func(k *dr.Code) { k.Direction = dr.Return }, "other mode": func(k *dr.Code) { k.Mode = dr.Emergency },
		"from the future": func(k *dr.Code) { k.Issued = at(1) }, "too long a life": func(k *dr.Code) { k.Issued, k.Expires = at(-2), at(9) },
		"never issued": func(k *dr.Code) { k.Issued = dr.Time{} }, "guessed": func(k *dr.Code) { k.ID = "k9" },
	} {
		s, w := ready()
		c := s.newCase(&w)
		spoil(&c.Run.Codes[0])
		_, r := start(c, rightCode)
		if r == nil || r.Err.ID != "code_wrong" || !r.CountsAsTry || r.Err.Args["left"] != "1" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Whatever else is wrong is said before the code is looked at, and costs no try and no code.
func TestOtherReasonsCostNoTry(t *testing.T) {
	wrong := CodeTry{Typed: true, WellFormed: true, Count: 1}
	for name, spoil := range map[string]func(*Case){
		"roster":   func(c *Case) { c.RosterErr = errors.New("gone") },
		"clock":    func(c *Case) { c.ClockStepped = true },
		"no time":  func(c *Case) { c.Now = dr.Time{} },
		"stranger": func(c *Case) { c.Roster.People = c.Roster.People[:4] },
		"votes":    func(c *Case) { c.Run.Round.Votes = c.Run.Round.Votes[:1] },
		"file":     func(c *Case) { c.Current = digestOf(1) },
		"check":    func(c *Case) { c.Run.Checks[0].OK = false },
		"facts":    func(c *Case) { c.Run.Checks = nil },
		"freeze":   func(c *Case) { c.Slice.Freezes = []dr.Freeze{{Name: "x", From: at(-1), To: at(1)}} },
		"state":    func(c *Case) { c.Run.State = dr.Running },
		"slice":    func(c *Case) { c.Slice = nil },
	} {
		s, w := ready()
		c := s.newCase(&w)
		spoil(&c)
		for _, try := range []CodeTry{wrong, rightCode, {}, {Typed: true}} {
			if e, r := start(c, try); r == nil || r.CountsAsTry || r.Err.ID == "code_wrong" || !reflect.DeepEqual(e, Effect{}) {
				t.Errorf("%s with %+v: %+v %v", name, try, e, r)
			}
		}
	}
}

func TestSheetCodesLiveLonger(t *testing.T) {
	s, w := ready()
	w.tick = 1
	c := s.newCase(&w)
	c.Run.Codes[0].Source, c.Run.Codes[0].Expires = Sheet, at(0).Plus(MaxSheetLife)
	c.Now, c.Run.Round.Expires = at(4), at(9)
	c.Run.Checks[0].At = c.Now
	if _, r := start(c, rightCode); r != nil {
		t.Errorf("twenty minutes after it was opened: %v", r)
	}
	c.Run.Codes[0].Expires, c.Now = at(99), at(0).Plus(MaxSheetLife)
	c.Run.Checks[0].At = c.Now
	c.Slice.Rule.VoteValidity = 99 * tickMS
	if _, r := start(c, rightCode); r == nil || r.Guard != "C3_code_live" {
		t.Errorf("thirty minutes after: %v", r)
	}
}

// In an emergency the open round keeps its version; elsewhere a saved file stops it.
func TestPinnedVersion(t *testing.T) {
	for _, mode := range []dr.Mode{dr.Drill, dr.SurpriseDrill, dr.Emergency} {
		s, w := ready()
		s.mode = mode
		for _, sl := range s.slices {
			sl.Mode = mode
		}
		w.file = 1
		_, r := start(s.newCase(&w), rightCode)
		if pinned := mode == dr.Emergency; pinned != (r == nil) {
			t.Errorf("%s: %v", mode, r)
		}
		if r != nil && (r.Err.Kind != dr.Conflict || r.Err.ID != "plan_changed") {
			t.Errorf("%s: %+v", mode, r.Err)
		}
	}
}

func TestSecondIdenticalVoteIsNothing(t *testing.T) {
	s, w := ready()
	approve := Act{Verb: dr.VerbApprove, Person: "b", Nonce: "n1"}
	e, r := Decide(Guards(), s.newCase(&w), approve)
	if r != nil || e.Vote != nil || !e.Quorum {
		t.Errorf("%+v %v", e, r)
	}
	w.codes[0] = book{}
	w.votes[1].verdict = back
	e, r = Decide(Guards(), s.newCase(&w), approve)
	if r != nil || e.Vote == nil || !e.Quorum || e.Have != 2 || e.Need != 2 {
		t.Errorf("after taking it back: %+v %v", e, r)
	}
}

func TestWithdrawalTakesTheCodesWithIt(t *testing.T) {
	s, w := ready()
	e, r := Decide(Guards(), s.newCase(&w), Act{Verb: dr.VerbWithdraw, Person: "b", Nonce: "n1"})
	if r != nil || e.State != dr.AwaitingApproval || !slices.Equal(e.Revoked, []string{"k0"}) || e.Vote.Verdict != Withdrawn || e.Have != 1 {
		t.Errorf("%+v %v", e, r)
	}
}

func TestReissueTakesThePlaceOfTheOldCode(t *testing.T) {
	s, w := ready()
	c := s.newCase(&w)
	c.Run.CodeTries = 1
	e, r := Decide(Guards(), c, Act{Verb: dr.VerbIssue, Person: "d"})
	if r != nil || !slices.Equal(e.Revoked, []string{"k0"}) || e.Code.Issuer != "d" || e.Code.Human != "h3" || e.Code.Expires != at(1) || e.Code.Source != Issued {
		t.Errorf("%+v %v", e, r)
	}
	c.Slice.Rule.Codes = 2
	c.Roster.People[0].Human = "h9"
	e, r = Decide(Guards(), c, Act{Verb: dr.VerbIssue, Person: "d"})
	if r != nil || !slices.Equal(e.Revoked, []string{"k0"}) {
		t.Errorf("an issuer keeps one code: %+v %v", e, r)
	}
}

func TestOverrideOpensANewRound(t *testing.T) {
	s := checksScenario()
	s.prepare()
	w := s.start()
	w.checks = lagBlocks
	e, r := Decide(Guards(), s.newCase(&w), Act{Verb: dr.VerbOverride, Person: "a", Check: "lag:x", Reason: "known"})
	if r != nil || !e.NewRound || e.RoundState != RoundReplaced || e.Override == nil || *e.Override != (dr.Override{Check: "lag:x", Person: "a", Reason: "known", At: at(0)}) {
		t.Errorf("%+v %v", e, r)
	}
	w.checks, w.digest, w.file = lagBlocks, 1, 1
	if _, r := Decide(Guards(), s.newCase(&w), Act{Verb: dr.VerbOverride, Person: "a", Check: "lag:x", Reason: "known"}); r == nil || r.Err.ID != "override_again" {
		t.Errorf("twice: %v", r)
	}
}

func TestExpire(t *testing.T) {
	s, w := ready()
	unchanged := func(name string, c Case) {
		t.Helper()
		if state, _, changed := Expire(c); changed || state != c.Run.State {
			t.Errorf("%s: %s %v", name, state, changed)
		}
	}
	unchanged("in time", s.newCase(&w))
	late := w
	late.tick = 5
	if state, round, changed := Expire(s.newCase(&late)); state != dr.Expired || round != RoundExpired || !changed {
		t.Errorf("late: %s %s %v", state, round, changed)
	}
	c := s.newCase(&late)
	c.ClockStepped = true
	unchanged("late by a clock nobody trusts", c)
	c = s.newCase(&late)
	c.Run.State = dr.Running
	unchanged("already running", c)
	c = s.newCase(&w)
	c.Roster.People[1].Disabled = true
	if state, round, changed := Expire(c); state != dr.AwaitingApproval || round != RoundOpen || !changed {
		t.Errorf("a voter was switched off: %s %s %v", state, round, changed)
	}
	c.RosterErr = errors.New("gone")
	unchanged("nobody knows who is switched off", c)
	c = s.newCase(&w)
	c.Run.Round.Expires, c.Run.State = dr.Time{}, dr.AwaitingApproval
	if state, _, _ := Expire(c); state != dr.Expired {
		t.Errorf("a round without an end: %s", state)
	}
}

// MayVerb says yes to whatever Decide would allow with the right things typed, and no otherwise.
func TestMayVerb(t *testing.T) {
	s, w := ready()
	c := s.newCase(&w)
	for _, tc := range []struct {
		person string
		verb   dr.Verb
		want   string
	}{
		{"e", dr.VerbStart, ""}, {"a", dr.VerbStart, ""}, {"d", dr.VerbStart, "start_not_eligible"}, {"b", dr.VerbApprove, "vote_stands"}, {"a", dr.VerbApprove, "vote_of_requester"},
		{"b", dr.VerbDeny, ""}, {"b", dr.VerbWithdraw, ""}, {"e", dr.VerbWithdraw, "no_vote_to_withdraw"}, {"d", dr.VerbIssue, ""}, {"b", dr.VerbIssue, "issue_not_eligible"},
		{"nobody", dr.VerbStart, "person_unknown"}, {"b", dr.VerbPause, "verb_unknown"}, {"b", dr.VerbOverride, "override_not_allowed"},
	} {
		err := MayVerb(c, tc.person, tc.verb)
		if got := idOf(err); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.person, tc.verb, got, tc.want)
		}
	}
	old := c
	old.Run.Round.Votes = slices.Clone(c.Run.Round.Votes)
	for i := range old.Run.Round.Votes {
		old.Run.Round.Votes[i].At = old.Now.Plus(-DefaultVoteLife * 1000)
	}
	if got := idOf(MayVerb(old, "b", dr.VerbApprove)); got != "" {
		t.Errorf("a vote that counts no more cannot be given again: %q", got)
	}
	aged := c
	aged.Run.Checks = slices.Clone(c.Run.Checks)
	for i := range aged.Run.Checks {
		aged.Run.Checks[i].At = aged.Now.Plus(-DefaultFactsFresh * 3)
	}
	if got := idOf(MayVerb(aged, "e", dr.VerbStart)); got != "" {
		t.Errorf("a start, which would look at old facts again, is not announced: %q", got)
	}
	aged.Run.Checks[0].OK, aged.Run.Checks[0].Level = false, "block"
	if got := idOf(MayVerb(aged, "e", dr.VerbStart)); got != "check_blocks" {
		t.Errorf("an old fact that stands in the way: %q", got)
	}
	if until := FactsUntil(aged); !until.Before(aged.Now.Time) || !FactsUntil(Case{}).IsZero() {
		t.Errorf("old facts are good until %s", until)
	}
	c.Run.Codes = nil
	if got := idOf(MayVerb(c, "e", dr.VerbStart)); got != "code_not_issued" {
		t.Errorf("without a code: %q", got)
	}
	if got := idOf(MayVerb(Case{}, "e", dr.VerbStart)); got != "roster_empty" {
		t.Errorf("without anything: %q", got)
	}
}

// An issuer who may also start is heard, so that their own code can be told from a wrong one.
func TestMayTry(t *testing.T) {
	s, w := ready()
	c := s.newCase(&w)
	for person, want := range map[string]string{"e": "", "a": "", "d": "start_not_eligible", "nobody": "person_unknown"} {
		if got := idOf(MayTry(c, person)); got != want {
			t.Errorf("%s: %q, want %q", person, got, want)
		}
	}
	c.Roster.People[3].Roles = append(slices.Clone(c.Roster.People[3].Roles), dr.Operator)
	if got := idOf(MayTry(c, "d")); got != "" {
		t.Errorf("the issuer is not heard: %q", got)
	}
	_, r := Decide(Guards(), c, Act{Verb: dr.VerbStart, Person: "d", Code: rightCode})
	if r == nil || r.Guard != "I13_issuer_submits" || r.CountsAsTry {
		t.Errorf("the issuer's own code: %+v", r)
	}
	c.Run.CodeTries = 5
	if got := idOf(MayTry(c, "e")); got != "code_locked" {
		t.Errorf("locked: %q", got)
	}
	if got := idOf(MayTry(Case{}, "e")); got != "roster_empty" {
		t.Errorf("nothing: %q", got)
	}
}

// TestMayLook: getting old is no reason against another look, and neither is what was found; everything
// else is.
func TestMayLook(t *testing.T) {
	s, w := ready()
	c := s.newCase(&w)
	c.Run.Checks = []dr.Check{{ID: "reach:x", Level: "block", At: c.Now.Plus(-3600_000)}}
	for person, want := range map[string]string{"e": "", "a": "", "d": "start_not_eligible", "nobody": "person_unknown"} {
		if got := idOf(MayLook(c, person)); got != want {
			t.Errorf("%s: %q, want %q", person, got, want)
		}
	}
	if got := idOf(MayTry(c, "e")); got != "facts_stale" {
		t.Errorf("the facts are old, and a start is told %q", got)
	}
	c.Run.Round.Votes = nil
	if got := idOf(MayLook(c, "e")); got != "quorum_missing" {
		t.Errorf("without votes: %q", got)
	}
}

func idOf(err *dr.Error) string {
	if err == nil {
		return ""
	}
	return err.ID
}

// Whatever the walk can do by an act, MayVerb has announced.
func TestMayVerbHidesNothing(t *testing.T) {
	ctx := contexts()[0]
	for _, s := range []*scenario{seatsScenario(), codesScenario(), emergencyScenario()} {
		s.prepare()
		seen := map[world]bool{s.start(): true}
		queue := []world{s.start()}
		for i := 0; i < len(queue) && i < 400; i++ {
			c := s.newCase(&queue[i])
			for _, m := range s.moves {
				next, bad, moved := s.try(ctx, c, queue[i], m)
				if bad != "" {
					t.Fatal(bad)
				}
				if moved && m.happens == nil && next != queue[i] && next.tries == queue[i].tries {
					if err := MayVerb(c, id(m.who), m.verb); err != nil {
						t.Fatalf("%s is possible in %s but not announced: %v", m.name, s.name, err)
					}
				}
				if moved && !seen[next] {
					seen[next] = true
					queue = append(queue, next)
				}
			}
		}
	}
}

// Without any guard nothing panics, and nothing is decided without a plan.
func TestDecideWithoutGuards(t *testing.T) {
	for _, verb := range []dr.Verb{dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbIssue, dr.VerbStart} {
		if _, r := Decide(nil, Case{}, Act{Verb: verb, Person: "x"}); r == nil {
			t.Errorf("%s went through without a plan", verb)
		}
	}
}

func TestGuardsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range Guards() {
		n := 0
		for _, set := range []bool{g.Check != nil, g.Count != nil, g.Clash != nil} {
			if set {
				n++
			}
		}
		key := g.Layer + "/" + g.Name
		if n != 1 || seen[key] || !slices.Contains([]string{Click, Issue, Start}, g.Layer) {
			t.Errorf("%s: %d functions, twice %v", key, n, seen[key])
		}
		seen[key] = true
	}
}

func BenchmarkDecide(b *testing.B) {
	s, w := ready()
	c, guards := s.newCase(&w), Guards()
	a := Act{Verb: dr.VerbStart, Person: "e", Code: rightCode}
	for b.Loop() {
		if _, r := Decide(guards, c, a); r != nil {
			b.Fatal(r)
		}
	}
}
