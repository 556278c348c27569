//go:build !race

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// inNetwork names a process that has a network of its own and may change it.
const inNetwork = "E2E_OWN_NETWORK"

// apart runs a test in a process with a network of its own, as root or by way of a user namespace.
func apart(t *testing.T, test func(*testing.T)) {
	t.Helper()
	if os.Getenv(inNetwork) != "" {
		ip(t, "link", "set", "lo", "up")
		test(t)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"--net"}
	if os.Geteuid() != 0 {
		argv = append(argv, "--user", "--map-current-user", "--keep-caps")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", append(argv, "ip", "link", "set", "lo", "up")...).CombinedOutput(); err != nil {
		t.Fatalf("a machine can only be cut off in a network of its own, and this user may not make one: %v: %s\n"+
			"Install util-linux and iproute2; allow namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "+
			"kernel.apparmor_restrict_unprivileged_userns; in a container its seccomp profile); or run this test as root.", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append(argv, self, "-test.v", "-test.count=1", "-test.timeout=5m", "-test.run=^"+t.Name()+"$")...)
	cmd.Env = append(os.Environ(), inNetwork+"=yes")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in a network of its own: %v", err)
	}
}

func ip(t *testing.T, args ...string) { run(t, append([]string{"ip"}, args...)...) }

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", strings.Join(argv, " "), err, out)
	}
}

// island is a machine with sshd in a network of its own behind one line.
type island struct {
	*actionstest.Daemon
	enter []string // runs a program there
}

func newIsland(t *testing.T) *island {
	t.Helper()
	keeper := exec.Command("unshare", "--net", "sleep", "600")
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = keeper.Wait() // it was killed
	})
	pid := fmt.Sprint(keeper.Process.Pid)
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { there, err := os.Readlink("/proc/" + pid + "/ns/net"); return err == nil && there != here })
	i := &island{enter: []string{"nsenter", "--target", pid, "--net"}}
	ip(t, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid)
	ip(t, "address", "add", "10.77.0.1/24", "dev", "near")
	ip(t, "link", "set", "near", "up")
	i.ip(t, "address", "add", "10.77.0.2/24", "dev", "far")
	i.ip(t, "link", "set", "far", "up")
	if i.Daemon, err = actionstest.StartUnprivilegedAt("10.77.0.2:2222", i.enter...); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *island) ip(t *testing.T, args ...string) {
	t.Helper()
	run(t, append(append(i.enter[:len(i.enter):len(i.enter)], "ip"), args...)...)
}

// opens lets whoever runs the machine's daemon write where its steps do.
func opens(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(filepath.Dir(dir), 0o755)); err != nil { //nolint:gosec // a test's own directory
		t.Fatal(err)
	}
}

// away is how long a machine is cut off: until its line has been given up, or as long as a soak has it.
func away() time.Duration {
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		return time.Minute
	}
	return 11 * time.Second
}

// partition cuts a machine off while its once step is under way there. The step ends in the meantime; when the line is
// back, the machine's own journal tells how, and nobody is asked.
func partition(t *testing.T, database func(testing.TB) string) {
	apart(t, func(t *testing.T) {
		i := newIsland(t)
		s := sshSceneAt(t, i.Daemon)
		opens(t, s.dir)
		s.url = database(t)
		s.replan("timeout: 20s", "timeout: 100s")
		s.open(nil, sshSettings(i.Daemon)...)
		run := s.ready("move", "")
		s.begin(run)
		until(t, func() bool { return len(s.told("sent")) > 0 })
		i.ip(t, "link", "set", "far", "down")
		s.fact("../go", "")
		<-time.After(away()) // of real time: lines are given up by it
		if v := s.view(run); v.State != dr.Running {
			t.Errorf("cut off, the run is %s %s", v.State, v.Pause)
		}
		i.ip(t, "link", "set", "far", "up")
		s.sentOnce(run)
		t.Logf("soak: a machine cut off for %s during its step: it ended right, and nobody was asked", away())
	})
}

func TestFault20Partition(t *testing.T)         { partition(t, func(testing.TB) string { return "" }) }
func TestFault20PartitionPostgres(t *testing.T) { partition(t, storetest.Postgres) }

func TestFault16LineSilent(t *testing.T) {
	lineSilent(t, func(testing.TB) string { return "" })
}
func TestFault16LineSilentPostgres(t *testing.T) { lineSilent(t, storetest.Postgres) }

// lineSilent cuts a machine off before its once step is sent over a line that was open. Nothing has
// left, and that is what is said; when the line is back a person sends it.
func lineSilent(t *testing.T, database func(testing.TB) string) {
	apart(t, func(t *testing.T) {
		i := newIsland(t)
		s := sshSceneAt(t, i.Daemon)
		opens(t, s.dir)
		s.url = database(t)
		s.fact("../go", "")
		s.replan("timeout: 20s", "timeout: 8s")
		var sends atomic.Int64
		s.open(func(point string) {
			if point == "before_dispatch" && sends.Add(1) == 3 { // after both stops
				i.ip(t, "link", "set", "far", "down")
			}
		}, sshSettings(i.Daemon)...)
		run := s.ready("move", "")
		s.begin(run)
		s.pausedAt(run, dr.StepFailed)
		if st := stepOf(s.view(run), "promote@core-db-w"); len(s.told("sent")) > 0 || !strings.Contains(st.Text, "nothing was") {
			t.Errorf("sent %v: %s", s.told("sent"), st.Text)
		}
		i.ip(t, "link", "set", "far", "up")
		s.do("ann", run, dr.VerbRetry, fsm.Args{Step: "promote@core-db-w"})
		await(t, s.app, run, dr.AtStandby)
		if sent, done := s.told("sent"), s.told("done"); len(sent) != 1 || len(done) != 1 {
			t.Errorf("sent %v, done %v", sent, done)
		}
	})
}
