package proxy

import (
	"io"
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
	up     flow // from the client to the peer
	down   flow
}

// A flow is one direction of a tunnel.
type flow struct {
	from, to loop.End
	buf      []byte // a loop buffer, while there is something in it
	data     []byte // part of buf that is to be written
	ended    bool   // from has nothing more to say
	broke    bool   // from has failed
	borrowed bool   // data is not part of buf
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
	t.up = flow{from: t.client, to: t.peer, data: left, borrowed: true}
	t.down = flow{from: t.peer, to: t.client, data: x.buf[x.at:x.end], borrowed: true}
	if r.Loc.Core.TCPNoDelay {
		noDelay(x.link.Conn)
	}
	x.at = x.end
	v := t.run()
	t.up.data, t.down.data = nil, nil
	t.up.release(r.Loop())
	t.down.release(r.Loop())
	r.Out.Ended = true
	return v
}

// noDelay has small writes sent at once; a unix socket does not know of it.
func noDelay(c *loop.Conn) { _ = c.SetOption(syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) }

func (t *tunnel) run() http.Verdict {
	for {
		n, err := t.down.move(t.x.r.Loop())
		t.x.cur().received += n.read
		t.x.cur().length += n.read
		t.count(n.wrote)
		if err != nil {
			return t.failed(err, &t.down)
		}
		n, err = t.up.move(t.x.r.Loop())
		t.x.cur().sent += n.wrote
		if err != nil {
			return t.failed(err, &t.up)
		}
		if t.x.r.Debugs() {
			t.x.r.Debugf("http upstream process upgraded, to the peer: %d, to the client: %d", t.x.cur().sent, t.x.cur().length)
		}
		if t.over() {
			return http.Done
		}
		if v := t.wait(); v != http.Next {
			return v
		}
	}
}

// failed ends a tunnel of which one side has broken. What the client does is information, what the peer does an error.
func (t *tunnel) failed(err error, f *flow) http.Verdict {
	call, side := "send() failed", f.to
	if f.broke {
		call, side = "recv() failed", f.from
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

// over says that one side has closed and all it sent was passed on, or both have closed.
func (t *tunnel) over() bool {
	return t.up.ended && len(t.up.data) == 0 || t.down.ended && len(t.down.data) == 0 || t.up.ended && t.down.ended
}

// wait waits for either side.
func (t *tunnel) wait() http.Verdict {
	x := t.x
	opt := x.conf
	w := loop.Wait{A: t.peer.AsSource(), B: t.client.AsSource()}
	var end loop.Time
	if len(t.down.data) > 0 {
		w.BWant |= loop.Out
		end = x.r.Task.After(x.r.Loc.Core.SendTimeout)
	} else if !t.down.ended {
		w.AWant |= loop.In
		end = x.r.Task.After(opt.ReadTimeout)
	}
	var sendEnd loop.Time
	if len(t.up.data) > 0 {
		w.AWant |= loop.Out
		sendEnd = x.r.Task.After(opt.SendTimeout)
	} else if !t.up.ended {
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
	if len(t.down.data) > 0 && sendEnd == 0 {
		x.r.Log(logs.Info, "client timed out (110: Connection timed out)")
		return http.Done
	}
	x.r.Log(logs.Info, "upstream timed out (110: Connection timed out)")
	return http.Done
}

// moved is what one call of move did.
type moved struct{ read, wrote int64 }

// move passes on what there is, as far as the other side takes it.
func (f *flow) move(l *loop.Loop) (n moved, err error) {
	for {
		if len(f.data) > 0 {
			k, err := f.to.TryWrite(f.data)
			n.wrote += int64(k)
			f.data = f.data[k:]
			if err == loop.ErrAgain {
				return n, nil
			}
			if err != nil {
				return n, err
			}
			continue
		}
		if f.ended || !f.from.AsSource().Readable() {
			f.release(l)
			return n, nil
		}
		if f.buf == nil {
			f.buf = l.Take(chunkSize)
		}
		f.borrowed = false
		k, err := f.from.TryRead(f.buf)
		n.read += int64(k)
		f.data = f.buf[:k]
		switch {
		case err == loop.ErrAgain:
			f.release(l)
			return n, nil
		case err == io.EOF:
			f.ended = true
		case err != nil:
			f.broke = true
			f.release(l)
			return n, err
		}
		if f.ended {
			f.release(l)
			return n, nil
		}
	}
}

// release gives the buffer back, so that a quiet tunnel holds none.
func (f *flow) release(l *loop.Loop) {
	if f.buf != nil && len(f.data) == 0 {
		l.Give(f.buf)
		f.buf = nil
	}
}
