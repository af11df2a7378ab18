package conf

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseAddr reads an IP address as nginx does: the numbers of IPv4 may begin with zeros or be left out, and an IPv6
// address has no zone. 255.255.255.255 is none.
func ParseAddr(s string) (netip.Addr, bool) {
	if a, ok := parseInet(s); ok {
		return a, true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is6() && a.Zone() == ""
}

func parseInet(s string) (netip.Addr, bool) {
	var b [4]byte
	octet, n := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if octet = octet*10 + int(c-'0'); octet > 255 {
				return netip.Addr{}, false
			}
		case c == '.' && n < 3:
			b[n] = byte(octet)
			octet = 0
			n++
		default:
			return netip.Addr{}, false
		}
	}
	b[3] = byte(octet)
	return netip.AddrFrom4(b), n == 3 && b != [4]byte{255, 255, 255, 255}
}

// ParseAddrPort reads an address with or without a port, in the forms that nginx takes. The port is 0 where there is none.
func ParseAddrPort(s string) (a netip.AddrPort, ok bool) {
	if ip, ok := ParseAddr(s); ok {
		return netip.AddrPortFrom(ip, 0), true
	}
	host, port := "", ""
	if strings.HasPrefix(s, "[") {
		var closed bool
		if host, port, closed = strings.Cut(s[1:], "]"); !closed {
			return a, false
		}
		if port == "" {
			ip, ok := ParseAddr(host)
			return netip.AddrPortFrom(ip, 0), ok
		}
		if port, ok = strings.CutPrefix(port, ":"); !ok {
			return a, false
		}
	} else if host, port, ok = strings.Cut(s, ":"); !ok {
		return a, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	ip, ok := ParseAddr(host)
	if err != nil || n == 0 || !ok {
		return a, false
	}
	return netip.AddrPortFrom(ip, uint16(n)), true
}

// ParseNetwork reads an address, or one with the length of its network's prefix. Bits behind the prefix are left as they
// are: see Call.Network.
func ParseNetwork(s string) (netip.Prefix, bool) {
	text, length, masked := strings.Cut(s, "/")
	a, ok := ParseAddr(text)
	if !ok {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if masked {
		var err error
		if bits, err = ParseInt(length); err != nil || bits > a.BitLen() {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(a, bits), true
}

// Network reads argument arg as an address or a network, and warns about bits that are behind its prefix.
func (c *Call) Network(arg int) (netip.Prefix, bool) {
	p, ok := ParseNetwork(c.Arg(arg))
	if ok && p != p.Masked() {
		c.Warnf(arg, "low address bits of %s are meaningless", c.Arg(arg))
	}
	return p.Masked(), ok
}
