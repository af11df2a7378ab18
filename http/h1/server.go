// Package h1 is HTTP/1.x on the wire: it reads requests from client connections and writes responses,
// and has the parts that a proxy needs to speak to upstream servers.
//
// A connection between requests is a conn, parked on its loop without a task or a buffer. Its next
// byte gives it a task and a work, which it keeps until it is idle again.
package h1

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A conn is a client's connection. It is all that an idle connection costs, besides its loop.Conn.
type conn struct {
	shared  *Shared
	client  http.Client
	until   loop.Time // idle: when the wait for the next request ends; serving: when the request began
	least   uint32    // keepalive_min_timeout: until when the connection stays open, see atLeast
	first   bool      // no byte was read yet
	serving bool      // it has a work
	nodelay bool      // TCP_NODELAY is set
	debug   bool      // lines of level debug are wanted, see debugf
}

// Open takes over a connection (http.Opener): it is parked until its first byte, unless that is there already.
func (s *Shared) Open(t *loop.Task, client http.Client, first []byte) {
	lc := client.Conn
	c := &conn{shared: s, first: true, client: client}
	lc.Handler = c
	server := c.client.Server()
	c.debug = c.client.Debug || server.Root.Debugs()
	c.until = lc.Loop().Now().Add(server.Core.HeaderTimeout)
	if len(first) > 0 {
		c.run(t, lc, first)
		return
	}
	lc.Park(c.until, true)
}

// Wake serves the connection when bytes arrive, and ends it when its time is over (loop.Handler).
func (c *conn) Wake(t *loop.Task, lc *loop.Conn, why loop.Woke) {
	if c.client.Held {
		c.client.Held = false
		defer c.shared.Pending(lc.Loop().ID(), -1)
	}
	if why != loop.WokeReady {
		if c.stays(lc, why) {
			return
		}
		if why == loop.WokeTimeout && c.first {
			c.logIdle("client timed out (110: Connection timed out)")
		}
		c.close(lc)
		return
	}
	c.run(t, lc, nil)
}

// run serves the connection until it is idle or closed. first is what was read of it by others.
func (c *conn) run(t *loop.Task, lc *loop.Conn, first []byte) {
	loop := lc.Loop().ID()
	p := &c.shared.pools[loop]
	x := p.take()
	x.conn, x.c, x.t, x.err, x.tunnel, x.turns = c, lc, t, nil, false, 0
	x.out.Reset(lc)
	if len(first) > 0 {
		x.preload(first)
	}
	c.shared.Pending(loop, 1)
	whole := false
	c.serving = true
	defer func() { // also when a handler panics
		c.serving = false
		if !whole {
			x.abort()
		}
		c.shared.Pending(loop, -1)
	}()
	x.serve()
	whole = true
	p.give(x)
}

// lastChance is how long an idle connection stays open when the server shuts down gracefully. Its client may be sending
// a request at this very moment, which a close would lose; it gets an answer with "Connection: close" instead.
const lastChance = time.Second

// stays parks a connection again that should be closed but may not be yet: keepalive_min_timeout holds, or the
// server shuts down gracefully and the client may be about to send a request.
func (c *conn) stays(lc *loop.Conn, why loop.Woke) bool {
	switch {
	case why == loop.WokeShutdown:
		return c.parkLast(lc)
	case why == loop.WokeTimeout || c.atLeast() <= lc.Loop().Now():
		return false
	}
	lc.Park(c.atLeast(), false)
	return true
}

// atLeast is until when the connection stays open although others need its room; 0: it need not.
func (c *conn) atLeast() loop.Time {
	if c.least == 0 {
		return 0
	}
	return c.client.Started.Add(time.Duration(c.least) * time.Millisecond)
}

// stayFor has the connection stay open for so long from now on. (Milliseconds from its beginning, which take half of the room, last for 49 days.)
func (c *conn) stayFor(d time.Duration, now loop.Time) {
	c.least = uint32(min(now.Add(d).Sub(c.client.Started).Milliseconds(), math.MaxUint32))
}

