package proxy

import (
	"syscall"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A tunnel carries bytes both ways after a 101, until either side closes.
type tunnel struct {
	x      *exchange
	client loop.End
	peer   loop.End
	up     loop.Flow // from the client to the peer
	down   loop.Flow
}

// tunnel passes everything on, both ways.
func (x *exchange) tunnel() http.Verdict {
	r := x.r
	r.Doing = "proxying upgraded connection"
	if r.Debugs() {
		r.Debugf("http upstream upgrade")
	}
	if r.Send(nil, http.Flush) != nil || r.Drain() != nil {
		return http.Done
	}
	client, left := r.Wire.Tunnel(r)
	t := tunnel{x: x, client: client, peer: x.conn}
	t.up = loop.Flow{From: t.client, To: t.peer, Data: left}
	t.down = loop.Flow{From: t.peer, To: t.client, Data: x.buf[x.at:x.end]}
	if r.Loc.Core.TCPNoDelay {
		noDelay(x.link.Conn)
	}
	x.at = x.end
	defer func() { // also when something panics
		t.up.Close(r.Loop())
		t.down.Close(r.Loop())
	}()
	v := t.run()
	r.Out.Ended = true
	return v
}

// noDelay has small writes sent at once; a unix socket does not know of it.
func noDelay(c *loop.Conn) { _ = c.SetOption(syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) }

func (t *tunnel) run() http.Verdict {
	for {
		read, wrote := t.down.Read, t.down.Wrote
		err := t.down.Move(t.x.r.Task)
		t.x.cur().received += t.down.Read - read
		t.x.cur().length += t.down.Read - read
		t.count(t.down.Wrote - wrote)
		if err != nil {
			return t.failed(err, &t.down)
		}
		wrote = t.up.Wrote
		err = t.up.Move(t.x.r.Task)
		t.x.cur().sent += t.up.Wrote - wrote
		if err != nil {
			return t.failed(err, &t.up)
		}
		if t.x.r.Debugs() {
			t.x.r.Debugf("http upstream process upgraded, to the peer: %d, to the client: %d", t.x.cur().sent, t.x.cur().length)
		}
		if t.up.Done() || t.down.Done() || t.up.Ended() && t.down.Ended() {
			return http.Done
		}
		if v := t.wait(); v != http.Next {
			return v
		}
	}
}

// failed ends a tunnel of which one side has broken. What the client does is information, what the peer does an error.
func (t *tunnel) failed(err error, f *loop.Flow) http.Verdict {
	call, side := "send() failed", f.To
	if f.Broke() {
		call, side = "recv() failed", f.From
	}
	level := logs.Error
	if side == t.client {
		level = logs.Info
	}
	t.x.r.LogErr(level, err, call)
	return http.Done
}

// count adds bytes that the client got to what its request was answered with.
func (t *tunnel) count(n int64) {
	t.x.r.Out.BodyBytes += n
	t.x.r.Wire.Count(n)
}

// wait waits for either side.
func (t *tunnel) wait() http.Verdict {
	x := t.x
	opt := x.conf
	w := loop.Wait{A: t.peer.AsSource(), B: t.client.AsSource()}
	var end loop.Time
	if t.down.Blocked() {
		w.BWant |= loop.Out
		end = x.r.Task.After(x.r.Loc.Core.SendTimeout)
	} else if !t.down.Ended() {
		w.AWant |= loop.In
		end = x.r.Task.After(opt.ReadTimeout)
	}
	var sendEnd loop.Time
	if t.up.Blocked() {
		w.AWant |= loop.Out
		sendEnd = x.r.Task.After(opt.SendTimeout)
	} else if !t.up.Ended() {
		w.BWant |= loop.In
	}
	w.Deadline = earliest(end, sendEnd)
	switch err := x.r.Task.Poll(&w); err {
	case nil:
		return http.Next
	case loop.ErrTimeout:
	default:
		return http.Done
	}
	if t.down.Blocked() && sendEnd == 0 {
		x.r.Log(logs.Info, "client timed out (110: Connection timed out)")
		return http.Done
	}
	x.r.Log(logs.Info, "upstream timed out (110: Connection timed out)")
	return http.Done
}
