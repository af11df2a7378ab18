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

// unframe takes the framing out of what the peer has sent, in place: what is left is one stretch of raw, so that a
// buffer is never shared by several pieces. errFraming says that the framing is broken; it was logged.
func (x *exchange) unframe(raw []byte) (data []byte, err error) {
	begin, end := 0, 0
	for at := 0; at < len(raw); {
		part, used, err := x.proto.body(&x.call, raw[at:])
		if err != nil {
			return nil, errFraming
		}
		at += used
		switch {
		case len(part) == 0:
		case begin == end:
			begin, end = at-len(part), at
		default:
			end += copy(raw[end:], part)
		}
	}
	return raw[begin:end], nil
}

// last sends the pieces as the end of the body and lets the peer go; the wire sees the rest to the
// client.
func (x *exchange) last() http.Verdict {
	if x.short {
		return x.cut()
	}
	x.saveAll()
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
