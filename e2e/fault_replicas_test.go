//go:build !race

package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault07LeaseRacePostgres has three servers race for one lease and then send the same attempt, whoever
// they take themselves for: one holds it, and there is one intent.
func TestFault07LeaseRacePostgres(t *testing.T) {
	t.Parallel()
	apps, _ := replicas(t, crowdDir(t), 3)
	leaseRace(t, apps)
}

// TestFault07LeaseRace does so in the one process that a SQLite file has.
func TestFault07LeaseRace(t *testing.T) {
	t.Parallel()
	leaseRace(t, slices.Repeat([]*app.App{newScene(t, nil).app}, 3))
}

func leaseRace(t *testing.T, apps []*app.App) {
	t.Helper()
	began, many := time.Now(), rounds(40, 1000)
	for n := range many {
		run := fmt.Sprint("race", n)
		err := apps[0].Store.Write(t.Context(), func(tx *store.Tx) error {
			body := []byte(`{"format":"switchman/slice/v1"}`)
			if err := tx.InsertRun(t.Context(), dr.Run{ID: run, Plan: "p", Digest: dr.Digest(body), State: dr.Closed, Round: dr.Round{Number: 1, State: "used"}}, body); err != nil {
				return err
			}
			return tx.ReplaceSteps(t.Context(), run, []dr.StepRow{{Run: run, Step: "a", State: dr.StepReady}})
		})
		if err != nil {
			t.Fatal(err)
		}
		var held, sent atomic.Int64
		for _, err := range atOnce(len(apps), func(i int) error {
			return leaseAndSend(t.Context(), apps[i].Store, run, fmt.Sprint("server", i), &held, &sent)
		}) {
			if err != nil && !errors.Is(err, store.ErrFenced) && dr.KindOf(err) != dr.Conflict {
				t.Fatal(err)
			}
		}
		if held.Load() != 1 || sent.Load() != 1 {
			t.Fatalf("round %d: %d held the lease, %d intents", n, held.Load(), sent.Load())
		}
	}
	t.Logf("soak: %d races of three for a lease and its step on %s: one holder and one intent each (%s)", many, apps[0].Store.Dialect(), time.Since(began).Round(time.Second))
}

// leaseAndSend takes a lease if it can, and sends as if it had it in any case.
func leaseAndSend(ctx context.Context, s *store.Store, run, who string, held, sent *atomic.Int64) error {
	epoch, mine := int64(1), false
	err := s.Write(ctx, func(tx *store.Tx) error {
		e, ok, err := tx.AcquireLease(ctx, "race:"+run, who, time.Minute)
		if mine = ok && err == nil; mine {
			epoch = e
		}
		return err
	})
	if err != nil {
		return err
	}
	if mine {
		held.Add(1)
	}
	err = s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, "race:"+run, who, epoch); err != nil {
			return err
		}
		return tx.Intent(ctx, dr.Attempt{Run: run, Step: "a", N: 1, Token: run + who, Epoch: epoch, Purpose: "do"})
	})
	if err == nil {
		sent.Add(1)
	}
	return err
}

// TestFault08StoppedPostgres stops the process that carries a run while a once step is under way, for longer than its
// lease, and wakes it when another server has brought the run to its end. It writes nothing and sends nothing.
func TestFault08StoppedPostgres(t *testing.T) {
	t.Parallel()
	began, many := time.Now(), rounds(1, 4)
	for range many {
		stoppedOwner(t)
	}
	t.Logf("soak: %d owners stopped past their lease and woken: none wrote or sent anything (%s)", many, time.Since(began).Round(time.Second))
}

func stoppedOwner(t *testing.T) {
	t.Helper()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	s.fact("core-db-w.slow", "1s")
	second, _ := openRacer(t, s.dir, "two", s.url)
	shareKeys(t, s.dir, "two", "state")
	owner := startVictim(t, s.dir, "PATH="+toolPath(t, s.dir), "VICTIM_PLAN=move", "VICTIM_URL="+s.url)
	var run string
	s.eventually("the once step is under way", func() bool {
		runs, err := second.Engine.List(t.Context(), dr.Actor{}, fsm.Filter{})
		if err != nil || len(runs) == 0 {
			return false
		}
		run = runs[0].ID
		v, err := second.Engine.View(t.Context(), dr.Actor{}, run)
		return err == nil && stepOf(v, "promote@core-db-w").State == dr.StepIntent
	})
	if err := owner.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, second, run, dr.AtStandby)
	before, err := journalRows(t.Context(), second, run)
	if err == nil {
		err = owner.Process.Signal(syscall.SIGCONT)
	}
	if err == nil {
		err = owner.Wait() // it sees where the run stands, and has nothing left to do
	}
	if err != nil {
		t.Fatalf("the woken owner: %v", err)
	}
	after, err := journalRows(t.Context(), second, run)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d rows before the old owner woke, %d after, %v", len(before), len(after), err)
	}
	s.app = second
	s.quick("core-db-w")
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
}

