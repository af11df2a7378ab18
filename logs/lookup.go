package logs

import (
	"net"
	"net/netip"
	"slices"
)

// A Lookup finds the addresses of a host name while the configuration is read. It may wait.
type Lookup func(host string) ([]netip.Addr, error)

// LookupHost is the Lookup of the operating system. As for nginx, which asks for it with
// AI_ADDRCONFIG, IPv6 addresses count only on a machine that has one beside its loopback.
func LookupHost(host string) ([]netip.Addr, error) {
	ips, err := net.LookupIP(host)
	if err != nil {
		return nil, err
	}
	addrs := make([]netip.Addr, 0, len(ips))
	six := hasIPv6()
	for _, ip := range ips {
		a, ok := netip.AddrFromSlice(ip)
		a = a.Unmap()
		if ok && (six || a.Is4()) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no usable address", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil && !n.IP.IsLoopback() {
			return true
		}
	}
	return false
}
