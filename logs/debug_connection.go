package logs

import (
	"net/netip"
	"strings"

	"weir/conf"
)

// DebugPeers are the clients that debug_connection names: what concerns their connections is logged at
// level debug, whatever the error logs are set to. The zero value is nobody.
type DebugPeers struct {
	nets []netip.Prefix
	unix bool
}

// Add reads one debug_connection: "unix:", an address, a network, or a host name, which stands for all of
// its addresses. As in nginx, whatever is no address is taken for a name, and that is what the error says.
func (d *DebugPeers) Add(call *conf.Call, lookup conf.Lookup) error {
	word := call.Arg(0)
	if word == "unix:" {
		d.unix = true
		return nil
	}
	if net, ok := call.Network(0); ok {
		d.nets = append(d.nets, net)
		return nil
	}
	var found []netip.Addr
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() != "" && !strings.Contains(word, "/") { // the system's look-up reads it, as any name
		found = append(found, a)
	} else if word != "" && !strings.ContainsAny(word, "/:") { // nobody is asked for what cannot be a name
		found, _ = lookup(word)
	}
	if len(found) == 0 {
		return call.Errorf(0, "host not found in debug_connection \"%s\"", word)
	}
	for _, a := range found {
		d.nets = append(d.nets, netip.PrefixFrom(a.WithZone(""), a.BitLen()))
	}
	return nil
}

// Has reports whether a client is among them; an address that is none stands for a unix socket. An IPv4
// client of an IPv6 socket falls under IPv6 networks only, as in nginx. Any goroutine.
func (d *DebugPeers) Has(a netip.Addr) bool {
	if d == nil {
		return false
	}
	if !a.IsValid() {
		return d.unix
	}
	for _, net := range d.nets {
		if net.Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}
