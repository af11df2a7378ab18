package listen

import (
	"net/netip"
	"strconv"
	"time"

	"weir/loop"
)

// A Spec is one address of a listen directive, with its parameters.
type Spec struct {
	Addr loop.Addr

	Default bool // default_server
	// Set says that there are parameters of the socket. Only one listen of an address may have them.
	Set bool
	// Bind says that the address gets a socket of its own beside one for all addresses of its port.
	Bind bool

	Backlog    int // DefaultBacklog unless it is said
	RecvBuf    int // SO_RCVBUF; 0: the system's
	SendBuf    int // SO_SNDBUF; 0: the system's
	FastOpen   int // the queue of TCP_FASTOPEN; -1: off
	Deferred   bool
	ReusePort  bool
	Multipath  bool
	BothStacks bool // ipv6only=off: an IPv6 socket takes IPv4 too
	Keepalive  Keepalive

	// Datagrams says that the socket is for datagrams (UDP). Each loop has one of its own then, of the same address; Loop is whose it is.
	Datagrams bool
	Loop      int

	ProxyProtocol bool
	SSL           bool
	HTTP2         bool
	QUIC          bool
}

// protocols are what connections of an address begin with, as bits.
type protocols uint8

func (s *Spec) protocols() (p protocols) {
	for i, on := range []bool{s.ProxyProtocol, s.SSL, s.HTTP2, s.QUIC} {
		if on {
			p |= 1 << i
		}
	}
	return p
}

func (s *Spec) setProtocols(p protocols) {
	for i, on := range []*bool{&s.ProxyProtocol, &s.SSL, &s.HTTP2, &s.QUIC} {
		*on = p>>i&1 != 0
	}
}

func newSpec(addr loop.Addr) Spec {
	return Spec{Addr: addr, Backlog: DefaultBacklog, FastOpen: -1}
}

// DefaultBacklog is nginx's on Linux.
const DefaultBacklog = 511

// DefaultPort is the port of an address without one.
const DefaultPort = 80

// Keepalive is so_keepalive. Zero times and counts are the system's.
type Keepalive struct {
	Set      bool // not said: the system's way
	On       bool
	Idle     time.Duration
	Interval time.Duration
	Count    int
}

// String is the address as nginx prints it: 0.0.0.0:80, [::]:80, unix:/path.
func (s Spec) String() string {
	if s.isUnix() {
		return "unix:" + s.Addr.Unix
	}
	return AddrText(s.Addr.Net)
}

// Key tells the sockets of a process apart, each of which has one address; those for datagrams of an address have one for each loop.
func (s Spec) Key() string {
	if s.Datagrams {
		return s.String() + " udp " + strconv.Itoa(s.Loop)
	}
	return s.String()
}

// ForLoops are the Specs of an address for datagrams, in the order of the loops: the kernel has the sockets of an address in the order in
// which they are bound, and who hands datagrams out by their number there (SO_ATTACH_REUSEPORT_CBPF) counts on it.
func (s Spec) ForLoops(loops int) []Spec {
	all := make([]Spec, loops)
	for i := range all {
		all[i] = s
		all[i].Datagrams, all[i].Loop = true, i
	}
	return all
}

func (s Spec) isUnix() bool { return s.Addr.Unix != "" }

func (s Spec) isIPv6() bool { return !s.isUnix() && s.Addr.Net.Addr().Is6() }

// AddrText is an address and port as nginx prints them.
func AddrText(a netip.AddrPort) string {
	port := strconv.Itoa(int(a.Port()))
	if a.Addr().Is4() {
		return a.Addr().String() + ":" + port
	}
	return "[" + a.Addr().String() + "]:" + port
}

// Wildcard reports whether the Spec means every address of the machine.
func (s Spec) Wildcard() bool { return !s.isUnix() && s.Addr.Net.Addr().IsUnspecified() }

// family is what a wildcard socket can stand in for: a port of one version of IP.
type family struct {
	six  bool
	port uint16
}

func (s Spec) family() family { return family{s.isIPv6(), s.Addr.Net.Port()} }
