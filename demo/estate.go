package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
)

// Estate is a running sample bank: two child processes and the directory they live in.
type Estate struct {
	dir     string
	base    int
	reserve net.Listener // the block's first port; held so that no other demo takes the block
	power   net.Listener // the demo's own control socket

	mu     sync.Mutex
	sites  map[string]*child
	wounds map[string]wound // what is broken, by name
}

// child is one site's process.
type child struct {
	stdin io.Closer
	proc  *os.Process
	gone  chan struct{} // closed when the process has ended and was waited for
}

// Start writes the sample organisation into dir (unless it is there from an earlier start) and
// brings up both sites. It returns when all 78 services listen. Whatever happens to this process
// afterwards, the sites end with it.
func Start(ctx context.Context, dir string) (*Estate, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("starting the demo: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
		return nil, fmt.Errorf("starting the demo: %w", err)
	}
	e := &Estate{dir: dir, sites: map[string]*child{}, wounds: map[string]wound{}}
	if err := e.takePorts(ctx); err != nil {
		return nil, err
	}
	err = e.prepare()
	for _, site := range []string{East, West} {
		if err == nil {
			err = e.Restart(ctx, site)
		}
	}
	if err == nil {
		err = e.openPower()
	}
	if err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

// prepare writes the organisation and puts demo-node where plans find it.
func (e *Estate) prepare() error {
	if err := writeOrganisation(data.FS(), e.Organisation(), e.base); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the own program: %w", err)
	}
	link := filepath.Join(e.dir, "bin", "demo-node")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("linking demo-node: %w", err)
	}
	if err := os.Symlink(self, link); err != nil {
		return fmt.Errorf("linking demo-node: %w", err)
	}
	return nil
}

// takePorts takes the block of an earlier start of this directory, or the first free one.
func (e *Estate) takePorts(ctx context.Context) error {
	var l layout
	if err := readJSON(layoutFile(e.dir), &l); err != nil {
		return fmt.Errorf("reading %s: %w", layoutFile(e.dir), err)
	}
	if l.Base != 0 {
		// Sites of a demo that was killed a moment ago may still be closing their ports.
		for try := 0; try < 20; try++ {
			if ln, ok := freeBlock(l.Base); ok {
				e.reserve, e.base = ln, l.Base
				return nil
			}
			if !pause(ctx, 100*time.Millisecond) {
				return ctx.Err()
			}
		}
		return &dr.Error{Kind: dr.Conflict, ID: "demo_ports_taken", Args: dr.Args{"dir": e.dir, "port": fmt.Sprint(l.Base)}}
	}
	for base := firstBase; base <= lastBase; base += baseStride {
		ln, ok := freeBlock(base)
		if !ok {
			continue
		}
		e.reserve, e.base = ln, base
		if err := writeJSON(layoutFile(e.dir), layout{Base: base}); err != nil {
			return fmt.Errorf("writing %s: %w", layoutFile(e.dir), err)
		}
		return nil
	}
	return &dr.Error{Kind: dr.Unavailable, ID: "demo_no_ports", Args: dr.Args{"from": fmt.Sprint(firstBase), "to": fmt.Sprint(lastBase)}}
}

// freeBlock holds the block's first port when all ports of its nodes can be had as well.
func freeBlock(base int) (net.Listener, bool) {
	ln, err := listenOn(base)
	if err != nil {
		return nil, false
	}
	for _, n := range Nodes() {
		probe, err := listenOn(n.port(base))
		if err != nil {
			ln.Close()
			return nil, false
		}
		probe.Close()
	}
	return ln, true
}

