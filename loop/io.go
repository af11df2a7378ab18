package loop

import (
	"io"
	"syscall"
	"time"
)

// What a call says about readiness: EAGAIN ends it, and so does a read that gave less than it was asked for, because the
// edge-triggered poller will speak again when more comes. Not so once the peer is known to have hung up, since no edge will
// follow, and the next read must see the EOF or the error. A write that took less has found the socket full.

// TryRead reads what is there. ErrAgain when nothing is, which costs no system call when that is known; io.EOF. Loop only.
func (c *Conn) TryRead(p []byte) (int, error) {
	if c.flags&uint8(In) == 0 {
		return 0, ErrAgain
	}
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	if c.raw != nil {
		return c.raw.read(p)
	}
	return c.readSocket(p)
}

// readSocket is TryRead without a layer.
func (c *Conn) readSocket(p []byte) (int, error) {
	n, e := c.recv(p)
	switch {
	case e == syscall.EAGAIN:
		c.unready(In)
		return 0, ErrAgain
	case e != 0:
		return 0, e
	case n == 0 && len(p) > 0:
		*c.readiness() |= uint8(Hup)
		return 0, io.EOF
	}
	if n < len(p) && *c.readiness()&uint8(Hup) == 0 {
		c.unready(In)
	}
	return n, nil
}

// readiness is where it stands what the socket is ready for.
func (c *Conn) readiness() *uint8 {
	if c.raw != nil {
		return &c.sock
	}
	return &c.flags
}

// Read reads what is there, and waits when nothing is: io.EOF, ErrTimeout, ErrStopped or a syscall.Errno.
func (c *Conn) Read(t *Task, p []byte, deadline Time) (int, error) {
	if err := t.spend(); err != nil {
		return 0, err
	}
	for {
		n, err := c.TryRead(p)
		if err != ErrAgain {
			return n, err
		}
		if err := c.wait(t, In, deadline); err != nil {
			return 0, err
		}
	}
}

// TryWrite writes what there is room for: less than p, or ErrAgain when there is none. Loop only.
func (c *Conn) TryWrite(p []byte) (int, error) {
	if c.flags&uint8(Out) == 0 {
		return 0, ErrAgain
	}
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	if c.raw != nil {
		return c.raw.write(p)
	}
	return c.writeSocket(p)
}

// writeSocket is TryWrite without a layer.
func (c *Conn) writeSocket(p []byte) (int, error) {
	n, e := c.send(p, 0)
	return c.wrote(n, e, len(p))
}

// TryWriteMore is TryWrite for bytes that others follow at once: the kernel holds a short segment back for
// them. Loop only.
func (c *Conn) TryWriteMore(p []byte) (int, error) {
	if c.flags&uint8(Out) == 0 {
		return 0, ErrAgain
	}
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	if c.raw != nil {
		return c.raw.write(p)
	}
	n, e := c.send(p, msgMore)
	return c.wrote(n, e, len(p))
}

// wrote draws the conclusions of a write.
func (c *Conn) wrote(n int, e syscall.Errno, want int) (int, error) {
	if e == 0 {
		if n < want {
			c.unready(Out)
		}
		return n, nil
	}
	if e == syscall.EAGAIN {
		c.unready(Out)
		return 0, ErrAgain
	}
	return 0, e
}

// Write writes all of p. It waits at most timeout for room each time it must (nginx's send_timeout); timeout <= 0 is no
// limit. n is what was written, also with an error: ErrTimeout, ErrStopped or a syscall.Errno.
func (c *Conn) Write(t *Task, p []byte, timeout time.Duration) (n int, err error) {
	if err := t.spend(); err != nil {
		return 0, err
	}
	for {
		k, err := c.TryWrite(p[n:])
		n += k
		if err != nil && err != ErrAgain {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		if err := c.waitRoom(t, timeout); err != nil {
			return n, err
		}
	}
}

func (c *Conn) waitRoom(t *Task, timeout time.Duration) error {
	if c.flags&uint8(Out) != 0 {
		return t.spend()
	}
	return c.wait(t, Out, t.within(timeout))
}

// within is a deadline timeout from now, none when there is no timeout.
func (t *Task) within(timeout time.Duration) Time {
	if timeout <= 0 {
		return 0
	}
	return t.loop.now + Time(timeout)
}

// maxParts is how many slices one writev takes.
const maxParts = 64

// TryWritev writes the parts, the first 64 of them, with one call, as TryWrite does. Loop only.
func (c *Conn) TryWritev(v [][]byte) (int, error) {
	if c.flags&uint8(Out) == 0 {
		return 0, ErrAgain
	}
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	if c.raw != nil {
		return c.raw.writev(v)
	}
	return c.sendParts(v)
}

// TrySendfile sends up to n bytes of the file fd from off. io.ErrUnexpectedEOF when the file ends there. Loop only.
//
// Since Linux 4.3 sendfile may stop anywhere, so a short one says nothing about room; only EAGAIN does.
func (c *Conn) TrySendfile(fd int, off int64, n int) (int, error) {
	if c.flags&uint8(Out) == 0 {
		return 0, ErrAgain
	}
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	if c.raw != nil {
		return c.raw.sendfile(fd, off, n)
	}
	k, e := c.sendfile(fd, off, n)
	if e == 0 && k == 0 && n > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return c.wrote(k, e, k)
}
