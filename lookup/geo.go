package lookup

import (
	"errors"
	"net/netip"
	"strings"

	"weir/client"
	"weir/conf"
	"weir/load"
	"weir/vars"
)

// GeoDirectives are nginx's geo module in the blocks of one front: variables whose values depend on an address.
func GeoDirectives[R Subject[R]](in conf.Context, of func(*conf.Call) Street[R]) []conf.Directive[struct{}] {
	return []conf.Directive[struct{}]{{
		Name: "geo", In: in, Syntax: "[<address:string>] <variable:string> { ... }", Opens: conf.Geo, Repeat: true,
		Doc: `Makes a variable whose value is looked up by the client's address, or by that in the variable *address*. Lines have a network and a
value; of several networks the narrowest holds. **default** is for all other addresses, **delete** takes a network out again, **include** reads
lines of a file. After **ranges**, which must be the first line, they have ranges of IPv4 addresses instead.

**proxy** names a network of proxies: for addresses in it the last one of ` + "`X-Forwarded-For`" + ` counts, with **proxy_recursive** the last one that is
not a proxy's. **volatile** looks the value up at each use.`,
		Example: "geo $country { default ZZ; 192.0.2.0/24 CH; 2001:db8::/32 AT; }",
		Declare: func(call *conf.Call) error { return declareGeo(call, of(call)) },
	}}
}

// A geo is one geo block.
type geo[R Subject[R]] struct {
	street   Street[R]
	address  *vars.Ref[R] // nil: the client's
	proxies  proxies
	ranged   bool
	volatile bool
	networks networks
	lines    *geoLines // until all are read
}

func declareGeo[R Subject[R]](call *conf.Call, in Street[R]) error {
	g := &geo[R]{street: in, lines: newGeoLines()}
	for i := range call.Len() {
		if _, err := vars.ParseName(call.Arg(i)); err != nil {
			return call.Errorf(i, "%v", err)
		}
	}
	name := call.Arg(call.Len() - 1)[1:]
	if call.Len() == 2 {
		g.address = in.Vars.Lookup(call.Arg(0)[1:], call.Node)
	}
	d := load.Of(call).Diags
	var errs []error
	for n := range call.Body().Lines() {
		if err := g.read(n, d); err != nil {
			errs = append(errs, err)
		}
	}
	g.networks = g.lines.networks(g.ranged)
	g.lines = nil
	return errors.Join(append(errs, in.Vars.DefineGet(name, g.volatile, g.find))...)
}

// read reads one line of the block.
func (g *geo[R]) read(n *conf.Node, d *conf.Diagnostics) error {
	if len(n.Words) == 1 {
		switch n.Name() {
		case "ranges":
			if len(g.lines.values) > 0 && !g.ranged {
				return errorAt(n, -1, "the \"ranges\" directive must be the first directive inside \"geo\" block")
			}
			g.ranged = true
			return nil
		case "proxy_recursive":
			g.proxies.recursive = true
			return nil
		case "volatile":
			g.volatile = true
			return nil
		}
	}
	if len(n.Words) != 2 {
		return errorAt(n, -1, "invalid number of the geo parameters")
	}
	key, value := n.Name(), n.Words[1].Text
	switch {
	case key == "proxy":
		p, ok := network(n, 0, value, d)
		if !ok {
			return errorAt(n, 0, "invalid network \"%s\"", value)
		}
		g.proxies.Add(p)
		return nil
	case g.ranged:
		return g.readRange(n, key, value, d)
	}
	return g.readNetwork(n, key, value, d)
}

