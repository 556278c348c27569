package actions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skeema/knownhosts"
	"github.com/switchman-dr/switchman/dr"
	"golang.org/x/crypto/ssh"
)

// SSH is how Switchman reaches other machines. Nothing here is ever taken on trust: a host whose key is not
// in KnownHosts is not spoken to.
type SSH struct {
	User         string   // unless a step names one
	Keys         [][]byte // private keys, PEM
	Certificates [][]byte // of those keys, as in id_ed25519-cert.pub
	KnownHosts   []string // files
}

// What sshd allows by default, minus room for a person: https://man.openbsd.org/sshd_config (MaxSessions 10).
const (
	sessionsPerLine = 8
	dialTimeout     = 10 * time.Second
	keepAlive       = 5 * time.Second
	idleLines       = 15 * time.Minute // a line nobody used for so long is given up
)

// wires are the lines to other machines, kept open between steps: dialling costs more than most commands.
type wires struct {
	ssh   SSH
	clock dr.Clock

	mu    sync.Mutex
	lines map[string]*wire     // by user@host:port
	tried map[string]time.Time // when lines that are kept were dialled last
}

// wire is one connection, or the attempt to make it.
type wire struct {
	ready  chan struct{} // closed when client or err is there
	client *ssh.Client
	gone   chan struct{} // closed when the connection has ended
	err    error
	room   chan struct{} // one for each session
	kept   atomic.Bool   // somebody will need it soon
	target target

	mu   sync.Mutex
	used time.Time
}

// target is what a machine told of itself when it was dialled.
type target struct {
	shell  bool          // it has a POSIX shell
	script bool          // and script(1), which makes terminals
	boot   string        // id of its last start
	offset time.Duration // its clock minus ours, at least
}

func newWires(o Options) *wires {
	return &wires{ssh: o.SSH, clock: o.Clock, lines: map[string]*wire{}, tried: map[string]time.Time{}}
}

// to gives the line to a machine, dialling it where there is none. An error means that nothing was sent.
func (w *wires) to(ctx context.Context, user, address string) (*wire, error) {
	to := Line{User: user, Address: address}
	w.mu.Lock()
	l, ok := w.lines[to.key()]
	if !ok {
		l = w.begin(to)
	}
	w.mu.Unlock()
	select {
	case <-l.ready:
	case <-ctx.Done():
		return nil, errors.New("no line to " + address + " in time")
	}
	if l.err != nil {
		return nil, l.err
	}
	l.touch(w.clock.Now())
	return l, nil
}

// touch notes that somebody uses a line, or is about to.
func (l *wire) touch(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = now
}

// begin starts to dial. The caller holds mu.
func (w *wires) begin(to Line) *wire {
	l := &wire{ready: make(chan struct{}), room: make(chan struct{}, sessionsPerLine)}
	w.lines[to.key()], w.tried[to.key()] = l, w.clock.Now()
	go w.open(l, to.key(), to.User, to.Address)
	return l
}

// open dials, asks the machine who it is, and then watches the line until it is gone.
func (w *wires) open(l *wire, key, user, address string) {
	defer w.forget(key, l)
	l.client, l.err = w.dial(user, address)
	if l.err != nil {
		close(l.ready)
		return
	}
	l.gone = make(chan struct{})
	go func() {
		l.client.Wait() //nolint:errcheck // why it went is told by whoever used it
		w.forget(key, l)
		close(l.gone)
	}()
	l.touch(w.clock.Now())
	l.err = l.greet(w.clock)
	close(l.ready)
	if l.err != nil {
		l.client.Close() //nolint:errcheck // it is given up
		return
	}
	w.watch(l)
}

// watch asks every few seconds whether the other end still answers, and hangs up when it does not, or when
// nobody needs the line.
func (w *wires) watch(l *wire) {
	for {
		select {
		case <-l.gone:
			return
		case <-w.clock.After(keepAlive):
		}
		l.mu.Lock()
		idle := w.clock.Now().Sub(l.used)
		l.mu.Unlock()
		answered := make(chan error, 1)
		go func() {
			_, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		select {
		case err := <-answered:
			if err == nil && (idle < idleLines || l.kept.Load()) {
				continue
			}
		case <-l.gone:
			return
		case <-w.clock.After(keepAlive):
		}
		l.client.Close() //nolint:errcheck // whoever waits on it is told
		return
	}
}

func (w *wires) forget(key string, l *wire) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lines[key] == l {
		delete(w.lines, key)
	}
}

// close hangs up everywhere.
func (w *wires) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		l.hangUp()
	}
}

