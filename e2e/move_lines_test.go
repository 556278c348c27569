//go:build !race

package e2e

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
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

// TestOneServerHoldsTheLinesPostgres: of two servers one has a line to a run's machine, the one that carries it. When that dies
// in the middle of a step the other dials once the lease is its own, asks the machine how the step went, and goes on. The
// run is the other's within ten seconds; how long the machine then takes to answer is measured.
func TestOneServerHoldsTheLinesPostgres(t *testing.T) {
	t.Parallel()
	s, d := sshScene(t)
	s.url = storetest.Postgres(t)
	s.fact("../go", "") // nothing waits on the machine
	s.replan(`echo $2 >> "$1"/done'`, `echo $2 >> "$1"/done; while [ -e "$1"/hold ]; do sleep 0.05; done'`)
	s.fact("../hold", "")
	s.open(nil, sshSettings(d)...)
	shareKeys(t, s.dir, "state", "two")
	second, err := opening{dir: s.dir, path: toolPath(t, s.dir), clock: s.clock.clock(), log: slog.New(s.logs), url: s.url, instance: "two",
		more: append(sshSettings(d), "SWITCHMAN_STATE_DIR="+filepath.Join(s.dir, "two"))}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	run := s.ready("move", "")
	s.until(run, func(v fsm.View) bool { return v.State == dr.AwaitingCode })
	s.eventually("one of them has dialled", func() bool { return d.Lines() == 1 })
	s.begin(run) // here, so that here it is carried
	s.eventually("its step is under way", func() bool { return len(s.told("done")) > 0 })
	s.clock.advance(time.Minute) // lines nobody wants are given up
	s.eventually("only who carries it has a line", func() bool { return d.Lines() == 1 })

	s.crash()
	died := time.Now()
	if err := os.Remove(filepath.Join(s.dir, "hold")); err != nil {
		t.Fatal(err)
	}
	owned := takenOver(s, second, run, "two", died)
	awaitView(t, second, run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepOK }, "told how its step went")
	t.Logf("soak: a run was taken over %s after its owner died, and its step was known after %s", owned.Round(100*time.Millisecond), time.Since(died).Round(100*time.Millisecond))
	s.app = second
	s.sentOnce(run)
}