// parkLast parks a connection for the last time, in a graceful shutdown, which waits for it.
func (c *conn) parkLast(lc *loop.Conn) bool {
	now := lc.Loop().Now()
	until := c.until
	if !c.first {
		until = max(c.atLeast(), min(until, now.Add(lastChance)))
	}
	if until <= now {
		return false
	}
	c.client.Held = true
	c.shared.Pending(lc.Loop().ID(), 1)
	lc.Park(until, false)
	return true
}

// Drain has nothing to tell: who is idle is asked to leave with WokeShutdown, and whose request is on its way hears of it in the
// answer (http.Session).
func (c *conn) Drain() {}

// Predates reports whether the connection serves a request that began before that time, or came before it and has not asked
// for anything yet (http.Session).
func (c *conn) Predates(t loop.Time) bool {
	switch {
	case c.serving:
		return c.until < t
	case c.first:
		return c.client.Started < t
	}
	return false
}

var (
	_ http.Opener  = (*Shared)(nil)
	_ http.Session = (*conn)(nil)
)

// abort gives back what a work held whose handler has panicked. The loop closes the connection; the
// work is not used again.
func (x *work) abort() {
	defer x.release()
	if r := &x.req; r.Task != nil && r.Server != nil {
		if !r.Out.Sent {
			r.Abandon(500)
		}
		r.Out.TotalBytes = x.out.Sent
		r.End()
	}
}

// logIdle writes a line about a connection that has no request.
func (c *conn) logIdle(text string) { c.client.Log(logs.Info, text, "waiting for request") }

// logClosed writes a line about a client that closed an idle connection.
func (c *conn) logClosed() {
	if c.first {
		c.logIdle("client closed connection")
		return
	}
	l := c.client.Logger()
	if l == nil || !l.Enabled(logs.Info) {
		return
	}
	b := c.client.AppendPeer(append(make([]byte, 0, 256), "client "...))
	l.Log(logs.Info, c.client.Serial, append(b, " closed keepalive connection"...))
}

// debugf writes a line of level debug about the connection. Callers ask c.debug first.
func (c *conn) debugf(format string, a ...any) {
	c.client.Logger().Logf(logs.Debug, c.client.Serial, format, a...)
}

// close closes the connection.
func (c *conn) close(lc *loop.Conn) {
	if c.debug {
		c.debugf("close http connection: %d", lc.FD())
	}
	lc.Close()
}

// serve answers requests until the connection is idle and parked, or closed.
func (x *work) serve() {
	c := x.conn
	for {
		switch x.begin() {
		case headIdle:
			x.release()
			if !c.shared.Quit() {
				x.c.Park(c.until, true)
			} else if !c.parkLast(x.c) { // the client was told that the connection is kept
				c.close(x.c)
			}
			return
		case headGone:
			x.release()
			c.close(x.c)
			return
		case headReady:
			x.req.Serve()
		case headBad: // refused by begin
		}
		keep := x.end()
		if x.tunnel || !keep {
			x.close()
			return
		}
		if c.debug {
			c.debugf("set http keepalive handler")
		}
		now := x.c.Loop().Now()
		c.until = now.Add(x.idle)
		c.least = 0
		if x.idleMin > 0 {
			c.stayFor(min(x.idleMin, x.idle), now)
		}
		x.nodelay()
		x.compact()
		if x.rest() != nil {
			x.release()
			c.close(x.c)
			return
		}
	}
}

// rest lets others have the loop after some work without a wait: a client that sends faster than it is
// served would keep the loop for itself. ErrStopped when the loop stops.
func (x *work) rest() error {
	const turns = 32
	if x.turns++; x.turns < turns {
		return nil
	}
	x.turns = 0
	return x.t.Sleep(0)
}

