//go:build !race

package e2e

import (
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// TestLinesAreWarm: a run that has its votes has lines to its machines, dialled before anything is sent. A line that
// breaks comes back; a machine that is gone is known, and stands in the way of the start. Once the run has ended nobody
// holds the line.
func TestLinesAreWarm(t *testing.T) {
	t.Parallel()
	s, d := sshScene(t)
	s.open(nil, sshSettings(d)...)
	run := s.ready("move", "")
	s.until(run, func(v fsm.View) bool { return v.State == dr.AwaitingCode })
	const line = "reach:core-db-w:ssh"
	if c := s.check(run, line); !c.OK || !strings.Contains(c.Text, "clock is off by") || !strings.Contains(c.Text, "last start") {
		t.Errorf("%+v", c)
	}
	s.eventually("a line is open", func() bool { return d.Lines() > 0 })
	d.Cut()
	s.eventually("the line is open again", func() bool { return d.Lines() > 0 })
	s.do("ann", run, dr.VerbCancel, fsm.Args{Reason: "enough", Confirmed: true})
	s.eventually("nobody holds a line", func() bool { return d.Lines() == 0 })

	run = s.ready("move", "")
	s.until(run, func(v fsm.View) bool { return v.State == dr.AwaitingCode })
	d.Die()
	s.eventually("the dead machine is known", func() bool { return !s.check(run, line).OK })
	s.refuses(run, "check_blocks")
}

// TestNothingIsDoneWithoutAShell: a machine without a shell can be looked at, and a plan that would act there is refused before
// anything was sent.
func TestNothingIsDoneWithoutAShell(t *testing.T) {
	t.Parallel()
	d, err := actionstest.StartAppliance()
	if err != nil {
		t.Fatal(err)
	}
	s := sshSceneAt(t, d)
	s.open(nil, sshSettings(d)...)
	run := s.ready("move", "")
	if c := s.check(run, "reach:core-db-w:ssh"); c.OK || !strings.Contains(c.Text, "no POSIX shell") {
		t.Errorf("%+v", c)
	}
	if c := s.check(run, "reach:core-db-w"); !c.OK {
		t.Errorf("it cannot be looked at: %+v", c)
	}
	s.refuses(run, "check_blocks")
}
