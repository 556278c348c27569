package demo

import "syscall"

// childAttr gives a child its own process group, so that Ctrl-C reaches only the parent, which then
// ends things in order; and has the kernel kill the child should the parent vanish.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
