// Package client has what addresses say of clients, for whatever serves: who may come in (allow, deny), and which proxies are believed
// when they say who a client is (realip, geo).
package client

import (
	"net/netip"

	"weir/conf"
)

// A Subject is what comes from a client. All its methods are for its own task.
type Subject interface {
	ClientAddr() netip.Addr // not valid for a unix socket
	Debugs() bool
	Debugf(format string, a ...any)
}

// AccessConf is the allow and deny of one block, in order, apart by what the client comes from: an IPv4
// client is no concern of a rule for IPv6.
type AccessConf struct {
	inet, inet6 []rule
	unix        []rule
}

type rule struct {
	from netip.Prefix // of no meaning to clients of unix sockets
	deny bool
}

// RuleDirectives are nginx's access module in the blocks of one front; refused says in the manual what becomes of clients that are denied.
func RuleDirectives(in conf.Context, refused string) []conf.Directive[AccessConf] {
	return []conf.Directive[AccessConf]{
		{
			Name: "allow", In: in, Syntax: "<address:string>", Group: "access", Repeat: true,
			Doc: `Lets clients with this address in: an address, a network such as 192.0.2.0/24, **unix:** or **all**. Of all allow and
deny of a block the first that fits holds; a block without any takes those of the block around it.`,
			Example: "allow 192.0.2.0/24;\ndeny all;",
			Set:     func(c *AccessConf, call *conf.Call) error { return c.add(call, false) },
		},
		{
			Name: "deny", In: in, Syntax: "<address:string>", Group: "access", Repeat: true,
			Doc:     refused + "; see allow.",
			Example: "deny 192.0.2.1;",
			Set:     func(c *AccessConf, call *conf.Call) error { return c.add(call, true) },
		},
	}
}

// add stores one allow or deny.
func (c *AccessConf) add(call *conf.Call, deny bool) error {
	word := call.Arg(0)
	switch word {
	case "all":
		c.inet = append(c.inet, rule{netip.PrefixFrom(netip.IPv4Unspecified(), 0), deny})
		c.inet6 = append(c.inet6, rule{netip.PrefixFrom(netip.IPv6Unspecified(), 0), deny})
		c.unix = append(c.unix, rule{deny: deny})
		return nil
	case "unix:":
		c.unix = append(c.unix, rule{deny: deny})
		return nil
	}
	from, ok := call.Network(0)
	if !ok {
		return call.Errorf(0, "invalid parameter \"%s\"", word)
	}
	if from.Addr().Is4() {
		c.inet = append(c.inet, rule{from, deny})
	} else {
		c.inet6 = append(c.inet6, rule{from, deny})
	}
	return nil
}

// Empty reports whether there are no rules.
func (c *AccessConf) Empty() bool { return len(c.inet)+len(c.inet6)+len(c.unix) == 0 }

// Ask holds the client's address against the rules. ok is false if none fits.
func (c *AccessConf) Ask(s Subject) (deny, ok bool) {
	deny, ok = c.find(s.ClientAddr())
	if s.Debugs() {
		s.Debugf("access: rule found: %t, denies: %t", ok, deny)
	}
	return deny, ok
}

// find returns what the first fitting rule says; an address that is none stands for a unix socket.
//
// An IPv4 client of an IPv6 socket falls under the rules for IPv4, and only where there are none at all
// under those for IPv6, as in nginx.
func (c *AccessConf) find(a netip.Addr) (deny, ok bool) {
	switch {
	case !a.IsValid():
		if len(c.unix) == 0 {
			return false, false
		}
		return c.unix[0].deny, true
	case a.Is4() || a.Is4In6() && len(c.inet) > 0:
		return first(c.inet, a.Unmap())
	}
	return first(c.inet6, a.WithZone(""))
}

func first(list []rule, a netip.Addr) (deny, ok bool) {
	for i := range list {
		if list[i].from.Contains(a) {
			return list[i].deny, true
		}
	}
	return false, false
}
