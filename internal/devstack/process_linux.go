package devstack

import "syscall"

func sysProcAttr(last syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: last}
}
