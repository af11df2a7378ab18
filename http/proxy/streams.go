package proxy

import (
	"errors"

	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// connectStream begins a stream on a connection to the peer: one that others use, one that was kept, one that another exchange is just
// making, or one of its own. Those of a group that keeps no connections have one each.
func (x *exchange) connectStream(p multiplexed) (Faults, http.Verdict) {
	l, g, secure := x.r.Loop(), x.attempt.Group(), &x.tls.secure
	until := x.r.Task.After(x.conf.ConnectTimeout)
	for waited := false; ; waited = true {
		if k := g.Join(l, x.peer, x.h.tag, secure); k != nil {
			x.useStream(k)
			x.keptOne()
			return 0, http.Next
		}
		if waited || !g.AwaitDial(l, x.peer, x.h.tag, secure, &x.dialed) {
			break
		}
		if f, v := x.awaitDial(until); f != 0 || v != http.Next {
			return f, v
		}
	}
	if k := g.TakeSecure(l, x.peer, x.h.tag, secure); k != nil {
		x.useStream(k)
		x.keptOne()
		x.stream.conn.start(x.h.tag)
		return 0, http.Next
	}
	dial := g.Dial(l, x.peer, x.h.tag, secure)
	defer dial.Done() // also when something panics
	if f, v := x.dial(); f != 0 || v != http.Next {
		return f, v
	}
	x.link.Session = newHTTP2Conn(x.link, p.connection())
	x.useStream(x.link)
	x.stream.conn.start(x.h.tag)
	return 0, http.Next
}

// useStream makes a new stream on a link what the exchange has of its peer.
func (x *exchange) useStream(k *upstream.Link) {
	x.stream = k.Session.(*http2Conn).begin()
	x.link, x.conn = k, x.stream
}

// awaitDial waits until another exchange has made a connection, or has failed to.
func (x *exchange) awaitDial(until loop.Time) (Faults, http.Verdict) {
	w := loop.Wait{Signal: &x.dialed, Deadline: until}
	if !x.stays() {
		w.B, w.BWant = x.r.Wire.Source(), loop.Hup
	}
	switch err := x.r.Task.Poll(&w); {
	case err == loop.ErrTimeout:
		return faultTimeout, http.Next
	case err != nil:
		return 0, http.Abort
	case w.BGot != 0:
		_ = x.clientGone()
		return 0, http.StatusClientClosed
	}
	return 0, http.Next
}

// maxRefusals is how often a request is asked again because a peer has done nothing of it.
const maxRefusals = 2

// refusedSafely says that the peer is known to have done nothing of the request (RFC 9113, section 8.7), and that all of it is still
// there: whatever its method, it may be asked again, and nobody is to blame.
func (x *exchange) refusedSafely() bool {
	if !x.refused || x.refusals == maxRefusals || x.streaming && x.request.consumed {
		return false
	}
	x.refusals++
	return true
}

// streamFailed logs what a read from a stream has come to, if it is what the peer has done on the connection.
func (x *exchange) streamFailed(err error) bool {
	var f *http2Fault
	if !errors.As(err, &f) {
		return false
	}
	x.refused = f.refused
	x.r.Log(logs.Error, f.Error())
	return true
}
