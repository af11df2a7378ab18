//go:build !linux

package weirtest

import (
	"errors"
	"syscall"
	"time"
)

// KillHard kills a process as kill -9 does, and returns when it is gone.
func KillHard(pid int) (Death, error) {
	d := Death{PID: pid, Sent: time.Now()}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return d, err
	}
	if !Eventually(func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }) {
		return d, errors.New("the process is still there")
	}
	d.Gone = time.Now()
	return d, nil
}
