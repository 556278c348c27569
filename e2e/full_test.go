package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
)

// disk is a small disk of its own under the state directory, and can be full.
type disk struct {
	dir string

	mu    sync.Mutex
	point string // where to fill it; see fsm.Config.Point
	skip  int    // how many passes of that point come first
	full  bool
	err   error
}

// newDisk mounts a disk of so many MiB.
func newDisk(t *testing.T, dir string, size int) *disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", size)); err != nil {
		t.Fatalf("mounting a small disk at %s: %v\nthis test fills a disk of its own: run it as root, in a container with CAP_SYS_ADMIN (or under `unshare --map-root-user --mount`)", dir, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return &disk{dir: dir}
}

// at fills the disk when a point is passed the next time, after skip passes.
func (d *disk) at(point string, skip int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.point, d.skip = point, skip
}

func (d *disk) pass(point string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if point != d.point {
		return
	}
	if d.skip--; d.skip < 0 {
		d.point = ""
		d.err = errors.Join(d.err, d.fill())
	}
}

// fill writes until nothing more goes, down to the last page.
func (d *disk) fill() error {
	f, err := os.Create(filepath.Join(d.dir, "filler"))
	if err != nil {
		return err
	}
	for piece := 1 << 20; piece > 0; piece /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, piece))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return errors.Join(err, f.Close())
		}
		err = nil
	}
	d.full = true
	return f.Close()
}

func (d *disk) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

// free makes room again.
func (d *disk) free(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = false
	if err := errors.Join(d.err, os.Remove(filepath.Join(d.dir, "filler"))); err != nil {
		t.Fatal(err)
	}
}

// fullScene is a bank whose state is on a small disk; its targets' facts are on another one.
func fullScene(t *testing.T) (*scene, *disk) {
	t.Helper()
	s := prepareScene(t)
	d := newDisk(t, filepath.Join(s.dir, "state"), 24)
	s.open(d.pass)
	return s, d
}

// made lists the effects at the targets: "core-db-w.primary" and so on, one entry per effect.
func (s *scene) made() []string {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "facts", "*"))
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.Fatal(err)
		}
		for range strings.Fields(string(b)) {
			out = append(out, filepath.Base(f))
		}
	}
	slices.Sort(out)
	return out
}

// allMoved are the effects of the whole plan, each once.
func allMoved() []string {
	return []string{"cards-app-e.stopped", "cards-app-w.started", "core-app-e.stopped", "core-app-w.started", "core-db-w.primary"}
}

// saysFull checks that a person is told, in both languages, that the disk is full and what to do.
func saysFull(t *testing.T, err error) {
	t.Helper()
	if dr.KindOf(err) != dr.Unavailable {
		t.Fatalf("on a full disk: %s %v", dr.KindOf(err), err)
	}
	for lang, want := range map[string][2]string{"en": {"disk", "Free space"}, "zh": {"磁盘已满", "释放"}} {
		message, hint := locale.Error(lang, err)
		if !strings.Contains(message, want[0]) || !strings.Contains(hint, want[1]) {
			t.Errorf("%s: %q, hint %q", lang, message, hint)
		}
	}
}

// TestFault12DiskFullForPeople fills the disk at the moment of a vote, of a code and of the start.
func TestFault12DiskFullForPeople(t *testing.T) {
	t.Parallel()
	s, d := fullScene(t)
	v, err := s.app.Engine.Request(t.Context(), dr.Actor{Person: "ann"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "drill"})
	if err != nil {
		t.Fatal(err)
	}
	v = await(t, s.app, v.ID, dr.AwaitingApproval)
	yes := fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}
	d.at("before_decision", 0)
	saysFull(t, s.try("bob", v.ID, dr.VerbApprove, yes))
	if seen := s.view(v.ID); seen.Round.Have != 0 || seen.State != dr.AwaitingApproval {
		t.Fatalf("after a vote that was not kept: %d approvals, %s", seen.Round.Have, seen.State)
	}
	d.free(t)
	s.do("bob", v.ID, dr.VerbApprove, yes)
	s.do("cat", v.ID, dr.VerbApprove, yes)
	d.at("before_decision", 0)
	_, err = s.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan"}, v.ID)
	saysFull(t, err)
	d.free(t)
	issued, err := s.app.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan"}, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.at("before_decision", 0)
	start := fsm.Args{Code: issued.Code.Reveal(), Nonce: v.Round.Nonce}
	saysFull(t, s.try("ann", v.ID, dr.VerbStart, start))
	if seen := s.view(v.ID); seen.State != dr.AwaitingCode || seen.CodeLeft != 5 || !seen.CodeLive {
		t.Fatalf("after a start that was not kept: %s, %d tries left, code live: %v", seen.State, seen.CodeLeft, seen.CodeLive)
	}
	if made := s.made(); len(made) > 0 {
		t.Fatalf("effects before the start was kept: %v", made)
	}
	d.free(t)
	s.do("ann", v.ID, dr.VerbStart, start)
	await(t, s.app, v.ID, dr.AtStandby)
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
}

