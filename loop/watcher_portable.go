//go:build !linux || portable

package loop

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A watcher is what a connection holds of the poller. The descriptor is the file's: only its Close closes it, which also ends
// the goroutines that wait; it returns when they have let go, so that the number cannot be somebody else's under their eyes.
//
// A side is waited for only while the loop knows nothing of it: when In or Out has been cleared, which is what an
// edge-triggered epoll comes to. So a parked connection costs a goroutine, and one with something unread none.
type watcher struct {
	file  *os.File
	raw   syscall.RawConn
	broke atomic.Int32 // the error that a look took from the socket, for the call that comes next
	peek  [1]byte

	mu         sync.Mutex
	loop       *Loop // where events go; nil: nowhere, it is closed
	slot, gen  int32
	reading    bool // a goroutine waits for In
	writing    bool // a goroutine waits for Out
	connecting bool // In has no meaning yet
}

// socket is what a connection holds of its poller.
type socket struct{ eye *watcher }

// watch registers a placed connection. One that is not writable is connecting.
func (l *Loop) watch(c *Conn) syscall.Errno {
	// The file could not give back a descriptor that cannot be waited for.
	if _, err := syscall.GetsockoptInt(int(c.fd), syscall.SOL_SOCKET, syscall.SO_TYPE); err != nil {
		return errno(err)
	}
	w := &watcher{file: os.NewFile(uintptr(c.fd), "socket"), loop: l, slot: c.slot, gen: l.slots.at(int(c.slot)).gen}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return syscall.EBADF
	}
	w.raw, c.eye = raw, w
	if c.flags&uint8(Out) == 0 {
		w.connecting = true
		w.arm(Out)
		return 0
	}
	w.arm(In)
	return 0
}

// rewatch lets the placed connection n take over the descriptor of c, what comes from now on comes
// here, and what is there already is found anew.
func (l *Loop) rewatch(n, c *Conn) syscall.Errno {
	w := c.eye
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loop == nil {
		return syscall.EBADF
	}
	n.eye = w
	w.loop, w.slot, w.gen = l, n.slot, l.slots.at(int(n.slot)).gen
	w.start(In)
	return 0
}

// unready clears what a call has found not to be so, and waits for it.
func (c *Conn) unready(r Ready) {
	*c.readiness() &^= uint8(r)
	c.eye.arm(r)
}

// shut closes the descriptor.
func (s *socket) shut(fd int) {
	w := s.eye
	if w == nil { // it failed before it was watched
		closeFD(fd)
		return
	}
	w.mu.Lock()
	w.loop = nil
	w.mu.Unlock()
	w.file.Close()
}

// arm has In or Out waited for.
func (w *watcher) arm(r Ready) {
	w.mu.Lock()
	w.start(r)
	w.mu.Unlock()
}

// start is arm under the lock.
func (w *watcher) start(r Ready) {
	switch {
	case w.loop == nil:
	case r == In && !w.reading:
		w.reading = true
		go w.waitIn()
	case r == Out && !w.writing:
		w.writing = true
		go w.waitOut()
	}
}

// waitIn and waitOut look each time the runtime says that something has come, and once before that: what came before the
// wait began is not said.

func (w *watcher) waitIn() {
	var r Ready
	err := w.raw.Read(func(fd uintptr) bool {
		r = w.lookIn(int(fd))
		return r != 0
	})
	if err != nil { // closed, as a rule; should it be anything else, the next call on the socket tells
		r = In | Out | Hup
	}
	w.mu.Lock()
	w.reading = false
	w.tell(r)
	w.mu.Unlock()
}

func (w *watcher) waitOut() {
	var r Ready
	err := w.raw.Write(func(fd uintptr) bool {
		r = lookOut(int(fd))
		return r != 0
	})
	if err != nil {
		r = In | Out | Hup
	}
	w.mu.Lock()
	w.writing = false
	w.tell(r)
	if w.connecting && r&Hup == 0 {
		w.connecting = false
		w.start(In)
	}
	w.mu.Unlock()
}

// tell leaves an event with the loop that has the connection now. Under the lock, so that it is not another in a moment.
func (w *watcher) tell(r Ready) {
	if w.loop != nil {
		w.loop.arrived(event{w.slot, w.gen, r})
	}
}

// lookIn looks at the next byte and leaves it. That the peer has closed shows when there is nothing before it to read.
func (w *watcher) lookIn(fd int) Ready {
	for {
		n, _, err := syscall.Recvfrom(fd, w.peek[:], syscall.MSG_PEEK)
		switch e := errno(err); {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			return 0
		case e != 0:
			w.broke.Store(int32(e)) // the socket tells it once
			return In | Out | Hup
		case n == 0:
			return In | Hup
		default:
			return In
		}
	}
}

func lookOut(fd int) Ready {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(p[:], 0)
		switch {
		case err == unix.EINTR:
		case err == nil && n == 0:
			return 0
		case err != nil || p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0:
			return In | Out | Hup
		default:
			return Out
		}
	}
}
