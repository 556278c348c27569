package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

// sshScene is the tiny bank with its databases on a real sshd. Its promotion may be sent once, and
// takes until the file go is there. Once that was sent, its probe sees what was done, and not what was not.
func sshScene(t *testing.T) (*scene, *actionstest.Daemon) {
	t.Helper()
	d, err := actionstest.StartDaemon()
	if err != nil {
		t.Fatal(err)
	}
	return sshSceneAt(t, d), d
}

// sshSceneAt is that bank on a given sshd.
func sshSceneAt(t *testing.T, d *actionstest.Daemon) *scene {
	t.Helper()
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := prepareScene(t)
	file := filepath.Join(s.dir, "org", "plans", "move.yaml")
	plan, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	local := `    action: exec
    with: {argv: [tool, set, "{node}", primary]}
    class: once
    expect: 1s
    timeout: 5s
    needs: ["stop@all"]
    probe: {action: exec, with: {argv: [tool, is, "{node}", primary]}}
`
	remote := `    action: ssh
    with:
      address: "` + d.Address + `"
      argv: [sh, -c, 'echo $2 >> "$1"/sent; until [ -e "$1"/go ]; do sleep 0.05; done; echo $2 >> "$1"/done', sh, "` + s.dir + `", "{node}"]
    class: once
    expect: 1s
    timeout: 20s
    needs: ["stop@all"]
    probe:
      action: ssh
      with:
        address: "` + d.Address + `"
        argv: [sh, -c, '[ -e "$1"/sent ] || exit 1; [ ! -e "$1"/blind ] && grep -qs "$2" "$1"/done || exit 2', sh, "` + s.dir + `", "{node}"]
`
	changed := strings.Replace(string(plan), local, remote, 1)
	if changed == string(plan) {
		t.Fatal("the plan has no such step any more")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func sshSettings(d *actionstest.Daemon) []string {
	return []string{"SWITCHMAN_SSH_USER=" + d.User, "SWITCHMAN_SSH_KEYS=" + d.Key, "SWITCHMAN_SSH_KNOWN_HOSTS=" + d.Known}
}

// told is what the databases were told and what they did, one line each.
func (s *scene) told(file string) []string {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil && !os.IsNotExist(err) {
		s.Fatal(err)
	}
	return strings.Fields(string(b))
}

// sshRemembers: whatever happens to Switchman while a step that may be sent once is under way on
// another machine, it is done there once, and nobody has to be asked.
func sshRemembers(t *testing.T, database func(testing.TB) string) {
	t.Parallel()
	for name, harm := range map[string]func(*scene, *actionstest.Daemon){
		"Switchman dies, and comes back before the end": func(s *scene, d *actionstest.Daemon) {
			s.crash()
			s.open(nil, sshSettings(d)...)
		},
		"Switchman dies, and comes back after the end": func(s *scene, d *actionstest.Daemon) {
			s.crash()
			s.fact("../go", "")
			until(t, func() bool { return len(s.told("done")) > 0 })
			s.open(nil, sshSettings(d)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := sshScene(t)
			s.url = database(t)
			s.open(nil, sshSettings(d)...)
			run := s.ready("move", "")
			s.begin(run)
			until(t, func() bool { return len(s.told("sent")) > 0 })
			harm(s, d)
			s.fact("../go", "")
			v := await(s, s.app, run, dr.AtStandby)
			if sent, done := s.told("sent"), s.told("done"); len(sent) != 1 || len(done) != 1 {
				t.Errorf("sent %v, done %v", sent, done)
			}
			for _, st := range v.Steps {
				if strings.HasPrefix(st.ID, "promote@") && (st.State != dr.StepOK || st.Attempt != 1) {
					t.Errorf("%s: %s at attempt %d: %s", st.ID, st.State, st.Attempt, st.Text)
				}
			}
		})
	}
}

func TestSSHRemembers(t *testing.T)         { sshRemembers(t, func(testing.TB) string { return "" }) }
func TestSSHRemembersPostgres(t *testing.T) { sshRemembers(t, storetest.Postgres) }

func TestFault17Restarted(t *testing.T)         { restarted(t, func(testing.TB) string { return "" }) }
func TestFault17RestartedPostgres(t *testing.T) { restarted(t, storetest.Postgres) }

// restarted: where neither the machine nor the probe knows how a once step ended, a person is asked, and
// nothing is sent again.
func restarted(t *testing.T, database func(testing.TB) string) {
	t.Parallel()
	s, d := sshScene(t)
	s.url = database(t)
	s.fact("../blind", "")
	s.open(nil, sshSettings(d)...)
	run := s.ready("move", "")
	s.begin(run)
	until(t, func() bool { return len(s.told("sent")) > 0 })
	s.crash()
	tokens, err := filepath.Glob(filepath.Join(d.Journal(), "*"))
	if err != nil || len(tokens) != 1 {
		t.Fatalf("journal of the machine: %v %v", tokens, err)
	}
	s.fact("../go", "")
	until(t, func() bool { return len(s.told("done")) > 0 })
	if err := os.WriteFile(filepath.Join(tokens[0], "boot"), []byte("another start\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { _, err := os.Stat(filepath.Join(tokens[0], "rc")); return err == nil })
	if err := os.Remove(filepath.Join(tokens[0], "rc")); err != nil {
		t.Fatal(err)
	}
	s.open(nil, sshSettings(d)...)
	v := awaitView(s, s.app, run, func(v fsm.View) bool { return v.State == dr.Paused }, "paused")
	if v.Pause != dr.OutcomeUnknown || len(s.told("sent")) != 1 {
		t.Errorf("paused for %s, sent %v", v.Pause, s.told("sent"))
	}
}

// until looks again until it is so.
func until(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !so() {
		if ctx.Err() != nil {
			t.Fatal("it never came about")
		}
	}
}
