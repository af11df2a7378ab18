package weirtest

import (
	"time"

	"golang.org/x/sys/unix"
)

// KillHard kills a process as kill -9 does, and returns when the kernel has closed all that it had open.
func KillHard(pid int) (Death, error) {
	d := Death{PID: pid}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return d, err
	}
	defer func() { _ = unix.Close(fd) }()
	d.Sent = time.Now()
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return d, err
	}
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(Patience().Milliseconds()))
	}
	d.Gone = time.Now()
	return d, err
}
