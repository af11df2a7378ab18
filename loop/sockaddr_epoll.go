//go:build linux && !portable

package loop

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// rawAddr is an address as the kernel has it.
type rawAddr = syscall.RawSockaddrAny

// set takes what the kernel wrote. The zone of a link-local address is left out, as in nginx's $remote_addr.
func (a *address) set(sa *rawAddr) {
	switch sa.Addr.Family {
	case syscall.AF_INET:
		s := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		copy(a.ip[:], s.Addr[:])
		a.port, a.family = swap16(s.Port), family4
	case syscall.AF_INET6:
		s := (*syscall.RawSockaddrInet6)(unsafe.Pointer(sa))
		a.ip = s.Addr
		a.port, a.family = swap16(s.Port), family6
	default:
		a.family = familyOther
	}
}

// sockaddr writes an address as the kernel wants it and returns its size; 0 when there is none. An IPv4 address for an IPv6
// socket is written mapped.
func sockaddr(sa *rawAddr, p netip.AddrPort, family int) uintptr {
	ip := p.Addr()
	switch {
	case !ip.IsValid():
		return 0
	case family == syscall.AF_INET:
		s := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		*s = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: swap16(p.Port()), Addr: ip.Unmap().As4()}
		return syscall.SizeofSockaddrInet4
	default:
		s := (*syscall.RawSockaddrInet6)(unsafe.Pointer(sa))
		*s = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: swap16(p.Port()), Addr: ip.As16(), Scope_id: zone(ip)}
		return syscall.SizeofSockaddrInet6
	}
}

func sockaddrUnix(sa *rawAddr, path string) (uintptr, syscall.Errno) {
	s := (*syscall.RawSockaddrUnix)(unsafe.Pointer(sa))
	*s = syscall.RawSockaddrUnix{Family: syscall.AF_UNIX}
	if len(path) >= len(s.Path) {
		return 0, syscall.ENAMETOOLONG
	}
	for i := range len(path) {
		s.Path[i] = int8(path[i])
	}
	return uintptr(2 + len(path) + 1), 0
}

// swap16 turns a port between the host's order, where a raw sockaddr is read as a number, and the network's.
func swap16(v uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&v))
	return uint16(b[0])<<8 | uint16(b[1])
}

func newSocket(family int) (int, syscall.Errno) { return socketOf(family, syscall.SOCK_STREAM) }

func newPacketSocket(family int) (int, syscall.Errno) { return socketOf(family, syscall.SOCK_DGRAM) }

func socketOf(family, kind int) (int, syscall.Errno) {
	fd, _, e := syscall.RawSyscall(syscall.SYS_SOCKET, uintptr(family), uintptr(kind)|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	return int(fd), e
}

// connect is connect(2): 0 when it is done, EINPROGRESS when it is under way. sa is scratch room.
func connect(sa *rawAddr, fd int, to Addr, family int) syscall.Errno {
	var size uintptr
	if family == syscall.AF_UNIX {
		var e syscall.Errno
		if size, e = sockaddrUnix(sa, to.Unix); e != 0 {
			return e
		}
	} else if size = sockaddr(sa, to.Net, family); size == 0 {
		return syscall.EDESTADDRREQ
	}
	_, _, e := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(sa)), size)
	return e
}

func bindTo(fd int, at netip.AddrPort, family int) syscall.Errno {
	var sa rawAddr
	size := sockaddr(&sa, at, family)
	_, _, e := syscall.RawSyscall(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa)), size)
	return e
}
