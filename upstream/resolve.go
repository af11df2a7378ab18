package upstream

import (
	"net/netip"

	"weir/conf"
)

// resolve returns the IPs of a target; one invalid Addr for a unix socket.
func resolve(find conf.Lookup, t *Target) ([]netip.Addr, error) {
	if t.Unix || t.IP.IsValid() {
		return []netip.Addr{t.IP}, nil
	}
	ips, err := find(t.Host)
	if err != nil || len(ips) == 0 {
		return nil, errNoSuchHost
	}
	return ips, nil
}
