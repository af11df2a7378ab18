package http

import (
	"net/netip"
	"sync/atomic"

	"weir/http/route"
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
	address *address
	// byLocal holds further addresses of a wildcard socket: 127.0.0.1:80 beside *:80.
	byLocal map[netip.Addr]*address
}

// An address is one that clients connect to: what its connections begin with, and its servers.
type address struct {
	def   *Server
	proxy bool // connections begin with a PROXY protocol header
	http2 bool // HTTP/2 is spoken whatever the servers say ("listen … http2")
	tls   bool // connections begin with a handshake
	// table is nil when one server without regular expressions has the address to itself.
	table  *route.Names[*Server]
	regexp bool
}

// at returns the address that the connection came to.
func (p *Port) at(c *Client) *address {
	if p.byLocal == nil {
		return p.address
	}
	if a := p.byLocal[c.Local().Addr()]; a != nil {
		return a
	}
	return p.address
}

// Default is the default server of the address that a connection has come to.
func (p *Port) Default(c *Client) *Server { return p.at(c).def }

// Named finds the server of a name, in lower case, on that address: nil where no other than the default one answers to it.
func (p *Port) Named(c *Client, name []byte) (*Server, error) {
	a := p.at(c)
	if a.table == nil {
		return nil, nil
	}
	s, ok, err := a.table.Find(name, nil)
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
	return p.at(c).def
}

// SpeaksHTTP2 reports whether the address of the connection speaks HTTP/2 whatever its servers say ("listen … http2").
func (p *Port) SpeaksHTTP2(c *Client) bool { return p.at(c).http2 }
