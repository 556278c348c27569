package actionstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/switchman-dr/switchman/actions"
)

// Daemon is a real sshd on a loopback port, and the keys to it.
type Daemon struct {
	Dir     string // everything of it; the guard's journal is Dir/journal
	Address string
	User    string
	Key     string // file of the private key that opens it
	Known   string // known_hosts file with its key
	cmd     *exec.Cmd
	who     *syscall.Credential // whom it runs as and lets in; nil: the user of the tests
	more    string              // further configuration
	env     string              // what those who sign in find in their environment, NAME=value …
}

// Journal is where the guard at this daemon keeps its memory.
func (d *Daemon) Journal() string { return filepath.Join(d.Dir, "journal") }

// SSH is how it is reached.
func (d *Daemon) SSH() (actions.SSH, error) {
	key, err := os.ReadFile(d.Key)
	return actions.SSH{User: d.User, Keys: [][]byte{key}, KnownHosts: []string{d.Known}}, err
}

// Stop ends it and the sessions it has.
func (d *Daemon) Stop() error {
	d.Cut()
	kill := d.cmd.Process.Kill()
	if errors.Is(kill, os.ErrProcessDone) {
		kill = nil
	}
	return errors.Join(ignoreKilled(kill, d.cmd.Wait()), os.RemoveAll(d.Dir))
}

func ignoreKilled(kill, wait error) error {
	var exit *exec.ExitError
	if errors.As(wait, &exit) {
		wait = nil
	}
	return errors.Join(kill, wait)
}

// Cut kills what holds the lines that are open now, and nothing the lines have started.
func (d *Daemon) Cut() {
	exec.Command("pkill", "-KILL", "-P", fmt.Sprint(d.cmd.Process.Pid)).Run() //nolint:errcheck // there may be none
}

// Lines is how many lines are open.
func (d *Daemon) Lines() int {
	out, _ := exec.Command("pgrep", "-P", fmt.Sprint(d.cmd.Process.Pid)).Output() //nolint:errcheck // there may be none
	return len(strings.Fields(string(out)))
}

// Die ends it as a machine that loses its power does. Stop still removes its files.
func (d *Daemon) Die() {
	d.Cut()
	d.cmd.Process.Kill() //nolint:errcheck // it may be dead
}

// StartDaemon starts one.
func StartDaemon() (*Daemon, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	return (&Daemon{Address: address}).start()
}

// free is an address nobody listens on.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// StartAppliance starts one that has no shell: it answers whatever it is told with exit status 0.
func StartAppliance() (*Daemon, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	return (&Daemon{Address: address, more: "ForceCommand exit 0\n"}).start()
}

// StartUnprivilegedAt starts one at an address, by way of a program that runs another, such as nsenter. It has no rights even
// where the tests are root's: it runs as the user of PostgreSQL, who has a shell, and lets that user in.
func StartUnprivilegedAt(address string, through ...string) (d *Daemon, err error) {
	d = &Daemon{Address: address}
	if os.Geteuid() == 0 {
		if d.who, err = credential("postgres"); err != nil {
			return nil, err
		}
	}
	return d.start(through...)
}

// StartDaemon starts an sshd on the machine of a server, at a port. Who signs in is the server's user, and finds its programs,
// its data directory and its port in the environment.
func (p *Postgres) StartDaemon(port string) (*Daemon, error) {
	host, own, err := net.SplitHostPort(p.Address)
	if err != nil {
		return nil, err
	}
	return (&Daemon{Address: net.JoinHostPort(host, port), who: p.who, env: "PGDATA=" + p.Dir + " PGPORT=" + own + " PATH=" + p.bin + ":/usr/bin:/bin"}).start()
}

func (d *Daemon) start(through ...string) (*Daemon, error) {
	dir, err := os.MkdirTemp("", "sshd")
	if err != nil {
		return nil, err
	}
	d.Dir, d.Key, d.Known = dir, filepath.Join(dir, "person"), filepath.Join(dir, "known_hosts")
	if err := d.prepare(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	argv := append(append(through, as(d.who)...), "/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
	d.cmd = exec.Command(argv[0], argv[1:]...)
	d.cmd.Stderr = log
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting sshd: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", d.Address); err == nil {
			return d, c.Close()
		}
		if ctx.Err() != nil {
			text, err := os.ReadFile(log.Name())
			return nil, errors.Join(fmt.Errorf("sshd did not start: %s", text), err, d.Stop())
		}
	}
}

// prepare makes keys and what sshd reads.
func (d *Daemon) prepare() error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	d.User = me.Username
	if d.who != nil {
		d.User = "postgres"
	}
	for _, name := range []string{"host", "person"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(d.Dir, name)).CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	host, err := os.ReadFile(filepath.Join(d.Dir, "host.pub"))
	if err != nil {
		return err
	}
	name, port, err := net.SplitHostPort(d.Address)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`ListenAddress %s
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/person.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
SetEnv SWITCHMAN_JOURNAL=%[2]s/journal %[3]s
%[4]s`, d.Address, d.Dir, d.env, d.more)
	if me.Uid == "0" {
		err = os.MkdirAll("/run/sshd", 0o755) // where it gives its rights up
	}
	return errors.Join(err, os.WriteFile(d.Known, fmt.Appendf(nil, "[%s]:%s %s", name, port, host), 0o600),
		os.WriteFile(filepath.Join(d.Dir, "config"), []byte(config), 0o600), own(d.Dir, d.who))
}

// own makes files those of a user; nil: they stay as they are.
func own(dir string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, int(who.Uid), int(who.Gid)))
	})
}
