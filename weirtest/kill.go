package weirtest

import (
	"time"

	"golang.org/x/sys/unix"
)

// Death is a process that was killed. What it had accepted and not answered is lost; whatever was opened after it was gone is not.
type Death struct {
	PID        int
	Sent, Gone time.Time
}

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

// Excuses tells whether a request may have failed by this death: its connection may have been accepted by the process, and it failed
// while the process died or later. A connection that is refused is nobody's fault but the master's.
func (d Death) Excuses(f Failure) bool {
	return (f.Fault == Lost || f.Fault == Cut) && f.Opened.Before(d.Gone) && f.Failed.After(d.Sent)
}
