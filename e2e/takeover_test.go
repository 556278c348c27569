package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault08TakeoverPostgres lets the server that carries a run die while a step that may be sent once is
// under way. The other server of the database waits until the lease has run out, looks what became
// of the step, and brings the run to its end. What the dead one may still hear is not written.
func TestFault08TakeoverPostgres(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	first, _ := openRacer(t, s.dir, "one", s.url)
	shareKeys(t, s.dir, "one", "two")
	second, logs := openRacer(t, s.dir, "two", s.url)
	s.app = first
	if err := os.WriteFile(filepath.Join(s.dir, "facts", "core-db-w.slow"), []byte("2s"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := s.ready("move", "")
	s.begin(run) // through the first server, which then carries it
	awaitView(t, first, run, func(v fsm.View) bool {
		return slices.ContainsFunc(v.Steps, func(st fsm.StepView) bool { return st.ID == "promote@core-db-w" && st.State == dr.StepIntent })
	}, "with its once step under way")
	s.crash()
	v := await(t, second, run, dr.AtStandby)
	if err := os.Remove(filepath.Join(s.dir, "facts", "core-db-w.slow")); err != nil {
		t.Fatal(err)
	}
	s.app = second
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
	if lines := logs[0].unexpected(); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
	for _, st := range v.Steps {
		if st.ID == "promote@core-db-w" {
			t.Logf("the once step was sent %d time(s): %s", st.Attempt, st.Text)
		}
	}
}
