//go:build linux && !portable

package loop

import (
	"syscall"
	"time"
)

// The poller of Linux: one epoll instance per loop, edge-triggered for connections and level-triggered for listeners.
//
// In an event, Fd is the slot of the connection and Pad its generation. A negative Pad marks what is not a connection.
const (
	padListener = -1 // Fd: index of the listener
	padPost     = -2 // the eventfd
	padPackets  = -3 // Fd: index of the datagram socket
)

// Portable says that this is the engine for systems without epoll. It does what the other does, but it allocates, and an idle
// connection costs it a goroutine.
const Portable = false

// Method names the way in which loops wait, for the log.
const Method = "epoll"

// poller is a loop's part that waits for the kernel.
type poller struct {
	epfd   int
	evfd   int // for Post; guarded by kickMu once the loop runs
	events [256]syscall.EpollEvent
}

// socket is what a connection holds of its poller, and door a listener: the kernel has it all.
type (
	socket struct{}
	door   struct{}
)

func (p *poller) open() error {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	evfd, no := eventfd()
	if no != 0 {
		closeFD(epfd)
		return no
	}
	// Edge-triggered, so that nobody need read it: each write is an edge.
	ev := syscall.EpollEvent{Events: epollIn | epollET, Pad: padPost}
	if no := epollCtl(epfd, syscall.EPOLL_CTL_ADD, evfd, &ev); no != 0 {
		closeFD(epfd)
		closeFD(evfd)
		return no
	}
	p.epfd, p.evfd = epfd, evfd
	return nil
}

// close is called under kickMu.
func (p *poller) close() {
	closeFD(p.epfd)
	closeFD(p.evfd)
	p.evfd = -1
}

// kick wakes the sleeping loop. The lock keeps a late writer off an eventfd that Stop has closed.
func (l *Loop) kick() {
	l.kickMu.Lock()
	if l.evfd >= 0 && l.sleeping.CompareAndSwap(1, 0) {
		eventfdWrite(l.evfd)
	}
	l.kickMu.Unlock()
}

// poll waits for events. It looks first without waiting, which needs no word to the scheduler; only a loop with nothing to
// do sleeps in a way that lets the scheduler and the collector pass it by.
func (l *Loop) poll() int {
	n := epollWait(l.epfd, l.events[:], 0)
	if n > 0 || len(l.runq)+len(l.wakes) > 0 {
		return n
	}
	l.publish()
	l.sleeping.Store(1)
	if l.posts.Load() == nil {
		if msec := l.untilDue(); msec != 0 {
			n = epollWait(l.epfd, l.events[:], msec)
		}
	}
	l.sleeping.Store(0)
	return n
}

// untilDue is how long the loop may sleep, in whole milliseconds upwards, so that a timer is due when it wakes; -1: forever.
func (l *Loop) untilDue() int {
	if l.heap.len == 0 {
		return -1
	}
	d := l.heap.at(0).when - l.now
	if d <= 0 {
		return 0
	}
	return int(min((d+Time(time.Millisecond)-1)/Time(time.Millisecond), 1<<30))
}

// event brings one epoll event to whom it concerns.
func (l *Loop) event(ev *syscall.EpollEvent) {
	if ev.Pad < 0 {
		switch ev.Pad {
		case padListener:
			l.acceptable(int(ev.Fd))
		case padPackets:
			l.packetEvent(int(ev.Fd), ev.Events)
		}
		return
	}
	s := l.slots.at(int(ev.Fd))
	c := s.conn
	if c == nil || s.gen != ev.Pad {
		return // for a connection that is gone
	}
	var r Ready
	if ev.Events&epollIn != 0 {
		r |= In
	}
	if ev.Events&epollOut != 0 {
		r |= Out
	}
	if ev.Events&(epollRdhup|epollHup|epollErr) != 0 {
		r |= In | Hup
		if ev.Events&(epollHup|epollErr) != 0 {
			r |= Out
		}
	}
	l.ready(c, r)
}

// watch registers a placed connection, once for all it will ever wait for.
func (l *Loop) watch(c *Conn) syscall.Errno {
	ev := watched(c)
	return epollCtl(l.epfd, syscall.EPOLL_CTL_ADD, int(c.fd), &ev)
}

func watched(c *Conn) syscall.EpollEvent {
	return syscall.EpollEvent{Events: epollIn | epollOut | epollRdhup | epollET, Fd: c.slot, Pad: c.loop.slots.at(int(c.slot)).gen}
}

// rewatch lets the placed connection n take over the descriptor of c.
func (l *Loop) rewatch(n, c *Conn) syscall.Errno {
	if c.loop == l {
		ev := watched(n)
		return epollCtl(l.epfd, syscall.EPOLL_CTL_MOD, int(n.fd), &ev)
	}
	if e := l.watch(n); e != 0 {
		return e
	}
	_ = epollCtl(c.loop.epfd, syscall.EPOLL_CTL_DEL, int(n.fd), nil)
	return 0
}

// unready clears what a call has found not to be so. The next edge says when it is again.
func (c *Conn) unready(r Ready) { *c.readiness() &^= uint8(r) }

// shut closes the descriptor, which ends its registration.
func (socket) shut(fd int) { closeFD(fd) }

// open registers a new listener with every loop.
func (door) open(ln *Listener) syscall.Errno {
	for _, w := range ln.loops {
		if e := w.watch(); e != 0 {
			return e
		}
	}
	return 0
}

// watch is level-triggered, so that what a bounded batch leaves is told again, and exclusive: one loop wakes, not all.
func (w *listening) watch() syscall.Errno {
	ev := syscall.EpollEvent{Events: epollIn | epollExclusive, Fd: int32(w.index), Pad: padListener}
	return epollCtl(w.loop.epfd, syscall.EPOLL_CTL_ADD, w.fd, &ev)
}

// unwatch ends that, for a while or for good.
func (w *listening) unwatch() { _ = epollCtl(w.loop.epfd, syscall.EPOLL_CTL_DEL, w.fd, nil) }
