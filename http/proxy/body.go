package proxy

import (
	"errors"
	"io"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// chunkSize is how much is read from a peer at a time, if proxy_buffers allow it: many small buffers
// would only mean many system calls.
const chunkSize = 32 << 10

// errFraming says that a body's framing is broken; it was logged.
var errFraming = errors.New("invalid framing")

// errClient says that the client cannot be written to; it was logged.
var errClient = errors.New("client failed")

// take makes pieces of what the peer has sent. own is the buffer that raw is part of, if it is to be
// given away: it goes with the last of the pieces, or back to the loop when there is none.
func (x *exchange) take(raw, own []byte) (err error) {
	n := len(x.pieces)
	for len(raw) > 0 && err == nil {
		var data []byte
		var used int
		data, used, err = x.proto.body(&x.call, raw)
		if len(data) > 0 {
			x.pieces = append(x.pieces, http.Mem(data))
		}
		raw = raw[used:]
	}
	if err != nil {
		err = errFraming
	}
	x.store.keep(x, x.pieces[n:])
	if own == nil {
		return err
	}
	if len(x.pieces) == n {
		x.r.Loop().Give(own)
		return err
	}
	x.pieces[len(x.pieces)-1].Own = own
	return err
}

// last sends the pieces as the end of the body and lets the peer go; the wire sees the rest to the
// client.
func (x *exchange) last() http.Verdict {
	x.store.finish(x)
	x.finish()
	x.r.Doing = "sending to client"
	if x.conf.PassTrailers {
		for i := range x.trailers {
			if !x.h.hidden.has(&x.trailers[i]) {
				x.r.Out.Trailers = append(x.r.Out.Trailers, x.trailers[i])
			}
		}
	}
	_ = x.r.Send(x.pieces, http.Last)
	return http.Done
}

// cut ends a body that will not be complete: the client gets what there is, and the end of the
// connection instead of the end of the body.
func (x *exchange) cut() http.Verdict {
	x.keepalive = false
	x.finish()
	x.r.Doing = "sending to client"
	x.r.KeepAlive = false
	_ = x.r.Send(x.pieces, http.Flush)
	x.r.Out.Ended = true // as far as $request_completion goes
	return http.Done
}

// abandon ends a body that makes no sense: what the client has not been sent yet, it will not get.
func (x *exchange) abandon() http.Verdict {
	x.keepalive = false
	x.finish()
	x.failWire(errFraming)
	return http.Abort
}

// broken ends a body because of an error of the peer's connection, or ends it well when that is how
// its end is marked.
func (x *exchange) broken(call string, err error) http.Verdict {
	switch {
	case err == errFraming:
		return x.abandon()
	case err == io.EOF && x.untilEOF:
		x.bodyEnd = true
		return x.last()
	default:
		x.peerFailed(call, err)
	}
	return x.cut()
}

// slowPeer ends a body because the peer has sent nothing for proxy_read_timeout.
func (x *exchange) slowPeer() http.Verdict {
	x.r.Log(logs.Error, "upstream timed out (110: Connection timed out)")
	return x.cut()
}

// slowClient ends a body because the client has taken nothing for send_timeout.
func (x *exchange) slowClient() http.Verdict {
	x.tellSlowClient()
	return x.lostClient(loop.ErrTimeout)
}

func (x *exchange) tellSlowClient() {
	x.r.Doing = "sending to client"
	x.r.Log(logs.Info, "client timed out (110: Connection timed out)")
}

// lostClient ends a body that nobody takes any more.
func (x *exchange) lostClient(err error) http.Verdict {
	x.keepalive = false
	x.finish()
	x.r.Doing = "sending to client"
	x.failWire(err)
	return http.StatusClientClosed
}

// failWire drops what the client has not taken yet.
func (x *exchange) failWire(err error) {
	x.r.Wire.Fail(err)
}
