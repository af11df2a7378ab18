package http

import (
	"errors"
	"net/netip"

	"weir/http/route"
	"weir/listen"
	"weir/logs"
	"weir/vars"
)

// address is one listening address while ports are built.
type address struct {
	spec    listen.Spec
	options *ListenOption // the listen that carried socket options
	def     *ListenOption // the listen with default_server
	servers []*Server     // in file order
	defSrv  *Server
}

// buildPorts gathers the listen directives of all servers into addresses, and the addresses into
// sockets.
func (b *Builder) buildPorts() {
	var order []*address
	byText := map[string]*address{}
	for _, s := range b.App.Servers {
		if len(s.Core.Listens) == 0 {
			s.Core.Listens = []ListenOption{{Spec: listen.Default()}}
		}
		mine := map[string]bool{}
		for i := range s.Core.Listens {
			o := &s.Core.Listens[i]
			text := o.Spec.Text()
			if mine[text] {
				b.Diags.Err(o.Call.Errorf(-1, "a duplicate listen %s", o.Call.Arg(0)))
				continue
			}
			mine[text] = true
			a := byText[text]
			if a == nil {
				a = &address{spec: o.Spec}
				byText[text] = a
				order = append(order, a)
			}
			b.join(a, s, o)
		}
	}
	b.makeSockets(order)
}

// join adds a server to an address.
func (b *Builder) join(a *address, s *Server, o *ListenOption) {
	a.servers = append(a.servers, s)
	if a.defSrv == nil {
		a.defSrv = s
	}
	if o.Spec.HasOptions() {
		if a.options != nil && o.Call != nil {
			b.Diags.Err(o.Call.Errorf(-1, "duplicate listen options for %s", a.spec.Text()))
		}
		a.options = o
		a.spec = o.Spec
	}
	if o.Spec.DefaultServer {
		if a.def != nil {
			b.Diags.Err(o.Call.Errorf(-1, "a duplicate default server for %s", a.spec.Text()))
		}
		a.def, a.defSrv = o, s
	}
}

// makeSockets decides which addresses get a socket of their own: one that a wildcard of the same port
// covers is answered on the wildcard's socket, unless it asks to be bound.
func (b *Builder) makeSockets(order []*address) {
	wild := map[uint16]*Listening{}
	wild6 := map[uint16]*Listening{}
	for _, a := range order {
		if !a.spec.Wildcard() {
			continue
		}
		l := b.listening(a)
		if a.spec.Addr.Net.Addr().Is4() {
			wild[a.spec.Addr.Net.Port()] = l
		} else {
			wild6[a.spec.Addr.Net.Port()] = l
		}
	}
	for _, a := range order {
		if a.spec.Wildcard() {
			continue
		}
		var cover *Listening
		if a.spec.Addr.Unix == "" && !a.spec.Bind {
			cover = wild[a.spec.Addr.Net.Port()]
			if a.spec.Addr.Net.Addr().Is6() {
				cover = wild6[a.spec.Addr.Net.Port()]
			}
		}
		if cover == nil {
			b.listening(a)
			continue
		}
		if cover.Port.byLocal == nil {
			cover.Port.byLocal = map[netip.Addr]*names{}
		}
		cover.Port.byLocal[a.spec.Addr.Net.Addr()] = b.namesOf(a)
	}
}

func (b *Builder) listening(a *address) *Listening {
	n := b.namesOf(a)
	l := &Listening{Spec: a.spec, Port: &Port{App: b.App, Default: n.def, names: n}}
	b.App.Listens = append(b.App.Listens, l)
	return l
}

// namesOf makes the table of names of an address.
func (b *Builder) namesOf(a *address) *names {
	n := &names{def: a.defSrv, table: route.NewNames[*Server]()}
	for _, s := range a.servers {
		if len(s.Core.Names) == 0 {
			b.addName(n, a, s, ServerName{})
		}
		for _, name := range s.Core.Names {
			b.addName(n, a, s, name)
		}
	}
	if len(a.servers) == 1 && !n.regexp {
		n.table = nil
	}
	return n
}

func (b *Builder) addName(n *names, a *address, s *Server, name ServerName) {
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
			name.Call.Warnf(-1, "conflicting server name \"%s\" on %s, ignored", name.Text, a.spec.Text())
		}
	case len(a.servers) > 1 && name.Call != nil:
		b.Diags.Err(name.Call.Errorf(-1, "%v on %s", err, a.spec.Text()))
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
	if cap(r.slots) < p.App.slots {
		r.slots = make([]vars.Value, p.App.slots)
	}
	r.slots = r.slots[:p.App.slots]
	clear(r.slots)
	r.Server = p.at(r.Client.Conn).def
}

// ChooseServer leads the request to the server of its host name.
func (r *Request) ChooseServer(p *Port) {
	n := p.at(r.Client.Conn)
	if n.table == nil || len(r.HostName) == 0 && !n.regexp {
		if n.table != nil {
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
	if ok {
		r.Server = s
	}
}

func (r *Request) matchServer(m route.Matcher, _ *Server) (bool, error) {
	p := m.(serverPattern)
	return r.MatchPattern(p.pattern, p.slots, r.HostName)
}
