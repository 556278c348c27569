package actions_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// daemon is a real sshd that all tests of this package share; each has tokens of its own.
type daemon struct{ *actionstest.Daemon }

var oneDaemon = sync.OnceValues(func() (daemon, error) {
	d, err := actionstest.StartDaemon()
	if err == nil {
		atExit = append(atExit, func() { d.Stop() })
	}
	return daemon{d}, err
})

func sshd(t *testing.T) daemon {
	t.Helper()
	d, err := oneDaemon()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d daemon) options(t *testing.T) actions.Options {
	t.Helper()
	keys, err := d.SSH()
	if err != nil {
		t.Fatal(err)
	}
	return actions.Options{Clock: actionstest.Clock(), SSH: keys}
}

func (d daemon) job(token string, argv ...string) actions.Job {
	j := job(token, "ssh", map[string]any{"argv": argv, "address": d.Address})
	j.Class = dr.Once
	return j
}

// TestSSH: the suite of all actions against a real sshd.
func TestSSH(t *testing.T) {
	d := sshd(t)
	for name, pty := range map[string]bool{"pipe": false, "terminal": true} {
		t.Run(name, func(t *testing.T) {
			actionstest.Exercise(t, action("ssh"), func(t *testing.T) actionstest.World {
				target, dir := script(t, targetScript), t.TempDir()
				tell := func(verb string) actions.Job {
					j := d.job("token-"+filepath.Base(filepath.Dir(dir))+verb, target, dir, verb)
					j.Call.Params["pty"] = pty
					return j
				}
				leak := tell("leak")
				leak.Call.Params["env"] = map[string]string{"PW": "secret:leak"}
				leak.Call.Params["stdin"] = "secret:leak"
				o := d.options(t)
				o.SpoolDir = t.TempDir()
				nobody := tell("do")
				nobody.Call.Params["address"] = "127.0.0.1:1"
				return actionstest.World{
					Options: o, Do: tell("do"), Probe: ptr(tell("is")), No: ptr(tell("no")), Loud: ptr(tell("loud")), Leak: &leak,
					Unsent:  &nobody,
					Effects: func() int { return lines(filepath.Join(dir, "effects")) },
					State:   func() string { return names(dir) },
					ByToken: true, Secret: "k3y-für-tür/+?",
				}
			})
		})
	}
}

// set makes the hands that reach a daemon.
func (d daemon) set(t *testing.T) *actions.Set {
	t.Helper()
	s := actions.NewSet(d.options(t))
	t.Cleanup(s.Close)
	return s
}

func token(t *testing.T) string {
	return "t" + strconv.FormatInt(time.Now().UnixNano(), 36) + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
}

// until asks again until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // tests clean up with it too
	defer cancel()
	for !so() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("never: " + what)
		}
	}
}

