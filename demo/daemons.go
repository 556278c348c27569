package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// Daemons are machines to reach by ssh: one real sshd each, on loopback ports, run by whoever runs this. They
// end with the process that started them.
type Daemons struct {
	User      string
	Key       string // file of the key that opens them
	Known     string // their known_hosts
	Addresses []string

	dir      string
	children []child
}

// StartDaemons starts n of them below a directory.
func StartDaemons(ctx context.Context, dir string, n int) (*Daemons, error) {
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("asking who this is: %w", err)
	}
	d := &Daemons{User: me.Username, Key: filepath.Join(dir, "person"), Known: filepath.Join(dir, "known_hosts"), dir: dir}
	if err := d.keys(ctx, n); err != nil {
		return nil, err
	}
	if me.Uid == "0" {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where it gives its rights up
			return nil, fmt.Errorf("preparing for sshd: %w", err)
		}
	}
	for i := range n {
		if err := d.start(i); err != nil {
			return nil, errors.Join(err, d.Stop())
		}
	}
	return d, d.ready(ctx)
}

// keys makes the keys, finds free ports, and writes down who is who.
func (d *Daemons) keys(ctx context.Context, n int) error {
	for _, name := range []string{"host", "person"} {
		if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(d.dir, name)).CombinedOutput(); err != nil {
			return fmt.Errorf("making a key: %w: %s", err, out)
		}
	}
	host, err := os.ReadFile(filepath.Join(d.dir, "host.pub"))
	if err != nil {
		return fmt.Errorf("reading a key: %w", err)
	}
	var known bytes.Buffer
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close() // all at the end, so that no port is found twice
		d.Addresses = append(d.Addresses, l.Addr().String())
		_, port, _ := net.SplitHostPort(l.Addr().String())
		fmt.Fprintf(&known, "[127.0.0.1]:%s %s", port, host)
	}
	if err := os.WriteFile(d.Known, known.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing known_hosts: %w", err)
	}
	return nil
}

// start starts one. Its shells take themselves for inner ones, which leaves .bashrc aside: what somebody has there may
// take longer than everything else.
func (d *Daemons) start(i int) error {
	config := fmt.Sprintf(`ListenAddress %s
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/person.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
SetEnv SWITCHMAN_JOURNAL=%[2]s/journal-%[3]d SHLVL=2
`, d.Addresses[i], d.dir, i)
	file := filepath.Join(d.dir, fmt.Sprintf("sshd-%d", i))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return fmt.Errorf("writing what sshd reads: %w", err)
	}
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-q", "-f", file)
	cmd.SysProcAttr = childAttr()
	c := child{gone: make(chan struct{})}
	proc, err := spawnAnd(cmd, c.gone, cmd.Wait)
	if err != nil {
		return fmt.Errorf("starting sshd: %w", err)
	}
	c.proc = proc
	d.children = append(d.children, c)
	return nil
}

// ready waits until all of them answer.
func (d *Daemons) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, address := range d.Addresses {
		for {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
				break
			}
			if ctx.Err() != nil {
				return errors.Join(fmt.Errorf("sshd at %s does not answer: %w", address, err), d.Stop())
			}
		}
	}
	return nil
}

// Stop ends them.
func (d *Daemons) Stop() (err error) {
	for _, c := range d.children {
		if !c.ended() {
			err = errors.Join(err, c.proc.Kill())
		}
		<-c.gone
	}
	return err
}

// FindAnsible looks for ansible-playbook in the path and where .ci/ansible puts it; empty: it is not there.
func FindAnsible(cache string) string {
	if path, err := exec.LookPath("ansible-playbook"); err == nil {
		return path
	}
	found, _ := filepath.Glob(filepath.Join(cache, "switchman", "ansible-*", "bin", "ansible-playbook")) // the pattern is sound
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// Play is a playbook of one command on every machine, with Ansible at its fastest: 50 at once, pipelined, over lines it
// keeps open.
type Play struct {
	d       *Daemons
	program string
	dir     string
}

// NewPlay writes a playbook that has every machine append its name to a file of its own below effects.
func (d *Daemons) NewPlay(program, effects string) (*Play, error) {
	p := &Play{d: d, program: program, dir: d.dir}
	var hosts strings.Builder
	for i, address := range d.Addresses {
		_, port, _ := net.SplitHostPort(address)
		fmt.Fprintf(&hosts, "n%d ansible_host=127.0.0.1 ansible_port=%s\n", i, port)
	}
	for name, text := range map[string]string{
		"hosts": hosts.String(),
		"ansible.cfg": fmt.Sprintf(`[defaults]
inventory = %[1]s/hosts
forks = 50
remote_user = %[2]s
private_key_file = %[1]s/person
interpreter_python = /usr/bin/python3
local_tmp = %[1]s/local
remote_tmp = %[1]s/remote
retry_files_enabled = False
[ssh_connection]
pipelining = True
control_path_dir = %[1]s/cp
ssh_args = -o UserKnownHostsFile=%[1]s/known_hosts -o ControlMaster=auto -o ControlPersist=120s
`, d.dir, d.User),
		"play.yaml": fmt.Sprintf(`- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: {argv: [sh, -c, 'echo $1 >> "$2"/$1', sh, "{{ inventory_hostname }}", "%s"]}
`, effects),
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return p, nil
}

// Run carries the playbook out once.
func (p *Play) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.program, filepath.Join(p.dir, "play.yaml"))
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(p.dir, "ansible.cfg"), "ANSIBLE_HOME="+filepath.Join(p.dir, "ansible"), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ansible-playbook: %w\n%s", err, out)
	}
	return nil
}

// Hang ends the lines Ansible keeps open.
func (p *Play) Hang() {
	sockets, _ := filepath.Glob(filepath.Join(p.dir, "cp", "*")) // the pattern is sound
	for _, s := range sockets {
		_ = exec.Command("ssh", "-o", "ControlPath="+s, "-O", "exit", "x").Run() // it may have ended by itself
	}
}
