package h2

import (
	"io"
	"time"

	"golang.org/x/sys/unix"

	"weir/http"
	"weir/loop"
)

// closeIdle ends a parked connection, and tells the client.
func (c *conn) closeIdle(t *loop.Task, why loop.Woke) {
	if !c.greeted && why == loop.WokeTimeout {
		c.logf("client timed out (110: Connection timed out)")
	}
	if !c.goaway && c.greeted {
		b := appendGoAway(make([]byte, 0, 17), c.lastID, codeNone)
		_, _ = c.client.Conn.TryWrite(b)
	}
	c.goaway = true
	if why == loop.WokeShed {
		c.client.Conn.Close()
		return
	}
	c.linger(t)
}

// stop ends the connection: with a fault the client is told of, or because it is gone, or with nothing left to do.
func (c *conn) stop(err error) {
	f, told := err.(fault)
	if told || err == nil || err == loop.ErrStopped {
		c.goAway(code(f))
		_ = c.write()
	} else if err == io.EOF && (len(c.work.streams) > 0 || c.in.incomplete()) {
		c.logf("client prematurely closed connection")
	}
	t := c.work.task
	timedOut := err == error(unix.ETIMEDOUT)
	c.end(errGone)
	if told || err == nil {
		c.linger(t)
		return
	}
	if timedOut && c.core().ResetTimedOut {
		c.client.Conn.CloseReset()
		return
	}
	c.client.Conn.Close()
}

// end takes the connection from its streams.
func (c *conn) end(err error) {
	w := c.work
	if w == nil {
		return
	}
	c.dead = true
	if s := c.in.block.stream; s != nil && !c.in.block.trailers {
		c.in.block.stream = nil
		s.discard()
	}
	for _, s := range w.streams {
		s.lose(err)
	}
	c.giveWork()
}

// goAway tells the client that no more streams are taken.
func (c *conn) goAway(why code) {
	if c.goaway {
		return
	}
	c.goaway, c.leaving = true, 0
	w := c.work
	w.out = appendGoAway(w.reserve(frameHead+8), c.lastID, why)
}

// farewell is what a client answers with when it has read that it is to go, and lastWait how long that may take.
const (
	farewell = "farewell"
	lastWait = time.Second
)

// leave asks the client to open no more streams. Those that are on their way meanwhile are taken: which one was the last it is told when
// it has answered to a PING, or does not do so (RFC 9113, section 6.8).
func (c *conn) leave() {
	if c.goaway || c.leaving != 0 {
		return
	}
	w := c.work
	c.leaving = w.task.Now().Add(lastWait)
	c.until = max(c.until, c.leaving)
	b := appendGoAway(w.reserve(2*frameHead+8+len(farewell)), maxWindow, codeNone)
	w.out = append(appendFrameHead(b, len(farewell), kindPing, 0, 0), farewell...)
}

// linger reads what the client has sent already, so that what it was told is not lost with a reset, and closes.
func (c *conn) linger(t *loop.Task) {
	lc, core := c.client.Conn, c.core()
	defer lc.Close()
	c.dead = true
	if core.Lingering == http.LingerOff || lc.CloseWrite() != nil {
		return
	}
	buf := lc.Loop().Take(4096)
	defer lc.Loop().Give(buf)
	end := t.After(core.LingeringTime)
	for {
		if _, err := lc.Read(t, buf, min(t.After(core.LingeringIdle), end)); err != nil || t.Now() >= end {
			return
		}
	}
}

// Drain tells the client that no more requests are taken than those that are on their way (http.Session).
func (c *conn) Drain() {
	if c.work != nil && !c.dead {
		c.leave()
		c.nudge()
	}
}

// Predates reports whether the connection serves a request that began before that time, or came before it and has not asked for
// anything yet (http.Session).
func (c *conn) Predates(t loop.Time) bool {
	if c.first {
		return c.client.Started < t
	}
	if c.work != nil {
		for _, s := range c.work.streams {
			if s.began < t {
				return true
			}
		}
	}
	return false
}
