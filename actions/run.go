package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// command is a program to run. Its output goes to out and, without a terminal, its errors to errs.
type command struct {
	argv  []string
	env   map[string]string
	stdin string
	tty   bool
	out   io.Writer
	errs  io.Writer
}

// ending is how a program ended.
type ending struct {
	started bool
	code    int    // exit status; -1 when there is none
	signal  string // what killed it, by itself or cut
	cut     bool   // we ended it
	open    bool   // something it started still holds its output
	err     error  // why it did not start
}

// Columns and rows of the recorded terminal.
const (
	columns = 100
	rows    = 30
)

// run starts a program in a process group of its own and waits for its end. When ctx ends first, the
// group is asked to end (SIGTERM) and after Grace made to (SIGKILL).
func (h *host) run(ctx context.Context, c command) ending {
	if err := ctx.Err(); err != nil {
		return ending{code: -1, err: errors.New("cut short before it began")}
	}
	path, err := h.find(c.argv[0])
	if err != nil {
		return ending{code: -1, err: err}
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = c.argv
	cmd.Dir = h.Dir
	cmd.Env = h.environment(c.env)
	cmd.WaitDelay = h.Grace.Duration()
	cut := false
	cmd.Cancel = func() error {
		cut = true
		return signalGroup(cmd, syscall.SIGTERM)
	}
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	var runErr error
	started := false
	if c.tty {
		started, runErr = inTerminal(cmd, c.out, &cut)
	} else {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Stdout, cmd.Stderr = c.out, c.errs
		if runErr = cmd.Start(); runErr == nil {
			started = true
			runErr = cmd.Wait()
		}
	}
	return end(cmd, started, cut, runErr)
}

// end sorts out what os/exec reports. A program that we asked to end is cut whatever it answers:
// exit 0 may be its way to say goodbye.
func end(cmd *exec.Cmd, started, cut bool, err error) ending {
	if !started {
		return ending{code: -1, err: startError(cmd.Args[0], err)}
	}
	e := ending{started: true, cut: cut, code: -1, open: errors.Is(err, exec.ErrWaitDelay)}
	if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		e.signal = st.Signal().String()
	} else {
		e.code = cmd.ProcessState.ExitCode()
	}
	if cut {
		signalGroup(cmd, syscall.SIGKILL) //nolint:errcheck // ESRCH: nothing is left, as it should be
	}
	return e
}

// startError keeps the cause without the argument list.
func startError(name string, err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s did not start: %w", quote(name), err)
}

// signalGroup reaches the program and everything it started that stayed in its group. The group's
// number cannot be anybody else's while one of them lives.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// inTerminal runs a program on a terminal of its own. Without a stdin given it reads end of file
// instead of waiting for somebody to type.
func inTerminal(cmd *exec.Cmd, out io.Writer, cut *bool) (started bool, err error) {
	master, slave, err := openTerminal()
	if err != nil {
		return false, fmt.Errorf("opening a terminal: %w", err)
	}
	defer master.Close() //nolint:errcheck // read to its end or given up
	if err := pty.Setsize(master, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		return false, errors.Join(fmt.Errorf("sizing a terminal: %w", err), slave.Close())
	}
	cmd.Stdout, cmd.Stderr = slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	err = cmd.Start()
	closeErr := slave.Close()
	if err != nil {
		return false, errors.Join(err, closeErr)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		io.Copy(out, master) //nolint:errcheck // EIO is how a terminal says that nobody holds it any more
	}()
	err = cmd.Wait()
	if *cut {
		signalGroup(cmd, syscall.SIGKILL) //nolint:errcheck // what ignored SIGTERM holds the terminal open
	}
	return true, errors.Join(err, drain(cmd, master, copied))
}

// openTerminal makes the controlling side one that a close can wake: as package pty leaves it, a
// reader would sleep in the kernel until the last process lets go of the terminal.
func openTerminal() (master, slave *os.File, err error) {
	blocking, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	err = errors.Join(err, blocking.Close())
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, nil, errors.Join(err, slave.Close())
	}
	return os.NewFile(uintptr(fd), "terminal"), slave, nil
}

// drain waits until all output has been read; what a process left behind holds open is given up.
func drain(cmd *exec.Cmd, master *os.File, copied <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), cmd.WaitDelay)
	defer cancel()
	select {
	case <-copied:
		return nil
	case <-ctx.Done():
	}
	err := master.Close()
	<-copied
	return errors.Join(exec.ErrWaitDelay, err)
}

// find looks a program up in the PATH commands get, not in our own.
func (h *host) find(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range h.path {
		if !filepath.IsAbs(dir) {
			continue // a relative PATH entry would run what happens to lie about
		}
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no program %s in PATH", quote(name))
}

// environment is everything a command gets, sorted, so that a run can be repeated.
func (h *host) environment(extra map[string]string) []string {
	all := maps.Clone(h.env)
	maps.Copy(all, extra)
	out := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, k+"="+all[k])
	}
	return out
}

// stepEnv tells a command which attempt it serves, so that a target can refuse to do it twice.
func stepEnv(job Job) map[string]string {
	return map[string]string{
		"SWITCHMAN_STEP_TOKEN":   job.Token,
		"SWITCHMAN_STEP_RUN":     job.Run,
		"SWITCHMAN_STEP_ID":      job.Step,
		"SWITCHMAN_STEP_ATTEMPT": strconv.Itoa(job.Attempt),
		"SWITCHMAN_STEP_NODE":    job.Node.ID,
	}
}