// TestGuard: a lost line ends nothing, the machine remembers, the same token again joins it and starts nothing.
func TestGuard(t *testing.T) {
	d := sshd(t)
	h := d.set(t).Hands()
	dir := t.TempDir()
	j := d.job(token(t), "sh", "-c", `echo begun; echo x >>"$1"/effects; until [ -e "$1"/go ]; do sleep 0.05; done; echo "it's done"; exit 3`, "sh", dir)
	if m, ok := h.Recall(t.Context(), j); !ok || m.State != actions.MemoryAbsent {
		t.Fatalf("before: %+v", m)
	}
	j.Timeout = 700
	r := h.Do(t.Context(), j)
	if r.State != dr.StepUnknown || !strings.Contains(r.Text, "goes on there") {
		t.Fatalf("cut: %s %q", r.State, r.Text)
	}
	until(t, "effect", func() bool { return lines(filepath.Join(dir, "effects")) == 1 })
	until(t, "an answer meanwhile", func() bool { // silent means to ask again
		m, _ := h.Recall(t.Context(), j)
		if m.State != actions.MemoryRunning && m.State != actions.MemorySilent {
			t.Fatalf("meanwhile: %+v", m)
		}
		return m.State == actions.MemoryRunning
	})
	other := d.set(t).Hands() // another replica with the same token
	var joined sync.WaitGroup
	results := make([]actions.Result, 2)
	for i, hands := range []actions.Hands{h, other} {
		again := j
		again.Timeout, again.Evidence = 20_000, []string{"output"}
		joined.Go(func() { results[i] = hands.Do(t.Context(), again) })
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	joined.Wait()
	for _, r := range results {
		if r.State != dr.StepFail || r.Code != 3 || !strings.Contains(r.Text, "exit 3: it's done") || len(r.Files) != 1 {
			t.Errorf("joined: %s %d %q, %d files", r.State, r.Code, r.Text, len(r.Files))
		}
		for _, f := range r.Files {
			f.Remove()
		}
	}
	if m, _ := h.Recall(t.Context(), j); m.State != actions.MemoryEnded || m.Code != 3 {
		t.Errorf("after: %+v", m)
	}
	if n := lines(filepath.Join(dir, "effects")); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// TestFault17SameTokenRace: one token from many at once starts one command.
func TestFault17SameTokenRace(t *testing.T) {
	d := sshd(t)
	dir := t.TempDir()
	j := d.job(token(t), "sh", "-c", `echo x >>"$1"/effects`, "sh", dir)
	var all sync.WaitGroup
	for range 4 {
		h := d.set(t).Hands()
		for range 4 {
			all.Go(func() {
				if r := h.Do(t.Context(), j); r.State != dr.StepOK {
					t.Errorf("%s %q", r.State, r.Text)
				}
			})
		}
	}
	all.Wait()
	if n := lines(filepath.Join(dir, "effects")); n != 1 {
		t.Errorf("%d effects", n)
	}
}

// TestFault17GuardLost: what the machine cannot know it says so: killed from outside, started again, emptied.
func TestFault17GuardLost(t *testing.T) {
	d := sshd(t)
	h := d.set(t).Hands()
	dir := t.TempDir()
	hang := func(name string) actions.Job {
		j := d.job(token(t)+name, "sh", "-c", `echo $$ >"$1"/pid; exec sleep 60`, "sh", dir)
		j.Timeout = 20_000
		return j
	}
	killed := hang("killed")
	ended := make(chan actions.Result, 1)
	go func() { ended <- h.Do(t.Context(), killed) }()
	pid := filepath.Join(d.Journal(), killed.Token, "pid")
	until(t, "pid", func() bool { _, err := os.Stat(pid); return err == nil })
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-KILL", "--", "-"+strings.TrimSpace(string(text))).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if r := <-ended; r.State != dr.StepUnknown || !strings.Contains(r.Text, "it was killed") {
		t.Errorf("killed: %s %q", r.State, r.Text)
	}
	booted := d.job(token(t)+"boot", "true")
	if r := h.Do(t.Context(), booted); r.State != dr.StepOK {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	folder := filepath.Join(d.Journal(), booted.Token)
	if err := os.Remove(filepath.Join(folder, "rc")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "boot"), []byte("another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, _ := h.Recall(t.Context(), booted); m.State != actions.MemoryLost {
		t.Errorf("booted: %+v", m)
	}
	if r := h.Do(t.Context(), booted); r.State != dr.StepUnknown {
		t.Errorf("sent again: %s %q", r.State, r.Text)
	}
}

// TestSSHStrangers: nothing is said to a host whose key is not known or has changed, and no plain door is left.
func TestSSHStrangers(t *testing.T) {
	d := sshd(t)
	empty := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	name, port, _ := net.SplitHostPort(d.Address)
	changed := filepath.Join(t.TempDir(), "known")
	person, err := os.ReadFile(filepath.Join(d.Dir, "person.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, fmt.Appendf(nil, "[%s]:%s %s", name, port, person), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*actions.SSH)
		says   string
	}{
		{func(s *actions.SSH) { s.KnownHosts = []string{empty} }, "is not in known_hosts"},
		{func(s *actions.SSH) { s.KnownHosts = []string{changed} }, "impostor"},
		{func(s *actions.SSH) { s.KnownHosts = nil }, "no host is taken on trust"},
		{func(s *actions.SSH) { s.Keys = nil }, "no ssh key is set"},
		{func(s *actions.SSH) { s.Keys = [][]byte{[]byte("nonsense")} }, "not readable"},
		{func(s *actions.SSH) { s.User = "nobody-here" }, "unable to authenticate"},
		{func(s *actions.SSH) { s.User = "" }, "no user"},
	} {
		o := d.options(t)
		c.change(&o.SSH)
		s := actions.NewSet(o)
		r := s.Hands().Do(t.Context(), d.job(token(t), "true"))
		s.Close()
		if r.State != dr.StepFail || !strings.Contains(r.Text, c.says) || strings.Contains(r.Text, "nonsense") {
			t.Errorf("%s: %s %q", c.says, r.State, r.Text)
		}
	}
}

// TestSSHWords: every argument arrives as it is, whatever a shell would make of it.
func TestSSHWords(t *testing.T) {
	d := sshd(t)
	h := d.set(t).Hands()
	nasty := []string{"", " ", "a'b", `"$(id)"`, "`id`", "*", "\n", "-n", "ü证", `\`, "a;b|c&d>e"}
	j := d.job(token(t), append([]string{"sh", "-c", `for w; do printf '[%s]' "$w"; done; printf '{%s}' "$X"; cat`, "sh"}, nasty...)...)
	j.Call.Params["env"] = map[string]string{"X": "it's $HOME"}
	j.Call.Params["stdin"] = "read `me`\nEOF"
	j.Evidence = []string{"output"}
	r := h.Do(t.Context(), j)
	want := "[" + strings.Join(nasty, "][") + "]{it's $HOME}read `me`\nEOF"
	if got := content(t, r, "output"); r.State != dr.StepOK || got != want {
		t.Fatalf("%s %q\n%q, want\n%q", r.State, r.Text, got, want)
	}
	if found, err := exec.Command("grep", "-rl", "read `me`", d.Journal()).Output(); err == nil && !strings.Contains(string(found), "/out") {
		t.Errorf("its input lies about: %s", found)
	}
}
