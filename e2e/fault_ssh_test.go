//go:build !race

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// replan changes the plan of a scene that has not been opened yet.
func (s *scene) replan(old, replacement string) {
	s.Helper()
	rewrite(s, filepath.Join(s.dir, "org", "plans", "move.yaml"), func(text string) string {
		if !strings.Contains(text, old) {
			s.Fatalf("the plan has no %q any more", old)
		}
		return strings.ReplaceAll(text, old, replacement)
	})
}

// lineCut cuts the line to another machine before the once step is sent, while it runs there, and when its effect is
// there and its end is not recorded yet. It is done once, and nobody is asked.
func lineCut(t *testing.T, database func(testing.TB) string) {
	t.Parallel()
	for _, moment := range []string{"before exec", "during", "after the effect"} {
		t.Run(moment, func(t *testing.T) {
			s, d := sshScene(t)
			s.url = database(t)
			s.replan(`echo $2 >> "$1"/done'`, `echo $2 >> "$1"/done; while [ -e "$1"/hold ]; do sleep 0.05; done'`)
			s.fact("../hold", "")
			s.open(func(point string) {
				if moment == "before exec" && point == "before_dispatch" {
					d.Cut()
				}
			}, sshSettings(d)...)
			run := s.ready("move", "")
			s.begin(run)
			until(t, func() bool { return len(s.told("sent")) > 0 })
			if moment == "during" {
				d.Cut()
			}
			s.fact("../go", "")
			until(t, func() bool { return len(s.told("done")) > 0 })
			if moment == "after the effect" {
				d.Cut()
			}
			if err := os.Remove(filepath.Join(s.dir, "hold")); err != nil {
				t.Fatal(err)
			}
			s.sentOnce(run)
		})
	}
}

// sentOnce waits until a run stands at the standby, with the step on the other machine done once, at one attempt.
func (s *scene) sentOnce(run string) {
	s.Helper()
	v := await(s, s.app, run, dr.AtStandby)
	if sent, done := s.told("sent"), s.told("done"); len(sent) != 1 || len(done) != 1 {
		s.Errorf("sent %v, done %v", sent, done)
	}
	if st := stepOf(v, "promote@core-db-w"); st.State != dr.StepOK || st.Attempt != 1 {
		s.Errorf("%s at attempt %d: %s", st.State, st.Attempt, st.Text)
	}
}

func TestFault16LineCut(t *testing.T)         { lineCut(t, func(testing.TB) string { return "" }) }
func TestFault16LineCutPostgres(t *testing.T) { lineCut(t, storetest.Postgres) }

func TestFault17JournalFull(t *testing.T)         { journalFull(t, func(testing.TB) string { return "" }) }
func TestFault17JournalFullPostgres(t *testing.T) { journalFull(t, storetest.Postgres) }

// journalFull: a machine whose journal has no room does not begin a step it could not remember. Whether it
// is sent again is for a person to say.
func journalFull(t *testing.T, database func(testing.TB) string) {
	t.Parallel()
	s, d := sshScene(t)
	s.url = database(t)
	small := newDisk(t, d.Journal(), 24)
	if err := small.fill(); err != nil {
		t.Fatal(err)
	}
	s.open(nil, sshSettings(d)...)
	run := s.ready("move", "")
	s.begin(run)
	s.pausedAt(run, dr.StepFailed)
	if sent := s.told("sent"); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
	small.free(t)
	s.fact("../go", "")
	s.do("ann", run, dr.VerbRetry, fsm.Args{Step: "promote@core-db-w"})
	await(t, s.app, run, dr.AtStandby)
	if sent, done := s.told("sent"), s.told("done"); len(sent) != 1 || len(done) != 1 {
		t.Errorf("sent %v, done %v", sent, done)
	}
}

// overtime: a step takes longer on the other machine than its time-out. Nobody takes that for a failure: its outcome
// is unknown, what needs it waits, nothing is sent again, and once it has ended, looking again tells.
func overtime(t *testing.T, database func(testing.TB) string) {
	t.Parallel()
	s, d := sshScene(t)
	s.url = database(t)
	s.replan("timeout: 20s", "timeout: 1s")
	s.open(nil, sshSettings(d)...)
	run := s.ready("move", "")
	s.begin(run)
	s.pausedAt(run, dr.OutcomeUnknown)
	v := s.view(run)
	if st := stepOf(v, "promote@core-db-w"); st.State != dr.StepUnknown || st.Attempt != 1 {
		t.Errorf("the step is %s at attempt %d: %s", st.State, st.Attempt, st.Text)
	}
	for _, st := range v.Steps {
		if strings.HasPrefix(st.ID, "start@") && st.Attempt != 0 {
			t.Errorf("%s was sent though what it needs is unknown", st.ID)
		}
	}
	if err := s.try("ann", run, dr.VerbDecide, fsm.Args{Step: "promote@core-db-w", Verdict: "again", Reason: "it seems slow"}); dr.KindOf(err) != dr.Refused {
		t.Errorf("the starter alone decided: %v", err)
	}
	s.fact("../go", "")
	until(t, func() bool { return len(s.told("done")) > 0 })
	s.do("bob", run, dr.VerbDecide, fsm.Args{Step: "promote@core-db-w", Verdict: "done", Attempt: 1, Reason: "seen there"})
	s.sentOnce(run)
}

func TestFault19Overtime(t *testing.T)         { overtime(t, func(testing.TB) string { return "" }) }
func TestFault19OvertimePostgres(t *testing.T) { overtime(t, storetest.Postgres) }
