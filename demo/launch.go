package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Program is this binary started once more as a process of its own: a measurement kills it, or reads
// its memory, and must not be what it measures.
type Program struct {
	child
	cmd *exec.Cmd
}

// Launch starts this binary with arguments and an environment. It ends with the process that launched it.
func Launch(args, env []string, stdout, stderr io.Writer) (*Program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own program: %w", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = env, stdout, stderr, childAttr()
	p := &Program{child: child{gone: make(chan struct{})}, cmd: cmd}
	if p.proc, err = spawnAnd(cmd, p.gone, cmd.Wait); err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	return p, nil
}

// Wait returns how the process ended: its exit code, and whether somebody killed it with -9. When
// ctx ends first it is killed.
func (p *Program) Wait(ctx context.Context) (code int, killed bool, err error) {
	select {
	case <-p.gone:
	case <-ctx.Done():
		p.proc.Kill()
		<-p.gone
		return 0, false, ctx.Err()
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return p.cmd.ProcessState.ExitCode(), ok && status.Signaled() && status.Signal() == syscall.SIGKILL, nil
}

// PID is the number of the process.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Ended reports whether the process has ended.
func (p *Program) Ended() bool { return p.ended() }

// Interrupt asks the process to stop in order.
func (p *Program) Interrupt() error {
	if err := p.proc.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping a process: %w", err)
	}
	return nil
}
