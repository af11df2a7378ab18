package http

import (
	"io"
	"sync/atomic"
	"time"

	"weir/listen"
	"weir/logs"
	"weir/loop"
)

// A Front takes the connections of listening sockets, learns what is to be known of a client before its first request (what the
// PROXY protocol says, which wire it speaks), and gives them to that wire.
type Front struct {
	Wire  Opener  // HTTP/1
	HTTP2 Speaker // nil: it is not spoken
	// TLS does the handshake of a client whose first bytes are given, until a moment. The client has its TLS then, and protocol is what was
	// agreed upon, "h2" or another. It is not ok when the handshake has failed, of which the log knows.
	TLS     func(t *loop.Task, f *Front, c *Client, first []byte, until loop.Time) (protocol string, ok bool)
	Pending func(loop, delta int) // counts connections at work, for a graceful stop

	serial atomic.Uint64
}

// Accept returns what takes connections from a listening socket. The function runs on the loop that the connection was given to.
func (f *Front) Accept(s *Socket) func(*loop.Conn) {
	return func(c *loop.Conn) {
		client := Client{Conn: c, Socket: s, Serial: f.serial.Add(1), Started: c.Loop().Now()}
		port := s.Port()
		client.Debug = client.WatchedFrom(port)
		at := port.at(&client)
		if l := client.loggerOf(at.Default); l.Enabled(logs.Debug) { // not Logger: client must stay on the stack
			l.Logf(logs.Debug, client.Serial, "accept: %s fd:%d", client.PeerText(), c.FD())
		}
		proxy, asks := at.ProxyProtocol, !at.TLS && f.SpeaksHTTP2(port, &client, at.Default)
		client.wantsTLS = at.TLS
		if !proxy && !asks && !at.TLS {
			f.Wire.Open(nil, client, nil)
			return
		}
		d := &door{front: f, client: client, proxy: proxy, asks: asks}
		d.until = client.Started.Add(at.Default.Core.HeaderTimeout)
		c.Handler = d
		c.Park(d.until, true)
	}
}

// SpeaksHTTP2 reports whether a client that has come to that server may speak HTTP/2.
func (f *Front) SpeaksHTTP2(p *Port, c *Client, s *Server) bool {
	return f.HTTP2 != nil && (p.SpeaksHTTP2(c) || f.HTTP2.Enabled(s))
}

// A door is a connection that has to say something before its first request.
type door struct {
	front  *Front
	client Client
	until  loop.Time // when its time for it is over
	proxy  bool      // a header of the PROXY protocol is awaited
	asks   bool      // its first bytes say which wire it speaks
}

var _ Session = (*door)(nil)

// Wake reads what has come, or ends the connection when its time is over (loop.Handler).
func (d *door) Wake(t *loop.Task, c *loop.Conn, why loop.Woke) {
	id := c.Loop().ID()
	if d.client.Held {
		d.client.Held = false
		defer d.front.Pending(id, -1)
	}
	switch why {
	case loop.WokeReady:
		d.front.Pending(id, 1)
		defer d.front.Pending(id, -1)
		d.enter(t)
		return
	case loop.WokeShutdown: // the client may be sending at this very moment
		if now := c.Loop().Now(); d.until > now {
			d.client.Held = true
			d.front.Pending(id, 1)
			c.Park(min(d.until, now.Add(time.Second)), false)
			return
		}
	case loop.WokeTimeout:
		d.client.Log(logs.Info, "client timed out (110: Connection timed out)", d.doing())
	}
	c.Close()
}

// doing is what log lines say of the connection.
func (d *door) doing() string {
	switch {
	case d.proxy:
		return "reading PROXY protocol"
	case d.client.wantsTLS:
		return "SSL handshaking"
	}
	return "waiting for request"
}

// enter reads what the connection has to say, and opens the wire with what came behind it.
func (d *door) enter(t *loop.Task) {
	c := d.client.Conn
	size := listen.MaxProxyHeader
	if !d.proxy { // what is read beyond the head counts as part of a body that has come, so it is as much as nginx reads
		size = max(int(d.client.Server().Core.HeaderBuffer), 64)
	}
	buf := c.Loop().Take(size)
	defer c.Loop().Give(buf)
	begin, fill := 0, 0
	for {
		n, err := c.Read(t, buf[fill:], d.until)
		if err != nil {
			d.lost(err)
			return
		}
		fill += n
		if d.proxy {
			h, used, err := listen.ParseProxyHeader(buf[:fill])
			if err == listen.ErrProxyMore && fill < len(buf) {
				continue
			}
			if err != nil {
				d.client.Log(logs.Error, err.Error(), d.doing())
				c.Close()
				return
			}
			d.client.Proxy, d.proxy, begin = h, false, used
		}
		if d.client.wantsTLS && begin < fill && beginsTLS(buf[begin]) {
			d.secure(t, buf[begin:fill])
			return
		}
		if wire := d.choose(buf[begin:fill]); wire != nil {
			wire.Open(t, d.client, buf[begin:fill])
			return
		}
		if fill == len(buf) {
			fill = copy(buf, buf[begin:])
			begin = 0
		}
	}
}

// secure does the handshake, and gives the connection to the wire that was agreed upon.
func (d *door) secure(t *loop.Task, first []byte) {
	c := &d.client
	if c.Server().Root.Core.TCPNoDelay {
		c.setNoDelay()
	}
	protocol, ok := d.front.TLS(t, d.front, c, first, d.until)
	if !ok {
		c.Conn.Close()
		return
	}
	wire := d.front.Wire
	if protocol == "h2" {
		wire = d.front.HTTP2
	}
	wire.Open(t, *c, nil)
}

// beginsTLS reports whether a connection that begins with this byte speaks TLS, or SSL.
func beginsTLS(first byte) bool { return first == 0x16 || first&0x80 != 0 }

// choose finds the wire that a connection with these first bytes speaks; nil if more must be seen.
func (d *door) choose(first []byte) Opener {
	switch {
	case d.client.wantsTLS && len(first) == 0:
		return nil
	case !d.asks:
		return d.front.Wire
	}
	preface := d.front.HTTP2.Preface()
	n := min(len(first), len(preface))
	switch {
	case string(first[:n]) != preface[:n]:
		return d.front.Wire
	case n == len(preface):
		return d.front.HTTP2
	}
	return nil
}

// lost ends a connection that does not say what it must.
func (d *door) lost(err error) {
	switch err {
	case io.EOF:
		d.client.Log(logs.Info, "client closed connection", d.doing())
	case loop.ErrTimeout:
		d.client.Log(logs.Info, "client timed out (110: Connection timed out)", d.doing())
	case loop.ErrStopped:
	default:
		d.client.Log(logs.Info, "recv() failed "+string(logs.AppendErrno(nil, err)), d.doing())
	}
	d.client.Conn.Close()
}

// Predates reports whether the connection came before that time (Session).
func (d *door) Predates(t loop.Time) bool { return d.client.Started < t }

// Drain has nothing to tell a client that has not asked yet (Session).
func (d *door) Drain() {}
