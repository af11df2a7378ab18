package proxy

import (
	"weir/http"
	"weir/loop"
)

// pass carries a response's body from the peer to the client with buffering off: each part goes on as
// it comes, and the peer waits for the client.
func (x *exchange) pass() http.Verdict {
	r := x.r
	x.pieces = x.pieces[:0]
	raw := x.buf[x.at:x.end]
	x.at = x.end
	x.cur().length = int64(len(raw))
	if x.take(raw, nil) != nil {
		return x.abandon()
	}
	if x.bodyEnd {
		return x.last()
	}
	for {
		if len(x.pieces) > 0 {
			r.Doing = "sending to client"
		}
		if r.Send(x.pieces, http.Flush) != nil {
			return http.Done
		}
		if v := x.waitClient(); v != http.Next {
			return v
		}
		n, err := x.readPart()
		if err != nil {
			return x.broken("recv()", err)
		}
		if x.bodyEnd {
			return x.last()
		}
		if n == 0 {
			if v := x.waitPeer(); v != http.Next {
				return v
			}
		}
	}
}

// readPart reads what the peer has sent: 0 bytes if that is nothing.
func (x *exchange) readPart() (int, error) {
	x.pieces = x.pieces[:0]
	c := x.link.Conn
	if !c.Readable() {
		return 0, nil
	}
	buf := x.r.Loop().Take(chunkSize)
	n, err := c.TryRead(buf)
	if err != nil {
		x.r.Loop().Give(buf)
		if err == loop.ErrAgain {
			err = nil
		}
		return 0, err
	}
	x.debugRecv(n, len(buf))
	x.cur().received += int64(n)
	x.cur().length += int64(n)
	return n, x.take(buf[:n], buf)
}

// waitPeer waits until the peer sends something.
func (x *exchange) waitPeer() http.Verdict {
	x.r.Doing = "reading upstream"
	switch err := x.wait(loop.In, 0, x.r.Task.After(x.conf.ReadTimeout)); err {
	case nil:
		return http.Next
	case loop.ErrTimeout:
		x.pieces = x.pieces[:0]
		return x.slowPeer()
	default:
		return x.lostClient(err)
	}
}

// waitClient waits until the client has taken everything.
func (x *exchange) waitClient() http.Verdict {
	r := x.r
	for r.Wire.Queued() > 0 {
		queued := r.Wire.Queued()
		at, err := r.Wire.Push(r)
		if err != nil {
			return http.Done
		}
		left := r.Wire.Queued()
		if left == 0 {
			break
		}
		if left < queued {
			continue
		}
		client, end := loop.Out, r.Task.After(r.Loc.Core.SendTimeout)
		if at != 0 {
			client, end = 0, at
		}
		switch err := x.wait(0, client, end); {
		case err == nil:
		case err == loop.ErrTimeout && at != 0:
		case err == loop.ErrTimeout:
			return x.slowClient()
		default:
			return x.lostClient(err)
		}
	}
	return http.Next
}
