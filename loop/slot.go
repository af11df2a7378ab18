package loop

import "syscall"

// An epoll event carries where its connection stands in the loop's table, and the generation of that place: an event for a
// connection that was closed meanwhile finds another generation and is dropped, also when the kernel gave the descriptor's
// number to a new connection.
//
// In the event, Fd is the slot and Pad the generation. A negative Pad marks what is not a connection.
const (
	padListener = -1 // Fd: index of the listener
	padPost     = -2 // the eventfd
)

type slot struct {
	conn *Conn
	gen  int32 // never negative
	next int32 // in the free list, while conn is nil
}

// place gives c a slot.
func (l *Loop) place(c *Conn) {
	i := l.freeSlot
	if i < 0 {
		i = int32(len(l.slots))
		l.slots = append(l.slots, slot{})
	} else {
		l.freeSlot = l.slots[i].next
	}
	l.slots[i].conn = c
	c.slot = i
}

// unplace frees the slot of c; events under way for c are stale from now on.
func (l *Loop) unplace(c *Conn) {
	s := &l.slots[c.slot]
	s.conn = nil
	s.gen = (s.gen + 1) & 0x7fffffff
	s.next = l.freeSlot
	l.freeSlot = c.slot
	c.slot = -1
}

// watch registers a placed connection, once for all it will ever wait for.
func (l *Loop) watch(c *Conn) syscall.Errno {
	ev := syscall.EpollEvent{Events: epollIn | epollOut | epollRdhup | epollET, Fd: c.slot, Pad: l.slots[c.slot].gen}
	return epollCtl(l.epfd, syscall.EPOLL_CTL_ADD, int(c.fd), &ev)
}
