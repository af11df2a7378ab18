package loop

import (
	"net/netip"
	"strconv"
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
	endpoint
	family uint8
}

// endpoint is an address whose family is known otherwise.
type endpoint struct {
	ip   [16]byte
	port uint16
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

func addressOf(p netip.AddrPort) (a address) {
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
	return a
}

// zone is the number of the zone of a link-local address; 0 for none.
func zone(ip netip.Addr) uint32 {
	n, err := strconv.ParseUint(ip.Zone(), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
