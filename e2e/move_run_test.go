//go:build !race

package e2e

import (
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestMove moves a real database through the whole of Switchman, by the plans that docs/postgres shows, while a teller
// pays: there and back, there without the primary, there with a primary that dies halfway, and with Switchman
// killed at every phase. With SWITCHMAN_SOAK=1 there and back ten times, and killed at every point of every step.
func TestMove(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	rounds := 1
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		rounds = 10
	}
	for range rounds {
		e.story("there and back", e.thereAndBack)
	}
	e.story("without the primary", e.without)
	e.story("the primary dies halfway", e.halfway)
	for i, places := range deaths() {
		e.story("Switchman dies at "+strings.Join(places, " and "), func() { e.dies(places, i) })
	}
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		e.story("home by hand", e.homeByHand) // the last: its plan leaves the server it comes from as it is
	}
	t.Logf("soak: Switchman killed -9 %d times in switchovers: every run ended right, promote was sent once in each, nothing lost", e.kills)
}

// story plays one part with a Switchman of its own, which has ended before the next begins.
func (e *estate) story(name string, play func()) {
	all := e.T
	defer func() { e.T = all }()
	all.Run(name, func(t *testing.T) {
		e.T = t
		play()
	})
	if all.Failed() {
		all.FailNow() // the next would find neither a primary nor a standby
	}
}

// thereAndBack is a graceful switchover and its way home. Nothing that was acknowledged is lost.
func (e *estate) thereAndBack() {
	e.Helper()
	s := e.lay()
	s.open(nil, e.settings(s)...)
	east, west := e.sides()
	e.teller.Longest()
	out := s.drill("ledger-switchover", "")
	e.pays(20)
	there := e.teller.Longest()
	e.nothingLost(west)
	home := s.drill("ledger-home", out)
	e.pays(20)
	e.nothingLost(east)
	e.Logf("soak: moved there and back with %d payments, 0 lost; nobody could pay for %s there and %s back", e.teller.Count(), there.Round(time.Millisecond), e.teller.Longest().Round(time.Millisecond))
	for _, run := range []string{out, home} {
		for _, st := range s.view(run).Steps {
			if st.State != dr.StepOK || st.Attempt != 1 {
				e.Errorf("%s of %s: %s at attempt %d: %s", st.ID, run, st.State, st.Attempt, st.Text)
			}
		}
	}
}

func (e *estate) nothingLost(at *actionstest.Postgres) {
	e.Helper()
	if lost := e.lost(at); len(lost) > 0 {
		e.Fatalf("%d acknowledged payments are lost: %v", len(lost), lost)
	}
}

// without: the standby hears nothing more, payments go on, then the primary dies. What is lost is listed payment
// by payment, and the way home begins with pg_rewind.
func (e *estate) without() {
	e.Helper()
	s := e.lay()
	s.open(nil, e.settings(s)...)
	east, west := e.sides()
	e.falls(east)
	e.pays(50)
	e.kill(east)
	e.teller.Longest()
	out := s.drill("ledger-failover", "")
	e.pays(5)
	lost, listed := e.lost(west), s.differences(out, "lost")
	for _, id := range lost {
		if !listed[id] {
			e.Errorf("payment %s is lost and not listed", id)
		}
		delete(listed, id)
	}
	maps.DeleteFunc(listed, func(id string, _ bool) bool { return e.teller.Doubtful(id) })
	v := s.view(out)
	told := v.Systems[0].Lost
	if len(listed) > 0 || len(lost) < 50 || told < int64(len(lost)) || told > int64(len(lost))+1 {
		e.Errorf("%d are lost, the run says %d, and these are listed and were not lost: %v", len(lost), told, listed)
	}
	e.Logf("soak: failover with %d acknowledged payments lost, each of them listed; nobody could pay for %s", len(lost), e.teller.Longest().Round(time.Millisecond))
	e.gone(lost)
	if n, state, text := s.was(out, "lost"); state != dr.StepSkipped || !strings.Contains(text, "lost") {
		e.Errorf("the list of what is lost: %s at attempt %d: %s", state, n, text)
	}
	s.until(s.goHome(out), func(v fsm.View) bool { return v.State.Ended() })
	e.pays(20)
	e.nothingLost(east)
}

// goHome begins the way home of a run.
func (s *scene) goHome(out string) string {
	s.Helper()
	home := s.ready("ledger-home", out)
	s.begin(home)
	return home
}

// differences are the payments that the evidence of a run lists as lost.
func (s *scene) differences(run, word string) map[string]bool {
	s.Helper()
	out := map[string]bool{}
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) error {
		attempts, err := r.Attempts(s.Context(), run)
		for _, a := range attempts {
			for _, b := range a.Evidence {
				if !strings.HasSuffix(b.Name, "-differences.txt") {
					continue
				}
				_, rc, err := r.Blob(s.Context(), b.Digest)
				if err != nil {
					return err
				}
				text, err := io.ReadAll(rc)
				if err != nil {
					return err
				}
				for line := range strings.SplitSeq(string(text), "\n") {
					if f := strings.Split(line, "\t"); len(f) > 1 && f[0] == word {
						out[strings.TrimPrefix(f[1], "ledger/")] = true
					}
				}
			}
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// halfway: the primary dies when it has just been frozen. The graceful run stops there, two people force it on, and
// what can be had without the primary is done.
func (e *estate) halfway() {
	e.Helper()
	s := e.lay()
	east, west := e.sides()
	before, outcomes := promotions(west), 0
	s.open(func(point string) {
		if point != "after_outcome" {
			return
		}
		if outcomes++; outcomes == 1 {
			e.kill(east)
		}
	}, e.settings(s)...)
	e.teller.Longest()
	run := s.ready("ledger-switchover", "")
	s.begin(run)
	s.pausedAt(run, dr.StepFailed)
	if n := promotions(west) - before; n != 0 {
		e.Fatalf("the standby was promoted %d times without its primary", n)
	}
	why := fsm.Args{Reason: "the primary is dead", Confirmed: true}
	s.do("ann", run, dr.VerbForce, why)
	if v := s.view(run); v.State != dr.Paused {
		e.Errorf("one person's word forced it: %s", v.State)
	}
	s.do("fay", run, dr.VerbForce, why)
	await(s, s.app, run, dr.AtStandby)
	e.pays(20)
	for step, want := range map[string]dr.StepState{"freeze": dr.StepOK, "catch-up": dr.StepOK, "compare": dr.StepSkipped, "promote": dr.StepOK, "rewind": dr.StepSkipped, "prove": dr.StepOK} {
		if n, state, text := s.was(run, step); state != want {
			e.Errorf("%s: %s at attempt %d: %s, want %s", step, state, n, text, want)
		}
	}
	lost := e.lost(west)
	if n := promotions(west) - before; n != 1 {
		e.Errorf("promote was sent %d times", n)
	}
	e.Logf("soak: the primary died in the middle of a switchover, which was forced on; %d acknowledged payments lost; nobody could pay for %s", len(lost), e.teller.Longest().Round(time.Millisecond))
	e.gone(lost)
	s.until(s.goHome(run), func(v fsm.View) bool { return v.State.Ended() })
	e.pays(20)
	e.nothingLost(east)
}

// gone notes what is lost for good and known to be.
func (e *estate) gone(lost []string) {
	for _, id := range lost {
		if !slices.Contains(e.lostForGood, id) {
			e.lostForGood = append(e.lostForGood, id)
		}
	}
}
