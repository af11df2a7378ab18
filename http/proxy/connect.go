package proxy

import (
	"errors"
	"io"
	"net/netip"
	"syscall"

	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// dialFailed says what a failed attempt to connect leads to, and logs it in nginx's words.
func (x *exchange) dialFailed(err error, local netip.AddrPort) (Faults, http.Verdict) {
	r := x.r
	switch {
	case err == loop.ErrTimeout:
		return faultTimeout, http.Next
	case err == loop.ErrWatched:
		_ = x.clientGone()
		return 0, http.StatusClientClosed
	case err == loop.ErrStopped:
		return 0, http.Abort
	case err == loop.ErrFull:
		return 0, http.StatusInternal
	}
	var e syscall.Errno
	if !errors.As(err, &e) {
		r.LogErr(logs.Crit, err, "connect() to "+x.peer.Name+" failed")
		return faultError, http.Next
	}
	if local.IsValid() && bindFailed(e) {
		r.LogErr(logs.Crit, err, "bind("+local.Addr().String()+") failed")
		return 0, http.StatusInternal
	}
	if x.peer.Addr.Unix != "" || atOnce(e) {
		level := logs.Crit
		if refused(e) {
			level = logs.Error
		}
		r.LogErr(level, err, "connect() to "+x.peer.Name+" failed")
		return faultError, http.Next
	}
	r.LogErr(errnoLevel(e), err, "connect() failed")
	return faultError, http.Next
}

// bindFailed says that an error is one of bind rather than of connect.
func bindFailed(e syscall.Errno) bool {
	switch e {
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EACCES, syscall.EPERM, syscall.EAFNOSUPPORT:
		return true
	}
	return false
}

// atOnce says that connect gives an error at its call, and not later by the socket.
func atOnce(e syscall.Errno) bool {
	switch e {
	case syscall.ECONNREFUSED, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ECONNRESET:
		return false
	}
	return true
}

// refused are errors of connect that are the peer's or the network's, not the machine's own.
func refused(e syscall.Errno) bool {
	switch e {
	case syscall.ECONNREFUSED, syscall.EAGAIN, syscall.ECONNRESET, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.EHOSTDOWN, syscall.EHOSTUNREACH:
		return true
	}
	return false
}

// errnoLevel is how serious an error of a connection to a peer is.
func errnoLevel(e syscall.Errno) logs.Level {
	switch e {
	case syscall.EPIPE, syscall.ECONNRESET, syscall.ENOTCONN, syscall.ETIMEDOUT, syscall.ECONNREFUSED,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH:
		return logs.Error
	}
	return logs.Alert
}

// peerFailed logs an error of a call on the connection to the peer.
func (x *exchange) peerFailed(call string, err error) {
	if err == io.EOF {
		x.r.Log(logs.Error, "upstream prematurely closed connection")
		return
	}
	level := logs.Error
	var e syscall.Errno
	switch {
	case errors.As(err, &e):
		level = errnoLevel(e)
	case x.tls.on:
		x.tlsFailed(call, err)
		return
	}
	x.r.LogErr(level, err, call+" failed")
}

// errGone says that the client has closed its connection while the peer was asked.
var errGone = errors.New("client closed connection")

// errBody says that the client's body cannot be read on; the verdict is in x.request.verdict.
var errBody = errors.New("request body failed")

// wait waits for the peer, with an eye on the client: errGone when it closes. client is what else the
// client may do to end the wait; while its body is read, that is where its end is noticed. The errors of
// Poll are passed on.
func (x *exchange) wait(peer, client loop.Ready, deadline loop.Time) error {
	if x.answering {
		if err := x.sendOn(); err != nil {
			return err
		}
		if x.request.blocked || x.request.held {
			peer |= loop.Out
		}
		if x.request.starved {
			client |= loop.In
			deadline = earliest(deadline, since(&x.request.waiting, x.now()).Add(x.r.Loc.Core.BodyTimeout))
		}
	}
	w := loop.Wait{A: x.conn.AsSource(), AWant: peer, BWant: client, Deadline: deadline}
	watch := !x.stays() && (!x.streaming || x.bodySent)
	if watch {
		w.BWant |= loop.Hup
	}
	if w.BWant != 0 {
		w.B = x.r.Wire.Source()
	}
	if err := x.r.Task.Poll(&w); err != nil {
		return err
	}
	if watch && w.BGot&loop.Hup != 0 {
		return x.clientGone()
	}
	return nil
}

// clientGone logs that the client has closed its connection; of a stream, its wire has told.
func (x *exchange) clientGone() error {
	if x.r.Version >= http.HTTP20 || x.r.Background() {
		return errGone
	}
	x.logGone(", so upstream connection is closed too")
	return errGone
}

// logGone logs that a client of HTTP/1 has closed its connection, and what comes of it.
func (x *exchange) logGone(so string) {
	var err error
	if e, ok := x.r.Client.Conn.Err().(syscall.Errno); ok {
		err = e // a reset
	}
	x.r.LogErr(logs.Info, err, "epoll_wait() reported that client prematurely closed connection"+so)
}

// A peerConn is what an exchange has of its peer: a connection of its own, or one stream of a connection that carries
// several. Whose it is and what becomes of it is the link's affair.
type peerConn interface {
	loop.End
	// TryWritev and TrySendfile are TryWrite for several stretches, and for n bytes of a file from off on.
	TryWritev(v [][]byte) (int, error)
	TrySendfile(fd int, off int64, n int) (int, error)
}

var _ peerConn = (*loop.Conn)(nil)

// use makes a link the one that the exchange has.
func (x *exchange) use(k *upstream.Link) { x.link, x.conn = k, k.Conn }
