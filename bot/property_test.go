package bot

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestMain keeps the property to thirty stories, each of which is a run from request to end, unless more
// are asked for with -rapid.checks.
func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		f.DefValue = "30"
		_ = f.Value.Set("30") // before the command line is read
	}
	os.Exit(m.Run())
}

// Two surfaces at once, the same people on both, in any order: what the run says and what the journal
// says agree, a human counts once, and both places show the same in the end.
func TestTwoSurfaces(t *testing.T) {
	h := open(t)
	rapid.Check(t, func(rt *rapid.T) { twoSurfaces(rt, h) })
}

type surfaces struct {
	rt    *rapid.T
	h     *house
	walls map[string]*wall
	tell  map[string]*Narrator
	cards map[string]Card // the newest card each person was given, by surface and person
	run   string
	code  string
}

var places = map[string]string{"console": "ops", "slack": "C0DR"}

func twoSurfaces(rt *rapid.T, h *house) {
	s := &surfaces{rt: rt, h: h, walls: map[string]*wall{}, tell: map[string]*Narrator{}, cards: map[string]Card{}}
	for name, dest := range places {
		s.walls[name] = newWall()
		// Each story has channels of its own: the journal goes on from one to the next.
		s.tell[name] = h.bot.Narrator(Place{Surface: name, Dest: fmt.Sprintf("%s-%d", dest, h.clock.Now().UnixNano()), Lang: "en", Chat: s.walls[name], Instance: "here"})
		h.hushAll(s.tell[name])
	}
	s.run = h.say("ada", "request move drill property").Run
	if s.run == "" {
		rt.Fatal("the story before was not cleared away")
	}
	h.state(s.run, dr.AwaitingApproval)
	people := []string{"ada", "ben", "ben2", "bea", "cleo", "cid", "dora", "fay"}
	for range rapid.IntRange(5, 40).Draw(rt, "acts") {
		surface := rapid.SampledFrom([]string{"console", "slack"}).Draw(rt, "surface")
		person := rapid.SampledFrom(people).Draw(rt, "person")
		switch rapid.SampledFrom([]string{"look", "look", "approve", "approve", "approve", "withdraw", "deny", "board", "code", "start", "tell", "pause"}).Draw(rt, "act") {
		case "look":
			s.cards[surface+person] = s.in(surface, person, Command, "status "+s.run, nil).Card
		case "approve":
			s.pressOwn(surface, person, "approve")
		case "withdraw":
			s.pressOwn(surface, person, "withdraw")
		case "deny":
			if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				if r := s.pressOwn(surface, person, "deny"); r.Form != nil {
					s.in(surface, person, Submit, r.Form.Nonce, map[string]string{"reason": "no"})
				}
			}
		case "board":
			if c, ok := s.board(surface); ok {
				if a := button(c, "approve"); a.Nonce != "" {
					s.press(surface, person, a)
				}
			}
		case "code":
			if issued, err := h.engine.IssueCode(context.Background(), dr.Actor{Person: "dora", Surface: "console"}, s.run); err == nil {
				s.code = issued.Code.Reveal()
			}
		case "start":
			if r := s.in(surface, person, Command, "start "+s.run, nil); r.Form != nil {
				s.in(surface, person, Submit, r.Form.Nonce, map[string]string{"code": s.code})
			}
		case "tell":
			if _, err := s.tell[surface].Pass(context.Background()); err != nil {
				rt.Fatal(err)
			}
		case "pause":
			s.in(surface, person, Command, "pause "+s.run, nil)
		}
		s.agree()
	}
	s.end()
}

func (s *surfaces) in(surface, person string, kind IntentKind, args string, values map[string]string) Reply {
	r, err := s.h.bot.Handle(context.Background(), Intent{Surface: surface, Dest: s.tell[surface].place.Dest, Person: person, Kind: kind, Args: args, Values: values, Confirmed: true})
	if err != nil || len(r.Card.Parts) == 0 && r.Form == nil && len(r.Errors) == 0 {
		s.rt.Fatalf("%s %s: no answer (%v)", person, args, err)
	}
	return r
}

func (s *surfaces) press(surface, person string, a Action) Reply {
	return s.in(surface, person, Press, a.Nonce, nil)
}

// pressOwn presses a button of the card the person was given last, which may be of long ago.
func (s *surfaces) pressOwn(surface, person, id string) Reply {
	a := button(s.cards[surface+person], id)
	if a.Nonce == "" {
		return Reply{}
	}
	return s.press(surface, person, a)
}

