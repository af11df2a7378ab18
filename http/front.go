package http

import (
	"io"
	"sync/atomic"
	"time"

	"weir/listen"
	"weir/logs"
	"weir/loop"
)

// An Opener is a wire that takes over connections.
type Opener interface {
	// Open makes the connection the wire's own. first are bytes of the client that were read already; they are the caller's
	// again when Open returns. t is nil when the connection was just accepted and nothing is known to have come. Loop only.
	Open(t *loop.Task, client Client, first []byte)
}

// A Session owns a client's connection, from when it was accepted to its end: it is the Handler of the loop's connection.
type Session interface {
	loop.Handler
	// Predates reports whether the connection serves a request that began before that time, or came before it and has not
	// asked for anything yet. Loop only.
	Predates(loop.Time) bool
	// Drain says that the server stops: no more requests than those that are on their way are taken, and a client that can be
	// told is told. A connection that is idle is woken with loop.WokeShutdown besides. Loop only.
	Drain()
}

// A Front takes the connections of listening sockets, learns what is to be known of a client before its first request (what the
// PROXY protocol says), and gives them to the wire that they speak.
type Front struct {
	Wire    Opener                // HTTP/1
	Pending func(loop, delta int) // counts connections at work, for a graceful stop

	serial atomic.Uint64
}

// Accept returns what takes connections from a listening socket. The function runs on the loop that the connection was given to.
func (f *Front) Accept(s *Socket) func(*loop.Conn) {
	return func(c *loop.Conn) {
		client := Client{Conn: c, Socket: s, Serial: f.serial.Add(1), Started: c.Loop().Now()}
		port := s.Port()
		client.Debug = client.WatchedFrom(port)
		if l := client.Logger(); l.Enabled(logs.Debug) {
			l.Logf(logs.Debug, client.Serial, "accept: %s fd:%d", client.PeerText(), c.FD())
		}
		if !port.at(&client).proxy {
			f.Wire.Open(nil, client, nil)
			return
		}
		d := &door{front: f, client: client, until: client.Started.Add(client.Server().Core.HeaderTimeout)}
		c.Handler = d
		c.Park(d.until, true)
	}
}

// A door is a connection that has to say something before its first request.
type door struct {
	front  *Front
	client Client
	until  loop.Time // when its time for it is over
	held   bool      // parked, and yet counted: a graceful stop waits for it
}

var _ Session = (*door)(nil)

// Wake reads what has come, or ends the connection when its time is over (loop.Handler).
func (d *door) Wake(t *loop.Task, c *loop.Conn, why loop.Woke) {
	id := c.Loop().ID()
	if d.held {
		d.held = false
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
			d.held = true
			d.front.Pending(id, 1)
			c.Park(min(d.until, now.Add(time.Second)), false)
			return
		}
	case loop.WokeTimeout:
		d.client.Log(logs.Info, "client timed out (110: Connection timed out)", doingProxy)
	}
	c.Close()
}

// doingProxy is what log lines say of a connection of which the header is awaited.
const doingProxy = "reading PROXY protocol"

// enter reads the PROXY protocol header and opens the wire with what came behind it.
func (d *door) enter(t *loop.Task) {
	c := d.client.Conn
	buf := c.Loop().Take(listen.MaxProxyHeader)
	defer c.Loop().Give(buf)
	fill := 0
	for {
		n, err := c.Read(t, buf[fill:], d.until)
		if err != nil {
			d.lost(err)
			return
		}
		fill += n
		h, used, err := listen.ParseProxyHeader(buf[:fill])
		if err == nil {
			d.client.Proxy = h
			d.front.Wire.Open(t, d.client, buf[used:fill])
			return
		}
		if err != listen.ErrProxyMore || fill == len(buf) {
			d.client.Log(logs.Error, err.Error(), doingProxy)
			c.Close()
			return
		}
	}
}

// lost ends a connection whose header does not come.
func (d *door) lost(err error) {
	switch err {
	case io.EOF:
		d.client.Log(logs.Info, "client closed connection", doingProxy)
	case loop.ErrTimeout:
		d.client.Log(logs.Info, "client timed out (110: Connection timed out)", doingProxy)
	case loop.ErrStopped:
	default:
		d.client.Log(logs.Info, "recv() failed "+string(logs.AppendErrno(nil, err)), doingProxy)
	}
	d.client.Conn.Close()
}

// Predates reports whether the connection came before that time (Session).
func (d *door) Predates(t loop.Time) bool { return d.client.Started < t }

// Drain has nothing to tell a client that has not asked yet (Session).
func (d *door) Drain() {}
