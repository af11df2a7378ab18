//go:build !linux || portable

package loop

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// door is what a listener holds of the poller: a descriptor of our own for its socket, since the caller keeps his. One
// goroutine waits at it, and sends the loop that has time; it waits again when that loop has accepted.
type door struct {
	file *os.File
	raw  syscall.RawConn

	doorMu sync.Mutex
	waits  bool // a goroutine waits
	held   bool // nobody shall, for a moment
	gone   bool
}

// open registers a new listener.
func (d *door) open(ln *Listener) syscall.Errno {
	fd, err := unix.FcntlInt(uintptr(ln.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // which only what can be waited for has
	}
	d.doorMu.Lock()
	if err != nil || d.gone { // stopped meanwhile
		d.doorMu.Unlock()
		file.Close()
		return syscall.EPERM
	}
	d.file, d.raw = file, raw
	d.doorMu.Unlock()
	ln.arm()
	return 0
}

// watch ends what unwatch began.
func (w *listening) watch() syscall.Errno {
	w.doorMu.Lock()
	w.held = false
	w.doorMu.Unlock()
	w.arm()
	return 0
}

// unwatch leaves the listener alone, for a while or, when it is closed, for good. It does so for all loops: they lack the
// same descriptors, and are closed together.
func (w *listening) unwatch() {
	w.doorMu.Lock()
	w.held = true
	end := w.closed && !w.gone && w.file != nil
	w.gone = w.gone || w.closed
	w.doorMu.Unlock()
	if end {
		w.file.Close()
	}
}

// arm has a connection waited for. A loop may ask for it before the door is open, with a late event of a listener that had
// the same index.
func (ln *Listener) arm() {
	ln.doorMu.Lock()
	defer ln.doorMu.Unlock()
	if !ln.waits && !ln.held && !ln.gone && ln.raw != nil {
		ln.waits = true
		go ln.wait()
	}
}

func (ln *Listener) wait() {
	err := ln.raw.Read(func(fd uintptr) bool {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p[:], 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
	ln.doorMu.Lock()
	ln.waits = false
	ln.doorMu.Unlock()
	if err == nil {
		ln.usher().arrived(event{int32(ln.index), genListener, 0})
	}
}

// usher is the loop to accept: one that sleeps before one that is busy, then the one with the fewest connections.
func (ln *Listener) usher() *Loop {
	var best *Loop
	least := int64(0)
	for _, l := range ln.engine.Loops {
		n := int64(l.conns.Load())
		if l.sleeping.Load() == 0 {
			n += 1 << 32
		}
		if best == nil || n < least {
			best, least = l, n
		}
	}
	return best
}
