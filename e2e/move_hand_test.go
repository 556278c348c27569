//go:build !race

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// homeByHand is the way home where Switchman has no shell: a person reads what the step says, and does that and nothing else.
// Who says so without having done it is found out before anything is stopped.
func (e *estate) homeByHand() {
	e.Helper()
	s := e.lay("pair: ledger-home", "pair: ledger-home-by-hand")
	s.open(nil, e.settings(s)...)
	east, west := e.sides()
	e.kill(east)
	out := s.drill("ledger-failover", "")
	e.gone(e.lost(west))
	home := s.ready("ledger-home-by-hand", out)
	s.begin(home)
	const step = "rejoin-by-hand@ledger-db-e1"
	s.until(home, func(v fsm.View) bool { return stepOf(v, step).State == dr.StepIntent })
	s.do("bob", home, dr.VerbDone, fsm.Args{Step: step, Reason: "done, I think"})
	s.pausedAt(home, dr.StepFailed)
	if st := stepOf(s.view(home), "rejoined@ledger-db-e1"); st.State != dr.StepFail || e.frozen(west) {
		e.Fatalf("nobody noticed that it was not done: %s %s", st.State, st.Text)
	}

	lines := regexp.MustCompile(`(?m)^\d\. (.*)$`).FindAllStringSubmatch(s.instructions(home, step), -1)
	if len(lines) != 3 {
		e.Fatalf("%d commands in the instructions", len(lines))
	}
	if _, err := e.types(east, `test -e "$PGDATA"/standby.signal`); err == nil {
		e.Fatal("by its first line the instructions are not for this server")
	}
	for _, line := range lines {
		if text, err := e.types(east, line[1]); err != nil {
			e.Fatalf("%s: %v\n%s", line[1], err, text)
		}
	}
	s.do("ann", home, dr.VerbRetry, fsm.Args{Step: "rejoined@ledger-db-e1"})
	s.until(home, func(v fsm.View) bool { return v.State.Ended() })
	v := s.view(home)
	if v.State != dr.Closed && v.State != dr.ClosedWithExceptions {
		e.Errorf("it ended as %s%s", v.State, steps(v))
	}
	e.pays(20)
	e.nothingLost(east)
}

// instructions are what a step asks a person to do, as the frozen plan has it.
func (s *scene) instructions(run, step string) string {
	s.Helper()
	slice := dr.Slice{}
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) error {
		b, err := r.Slice(s.Context(), s.view(run).Digest)
		if err == nil {
			err = json.Unmarshal(b, &slice)
		}
		return err
	})
	st, ok := slice.Step(step)
	text, _ := st.Call.Params["text"].(string)
	if err != nil || !ok || text == "" {
		s.Fatalf("%v, %v: %+v", err, ok, st)
	}
	return text
}

// types is a person with a terminal on a server's machine.
func (e *estate) types(p *actionstest.Postgres, command string) (string, error) {
	e.Helper()
	d := e.sshd[slices.Index(e.servers[:], p)]
	host, port, err := net.SplitHostPort(d.Address)
	e.must(err)
	out, err := exec.CommandContext(e.Context(), "ssh", "-F", "none", "-i", d.Key, "-o", "UserKnownHostsFile="+d.Known, "-o", "BatchMode=yes", "-p", port, fmt.Sprint(d.User, "@", host), command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
