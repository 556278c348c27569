package deploy_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/config"
)

// TestImage follows the Dockerfile without a container engine. It runs the commands of the build
// stage in a copy of the build context, lays the result into an empty tree with this machine's
// libraries, and starts it as the image would: as its user, without capabilities, in a mount
// namespace where everything but the state volume and /tmp is read-only.
//
// It does not pull the base images, so it says nothing about what they contain, and it uses this
// machine's Go and C compiler in place of those of the build image.
func TestImage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages, err := parse(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0].name != "build" {
		t.Fatalf("want a build stage and the image, got %d stages", len(stages))
	}
	build, image := stages[0], stages[1]
	source := buildStage(t, build)
	t.Run("make build gives the same bytes", func(t *testing.T) { sameBytes(t, build, source) })
	binary := filepath.Join(source, "bin", "switchman")
	t.Run("version", func(t *testing.T) { version(t, binary, build.args["VERSION"]) })
	t.Run("commands of the README", func(t *testing.T) { readmeCommands(t, binary) })
	t.Run("image", func(t *testing.T) { checkImage(t, image) })
	t.Run("runs read-only", func(t *testing.T) { runImage(t, build, image, source) })
}

// buildStage runs the build commands and returns the folder they ran in.
func buildStage(t *testing.T, build *stage) string {
	t.Helper()
	source := t.TempDir()
	copyContext(t, "..", source)
	for _, command := range build.run {
		if strings.Contains(command, build.home+"/") {
			t.Fatalf("%q names the build folder; write paths relative to it, so that it can be built anywhere", command)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = source
		cmd.Env = os.Environ()
		for name, value := range build.args {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("RUN %s: %v\n%s", command, err, out)
		}
	}
	return source
}

// sameBytes builds again in another folder the way the Makefile does.
func sameBytes(t *testing.T, build *stage, source string) {
	other := t.TempDir()
	copyContext(t, source, other)
	cmd := exec.CommandContext(t.Context(), "make", "build", "VERSION="+build.args["VERSION"])
	cmd.Dir = other
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	digest := func(folder string) [32]byte {
		raw, err := os.ReadFile(filepath.Join(folder, "bin", "switchman"))
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(raw)
	}
	if digest(source) != digest(other) {
		t.Error("Dockerfile and Makefile build different binaries from the same sources")
	}
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "VERSION ?= " + build.args["VERSION"] + "\n"; !strings.Contains(string(makefile), want) {
		t.Errorf("Makefile does not say %q", want)
	}
}

// checkImage looks at what the image promises to whoever starts it.
func checkImage(t *testing.T, image *stage) {
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(image.user) {
		t.Errorf("USER is %q, want numbers that are not root's", image.user)
	}
	if len(image.run) > 0 {
		t.Errorf("the image runs %q while it is built; only the build stage may", image.run)
	}
	if len(image.healthcheck) == 0 || len(image.entrypoint) == 0 {
		t.Error("no health check or no entry point")
	}
	if !slices.Contains(image.volume, image.env["SWITCHMAN_STATE_DIR"]) {
		t.Errorf("the state directory %q is no volume", image.env["SWITCHMAN_STATE_DIR"])
	}
	if _, err := config.Load(config.Input{Environ: environ(image)}); err != nil {
		t.Error(err)
	}
}

func environ(image *stage) []string {
	var pairs []string
	for name, value := range image.env {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

// script makes the tree read-only inside a fresh mount namespace and becomes the server in it.
// $1 is the tree, $2 the state volume, $3 user and group, the rest the program.
const script = `set -eu
root=$1 state=$2 who=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
for lib in /usr/lib /usr/lib64 /lib /lib64; do
	if [ -L $lib ]; then ln -s "$(readlink $lib)" "$root$lib"
	elif [ -d $lib ]; then mkdir -p "$root$lib"; mount --bind $lib "$root$lib"; mount -o remount,bind,ro "$root$lib"; fi
done
mkdir -p "$root/dev" "$root/proc" "$root/tmp" "$root$state"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/tmp"
mount -t tmpfs -o mode=0700,size=64m,uid=${who%:*},gid=${who#*:} tmpfs "$root$state"
touch "$root/setpriv"
mount --bind "$(command -v setpriv)" "$root/setpriv"
mount -o remount,bind,ro "$root"
become="--reuid=${who%:*} --regid=${who#*:} --clear-groups"
[ "${who%:*}" != 0 ] || become=
cd /
exec chroot "$root" /setpriv --no-new-privs $become --inh-caps=-all --bounding-set=-all "$@"
`

// runImage starts the server as the image would and looks at it from outside.
func runImage(t *testing.T, build, image *stage, source string) {
	root := t.TempDir()
	layOut(t, build, image, source, root)
	address := freeAddress(t)
	state := image.env["SWITCHMAN_STATE_DIR"]
	env := append([]string{"PATH=/usr/local/bin"}, environ(image)...)
	env = append(env, "SWITCHMAN_ADDR="+address)

	who, namespace := image.user, []string{"--mount"}
	if os.Getuid() != 0 {
		// Without privileges the only identity to be had is our own, as root of a user namespace.
		who, namespace = "0:0", []string{"--mount", "--user", "--map-root-user"}
	}
	args := append(namespace, "sh", "-c", script, "sh", root, state, who)
	args = append(append(args, image.entrypoint...), image.cmd...)
	server := exec.CommandContext(t.Context(), "unshare", args...)
	server.Env = append(env, "PATH="+os.Getenv("PATH"))
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- server.Wait() }()
	defer server.Process.Kill()

	if err := healthy("http://"+address+"/healthz", gone); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	inside := fmt.Sprintf("/proc/%d/root", server.Process.Pid)
	for _, place := range []string{"/", "/usr/local/bin/", "/etc/"} {
		if err := os.WriteFile(inside+place+"intruder", nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("writing to %s: %v, want a read-only file system", place, err)
		}
	}
	if _, err := os.Stat(inside + state + "/state.db"); err != nil {
		t.Errorf("state is not kept in the volume: %v", err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1\n", "CapBnd:\t0000000000000000\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q", want)
		}
	}
	if uid, _, _ := strings.Cut(who, ":"); uid != "0" && !strings.Contains(string(status), "Uid:\t"+uid+"\t"+uid+"\t"+uid) {
		t.Errorf("the process is not user %s:\n%s", uid, status)
	}
	beside(t, server.Process.Pid, who, env, image.healthcheck)

	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-gone:
		if err != nil {
			t.Errorf("after SIGTERM: %v\n%s", err, log.String())
		}
	case <-time.After(30 * time.Second):
		t.Errorf("still there 30 s after SIGTERM\n%s", log.String())
	}
}

// layOut puts what the image copies from the build stage into an empty tree.
func layOut(t *testing.T, build, image *stage, source, root string) {
	t.Helper()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"etc", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range image.copy {
		for _, name := range c.source {
			built, ours := strings.CutPrefix(name, build.home+"/")
			info, err := os.Stat(filepath.Join(source, built))
			if c.from != build.name || !ours || err == nil && info.IsDir() {
				continue // comes from the build image, or is an empty folder
			}
			raw, err := os.ReadFile(filepath.Join(source, built))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, c.target, filepath.Base(name)), raw, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// beside runs the health check where a container engine would: inside, as the same user.
func beside(t *testing.T, pid int, who string, env, argv []string) {
	t.Helper()
	uid, gid, _ := strings.Cut(who, ":")
	args := []string{"--target", fmt.Sprint(pid), "--mount", "--root", "--wd=/"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--preserve-credentials")
	} else {
		args = append(args, "--setuid", uid, "--setgid", gid)
	}
	check := exec.CommandContext(t.Context(), "nsenter", append(append(args, "--"), argv...)...)
	check.Env = env
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("health check %q: %v\n%s", argv, err, out)
	}
}

// healthy waits until the server answers, ends or takes too long.
func healthy(url string, gone <-chan error) error {
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := http.Get(url); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			return fmt.Errorf("%s: %s %s", url, resp.Status, body)
		}
		select {
		case err := <-gone:
			return fmt.Errorf("the server ended: %v", err)
		case <-deadline:
			return fmt.Errorf("%s does not answer", url)
		case <-tick.C:
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