// Restart brings a site up that is not running: at the start, or after Kill. What it had in its
// files is still there.
func (e *Estate) Restart(ctx context.Context, site string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.sites[site]; c != nil && !c.ended() {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the own program: %w", err)
	}
	logfile, err := os.OpenFile(filepath.Join(e.dir, site+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting site %s: %w", site, err)
	}
	defer logfile.Close()
	cmd := exec.Command(self, "demo-site", site, "--dir", e.dir)
	cmd.Stderr, cmd.SysProcAttr = logfile, childAttr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting site %s: %w", site, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting site %s: %w", site, err)
	}
	c := &child{stdin: stdin, gone: make(chan struct{})}
	if c.proc, err = spawn(cmd, c.gone); err != nil {
		return fmt.Errorf("starting site %s: %w", site, err)
	}
	e.sites[site] = c
	return c.ready(ctx, site, stdout, logfile.Name())
}

// spawn starts the process from a thread that lives as long as the process does: the kernel sends
// the parent-death signal when the starting thread ends, not only when the program does.
func spawn(cmd *exec.Cmd, gone chan struct{}) (*os.Process, error) {
	return spawnAnd(cmd, gone, func() error { _, err := cmd.Process.Wait(); return err })
}

// spawnAnd is spawn with another way to wait for the end.
func spawnAnd(cmd *exec.Cmd, gone chan struct{}, wait func() error) (*os.Process, error) {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			wait() // how it ended is asked later, by those who want to know
		}
		close(gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return cmd.Process, nil
}

// ready waits for the child's one line.
func (c *child) ready(ctx context.Context, site string, stdout io.ReadCloser, logfile string) error {
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- s
		stdout.Close()
	}()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case s := <-line:
		if strings.HasPrefix(s, "ready") {
			return nil
		}
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return &dr.Error{Kind: dr.Unavailable, ID: "demo_site_not_up", Args: dr.Args{"site": site, "file": logfile}}
}

func (c *child) ended() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// Kill ends a site as a power cut would: kill -9, no goodbye.
func (e *Estate) Kill(site string) error {
	e.mu.Lock()
	c := e.sites[site]
	e.mu.Unlock()
	if c == nil || c.ended() {
		return nil
	}
	if err := c.proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing site %s: %w", site, err)
	}
	<-c.gone
	c.stdin.Close()
	return nil
}

// Alive reports whether a site's process runs.
func (e *Estate) Alive(site string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.sites[site]
	return c != nil && !c.ended()
}

// Stop ends both sites and gives the ports back. It waits for the processes; one that has not gone
// after two seconds is killed.
func (e *Estate) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.power != nil {
		e.power.Close()
	}
	for _, c := range e.sites {
		c.stdin.Close()
	}
	late := time.After(2 * time.Second)
	for _, c := range e.sites {
		select {
		case <-c.gone:
		case <-late:
			c.proc.Kill()
			<-c.gone
		}
	}
	e.sites = map[string]*child{}
	if e.reserve != nil {
		e.reserve.Close()
	}
}

// Dir is the demo's directory.
func (e *Estate) Dir() string { return e.dir }

// Organisation is the directory with this demo's copy of the sample organisation, ports included.
func (e *Estate) Organisation() string { return filepath.Join(e.dir, "organisation") }

// Env is what the exec action needs so that plans find demo-node and demo-node finds the sites. PATH
// holds the demo's own directory only; add more after it if plans need more.
func (e *Estate) Env() []string {
	return []string{"SWITCHMAN_DEMO_DIR=" + e.dir, "PATH=" + filepath.Join(e.dir, "bin")}
}

// Addresses lists every address of the estate, for the allow-list of the http action.
func (e *Estate) Addresses() []string {
	var out []string
	for _, n := range Nodes() {
		out = append(out, n.Address(e.base))
	}
	return out
}

// Spare is an address of the demo's block that no node has; n is from 0 to 9.
func (e *Estate) Spare(n int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(e.base+spareFrom+n))
}

// Command is `demo-node` without a process: output and exit code.
func (e *Estate) Command(ctx context.Context, args ...string) (string, int) {
	var out bytes.Buffer
	if len(args) < 2 {
		return "usage: NODE VERB…\n", 2
	}
	exit := command(ctx, e.dir, args, &out, &out)
	return out.String(), exit
}
