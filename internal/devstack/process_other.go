//go:build !linux

package devstack

import "syscall"

// Only Linux signals children when we are killed; elsewhere the next start
// finds and stops them.
func sysProcAttr(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
