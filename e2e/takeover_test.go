package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault08TakeoverPostgres lets the server that carries a run die while a step that may be sent once is
// under way. The other server of the database waits until the lease has run out, looks what became
// of the step, and brings the run to its end. What the dead one may still hear is not written.
func TestFault08TakeoverPostgres(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	first, logs := openRacer(t, s.dir, "one", s.url)
	shareKeys(t, s.dir, "one", "two")
	second, others := openRacer(t, s.dir, "two", s.url)
	s.app = first
	if err := os.WriteFile(filepath.Join(s.dir, "facts", "core-db-w.slow"), []byte("2s"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := s.ready("move", "")
	s.begin(run) // through the first server, which mostly carries it then
	awaitView(t, first, run, func(v fsm.View) bool {
		return slices.ContainsFunc(v.Steps, func(st fsm.StepView) bool { return st.ID == "promote@core-db-w" && st.State == dr.StepIntent })
	}, "with its once step under way")
	heir, name := second, "two"
	if carrier(s, run) == "two" {
		s.app, heir, name, others = second, first, "one", logs
	}
	s.crash()
	owned := takenOver(s, heir, run, name, time.Now())
	v := await(t, heir, run, dr.AtStandby)
	if err := os.Remove(filepath.Join(s.dir, "facts", "core-db-w.slow")); err != nil {
		t.Fatal(err)
	}
	s.app = heir
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
	if lines := others[0].unexpected(); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
	for _, st := range v.Steps {
		if st.ID == "promote@core-db-w" {
			t.Logf("the once step was sent %d time(s): %s", st.Attempt, st.Text)
		}
	}
	t.Logf("soak: a run was taken over %s after its owner died", owned.Round(100*time.Millisecond))
}

// takeoverMost is how long a run may stand still when the server that carries it is killed.
const takeoverMost = 10 * time.Second

// carrier is the server that a run's lease is.
func carrier(s *scene, run string) string {
	s.Helper()
	var l store.Lease
	if err := s.app.Store.Read(s.Context(), func(r *store.Reader) (err error) { l, err = r.Lease(s.Context(), "run:"+run); return err }); err != nil {
		s.Fatal(err)
	}
	return l.Holder
}

// takenOver waits until a server has made a run its own, and fails where that took longer than it may.
func takenOver(s *scene, by *app.App, run, name string, died time.Time) (took time.Duration) {
	s.Helper()
	s.eventually(name+" carries the run", func() bool {
		var l store.Lease
		err := by.Store.Read(s.Context(), func(r *store.Reader) (err error) { l, err = r.Lease(s.Context(), "run:"+run); return err })
		return err == nil && l.Holder == name
	})
	if took = time.Since(died); took > takeoverMost {
		s.Errorf("the run stood for %s", took)
	}
	return took
}
