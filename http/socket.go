package http

import (
	"net/netip"
	"sync/atomic"

	"weir/http/route"
	"weir/logs"
	"weir/vars"
)

// A Socket is a listening address of the process. It outlives cycles: a reload gives it another Port.
type Socket struct {
	Text string // as nginx prints it: 0.0.0.0:80, unix:/run/weir.sock
	Unix bool
	port atomic.Pointer[Port]
}

// Port returns what listens here in the newest cycle. Any goroutine.
func (s *Socket) Port() *Port { return s.port.Load() }

// SetPort gives the socket to another cycle. Any goroutine.
func (s *Socket) SetPort(p *Port) { s.port.Store(p) }

// A Port is a listening socket in one cycle: which servers answer there.
type Port struct {
	App     *App
	Address *Address
	// ByLocal holds further addresses of a wildcard socket: 127.0.0.1:80 beside *:80.
	ByLocal map[netip.Addr]*Address
}

// An Address is one that clients connect to: what its connections begin with, and its servers.
type Address struct {
	Default       *Server
	ProxyProtocol bool // connections begin with a PROXY protocol header
	HTTP2         bool // HTTP/2 is spoken whatever the servers say ("listen … http2")
	TLS           bool // connections begin with a handshake
	// Names is nil when one server without regular expressions has the address to itself.
	Names   *route.Names[*Server]
	Regexps bool // some name is one
}

// A ServerName is one name of a server_name directive.
type ServerName struct {
	Text    string        // lower case; a regular expression without its "~"
	Pattern *vars.Pattern // nil: it is none
	Slots   []int         // variables of its named groups
}

// Match reports whether a name is meant by the regular expression (route.Matcher).
func (p ServerName) Match(s []byte) (bool, error) { return p.Pattern.Match(s) }

// at returns the address that the connection came to.
func (p *Port) at(c *Client) *Address {
	if p.ByLocal == nil {
		return p.Address
	}
	if a := p.ByLocal[c.Local().Addr()]; a != nil {
		return a
	}
	return p.Address
}

// Default is the default server of the address that a connection has come to.
func (p *Port) Default(c *Client) *Server { return p.at(c).Default }

// Named finds the server of a name, in lower case, on that address: nil where no other than the default one answers to it.
func (p *Port) Named(c *Client, name []byte) (*Server, error) {
	a := p.at(c)
	if a.Names == nil {
		return nil, nil
	}
	s, ok, err := a.Names.Find(name, nil)
	if !ok {
		return nil, err
	}
	return s, err
}

// DefaultServer is the server for requests without a known name on this connection: that of the name in its handshake, if there was one.
func (p *Port) DefaultServer(c *Client) *Server {
	if c.TLS != nil {
		return c.TLS.Server(c, p)
	}
	return p.at(c).Default
}

// SpeaksHTTP2 reports whether the address of the connection speaks HTTP/2 whatever its servers say ("listen … http2").
func (p *Port) SpeaksHTTP2(c *Client) bool { return p.at(c).HTTP2 }

// Bind makes a request belong to the cycle and the default server of the connection's address, before
// its host is known.
func (r *Request) Bind(p *Port) {
	r.App = p.App
	r.From = r.Client.Peer()
	if cap(r.slots) < p.App.Slots {
		r.slots = make([]vars.Value, p.App.Slots)
	}
	r.slots = r.slots[:p.App.Slots]
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
	if n.Names == nil || len(r.HostName) == 0 && !n.Regexps {
		if n.Names != nil && (r.Client.TLS == nil || !r.Client.TLS.Named()) {
			if s, ok, _ := n.Names.Find(nil, nil); ok {
				r.Server = s
			}
		}
		return
	}
	var s *Server
	var ok bool
	var err error
	if n.Regexps {
		s, ok, err = n.Names.Find(r.HostName, r.matchServer)
	} else {
		s, ok, err = n.Names.Find(r.HostName, nil)
	}
	if err != nil {
		r.LogErr(logs.Error, nil, err.Error())
	}
	switch {
	case ok:
		r.Server = s
	case len(r.HostName) > 0: // even if the handshake named another one
		r.Server = n.Default
	}
}

func (r *Request) matchServer(m route.Matcher, _ *Server) (bool, error) {
	p := m.(ServerName)
	return r.MatchPattern(p.Pattern, p.Slots, r.HostName)
}
