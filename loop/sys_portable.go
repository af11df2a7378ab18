//go:build !linux || portable

package loop

import (
	"net/netip"
	"syscall"
)

// System calls by the standard library, which has them on every Unix.

const msgMore = 0 // a hint that few systems take

// errno is the number of an error of package syscall.
func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EIO
}

// recv reads from the socket. What a look of the watcher took away, it gives.
func (c *Conn) recv(p []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(int(c.fd), p)
		switch e := errno(err); {
		case e == syscall.EINTR:
		case e != 0:
			return 0, e
		case n == 0:
			return 0, syscall.Errno(c.eye.broke.Swap(0))
		default:
			return n, 0
		}
	}
}

func (c *Conn) send(p []byte, _ uintptr) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(int(c.fd), p)
		switch e := errno(err); {
		case e == syscall.EINTR:
		case e == syscall.EPIPE:
			if broke := c.eye.broke.Swap(0); broke != 0 {
				return 0, syscall.Errno(broke)
			}
			return 0, e
		case e != 0:
			return 0, e
		default:
			return n, 0
		}
	}
}

// sendParts sends the first maxParts parts that are not empty, short ones together.
func (c *Conn) sendParts(v [][]byte) (int, error) {
	room := c.loop.Take(16 << 10)
	defer c.loop.Give(room)
	v = v[:min(len(v), maxParts)]
	sent := 0
	for len(v) > 0 {
		p := v[0]
		v = v[1:]
		if len(p) < len(room) {
			k := copy(room, p)
			for len(v) > 0 && k+len(v[0]) <= len(room) {
				k += copy(room[k:], v[0])
				v = v[1:]
			}
			p = room[:k]
		}
		if len(p) == 0 {
			continue
		}
		n, e := c.send(p, 0)
		sent += n
		if e != 0 && sent > 0 {
			return sent, nil // the next call says it again
		}
		if e != 0 || n < len(p) {
			return c.wrote(sent, e, sent+len(p)-n)
		}
	}
	return sent, nil
}

// sendfile copies what the socket takes at once.
func (c *Conn) sendfile(file int, off int64, n int) (int, syscall.Errno) {
	room := c.loop.Take(min(n, 64<<10))
	defer c.loop.Give(room)
	n, err := syscall.Pread(file, room, off)
	for err == syscall.EINTR {
		n, err = syscall.Pread(file, room, off)
	}
	if err != nil || n == 0 {
		return 0, errno(err)
	}
	return c.send(room[:n], 0)
}

// rawAddr is an address as package syscall has it.
type rawAddr struct{ sa syscall.Sockaddr }

// set takes what the kernel said. The zone of a link-local address is left out, as in nginx's $remote_addr.
func (a *address) set(raw *rawAddr) {
	switch s := raw.sa.(type) {
	case *syscall.SockaddrInet4:
		copy(a.ip[:], s.Addr[:])
		a.port, a.family = uint16(s.Port), family4
	case *syscall.SockaddrInet6:
		a.ip = s.Addr
		a.port, a.family = uint16(s.Port), family6
	default:
		a.family = familyOther
	}
}

// sockaddr makes an address for the kernel, and says false when there is none. An IPv4 address for an IPv6 socket is mapped.
func sockaddr(raw *rawAddr, p netip.AddrPort, family int) bool {
	ip := p.Addr()
	switch {
	case !ip.IsValid():
		return false
	case family == syscall.AF_INET:
		raw.sa = &syscall.SockaddrInet4{Port: int(p.Port()), Addr: ip.Unmap().As4()}
	default:
		raw.sa = &syscall.SockaddrInet6{Port: int(p.Port()), Addr: ip.As16(), ZoneId: zone(ip)}
	}
	return true
}

// child makes a descriptor of f non-blocking and closed on exec, before a fork can take it along.
func child(f func() (int, error)) (int, syscall.Errno) {
	syscall.ForkLock.RLock()
	fd, err := f()
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		if err = syscall.SetNonblock(fd, true); err != nil {
			closeFD(fd)
		}
	}
	if err != nil {
		return -1, errno(err)
	}
	return fd, 0
}

func newSocket(family int) (int, syscall.Errno) { return socketOf(family, syscall.SOCK_STREAM) }

func newPacketSocket(family int) (int, syscall.Errno) { return socketOf(family, syscall.SOCK_DGRAM) }

func socketOf(family, kind int) (int, syscall.Errno) {
	return child(func() (int, error) { return syscall.Socket(family, kind, 0) })
}

func accept(fd int, raw *rawAddr) (int, syscall.Errno) {
	return child(func() (nfd int, err error) {
		nfd, raw.sa, err = syscall.Accept(fd)
		return nfd, err
	})
}

// connect is connect(2): 0 when it is done, EINPROGRESS when it is under way.
func connect(raw *rawAddr, fd int, to Addr, family int) syscall.Errno {
	if family == syscall.AF_UNIX {
		if len(to.Unix) >= len(syscall.RawSockaddrUnix{}.Path) {
			return syscall.ENAMETOOLONG
		}
		raw.sa = &syscall.SockaddrUnix{Name: to.Unix}
	} else if !sockaddr(raw, to.Net, family) {
		return syscall.EDESTADDRREQ
	}
	return errno(syscall.Connect(fd, raw.sa))
}

func bindTo(fd int, at netip.AddrPort, family int) syscall.Errno {
	var raw rawAddr
	sockaddr(&raw, at, family)
	return errno(syscall.Bind(fd, raw.sa))
}

func getsockname(fd int, raw *rawAddr) syscall.Errno {
	sa, err := syscall.Getsockname(fd)
	raw.sa = sa
	return errno(err)
}

func shutdownWrite(fd int) syscall.Errno { return errno(syscall.Shutdown(fd, syscall.SHUT_WR)) }

func setsockopt(fd, level, name, v int) syscall.Errno {
	return errno(syscall.SetsockoptInt(fd, level, name, v))
}

// socketError takes SO_ERROR, which a look of the watcher may have taken before.
func (c *Conn) socketError() syscall.Errno {
	v, err := syscall.GetsockoptInt(int(c.fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	switch {
	case err != nil:
		return errno(err)
	case v != 0:
		return syscall.Errno(v)
	}
	return syscall.Errno(c.eye.broke.Swap(0))
}

func closeFD(fd int) { _ = syscall.Close(fd) }
