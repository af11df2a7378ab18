//go:build linux && !portable

package loop

import (
	"io"
	"syscall"
)

const (
	// pipeSize is what a pipe is made to hold, if the kernel lets us; it holds 64K otherwise. A larger one means fewer
	// calls for a bulk transfer.
	pipeSize = 256 << 10
	// sparePipes is how many empty pipes a loop keeps. Each is two descriptors.
	sparePipes = 16
)

// pipes are those that a loop keeps.
type pipes struct{ Spares[[2]int] }

func (p *pipes) setUp() { p.Spares = Spares[[2]int]{Most: sparePipes, End: closePipe} }

// pipe is a pipe of the loop, in the hands of a flow.
type pipe struct {
	ends  [2]int // while open
	open  bool
	holds int // bytes
}

// close gives the pipe back; one with something in it is of no use to others.
func (p *pipe) close(l *Loop) {
	switch {
	case !p.open:
	case p.holds > 0:
		closePipe(p.ends)
	default:
		l.givePipe(p.ends)
	}
	*p = pipe{}
}

// suck moves what there is from a connection into the pipe. done is false when it cannot be done so.
func (f *Flow) suck(l *Loop) (done bool, err error) {
	from, plain := f.From.(*Conn)
	to, plain2 := f.To.(*Conn)
	if !plain || !plain2 || from.Layered() || to.Layered() {
		f.copies = true
		return false, nil
	}
	if !f.pipe.open {
		ends, err := l.takePipe()
		if err != nil { // no descriptors
			f.full = 0
			return false, nil
		}
		f.pipe.ends, f.pipe.open = ends, true
	}
	if from.flags&closed != 0 {
		return true, ErrClosed
	}
	n, e := splice(int(from.fd), f.pipe.ends[1], pipeSize)
	switch {
	case e == syscall.EAGAIN:
		from.unready(In)
		return true, ErrAgain
	case e == syscall.EINVAL:
		f.copies = true
		return false, nil
	case e != 0:
		return true, e
	case n == 0:
		from.flags |= uint8(Hup)
		return true, io.EOF
	}
	f.pipe.holds = n
	f.Read += int64(n)
	if n < flowBuffer {
		f.full = 0 // no bulk any more
	}
	return true, nil
}

// drain moves what is in the pipe into a connection.
func (f *Flow) drain() error {
	to := f.To.(*Conn)
	for f.pipe.holds > 0 {
		if to.flags&uint8(Out) == 0 {
			return ErrAgain
		}
		if to.flags&closed != 0 {
			return ErrClosed
		}
		n, e := splice(f.pipe.ends[0], int(to.fd), f.pipe.holds)
		if e == syscall.EAGAIN {
			to.unready(Out)
			return ErrAgain
		}
		if e != 0 {
			return e
		}
		f.pipe.holds -= n
		f.Wrote += int64(n)
	}
	return nil
}

func (l *Loop) takePipe() ([2]int, error) {
	if p, ok := l.pipes.Take(); ok {
		return p, nil
	}
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC); err != nil {
		return p, err
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