// TestFault12DiskFullUnderway fills the disk at every kind of point of a run that moves. Nothing is sent
// without a durable intent, and once there is room the run goes on by itself to its end.
func TestFault12DiskFullUnderway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		point string
		skip  int
		made  []string // all effects there may be while the disk is full
	}{
		{"before_intent", 0, nil},
		{"before_intent", 2, []string{"cards-app-e.stopped", "core-app-e.stopped"}}, // of the once step
		{"before_intent", 3, []string{"cards-app-e.stopped", "core-app-e.stopped", "core-db-w.primary"}},
		{"after_intent", 0, []string{"cards-app-e.stopped", "core-app-e.stopped"}},
		{"before_dispatch", 0, []string{"cards-app-e.stopped", "core-app-e.stopped"}},
		{"after_dispatch", 2, []string{"cards-app-e.stopped", "core-app-e.stopped", "core-db-w.primary"}}, // its recording cannot be kept
		{"before_outcome", 0, []string{"cards-app-e.stopped", "core-app-e.stopped"}},
		{"before_outcome", 2, []string{"cards-app-e.stopped", "core-app-e.stopped", "core-db-w.primary"}},
		{"after_outcome", 1, []string{"cards-app-e.stopped", "core-app-e.stopped"}},
		{"after_outcome", 4, allMoved()},
	} {
		t.Run(fmt.Sprintf("%s-%d", c.point, c.skip), func(t *testing.T) {
			t.Parallel()
			s, d := fullScene(t)
			run := s.ready("move", "")
			d.at(c.point, c.skip)
			s.begin(run)
			s.eventually("the disk is full", d.isFull)
			s.eventually("somebody is told", func() bool { return len(s.logs.unexpected()) > 0 })
			v := s.view(run)
			if made := s.made(); !slices.Equal(made, atMost(made, c.made)) {
				t.Errorf("with the disk full since %s there are the effects %v", c.point, made)
			}
			if !v.State.Moving() {
				t.Errorf("with the disk full the run is %s %s", v.State, v.Pause)
			}
			saysFull(t, s.try("bob", run, dr.VerbPause, fsm.Args{}))
			d.free(t)
			v = await(t, s.app, run, dr.AtStandby)
			if made := s.made(); !slices.Equal(made, allMoved()) {
				t.Errorf("effects %v", made)
			}
			if v.Verdict != "passed" || !s.readable(run) {
				t.Errorf("verdict %s, evidence readable: %v", v.Verdict, s.readable(run))
			}
			if _, err := s.app.Store.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// atMost answers what of made is in allowed.
func atMost(made, allowed []string) []string {
	return slices.DeleteFunc(slices.Clone(made), func(m string) bool { return !slices.Contains(allowed, m) })
}

// TestFault12DiskFullAtStart: a crash on a full disk, and a start on it. It says what is the matter, and
// with room the run is taken up where it stood.
func TestFault12DiskFullAtStart(t *testing.T) {
	t.Parallel()
	s, d := fullScene(t)
	run := s.ready("move", "")
	d.at("before_outcome", 2) // the once step has been sent
	s.begin(run)
	s.eventually("the disk is full", d.isFull)
	s.crash()
	err := s.tryOpen(d.pass)
	if err == nil {
		s.crash()
	} else {
		saysFull(t, err)
	}
	d.free(t)
	s.open(d.pass)
	await(t, s.app, run, dr.AtStandby)
	if made := s.made(); !slices.Equal(made, allMoved()) {
		t.Errorf("effects %v", made)
	}
}
