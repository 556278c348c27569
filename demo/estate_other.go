//go:build unix && !linux

package demo

import "syscall"

// childAttr gives a child its own process group. Here only the closing pipe ends a child whose
// parent vanished.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
