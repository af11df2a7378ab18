package client

import (
	"bytes"
	"net/netip"
	"strings"

	"weir/conf"
)

// Trusted are the proxies whose word about a client is taken.
type Trusted struct {
	nets []netip.Prefix
	unix bool // connections over unix sockets are trusted
}

// TrustedDirective is the directive set_real_ip_from in the blocks of one front; of returns what it fills of the settings.
func TrustedDirective[C any](in conf.Context, of func(*C) *Trusted) conf.Directive[C] {
	return conf.Directive[C]{
		Name: "set_real_ip_from", In: in, Repeat: true,
		Syntax: "<address:string>", Doc: "An address, a network, or `unix:`, whose word about the client is taken.",
		Example: "set_real_ip_from 192.0.2.0/24;",
		Set:     func(c *C, call *conf.Call) error { return of(c).read(call) },
	}
}

func (t *Trusted) read(call *conf.Call) error {
	word := call.Arg(0)
	if word == "unix:" {
		t.unix = true
		return nil
	}
	if p, ok := call.Network(0); ok {
		t.Add(p)
		return nil
	}
	if strings.Contains(word, "/") {
		return call.Errorf(0, "invalid parameter \"%s\"", word)
	}
	found, err := call.Lookup(word)
	if err != nil || len(found) == 0 {
		return call.Errorf(0, "host not found in set_real_ip_from \"%s\"", word)
	}
	for _, a := range found {
		t.Add(netip.PrefixFrom(a, a.BitLen()))
	}
	return nil
}

// Add trusts a network. At load.
func (t *Trusted) Add(p netip.Prefix) { t.nets = append(t.nets, p) }

// Empty reports whether nobody is trusted.
func (t *Trusted) Empty() bool { return len(t.nets) == 0 && !t.unix }

// Has reports whether who has an address is trusted; one that is none stands for a unix socket.
func (t *Trusted) Has(a netip.Addr) bool {
	if !a.IsValid() {
		return t.unix
	}
	a = a.Unmap().WithZone("")
	for _, p := range t.nets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Last takes the client's address from the end of a list, such as X-Forwarded-For: the last one, or with recursive the last that is not
// trusted. found is called for each that was taken: the last call is the client's. As in nginx, only spaces and commas stand between
// addresses. more says that all in the list are trusted, so that the list before it, if there is one, is to be asked.
func (t *Trusted) Last(list []byte, recursive bool, found func(netip.AddrPort)) (more bool) {
	for {
		list = bytes.TrimRight(list, " ,")
		last := list
		if i := bytes.LastIndexAny(list, ", "); i >= 0 {
			last, list = list[i+1:], list[:i]
		} else {
			list = nil
		}
		a, ok := conf.ParseAddrPort(string(last))
		if !ok {
			return false
		}
		found(a)
		if !recursive || !t.Has(a.Addr()) {
			return false
		}
		if len(list) == 0 {
			return true
		}
	}
}
