//go:build linux && !portable

package loop

import (
	"syscall"
	"time"
)

const (
	// pipeSize is what a pipe is made to hold, if the kernel lets us; it holds 64K otherwise. A larger one means fewer
	// calls for a bulk transfer.
	pipeSize = 256 << 10
	// sparePipes is how many empty pipes a loop keeps. Each is two descriptors.
	sparePipes = 16
)

// Splice moves up to n bytes (n < 0: until EOF) from src to dst without copying them to us, through a pipe of the loop.
// It returns how many bytes dst took. A nil error with fewer than n is EOF of src. It waits at most timeout each time it
// must wait for either side; timeout <= 0 is no limit.
func Splice(t *Task, dst, src *Conn, n int64, timeout time.Duration) (int64, error) {
	l := t.loop
	pipe, err := l.takePipe()
	if err != nil {
		return 0, err
	}
	var moved int64
	for n < 0 || moved < n {
		want := pipeSize
		if n >= 0 {
			want = int(min(n-moved, pipeSize))
		}
		k, err := src.fill(t, pipe[1], want, timeout)
		if k == 0 {
			l.givePipe(pipe)
			return moved, err
		}
		left, err := dst.drain(t, pipe[0], k, timeout)
		moved += int64(k - left)
		if err != nil {
			closePipe(pipe) // there is something in it
			return moved, err
		}
		if err := t.spend(); err != nil {
			l.givePipe(pipe)
			return moved, err
		}
	}
	l.givePipe(pipe)
	return moved, nil
}

// fill moves what there is into an empty pipe. 0 and nil is EOF.
func (c *Conn) fill(t *Task, pipe, want int, timeout time.Duration) (int, error) {
	for {
		if c.flags&uint8(In) != 0 {
			if c.flags&closed != 0 {
				return 0, ErrClosed
			}
			n, e := splice(int(c.fd), pipe, want)
			if e == 0 {
				if n == 0 {
					c.flags |= uint8(Hup)
				}
				return n, nil
			}
			if e != syscall.EAGAIN {
				return 0, e
			}
			c.unready(In)
		}
		if err := c.wait(t, In, t.within(timeout)); err != nil {
			return 0, err
		}
	}
}

// drain moves n bytes out of a pipe and says how many are left in it.
func (c *Conn) drain(t *Task, pipe, n int, timeout time.Duration) (int, error) {
	for n > 0 {
		if c.flags&uint8(Out) != 0 {
			if c.flags&closed != 0 {
				return n, ErrClosed
			}
			k, e := splice(pipe, int(c.fd), n)
			if e == 0 {
				n -= k
				continue
			}
			if e != syscall.EAGAIN {
				return n, e
			}
			c.unready(Out)
		}
		if err := c.wait(t, Out, t.within(timeout)); err != nil {
			return n, err
		}
	}
	return 0, nil
}

func (l *Loop) takePipe() ([2]int, error) {
	if p, ok := l.pipes.Take(); ok {
		return p, nil
	}
	var p [2]int
	for {
		err := syscall.Pipe2(p[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC)
		if err == nil {
			break
		}
		if (err != syscall.EMFILE && err != syscall.ENFILE) || !l.shed() {
			return p, err
		}
	}
	_, _, _ = syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(p[1]), setPipeSize, pipeSize)
	return p, nil
}

// givePipe takes an empty pipe back.
func (l *Loop) givePipe(p [2]int) {
	if !l.pipes.Give(l, p) {
		closePipe(p)
	}
}

func closePipe(p [2]int) {
	closeFD(p[0])
	closeFD(p[1])
}
