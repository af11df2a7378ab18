package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// Lookup finds the addresses of a name while a configuration is loaded.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// SystemLookup asks the system's resolver (hosts file and resolv.conf), with
// Go's own code. As nginx with AI_ADDRCONFIG, it leaves out the family that the
// machine has no address of, loopback not counted.
func SystemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	r := net.Resolver{PreferGo: true}
	ips, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	has4, has6 := families()
	if has4 == has6 {
		return unmapAll(ips), nil
	}
	ips = slices.DeleteFunc(unmapAll(ips), func(ip netip.Addr) bool { return ip.Is4() != has4 })
	return ips, nil
}

func unmapAll(ips []netip.Addr) []netip.Addr {
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	return ips
}

// families tells which kinds of address the machine has.
func families() (has4, has6 bool) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true, true
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() {
			continue
		}
		if n.IP.To4() != nil {
			has4 = true
		} else {
			has6 = true
		}
	}
	return has4, has6
}

// resolve gives the IPs of a target; one invalid Addr for a unix socket.
func resolve(ctx context.Context, find Lookup, t *Target) ([]netip.Addr, error) {
	if t.Unix || t.IP.IsValid() {
		return []netip.Addr{t.IP}, nil
	}
	ips, err := find(ctx, t.Host)
	if err != nil || len(ips) == 0 {
		return nil, errNoSuchHost
	}
	return ips, nil
}