func (w *wires) dial(user, address string) (*ssh.Client, error) {
	if user == "" {
		return nil, errors.New("no user is set for ssh: name one in the step or in SWITCHMAN_SSH_USER")
	}
	if len(w.ssh.KnownHosts) == 0 {
		return nil, errors.New("no known_hosts file is set, and no host is taken on trust: set SWITCHMAN_SSH_KNOWN_HOSTS")
	}
	hosts, err := knownhosts.NewDB(w.ssh.KnownHosts...)
	if err != nil {
		return nil, fmt.Errorf("reading known_hosts: %w", err)
	}
	signers, err := w.ssh.signers()
	if err != nil {
		return nil, err
	}
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)}, Timeout: dialTimeout,
		HostKeyCallback: hosts.HostKeyCallback(), HostKeyAlgorithms: hosts.HostKeyAlgorithms(address),
	})
	switch {
	case err == nil:
		return client, nil
	case knownhosts.IsHostKeyChanged(err):
		return nil, fmt.Errorf("%s shows another host key than the one in known_hosts: it may be an impostor", address)
	case knownhosts.IsHostUnknown(err):
		return nil, fmt.Errorf("the host key of %s is not in known_hosts; have it written there by somebody who has compared it", address)
	}
	return nil, fmt.Errorf("no line to %s: %w", address, dialCause(err))
}

// dialCause leaves out what is said already.
func dialCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// signers are the keys, each with its certificate first where there is one.
func (s SSH) signers() ([]ssh.Signer, error) {
	var plain, certified []ssh.Signer
	for i, pem := range s.Keys {
		k, err := ssh.ParsePrivateKey(pem)
		if err != nil {
			return nil, fmt.Errorf("ssh key %d is not readable: %w", i+1, err)
		}
		plain = append(plain, k)
	}
	for i, text := range s.Certificates {
		pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
		cert, ok := pub.(*ssh.Certificate)
		if err != nil || !ok {
			return nil, fmt.Errorf("ssh certificate %d is not readable", i+1)
		}
		for _, k := range plain {
			if bytes.Equal(k.PublicKey().Marshal(), cert.Key.Marshal()) {
				c, err := ssh.NewCertSigner(cert, k)
				if err != nil {
					return nil, fmt.Errorf("ssh certificate %d: %w", i+1, err)
				}
				certified = append(certified, c)
			}
		}
	}
	if len(plain) == 0 {
		return nil, errors.New("no ssh key is set: see SWITCHMAN_SSH_KEYS")
	}
	return append(certified, plain...), nil
}

// run carries out one command line on the machine. When ctx ends first the session is dropped, and what
// runs there goes on or not: nobody here knows.
func (l *wire) run(ctx context.Context, command string, stdin io.Reader, out, errs io.Writer) ending {
	select {
	case l.room <- struct{}{}:
		defer func() { <-l.room }()
	case <-ctx.Done():
		return ending{code: -1, err: errors.New("cut short before it began")}
	}
	if ctx.Err() != nil {
		return ending{code: -1, err: errors.New("cut short before it began")}
	}
	o, e := &gate{w: out}, &gate{w: errs}
	c := errand{done: make(chan error, 1)}
	go c.run(ctx, l.client, command, stdin, o, e)
	var err error
	select {
	case err = <-c.done:
	case <-l.gone: // what is being opened at that moment may wait in the library for ever
		err = errors.New("the line broke")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	o.shut()
	e.shut()
	if !c.sent.Load() && c.sent.CompareAndSwap(false, true) { // it is never sent now
		return ending{code: -1, err: fmt.Errorf("no session: %w", err)}
	}
	return sshEnding(err)
}

// errand is one command on its way. sent turns true once, by whoever comes first: the errand when it sends, or
// the one who gave it up.
type errand struct {
	sent atomic.Bool
	done chan error
}

func (c *errand) run(ctx context.Context, client *ssh.Client, command string, stdin io.Reader, out, errs io.Writer) {
	s, err := client.NewSession()
	if err != nil {
		c.done <- err
		return
	}
	stop := context.AfterFunc(ctx, func() { s.Close() }) //nolint:errcheck // what is given up is told by run
	defer stop()
	defer s.Close() //nolint:errcheck // it has ended, or the line has
	s.Stdin, s.Stdout, s.Stderr = stdin, out, errs
	if !c.sent.CompareAndSwap(false, true) {
		return
	}
	c.done <- s.Run(command)
}

// sshEnding sorts out what Run reports: an exit status, a signal, or that the line broke.
func sshEnding(err error) ending {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return ending{started: true}
	case !errors.As(err, &exit):
		return ending{started: true, code: -1, cut: true, err: err}
	case exit.Signal() != "":
		return ending{started: true, code: -1, signal: exit.Signal()}
	}
	return ending{started: true, code: exit.ExitStatus()}
}

// gate lets writes through until it is shut: what still comes over a line that was given up is nobody's.
type gate struct {
	mu   sync.Mutex
	w    io.Writer
	done bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done {
		return len(p), nil
	}
	return g.w.Write(p)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = true
}

// shellWord writes a word so that any POSIX shell reads it back as it is.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