// end waits for the last byte of a response, writes the log, and says whether the connection may carry
// another request.
func (x *work) end() (keep bool) {
	r := &x.req
	if r.Version == 0 && !r.Out.Sent && len(r.Line) == 0 {
		r.KeepAlive = false
	}
	if x.err == nil {
		_ = x.Drain(r)
	}
	if r.Out.Cut || x.err != nil || !r.Out.Ended {
		r.KeepAlive = false
	}
	r.Out.TotalBytes = x.out.Sent
	keep = r.KeepAlive && x.err == nil && !r.BodyLost
	if keep && !x.body.finished() {
		keep = x.skipBody()
		r.BodyLost = !keep
	}
	x.linger = x.wantLinger(keep)
	x.timeouts = lingerTimes{r.Loc.Core.LingeringTime, r.Loc.Core.LingeringIdle}
	x.reset = r.Loc.Core.ResetTimedOut && (x.err == loop.ErrTimeout || r.Out.Status == int(http.Abort))
	x.idle, x.idleMin = r.Loc.Core.KeepaliveTimeout, r.Loc.Core.KeepaliveMin
	x.delay = r.Loc.Core.TCPNoDelay
	r.End()
	return keep
}

// nodelay sets TCP_NODELAY once a connection is kept.
func (x *work) nodelay() {
	if x.delay {
		x.setNoDelay()
	}
}

// setNoDelay has small writes sent at once; a unix socket does not know of it.
func (x *work) setNoDelay() {
	if !x.conn.nodelay && !x.conn.client.Socket.Unix {
		x.conn.nodelay = true
		_ = x.c.SetOption(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
}

// wantLinger says whether the connection must be closed slowly: the client may still be sending, and
// a reset would take the response away from it (RFC 9112, section 9.6).
func (x *work) wantLinger(keep bool) bool {
	r := &x.req
	if keep || x.err != nil || x.tunnel || r.Out.Cut && !r.Out.Sent {
		return false
	}
	switch r.Loc.Core.Lingering {
	case http.LingerAlways:
		return true
	case http.LingerOn:
		return x.unframed || !x.body.finished() || x.r < x.w || x.c.Readable() && !x.c.Hup()
	}
	return false
}

// close ends the connection, slowly if it must be.
func (x *work) close() {
	x.release()
	if x.linger {
		x.lingerClose()
	}
	if x.reset {
		if x.conn.debug {
			x.conn.debugf("close http connection with a reset: %d", x.c.FD())
		}
		x.c.CloseReset()
		return
	}
	x.conn.close(x.c)
}

type lingerTimes struct{ all, idle time.Duration }

// lingerClose shuts the sending side and reads on until the client closes or takes too long.
func (x *work) lingerClose() {
	if x.conn.debug {
		x.conn.debugf("http lingering close handler")
	}
	if x.c.CloseWrite() != nil {
		return
	}
	buf := x.c.Loop().Take(4096)
	defer x.c.Loop().Give(buf)
	end := x.t.After(x.timeouts.all)
	for {
		deadline := min(x.t.After(x.timeouts.idle), end)
		if _, err := x.c.Read(x.t, buf, deadline); err != nil {
			return
		}
		if x.t.Now() >= end {
			return
		}
	}
}

// skipBody reads the rest of a request body that nobody wanted, so that the next request can be read.
func (x *work) skipBody() bool {
	buf := x.c.Loop().Take(16 << 10)
	defer x.c.Loop().Give(buf)
	defer func(n int64) { x.req.Body.Received = n }(x.req.Body.Received) // it counts for nothing
	core := x.req.Loc.Core
	end := x.t.After(core.LingeringTime)
	for !x.body.finished() {
		_, err := x.readBody(buf, min(x.t.After(core.LingeringIdle), end))
		if !x.body.finished() && (err != nil || x.t.Now() >= end) {
			return false
		}
	}
	return true
}

// compact moves what was read beyond the last request to the front of the buffer.
func (x *work) compact() {
	x.dropOld()
	if x.r == x.w {
		x.r, x.w = 0, 0
		return
	}
	copy(x.buf, x.buf[x.r:x.w])
	x.w -= x.r
	x.r = 0
}
