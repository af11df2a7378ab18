package http

import (
	"errors"
	"net/netip"

	"weir/conf"
	"weir/http/route"
	"weir/listen"
	"weir/logs"
	"weir/loop"
	"weir/vars"
)

// buildPorts gathers the listen directives of all servers into sockets, and finds out which servers
// answer on each.
func (b *Builder) buildPorts() {
	var plan listen.Plan[*Server]
	for _, s := range b.App.Servers {
		if len(s.Core.Listens) == 0 {
			_, _ = plan.Add(defaultListen(b.Tree.Facts().Root), s)
			continue
		}
		for i := range s.Core.Listens {
			o := &s.Core.Listens[i]
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
		port := &Port{App: b.App, address: n}
		for _, e := range socket.Inside {
			if port.byLocal == nil {
				port.byLocal = map[netip.Addr]*address{}
			}
			port.byLocal[e.Spec.Addr.Net.Addr()] = b.addressOf(e)
		}
		b.App.Listens = append(b.App.Listens, &Listening{Spec: socket.Spec, Port: port})
	}
}

// listenBefore is the listen that another one of the same address conflicts with: of the same server, or what is said once of an
// address.
func (b *Builder) listenBefore(o *ListenOption) *conf.Node {
	var first *conf.Node
	for _, s := range b.App.Servers {
		for i := range s.Core.Listens {
			have := &s.Core.Listens[i]
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
func nameBefore(servers []*Server, name ServerName) *conf.Node {
	for _, s := range servers {
		for _, have := range s.Core.Names {
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
func (b *Builder) addressOf(e *listen.Entry[*Server]) *address {
	n := &address{def: e.Default, proxy: e.Spec.ProxyProtocol, http2: e.Spec.HTTP2, tls: e.Spec.SSL, table: route.NewNames[*Server]()}
	for _, s := range e.Servers {
		if len(s.Core.Names) == 0 {
			b.addName(n, e, s, ServerName{})
		}
		for _, name := range s.Core.Names {
			b.addName(n, e, s, name)
		}
	}
	if len(e.Servers) == 1 && !n.regexp {
		n.table = nil
	}
	for _, m := range b.Modules {
		if m.listen != nil {
			m.listen(b, e)
		}
	}
	return n
}

func (b *Builder) addName(n *address, e *listen.Entry[*Server], s *Server, name ServerName) {
	if name.Pattern != nil {
		n.regexp = true
		n.table.AddRegexp(serverPattern{name.Pattern, name.Slots}, s)
		return
	}
	err := n.table.Add(name.Text, s)
	var taken *route.ConflictError
	switch {
	case err == nil:
	case errors.As(err, &taken):
		if name.Call != nil {
			conflict := name.Call.Errorf(-1, "conflicting server name \"%s\" on %s, ignored", name.Text, e.Spec)
			name.Call.Warn(conflict.After(nameBefore(e.Servers, name)))
		}
	case len(e.Servers) > 1 && name.Call != nil:
		b.Diags.Err(name.Call.Errorf(-1, "%v on %s", err, e.Spec))
	}
}

// serverPattern is a server_name by regular expression.
type serverPattern struct {
	pattern *vars.Pattern
	slots   []int
}

func (p serverPattern) Match(s []byte) (bool, error) { return p.pattern.Match(s) }

// Bind makes a request belong to the cycle and the default server of the connection's address, before
// its host is known.
func (r *Request) Bind(p *Port) {
	r.App = p.App
	r.From = r.Client.Peer()
	if cap(r.slots) < p.App.slots {
		r.slots = make([]vars.Value, p.App.slots)
	}
	r.slots = r.slots[:p.App.slots]
	clear(r.slots)
	r.Server = p.DefaultServer(r.Client)
	r.debug = r.Client.Debug || r.Server.Root.debugs
}

// ChooseServer leads the request to the server of its host name.
func (r *Request) ChooseServer(p *Port) {
	r.findServer(p)
	r.debug = r.Client.Debug || r.Server.Root.debugs
}

func (r *Request) findServer(p *Port) {
	n := p.at(r.Client)
	if n.table == nil || len(r.HostName) == 0 && !n.regexp {
		if n.table != nil && (r.Client.TLS == nil || !r.Client.TLS.Named()) {
			if s, ok, _ := n.table.Find(nil, nil); ok {
				r.Server = s
			}
		}
		return
	}
	var s *Server
	var ok bool
	var err error
	if n.regexp {
		s, ok, err = n.table.Find(r.HostName, r.matchServer)
	} else {
		s, ok, err = n.table.Find(r.HostName, nil)
	}
	if err != nil {
		r.LogErr(logs.Error, nil, err.Error())
	}
	switch {
	case ok:
		r.Server = s
	case len(r.HostName) > 0: // even if the handshake named another one
		r.Server = n.def
	}
}

func (r *Request) matchServer(m route.Matcher, _ *Server) (bool, error) {
	p := m.(serverPattern)
	return r.MatchPattern(p.pattern, p.slots, r.HostName)
}
