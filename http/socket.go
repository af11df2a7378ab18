package http

import (
	"net/netip"
	"sync/atomic"

	"weir/http/route"
	"weir/loop"
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
	Default *Server // of the widest address
	names   *names
	// byLocal holds further addresses of a wildcard socket: 127.0.0.1:80 beside *:80.
	byLocal map[netip.Addr]*names
}

// names finds the servers of one address.
type names struct {
	def *Server
	// table is nil when one server without regular expressions has the address to itself.
	table  *route.Names[*Server]
	regexp bool
}

// at returns the names of the address that the connection came to.
func (p *Port) at(c *loop.Conn) *names {
	if p.byLocal == nil {
		return p.names
	}
	if n := p.byLocal[c.Local().Addr()]; n != nil {
		return n
	}
	return p.names
}

// DefaultServer is the server for requests without a known name on this connection.
func (p *Port) DefaultServer(c *loop.Conn) *Server { return p.at(c).def }
