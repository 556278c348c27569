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
	return errors.Join(ignoreKilled(d.cmd.Process.Kill(), d.cmd.Wait()), os.RemoveAll(d.Dir))
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

// StartDaemon starts one.
func StartDaemon() (*Daemon, error) {
	dir, err := os.MkdirTemp("", "sshd")
	if err != nil {
		return nil, err
	}
	d := &Daemon{Dir: dir, Key: filepath.Join(dir, "person"), Known: filepath.Join(dir, "known_hosts")}
	if err := d.prepare(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	d.cmd = exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
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

// prepare makes keys, a free port and what sshd reads.
func (d *Daemon) prepare() error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.User, d.Address = me.Username, l.Addr().String()
	if err := l.Close(); err != nil {
		return err
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
SetEnv SWITCHMAN_JOURNAL=%[2]s/journal
`, d.Address, d.Dir)
	if me.Uid == "0" {
		err = os.MkdirAll("/run/sshd", 0o755) // where it gives its rights up
	}
	return errors.Join(err, os.WriteFile(d.Known, fmt.Appendf(nil, "[%s]:%s %s", name, port, host), 0o600),
		os.WriteFile(filepath.Join(d.Dir, "config"), []byte(config), 0o600))
}
