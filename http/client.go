package http

import (
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/http/route"
	"weir/listen"
	"weir/logs"
	"weir/loop"
	"weir/vars"
)

// Client is what is known of the connection that requests come by. It outlives requests, and it is all that they know of their
// connection: the socket is the wire's. Loop only.
type Client struct {
	Conn     *loop.Conn // nil: there is none, or none any more (Request.Detach)
	Socket   *Socket
	Proxy    *listen.ProxyHeader // what the PROXY protocol said; nil if nothing
	Serial   uint64              // connection number, unique in the process
	Requests uint32              // requests begun on this connection
	Debug    bool                // debug_connection names the client
	Held     bool                // parked without a request, and yet counted: a graceful stop waits for it
	wantsTLS bool                // its address is one for TLS, whatever the client speaks
	TLS      TLS                 // nil: it is not one over TLS
	Started  loop.Time
	without  *addresses // of a connection that is not there any more; nil: of none
}

// addresses are those of a connection.
type addresses struct{ peer, local netip.AddrPort }

// lost returns the addresses of a connection that is not there any more, none if there never was one.
func (c *Client) lost() *addresses {
	if c.without == nil {
		return &addresses{}
	}
	return c.without
}

// TLS is what is known of a connection over TLS, as far as it says where requests go and who may make them: http/ssl has it. Loop only.
type TLS interface {
	// Named reports whether the name in the handshake leads to a server. It does so for the whole connection.
	Named() bool
	// Server is the server of that name, or the default one of the address.
	Server(c *Client, p *Port) *Server
	// Admit says whether the client may make a request, by the rules of its server for certificates: Next, or the answer.
	Admit(r *Request) Verdict
	// Misdirected reports whether a request must be made on a connection of its own, since its server is not the one of the handshake.
	Misdirected(r *Request) bool
}

// Peer is the address of the other end of the connection; not valid for a unix socket. It is the client's, or that of a proxy.
func (c *Client) Peer() netip.AddrPort {
	if c.Conn == nil {
		return c.lost().peer
	}
	return c.Conn.Peer()
}

// Local is the address that the client connected to; not valid for a unix socket.
func (c *Client) Local() netip.AddrPort {
	if c.Conn == nil {
		return c.lost().local
	}
	return c.Conn.Local()
}

// Scheme is "http" or "https".
func (c *Client) Scheme() string {
	if c.TLS != nil {
		return "https"
	}
	return "http"
}

// SchemePort is the port that URLs of the client's scheme need not name.
func (c *Client) SchemePort() uint16 {
	if c.TLS != nil {
		return 443
	}
	return 80
}

// AppendPeer appends the address of the other end as log lines have it.
func (c *Client) AppendPeer(b []byte) []byte {
	peer := c.Peer()
	if !peer.IsValid() {
		return append(b, "unix:"...)
	}
	return peer.Addr().AppendTo(b)
}

// PeerText is the address and port of the other end.
func (c *Client) PeerText() string {
	if peer := c.Peer(); peer.IsValid() {
		return peer.String()
	}
	return "unix:"
}

// Server is the server that requests of the connection come to as long as they name no other.
func (c *Client) Server() *Server { return c.Socket.Port().DefaultServer(c) }

// WatchedFrom finds out whether the client is one of those whose connections are logged at level debug.
func (c *Client) WatchedFrom(p *Port) bool { return p.App.Debug.Has(c.Peer().Addr()) }

// setNoDelay has small writes sent at once; a unix socket does not know of it.
func (c *Client) setNoDelay() {
	if !c.Socket.Unix {
		_ = c.Conn.SetOption(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
}

// Logger is the error log of a connection that is in no request: that of the server it would come to.
func (c *Client) Logger() *logs.Logger {
	return c.loggerOf(c.Server())
}

func (c *Client) loggerOf(s *Server) *logs.Logger {
	l := s.Root.ErrorLog
	if c.Debug {
		return l.Verbose()
	}
	return l
}

// Log writes a line about a connection that has no request, at level info or worse: what happened, then "while …, client: …,
// server: …" with the address that is listened on.
func (c *Client) Log(level logs.Level, text, doing string) {
	l := c.Logger()
	if l == nil || !l.Enabled(level) {
		return
	}
	b := append(make([]byte, 0, 256), text...)
	b = append(append(append(b, " while "...), doing...), ", client: "...)
	b = append(append(c.AppendPeer(b), ", server: "...), c.Socket.Text...)
	l.Log(level, c.Serial, b)
}

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