// TestFault08Stopped stops the one process that a SQLite file has, while a once step is under way, for longer than its
// lease. Nobody can take its place: another process is refused, and the woken one goes on where it was.
func TestFault08Stopped(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.fact("core-db-w.slow", "1s")
	owner := startVictim(t, s.dir, "PATH="+toolPath(t, s.dir), "VICTIM_PLAN=move")
	state := store.Options{Dir: filepath.Join(s.dir, "state"), ReadOnly: true, Clock: app.SystemClock(), Log: slog.New(slog.DiscardHandler)}
	var eyes *store.Store
	s.eventually("there is a state", func() bool {
		one, err := store.Open(t.Context(), state)
		if err == nil {
			eyes = one
		}
		return err == nil
	})
	defer eyes.Close()
	var run string
	s.eventually("the once step is under way", func() bool {
		under := false
		err := eyes.Read(t.Context(), func(r *store.Reader) error {
			runs, err := r.Runs(t.Context(), store.Filter{})
			if err != nil || len(runs) == 0 {
				return err
			}
			run = runs[0].ID
			step, err := r.Step(t.Context(), run, "promote@core-db-w")
			under = step.State == dr.StepIntent
			return err
		})
		return err == nil && under
	})
	if err := owner.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.eventually("its lease has run out", func() bool {
		var l store.Lease
		err := eyes.Read(t.Context(), func(r *store.Reader) (err error) { l, err = r.Lease(t.Context(), "run:"+run); return err })
		return err == nil && time.Now().After(l.Until.Time)
	})
	if err := s.tryOpen(nil); dr.KindOf(err) != dr.Conflict {
		t.Errorf("a second process: %v", err)
	}
	if err := errors.Join(owner.Process.Signal(syscall.SIGCONT), owner.Wait()); err != nil {
		t.Fatalf("the woken owner: %v", err)
	}
	s.open(nil)
	await(t, s.app, run, dr.AtStandby)
	s.quick("core-db-w")
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
	sameEpoch(t, s.app, run)
}

// startVictim starts the app as a process of its own.
func startVictim(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	victim := filepath.Join(dir, "switchman-victim")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, victim)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), victim, dir)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestFault09ClockJumpsPostgres has the clocks of two servers jump by an hour in mid-run, each its own way. Leases go by
// the database's time: the run stays with whom it was.
func TestFault09ClockJumpsPostgres(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	s.fact("core-db-w.slow", "2s")
	s.open(nil)
	shareKeys(t, s.dir, "state", "two")
	other, logs := newSkewClock(), &logKeeper{}
	second, err := opening{dir: s.dir, path: toolPath(t, s.dir), clock: other.clock(), log: slog.New(logs), url: s.url, instance: "two",
		more: []string{"SWITCHMAN_STATE_DIR=" + filepath.Join(s.dir, "two")}}.start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	run := s.ready("move", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepIntent })
	other.advance(time.Hour) // to the other server the lease would have run out long ago
	s.clock.advance(-time.Hour)
	await(t, second, run, dr.AtStandby)
	s.quick("core-db-w")
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
	sameEpoch(t, s.app, run)
}

// TestFault09ClockJumps has the clock of the one server that a SQLite file has jump by an hour in mid-run, ahead and back.
// Its leases go by that clock, and nobody else can want them: the run goes on in the same epoch.
func TestFault09ClockJumps(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepareScene(t)
			s.fact("core-db-w.slow", "500ms")
			s.open(nil)
			run := s.ready("move", "")
			s.begin(run)
			s.until(run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepIntent })
			s.clock.jump(by)
			await(t, s.app, run, dr.AtStandby)
			s.quick("core-db-w")
			if made := s.made(); !slices.Equal(made, allMoved()) {
				t.Errorf("effects %v", made)
			}
			sameEpoch(t, s.app, run)
		})
	}
}

// quick takes a node's slowness away.
func (s *scene) quick(node string) {
	s.Helper()
	if err := os.Remove(filepath.Join(s.dir, "facts", node+".slow")); err != nil {
		s.Fatal(err)
	}
}

// sameEpoch checks that every attempt was sent by one owner.
func sameEpoch(t *testing.T, a *app.App, run string) {
	t.Helper()
	var attempts []dr.Attempt
	err := a.Store.Read(t.Context(), func(r *store.Reader) (err error) {
		attempts, err = r.Attempts(t.Context(), run)
		return err
	})
	if err != nil || len(attempts) == 0 {
		t.Fatalf("%d attempts, %v", len(attempts), err)
	}
	for _, at := range attempts {
		if at.Epoch != attempts[0].Epoch || at.N != 1 {
			t.Errorf("%s was sent in epoch %d, attempt %d; the first step in epoch %d", at.Step, at.Epoch, at.N, attempts[0].Epoch)
		}
	}
}
