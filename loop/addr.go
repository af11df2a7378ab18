package loop

import (
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"
)

// Addr is where to connect: Unix if it is set, else Net.
type Addr struct {
	Net  netip.AddrPort
	Unix string
}

func (a Addr) String() string {
	if a.Unix != "" {
		return "unix:" + a.Unix
	}
	return a.Net.String()
}

// address is a netip.AddrPort in 20 bytes instead of 32, without its pointer.
type address struct {
	ip     [16]byte
	port   uint16
	family uint8
}

const (
	family4 = iota + 1
	family6
	familyOther
)

func (a *address) addrPort() netip.AddrPort {
	switch a.family {
	case family4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.ip[:4])), a.port)
	case family6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.ip), a.port)
	}
	return netip.AddrPort{}
}

func (a *address) from(p netip.AddrPort) {
	a.port = p.Port()
	switch ip := p.Addr(); {
	case ip.Is4():
		b := ip.As4()
		copy(a.ip[:], b[:])
		a.family = family4
	case ip.Is6():
		a.ip = ip.As16()
		a.family = family6
	default:
		a.family = familyOther
	}
}

// set takes what the kernel wrote. The zone of a link-local address is left out, as in nginx's $remote_addr.
func (a *address) set(sa *syscall.RawSockaddrAny) {
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
func sockaddr(sa *syscall.RawSockaddrAny, p netip.AddrPort, family int) uintptr {
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
		*s = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: swap16(p.Port()), Addr: ip.As16()}
		if n, err := strconv.ParseUint(ip.Zone(), 10, 32); err == nil {
			s.Scope_id = uint32(n)
		}
		return syscall.SizeofSockaddrInet6
	}
}

func sockaddrUnix(sa *syscall.RawSockaddrAny, path string) (uintptr, error) {
	s := (*syscall.RawSockaddrUnix)(unsafe.Pointer(sa))
	*s = syscall.RawSockaddrUnix{Family: syscall.AF_UNIX}
	if len(path) >= len(s.Path) {
		return 0, syscall.ENAMETOOLONG
	}
	for i := range len(path) {
		s.Path[i] = int8(path[i])
	}
	return uintptr(2 + len(path) + 1), nil
}

// swap16 turns a port between the host's order, where a raw sockaddr is read as a number, and the network's.
func swap16(v uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&v))
	return uint16(b[0])<<8 | uint16(b[1])
}
