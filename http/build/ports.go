package build

import (
	"errors"
	"net/netip"

	"weir/conf"
	"weir/http"
	"weir/http/core"
	"weir/http/route"
	"weir/listen"
	"weir/loop"
)

// buildPorts gathers the listen directives of all servers into sockets, and finds out which servers
// answer on each.
func (b *Builder) buildPorts() {
	var plan listen.Plan[*http.Server]
	for _, s := range b.App.Servers {
		c := b.confs[s]
		if len(c.Listens) == 0 {
			_, _ = plan.Add(defaultListen(b.Tree.Facts().Root), s)
			continue
		}
		for i := range c.Listens {
			o := &c.Listens[i]
			warning, err := plan.Add(o.Spec, s)
			if err != nil {
				b.Diags.Err(o.Call.Errorf(-1, "%v", err).After(b.listenBefore(o)))
			}
			if warning != "" {
				o.Call.Warnf(-1, "%s", warning)
			}
		}
	}
	for _, socket := range plan.Sockets() {
		n := b.addressOf(socket.Entry)
		port := &http.Port{App: b.App, Address: n}
		for _, e := range socket.Inside {
			if port.ByLocal == nil {
				port.ByLocal = map[netip.Addr]*http.Address{}
			}
			port.ByLocal[e.Spec.Addr.Net.Addr()] = b.addressOf(e)
		}
		b.Listens = append(b.Listens, Listening{Spec: socket.Spec, Port: port})
	}
}

// listenBefore is the listen that another one of the same address conflicts with: of the same server, or what is said once of an
// address.
func (b *Builder) listenBefore(o *core.ListenOption) *conf.Node {
	var first *conf.Node
	for _, s := range b.App.Servers {
		c := b.confs[s]
		for i := range c.Listens {
			have := &c.Listens[i]
			switch {
			case have == o:
				return first
			case have.Spec.Addr != o.Spec.Addr || have.Call.Node.In != o.Call.Node.In && !have.Spec.Set && !have.Spec.Default:
			case first == nil || have.Call.Node.In == o.Call.Node.In:
				first = have.Call.Node
			}
		}
	}
	return first
}

// nameBefore is the server_name that has a name first.
func (b *Builder) nameBefore(servers []*http.Server, name core.ServerName) *conf.Node {
	for _, s := range servers {
		for _, have := range b.confs[s].Names {
			if have.Text == name.Text && have.Call != nil && have.Call.Node != name.Call.Node {
				return have.Call.Node
			}
		}
	}
	return nil
}

// defaultListen is where a server without a listen directive answers: port 80, or 8000 when who opens
// addresses is not root.
func defaultListen(root bool) listen.Spec {
	address := "*:80"
	if !root {
		address = "*:8000"
	}
	specs, err := listen.ParseAddr(address, nil)
	if err != nil || len(specs) == 0 {
		return listen.Spec{Addr: loop.Addr{Net: netip.AddrPortFrom(netip.IPv4Unspecified(), listen.DefaultPort)}}
	}
	return specs[0]
}

// addressOf makes the table of names of an address.
func (b *Builder) addressOf(e *listen.Entry[*http.Server]) *http.Address {
	n := &http.Address{Default: e.Default, ProxyProtocol: e.Spec.ProxyProtocol, HTTP2: e.Spec.HTTP2, TLS: e.Spec.SSL, Names: route.NewNames[*http.Server]()}
	for _, s := range e.Servers {
		if len(b.confs[s].Names) == 0 {
			b.addName(n, e, s, core.ServerName{})
		}
		for _, name := range b.confs[s].Names {
			b.addName(n, e, s, name)
		}
	}
	if len(e.Servers) == 1 && !n.Regexps {
		n.Names = nil
	}
	for _, m := range b.modules {
		if m.Listen != nil {
			m.Listen(b.Builder, e)
		}
	}
	return n
}

func (b *Builder) addName(n *http.Address, e *listen.Entry[*http.Server], s *http.Server, name core.ServerName) {
	if name.Pattern != nil {
		n.Regexps = true
		n.Names.AddRegexp(name.ServerName, s)
		return
	}
	err := n.Names.Add(name.Text, s)
	var taken *route.ConflictError
	switch {
	case err == nil:
	case errors.As(err, &taken):
		if name.Call == nil {
			at := conf.Spot{Node: s.Block.Node, Arg: -1}
			b.Diags.WarnOf(at.Errorf("conflicting server name \"\" on %s, ignored", e.Spec).Unplaced())
			return
		}
		conflict := name.Call.Errorf(-1, "conflicting server name \"%s\" on %s, ignored", name.Text, e.Spec).Unplaced()
		name.Call.Warn(conflict.After(b.nameBefore(e.Servers, name)))
	case len(e.Servers) > 1 && name.Call != nil:
		b.Diags.Err(name.Call.Errorf(-1, "%v on %s", err, e.Spec))
	}
}
