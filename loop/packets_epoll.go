//go:build linux && !portable

package loop

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packetSocket is what Packets hold of this system.
type packetSocket struct {
	depth    int  // how many datagrams to ask for: it follows how many come
	gso      bool // several may be sent as one
	waitsOut bool
}

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	h syscall.Msghdr
	n uint32
}

// packetScratch is what a loop needs for one recvmmsg, and for one sendmmsg: who gets a datagram may send some before the next.
type packetScratch struct {
	in, out vector
	rooms   [packetBatch][]byte
}

type vector struct {
	m    [packetBatch]mmsghdr
	iov  [packetBatch]syscall.Iovec
	name [packetBatch]rawAddr
	ctl  [packetBatch][controlSize]byte
}

const (
	controlSize = 24 // one int of ancillary data
	nameSize    = uint32(unsafe.Sizeof(rawAddr{}))
)

// watch is level-triggered, so that what a bounded look leaves is told again.
func (p *Packets) watch() syscall.Errno {
	p.depth = 1
	p.gso = setsockopt(p.fd, unix.SOL_UDP, unix.UDP_GRO, 1) == 0 // a unix socket would send several as one indeed
	if p.loop.scratch == nil {
		p.loop.scratch = new(packetScratch)
	}
	return p.epoll(syscall.EPOLL_CTL_ADD, epollIn)
}

func (p *Packets) epoll(op int, events uint32) syscall.Errno {
	ev := syscall.EpollEvent{Events: events, Fd: int32(p.index), Pad: padPackets}
	return epollCtl(p.loop.epfd, op, p.fd, &ev)
}

func (p *Packets) unwatch() {
	closeFD(p.fd)
	p.fd = -1
}

func (p *Packets) segments() bool { return p.gso }
func (p *Packets) noSegments()    { p.gso = false }

// blocked has the loop told when the socket takes more.
func (p *Packets) blocked() {
	if !p.waitsOut {
		p.waitsOut = true
		_ = p.epoll(syscall.EPOLL_CTL_MOD, epollIn|epollOut)
	}
}

// packetEvent is an event of the socket with this index.
func (l *Loop) packetEvent(index int, events uint32) {
	if index >= len(l.packets) || l.packets[index] == nil {
		return
	}
	p := l.packets[index]
	if p.waitsOut && events&(epollOut|epollErr|epollHup) != 0 {
		p.waitsOut = false
		_ = p.epoll(syscall.EPOLL_CTL_MOD, epollIn)
		p.Flush()
	}
	if events&(epollIn|epollErr|epollHup) != 0 && !p.gone {
		p.receive()
	}
}

// receive takes what has come, a few calls' worth.
func (p *Packets) receive() {
	for range 4 {
		asked := p.depth
		n := p.receiveSome(asked)
		switch {
		case p.gone:
			return
		case n == asked:
			p.depth = min(2*asked, packetBatch)
		case n < asked:
			p.depth = max(n, 1)
			return
		}
	}
}

// receiveSome takes up to n datagrams, or runs of them, with one call.
func (p *Packets) receiveSome(n int) int {
	s, rooms := &p.loop.scratch.in, &p.loop.scratch.rooms
	for i := range n {
		rooms[i] = p.loop.Take(packetRoom)
		s.iov[i] = syscall.Iovec{Base: &rooms[i][0], Len: packetRoom}
		s.name[i].Addr.Family = syscall.AF_UNSPEC
		h := &s.m[i].h
		*h = syscall.Msghdr{Name: (*byte)(unsafe.Pointer(&s.name[i])), Namelen: nameSize, Iov: &s.iov[i], Iovlen: 1, Control: &s.ctl[i][0]}
		h.SetControllen(controlSize)
	}
	r, _, e := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&s.m[0])), uintptr(n), syscall.MSG_DONTWAIT, 0, 0)
	got := int(r)
	if e != 0 {
		got = 0
		if e != syscall.EAGAIN && e != syscall.EINTR {
			p.failed(e)
		}
	}
	ok := true
	for i := range got {
		if ok {
			var from address
			from.set(&s.name[i])
			ok = p.deliver(from, rooms[i][:s.m[i].n], segmentOf(&s.m[i].h, &s.ctl[i]))
		}
	}
	for i := range n {
		p.loop.Give(rooms[i])
		rooms[i] = nil
	}
	return got
}

// segmentOf is the size of the datagrams that came as one; 0: it is one.
func segmentOf(h *syscall.Msghdr, ctl *[controlSize]byte) int {
	if h.Controllen < syscall.SizeofCmsghdr+4 {
		return 0
	}
	c := (*syscall.Cmsghdr)(unsafe.Pointer(ctl))
	if c.Level != unix.SOL_UDP || c.Type != unix.UDP_GRO {
		return 0
	}
	return int(binary.NativeEndian.Uint32(ctl[syscall.SizeofCmsghdr:]))
}

// sendMessages sends messages with one call, and says how many went.
func (p *Packets) sendMessages(msgs []message) (int, syscall.Errno) {
	s := &p.loop.scratch.out
	for i := range msgs {
		m := &msgs[i]
		s.iov[i] = syscall.Iovec{Len: uint64(m.size)}
		if m.size > 0 {
			s.iov[i].Base = &p.queue.buf[m.at]
		}
		h := &s.m[i].h
		*h = syscall.Msghdr{Iov: &s.iov[i], Iovlen: 1}
		if m.to.family != familyOther {
			h.Name = (*byte)(unsafe.Pointer(&s.name[i]))
			h.Namelen = m.to.raw(&s.name[i])
		}
		if m.count > 1 {
			c := (*syscall.Cmsghdr)(unsafe.Pointer(&s.ctl[i]))
			c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
			c.SetLen(syscall.SizeofCmsghdr + 2)
			binary.NativeEndian.PutUint16(s.ctl[i][syscall.SizeofCmsghdr:], uint16(m.segment))
			h.Control = &s.ctl[i][0]
			h.SetControllen(controlSize)
		}
	}
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&s.m[0])), uintptr(len(msgs)), syscall.MSG_DONTWAIT|msgNoSignal, 0, 0)
		if e != syscall.EINTR {
			if e != 0 {
				return 0, e
			}
			return int(n), 0
		}
	}
}

// raw writes the address as the kernel wants it, and returns its size.
func (a *address) raw(to *rawAddr) uint32 {
	if a.family == family4 {
		s := (*syscall.RawSockaddrInet4)(unsafe.Pointer(to))
		*s = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: swap16(a.port), Addr: [4]byte(a.ip[:4])}
		return syscall.SizeofSockaddrInet4
	}
	s := (*syscall.RawSockaddrInet6)(unsafe.Pointer(to))
	*s = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: swap16(a.port), Addr: a.ip}
	return syscall.SizeofSockaddrInet6
}
