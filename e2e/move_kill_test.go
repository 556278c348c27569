//go:build !race

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// inFlight is the place to die at while the standby is being promoted, seen from outside.
const inFlight = "promote in flight"

// deaths are lists of places where one life of Switchman after the other is killed in the same run. The steps of ledger-switchover
// pass each point one by one: freeze is the first a life sees, promote the fourth, follow the eleventh, prove the twelfth. What a
// life has settled that another had sent is not counted.
func deaths() [][]string {
	out := [][]string{{"before_intent:1", "after_dispatch:1", "before_dispatch:3"}, {inFlight, "after_dispatch:7", "after_dispatch:1"}}
	if os.Getenv("SWITCHMAN_SOAK") == "" {
		return out
	}
	for step := 1; step <= 12; step++ {
		for _, point := range []string{"before_intent", "after_intent", "before_dispatch", "after_dispatch", "before_outcome", "after_outcome"} {
			out = append(out, []string{fmt.Sprint(point, ":", step)})
		}
	}
	return out
}

// dies: Switchman, a process of its own, is killed in the middle of a switchover, and so is the one after it. Whoever comes after it brings the run to its
// end; the standby is promoted once, nothing is lost, and both servers are a pair again.
func (e *estate) dies(places []string, i int) {
	e.Helper()
	east, west := e.sides()
	before := promotions(west)
	s := e.lay()
	s.name = "victim"
	if os.Getenv("SWITCHMAN_SOAK") != "" && i%2 == 1 {
		s.url = storetest.Postgres(e)
	}
	self, err := os.Executable()
	e.must(errors.Join(err, os.Symlink(self, filepath.Join(s.dir, "switchman-victim"))))
	for _, at := range places {
		e.lives(s, at, west, before)
	}
	s.open(nil, e.settings(s)...)
	run := e.carry(s, west)
	e.pays(20)
	e.nothingLost(west)
	if n := promotions(west) - before; n != 1 {
		e.Errorf("promote was sent %d times", n)
	}
	if v := e.value(east, "SELECT pg_is_in_recovery()::text || (SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming')"); v != "true1" {
		e.Errorf("the old primary does not follow: %s%s", v, steps(s.view(run)))
	}
}

// lives runs Switchman and those who ask, vote and start until it is killed.
func (e *estate) lives(s *scene, at string, standby *actionstest.Postgres, before int) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "switchman-victim"), s.dir)
	cmd.Env = append(os.Environ(), "PATH="+toolPath(e, s.dir), "VICTIM_PLAN=ledger-switchover", "VICTIM_URL="+s.url, "VICTIM_MORE="+strings.Join(e.settings(s), " "))
	if at != inFlight {
		cmd.Env = append(cmd.Env, "DIE_AT="+at)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	e.must(cmd.Start())
	if at == inFlight {
		e.until(func() bool { return promotions(standby) > before })
		e.must(cmd.Process.Kill())
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || ctx.Err() != nil {
		e.Fatalf("it did not die at %s: %v\n%s", at, err, log.String())
	}
	e.kills++
	if at == inFlight {
		e.until(func() bool { return e.value(standby, "SELECT pg_is_in_recovery()::text") == "false" })
	}
}

// carry is whoever comes after. Nobody has to do anything but say, where a promotion was noted and perhaps not sent, whether the
// server is a primary.
func (e *estate) carry(s *scene, standby *actionstest.Postgres) (run string) {
	e.Helper()
	runs, err := s.app.Engine.List(e.Context(), dr.Actor{}, fsm.Filter{Limit: 1})
	if err != nil || len(runs) != 1 {
		e.Fatalf("%d runs, %v", len(runs), err)
	}
	run = runs[0].ID
	for {
		v := awaitView(e, s.app, run, func(v fsm.View) bool { return v.State == dr.AtStandby || v.State == dr.Paused || v.State.Ended() }, "at the standby")
		if v.State == dr.AtStandby {
			return run
		}
		_, state, text := s.was(run, "promote")
		if v.Pause != dr.OutcomeUnknown || state != dr.StepUnknown {
			e.Fatalf("it stands, %s %s, and the promotion is %s: %s%s", v.State, v.Pause, state, text, steps(v))
		}
		verdict := "done"
		if e.value(standby, "SELECT pg_is_in_recovery()::text") == "true" {
			verdict = "again"
		}
		for _, st := range v.Steps {
			if st.Base == "promote" {
				s.do("bob", run, dr.VerbDecide, fsm.Args{Step: st.ID, Verdict: verdict, Reason: "looked at the server"})
			}
		}
	}
}
