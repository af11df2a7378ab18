package http

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"weir/listen"
	"weir/logs"
	"weir/loop"
)

// Client is what is known of the connection that requests come by. It outlives requests, and it is all that they know of their
// connection: the socket is the wire's. Loop only.
type Client struct {
	Conn     *loop.Conn
	Socket   *Socket
	Proxy    *listen.ProxyHeader // what the PROXY protocol said; nil if nothing
	Serial   uint64              // connection number, unique in the process
	Requests uint32              // requests begun on this connection
	Debug    bool                // debug_connection names the client
	wantsTLS bool                // its address is one for TLS, whatever the client speaks
	TLS      TLS                 // nil: it is not one over TLS
	Started  loop.Time
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
func (c *Client) Peer() netip.AddrPort { return c.Conn.Peer() }

// Local is the address that the client connected to; not valid for a unix socket.
func (c *Client) Local() netip.AddrPort { return c.Conn.Local() }

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