func (g *geo[R]) readRange(n *conf.Node, key, value string, d *conf.Diagnostics) error {
	l := g.lines
	if key == "default" {
		if l.byDefault >= 0 {
			d.Warn(n, -1, "duplicate default geo range value: \"%s\", old value: \"%s\"", value, l.values[l.byDefault])
		}
		l.byDefault = l.value(value)
		return nil
	}
	text, arg := key, -1
	if key == "delete" {
		text, arg = value, 0
	}
	a, b, _ := strings.Cut(text, "-")
	start, ok := parseInet(a)
	end, ok2 := parseInet(b)
	if !ok || !ok2 || start > end {
		return errorAt(n, arg, "invalid range \"%s\"", text)
	}
	if key == "delete" {
		if !l.deleteRange(start, end) {
			d.Warn(n, arg, "no address range \"%s\" to delete", text)
		}
		return nil
	}
	return l.addRange(n, d, text, start, end, l.value(value))
}

func (g *geo[R]) readNetwork(n *conf.Node, key, value string, d *conf.Diagnostics) error {
	text, arg := key, -1
	if key == "delete" {
		text, arg = value, 0
	}
	nets := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	if text != "default" {
		p, ok := network(n, arg, text, d)
		if !ok {
			return errorAt(n, arg, "invalid network \"%s\"", text)
		}
		nets = []netip.Prefix{p}
	}
	for _, p := range nets {
		old, had := g.lines.nets.get(p)
		switch {
		case key == "delete" && !had:
			d.Warn(n, arg, "no network \"%s\" to delete", text)
		case key == "delete":
			g.lines.nets.drop(p)
			continue
		case had:
			d.Warn(n, arg, "duplicate network \"%s\", value: \"%s\", old value: \"%s\"", text, value, g.lines.values[old])
		}
		if key != "delete" {
			g.lines.nets.set(p, g.lines.value(value))
		}
	}
	return nil
}

// network reads a network of a line, and warns about bits behind its prefix.
func network(n *conf.Node, arg int, text string, d *conf.Diagnostics) (netip.Prefix, bool) {
	if text == "255.255.255.255" {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 32), true
	}
	p, ok := conf.ParseNetwork(text)
	if ok && p != p.Masked() {
		d.Warn(n, arg, "low address bits of %s are meaningless", text)
	}
	return p.Masked(), ok
}

// parseInet reads an IPv4 address as a number.
func parseInet(s string) (uint32, bool) {
	if s == "255.255.255.255" { // which stands for no address in nginx
		return 0, false
	}
	a, ok := conf.ParseAddr(s)
	if !ok || !a.Is4() {
		return 0, false
	}
	return inetNumber(a), true
}

// noAddress is what clients are taken for that have no address.
var noAddress = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// find looks the address up.
func (g *geo[R]) find(r R) vars.Value {
	a := forwarded(&g.street, &g.proxies, r, g.of(r))
	if g.ranged && !a.Is4() {
		a = noAddress
	}
	v := g.networks.find(a)
	if r.Debugs() {
		r.Debugf("%s geo: %s", g.street.Name, v)
	}
	return vars.Value{B: v}
}

// of is the address that the block is about.
func (g *geo[R]) of(r R) netip.Addr {
	a := r.ClientAddr()
	if g.address != nil {
		v := g.address.Get(r)
		found, ok := conf.ParseAddrPort(string(v.B))
		if v.Missing || !ok {
			return noAddress
		}
		a = found.Addr()
	}
	if !a.IsValid() {
		return noAddress
	}
	return a.Unmap().WithZone("")
}

// proxies are those whose X-Forwarded-For is believed.
type proxies struct {
	client.Trusted
	recursive bool
}

// forwarded is the address that X-Forwarded-For tells of when it comes from a proxy, else the address itself.
func forwarded[R Subject[R]](s *Street[R], p *proxies, r R, a netip.Addr) netip.Addr {
	if p.Empty() || s.Forwarded == nil || !p.Has(a) {
		return a
	}
	lists := s.Forwarded(r)
	for i := len(lists) - 1; i >= 0; i-- {
		if !p.Last(lists[i], p.recursive, func(found netip.AddrPort) { a = found.Addr().Unmap().WithZone("") }) {
			break
		}
	}
	return a
}