func (s *surfaces) board(surface string) (Card, bool) {
	w := s.walls[surface]
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.cards[Ref(s.tell[surface].boardKey(s.run))]
	return c, ok
}

// agree reads the votes back from the journal and holds the run against them.
func (s *surfaces) agree() {
	v := s.h.view(s.run)
	last := map[string]dr.VoteData{} // by human
	starts := 0
	for _, row := range s.h.rows(s.run) {
		switch row.Kind {
		case dr.RowVote:
			d, err := read[dr.VoteData](row)
			if err != nil {
				s.rt.Fatal(err)
			}
			if d.Round == v.Round.Number {
				last[d.Human] = d
			}
		case dr.RowStarted:
			starts++
		}
	}
	if starts > 1 {
		s.rt.Fatalf("started %d times", starts)
	}
	humans := map[string]bool{}
	for _, one := range v.Round.Votes {
		if humans[one.Human] {
			s.rt.Fatalf("human %s voted twice in one round", one.Human)
		}
		humans[one.Human] = true
		if d := last[one.Human]; d.Verdict != one.Verdict || d.Person != one.Person || d.Via != one.Via {
			s.rt.Fatalf("the journal says %+v, the run %+v", d, one)
		}
	}
	if len(last) != len(v.Round.Votes) {
		s.rt.Fatalf("%d people in the journal, %d in the run", len(last), len(v.Round.Votes))
	}
	teams := map[string]bool{}
	for h, d := range last {
		if d.Verdict == approval.Approve && h != "1" { // of the requester's human nothing may count
			teams[map[string]string{"ben": "o", "bea": "o", "ben2": "b", "cleo": "b", "cid": "b"}[d.Person]] = true
		}
	}
	open := v.State == dr.AwaitingApproval || v.State == dr.AwaitingCode
	if open && v.Round.Have != len(teams) {
		s.rt.Fatalf("%d votes count; by the journal %d: %+v", v.Round.Have, len(teams), last)
	}
	if open && (v.State == dr.AwaitingCode) != (v.Round.Have >= v.Round.Need) {
		s.rt.Fatalf("%s with %d of %d", v.State, v.Round.Have, v.Round.Need)
	}
}

// end lets both places hear everything, compares them, and clears the story away.
func (s *surfaces) end() {
	s.h.finish(s.run)
	s.agree()
	told := map[string][]string{}
	for name, n := range s.tell {
		s.h.hushAll(n)
		told[name] = s.walls[name].told()
		if c, ok := s.board(name); !ok || !slices.ContainsFunc(c.Parts, func(p Part) bool { return p.Kind == PartTitle }) || button(c, "approve").Nonce != "" {
			s.rt.Fatalf("%s shows a board with dead buttons", name)
		}
		votes := 0
		for _, what := range told[name] {
			if what == "vote" {
				votes++
			}
		}
		if n := s.h.count(s.run, dr.RowVote); votes != n {
			s.rt.Fatalf("%s told %d of %d votes", name, votes, n)
		}
	}
	if !slices.Equal(told["console"], told["slack"]) {
		s.rt.Fatalf("the console was told %v, slack %v", told["console"], told["slack"])
	}
}

// finish ends a run wherever it is, so that the next story finds its system free and at home.
func (h *house) finish(run string) {
	h.Helper()
	do := func(verb dr.Verb, args fsm.Args) {
		_, err := h.engine.Do(context.Background(), dr.Actor{Person: "fay", Surface: "cli"}, run, verb, args)
		if err != nil {
			h.Log(verb, err)
		}
	}
	switch v := h.view(run); {
	case v.State.Ended():
	case v.State == dr.AwaitingApproval || v.State == dr.AwaitingCode:
		do(dr.VerbCancel, fsm.Args{Reason: "end"})
	default:
		if v.State != dr.Paused {
			h.handMade(run) // the manual step stands before the point of no return
		}
		do(dr.VerbAbort, fsm.Args{Reason: "end", Confirmed: true})
	}
	h.until(run, func(v fsm.View) bool { return v.State.Ended() })
}

// hushAll lets one narrator say all it has to say, whatever others have queued.
func (h *house) hushAll(n *Narrator) {
	h.Helper()
	for range 500 {
		wait, err := n.Pass(context.Background())
		if err != nil {
			h.Fatal(err)
		}
		left := 0
		h.read(func(r *store.Reader) error {
			all, err := r.DueOutbox(context.Background(), n.name, forever(), 10)
			left = len(all)
			return err
		})
		if left == 0 && h.behind(n) == 0 {
			return
		}
		h.clock.advance(max(wait, 1).Duration())
	}
	h.Fatal("the narrator never comes to an end")
}
