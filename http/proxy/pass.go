package proxy

import (
	"weir/http"
	"weir/loop"
)

// pass carries a response's body from the peer to the client with buffering off: each part goes on as
// it comes, and the peer waits for the client.
func (x *exchange) pass() http.Verdict {
	r := x.r
	raw := x.buf[x.at:x.end]
	x.at = x.end
	x.cur().length = int64(len(raw))
	r.Doing = "reading upstream"
	if len(raw) > 0 {
		r.Doing = "sending to client"
	}
	if x.part(raw, nil) != nil {
		return x.abandon()
	}
	if x.bodyEnd {
		return x.last()
	}
	for {
		if r.Send(x.pieces, http.Flush) != nil {
			return http.Done
		}
		if err := x.sendOn(); err != nil {
			return x.lostClient(err)
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

// readPart reads what the peer has sent into x.pieces: 0 bytes if that is nothing.
func (x *exchange) readPart() (int, error) {
	x.pieces = x.pieces[:0]
	if !x.readable() {
		return 0, nil
	}
	buf := x.take(chunkSize)
	n, err := x.tryRead(buf)
	if err != nil {
		x.give(buf)
		if err == loop.ErrAgain {
			err = nil
		}
		return 0, err
	}
	return n, x.part(buf[:n], buf)
}

// part makes x.pieces of a part of the body: one piece, which owns the buffer that it lies in, or none.
func (x *exchange) part(raw, own []byte) error {
	data, err := x.unframe(raw)
	x.pieces = x.pieces[:0]
	if err != nil || len(data) == 0 {
		x.give(own)
		return err
	}
	x.pieces = append(x.pieces, http.Piece{B: data, Own: own})
	return nil
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
			r.Doing = "sending to client"
		case err == loop.ErrTimeout && at != 0:
		case err == loop.ErrTimeout:
			return x.slowClient()
		default:
			return x.lostClient(err)
		}
	}
	return http.Next
}
