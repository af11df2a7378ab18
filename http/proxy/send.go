package proxy

import (
	"io"
	"strconv"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A sender is what of a request is still to be sent: up to four stretches of memory, then a file, then
// what the client is still sending.
type sender struct {
	vec   [4][]byte
	at, n int // vec[at:n] are to be sent
	file  *http.TempFile
	off   int64
	end   int64

	own     []byte // buffer of the client's body, when it is streamed
	preread []byte // part of own that was read before the peer was chosen
	chunk   [20]byte
	more    bool // the client is still sending
	blocked bool // the peer takes no more for now
	starved bool // the client has sent nothing more yet
	verdict http.Verdict
}

// readBody reads the client's body before a peer is asked: all of it, or what is there when it is
// streamed.
func (x *exchange) readBody() http.Verdict {
	r, opt := x.r, x.road.opt
	x.streaming = false
	if opt.RequestBuffering || !x.road.sendsBody || r.Body.Chunked && !x.road.sendsChunks || !r.BodyWaiting() {
		return r.ReadBody()
	}
	s := &x.request
	r.StreamBody()
	size := r.Loc.Core.BodyBuffer
	if r.Body.Length >= 0 {
		size = min(size, r.Body.Length)
	}
	s.own = r.Loop().Take(int(max(size, 1)))
	fill := 0
	for fill < len(s.own) {
		n, err := r.Wire.TryReadBody(r, s.own[fill:])
		fill += n
		if err == loop.ErrAgain {
			break
		}
		if err == io.EOF {
			// It was all there: as good as a body that was read.
			r.KeepBody(s.own[:fill])
			return http.Next
		}
		if err != nil {
			return r.BodyFailed(err)
		}
	}
	if r.Body.Length >= 0 && int64(fill) == r.Body.Length {
		r.KeepBody(s.own[:fill])
		return http.Next
	}
	s.preread = s.own[:fill]
	x.streaming = true
	return http.Next
}

// start makes the sender ready for a new connection.
func (s *sender) start(x *exchange) {
	s.vec = [4][]byte{x.head}
	s.at, s.n = 0, 1
	s.file, s.blocked, s.starved, s.more = nil, false, false, false
	b := &x.r.Body
	switch {
	case !x.road.sendsBody:
	case x.streaming:
		s.more = true
		if len(s.preread) > 0 {
			s.addStream(x, s.preread)
		}
	case b.File != nil:
		s.file, s.off, s.end = b.File, 0, b.Size
	case len(b.Mem) > 0:
		s.vec[1], s.n = b.Mem, 2
	}
}

// addStream adds a stretch of the streamed body, as a chunk if need be.
func (s *sender) addStream(x *exchange, data []byte) {
	if s.at == s.n {
		s.at, s.n = 0, 0
	}
	if x.chunked {
		head := append(strconv.AppendInt(s.chunk[:0], int64(len(data)), 16), "\r\n"...)
		s.vec[s.n], s.vec[s.n+1], s.vec[s.n+2] = head, data, crlf
		s.n += 3
		return
	}
	s.vec[s.n] = data
	s.n++
}

var (
	crlf      = []byte("\r\n")
	lastChunk = []byte("0\r\n\r\n")
)

// push sends what the peer takes. nil: everything is sent. ErrAgain: the peer (blocked) or the client
// (starved) must be waited for. errBody: the client's body cannot be read on.
func (s *sender) push(x *exchange) error {
	s.blocked, s.starved = false, false
	for {
		var n int
		var err error
		c := x.link.Conn
		x.sent = true
		switch {
		case s.n-s.at == 1:
			n, err = c.TryWrite(s.vec[s.at])
		case s.at < s.n:
			n, err = c.TryWritev(s.vec[s.at:s.n])
		case s.file != nil && s.off < s.end:
			n, err = c.TrySendfile(s.file.FD(), s.off, int(min(s.end-s.off, 1<<30)))
			s.off += int64(n)
			x.cur().sent += int64(n)
			n = 0
		case s.more:
			if err := s.fill(x); err != nil {
				return err
			}
			continue
		default:
			x.bodySent = true
			return nil
		}
		x.cur().sent += int64(n)
		s.advance(n)
		if err != nil {
			s.blocked = err == loop.ErrAgain
			return err
		}
	}
}

// advance takes n sent bytes off.
func (s *sender) advance(n int) {
	for n > 0 {
		if n < len(s.vec[s.at]) {
			s.vec[s.at] = s.vec[s.at][n:]
			return
		}
		n -= len(s.vec[s.at])
		s.vec[s.at] = nil
		s.at++
	}
}

// fill takes more of the body from the client, when everything before it was sent: all that is there, so that
// it goes out by one write, with the end if that is there as well.
func (s *sender) fill(x *exchange) (err error) {
	r := x.r
	fill := 0
	for fill < len(s.own) && err == nil {
		var n int
		n, err = r.Wire.TryReadBody(r, s.own[fill:])
		fill += n
	}
	if fill > 0 {
		s.addStream(x, s.own[:fill])
	}
	switch {
	case err == io.EOF:
		s.finish(x)
		return nil
	case fill > 0: // what else there is comes again the next time
		return nil
	case err == loop.ErrAgain:
		s.starved = true
		return err
	}
	s.verdict = r.BodyFailed(err)
	return errBody
}

// finish ends the streamed body.
func (s *sender) finish(x *exchange) {
	x.r.BodyDone()
	s.more = false
	if !x.chunked {
		return
	}
	if s.at == s.n {
		s.at, s.n = 0, 0
	}
	s.vec[s.n] = lastChunk
	s.n++
}

// close gives the buffer back.
func (s *sender) close(r *http.Request) {
	if s.own != nil {
		r.Loop().Give(s.own)
		s.own = nil
	}
}

// converse sends the request and reads the head of the response, both as far as they go.
func (x *exchange) converse() (Faults, http.Verdict) {
	r, opt := x.r, x.road.opt
	r.Doing = "sending request to upstream"
	if r.Debugs() {
		r.Debugf("http upstream send request")
	}
	deadline := r.Task.After(opt.SendTimeout)
	for {
		if !x.bodySent {
			before := x.cur().sent
			err := x.request.push(x)
			if r.Debugs() {
				r.Debugf("http upstream send request: %d bytes, fd:%d, complete: %t", x.cur().sent-before, x.link.Conn.FD(), x.bodySent)
			}
			switch {
			case err == nil:
				deadline = r.Task.After(opt.ReadTimeout)
			case err == errBody:
				return 0, x.request.verdict
			case err != loop.ErrAgain:
				x.peerFailed("writev()", err)
				return faultError, http.Next
			case x.request.starved:
				deadline = r.Task.After(r.Loc.Core.BodyTimeout)
			case x.cur().sent != before:
				deadline = r.Task.After(opt.SendTimeout)
			}
		}
		if x.link.Conn.Readable() {
			switch state, f := x.readHead(); {
			case f != 0:
				return f, http.Next
			case state == headDone:
				return 0, http.Next
			}
		}
		if f, v := x.await(deadline); f != 0 || v != http.Next {
			return f, v
		}
	}
}

// await waits until converse can go on.
func (x *exchange) await(deadline loop.Time) (Faults, http.Verdict) {
	peer, client := loop.In, loop.Ready(0)
	if !x.bodySent && x.request.blocked {
		peer |= loop.Out
	}
	if !x.bodySent && x.request.starved {
		client = loop.In
	}
	switch err := x.wait(peer, client, deadline); err {
	case nil:
		return 0, http.Next
	case errGone:
		return 0, http.StatusClientClosed
	case loop.ErrTimeout:
		if client != 0 {
			x.r.Log(logs.Info, "client timed out (110: Connection timed out)")
			return 0, http.StatusRequestTimeout
		}
		if x.bodySent {
			x.r.Doing = "reading response header from upstream"
		}
		return faultTimeout, http.Next
	}
	return 0, http.Abort
}
