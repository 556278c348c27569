package e2e

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// scene is a running app with people who act in it, outside of any script.
type scene struct {
	*testing.T
	dir   string
	url   string // of a PostgreSQL database; empty: SQLite
	clock *skewClock
	app   *app.App
	end   context.CancelFunc // of what runs in the background
	logs  *logKeeper
	name  string        // of the process; empty: here
	waits time.Duration // how long something may take to come true; 0: as long as anywhere
}

// newScene starts the tiny bank.
func newScene(t *testing.T, point func(string), more ...string) *scene {
	t.Helper()
	s := prepareScene(t)
	s.open(point, more...)
	return s
}

// prepareScene lays the tiny bank's files out.
func prepareScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, dir: t.TempDir(), clock: newSkewClock(), logs: &logKeeper{}}
	if err := errors.Join(os.CopyFS(filepath.Join(s.dir, "org"), os.DirFS("testdata/org")), os.MkdirAll(filepath.Join(s.dir, "facts"), 0o700)); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) open(point func(string), more ...string) {
	s.Helper()
	if err := s.tryOpen(point, more...); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) tryOpen(point func(string), more ...string) error {
	s.Helper()
	ctx, end := context.WithCancel(context.Background())
	a, err := opening{dir: s.dir, path: toolPath(s, s.dir), clock: s.clock.clock(), log: slog.New(s.logs), point: point, url: s.url, instance: cmp.Or(s.name, "here"), more: more}.startIn(ctx)
	if err != nil {
		end()
		return err
	}
	s.app, s.end = a, end
	s.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			s.Error(err)
		}
		end()
	})
	return nil
}

func (s *scene) do(who, run string, verb dr.Verb, args fsm.Args) {
	s.Helper()
	if err := s.try(who, run, verb, args); err != nil {
		s.Fatalf("%s %s: %v", who, verb, err)
	}
}

func (s *scene) try(who, run string, verb dr.Verb, args fsm.Args) error {
	_, err := s.app.Engine.Do(s.Context(), dr.Actor{Person: who, Surface: "cli"}, run, verb, args)
	return err
}

// ready carries a new run to where only the code is missing.
func (s *scene) ready(plan, parent string) (run string) {
	s.Helper()
	v, err := s.app.Engine.Request(s.Context(), dr.Actor{Person: "ann", Surface: "cli"}, fsm.Request{Plan: plan, Parent: parent, Mode: dr.Drill, Reason: "drill"})
	if err != nil {
		s.Fatal(err)
	}
	v = await(s, s.app, v.ID, dr.AwaitingApproval)
	s.do("bob", v.ID, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	s.do("cat", v.ID, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
	return v.ID
}

// begin starts a run that is ready.
func (s *scene) begin(run string) {
	s.Helper()
	issued, err := s.app.Engine.IssueCode(s.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
	if err != nil {
		s.Fatal(err)
	}
	s.do("ann", run, dr.VerbStart, fsm.Args{Code: issued.Code.Reveal(), Nonce: issued.View.Round.Nonce})
}

// drill carries a run to its end, or on the way out to the standby site.
func (s *scene) drill(plan, parent string) (run string) {
	s.Helper()
	run = s.ready(plan, parent)
	s.begin(run)
	if parent != "" {
		await(s, s.app, run, dr.Closed)
		return run
	}
	await(s, s.app, run, dr.AtStandby)
	return run
}

// readable reports whether all evidence of a run can be read; a run without any fails the test.
func (s *scene) readable(run string) bool {
	s.Helper()
	found, all := 0, true
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) error {
		attempts, err := r.Attempts(s.Context(), run)
		for _, a := range attempts {
			for _, b := range a.Evidence {
				found++
				_, rc, err := r.Blob(s.Context(), b.Digest)
				if dr.KindOf(err) == dr.NotFound {
					all = false
					continue
				}
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, rc); err != nil {
					return err
				}
			}
		}
		return err
	})
	if err != nil || found == 0 {
		s.Fatalf("%d pieces of evidence of %s, %v", found, run, err)
	}
	return all
}

func (s *scene) rowsOf(run string) int {
	s.Helper()
	rows, err := journalRows(s.Context(), s.app, run)
	if err != nil {
		s.Fatal(err)
	}
	return len(rows)
}

// eventually waits for something no commit announces.
func (s *scene) eventually(what string, ok func() bool) {
	s.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(cmp.Or(s.waits, patience))
	for !ok() {
		select {
		case <-look.C:
		case <-deadline:
			s.Fatalf("it never came true that %s", what)
		}
	}
}

// crash drops the app, as world.crash does.
func (s *scene) crash() {
	s.Helper()
	s.logs.mute(true)
	s.logs.announce("is closed") // the dead process's last words may come late
	defer s.logs.mute(false)
	if err := s.app.Store.Close(); err != nil {
		s.Fatal(err)
	}
	if s.end != nil {
		s.end()
	}
	dead, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_ = s.app.Engine.Stop(dead)
	_ = s.app.Web.Stop(dead)
}

func (s *scene) view(run string) fsm.View {
	s.Helper()
	v, err := s.app.Engine.View(s.Context(), dr.Actor{}, run)
	if err != nil {
		s.Fatal(err)
	}
	return v
}
