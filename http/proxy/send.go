package proxy

import (
	"io"

	"weir/disk"
	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A sender is what of a request is still to be sent. The protocol's frames are made as there is room: a stretch
// of memory goes out together with what is around it, one of a file between what is before and behind it.
type sender struct {
	vec    [8][]byte // vec[at:n] are to be sent
	at, n  int
	around [2 * frameRoom]byte // memory of what is around frames, in vec or behind
	used   int                 // of around

	mem      []byte // of the body, not framed yet
	file     *disk.TempFile
	off, end int64          // of file, not sent yet; of load, not read yet
	load     *disk.TempFile // in place of file, where other streams share the connection: what is sent is read before
	left     int64          // of the frame of file that is being sent
	behind   []byte         // what follows that

	own      []byte    // buffer of the client's body, when it is streamed
	preread  []byte    // the beginning of own, which has all that was read, unless it was consumed
	more     bool      // the client is still sending
	over     bool      // it has sent all
	consumed bool      // some of the body was sent and is not there any more
	ended    bool      // the last frame was made
	failed   bool      // the peer takes no more, and its answer may still come
	blocked  bool      // the peer takes no more for now
	starved  bool      // the client has sent nothing more yet
	waiting  loop.Time // since when the client is waited for; 0: it is not
	held     bool      // the protocol makes no frame before the peer allows more
	verdict  http.Verdict
}

// readBody reads the client's body before a peer is asked: all of it, or what is there when it is
// streamed.
func (x *exchange) readBody() http.Verdict {
	r := x.r
	x.streaming = false
	if x.conf.RequestBuffering || !x.h.pass.sendsBody || r.Body.Chunked && !x.h.pass.sendsChunks || !r.BodyWaiting() {
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
	*s = sender{own: s.own, preread: s.preread, consumed: s.consumed, over: s.over}
	s.add(x.head)
	b := &x.r.Body
	switch {
	case x.body != nil:
		s.mem = x.body
	case !x.h.pass.sendsBody:
	case x.streaming:
		s.mem, s.more = s.preread, !s.over
	case b.File != nil && x.stream != nil:
		s.load, s.end = b.File, b.Size
		if s.own == nil {
			s.own = x.r.Loop().Take(loadSize)
		}
	case b.File != nil:
		s.file, s.end = b.File, b.Size
	default:
		s.mem = b.Mem
	}
	s.frames(x)
}

// frames makes frames of what is there of the body, as many as there is room for.
func (s *sender) frames(x *exchange) {
	s.held = false
	for !s.ended && s.left == 0 && s.n+3 <= len(s.vec) && s.used+frameRoom <= len(s.around) {
		n := s.end - s.off
		if s.file == nil {
			n = int64(len(s.mem))
		}
		more := s.more || s.load != nil && s.off < s.end
		if n == 0 && more {
			return
		}
		f := x.proto.frame(&x.call, s.around[s.used:s.used:s.used+frameRoom], n, !more)
		if f.n == 0 && len(f.before) == 0 && !f.end {
			s.held = true
			return
		}
		s.used += len(f.before) + len(f.behind)
		s.ended = f.end
		s.add(f.before)
		if s.file != nil && f.n > 0 {
			s.left, s.behind = f.n, f.behind
			return
		}
		s.add(s.mem[:f.n])
		s.mem = s.mem[f.n:]
		s.add(f.behind)
	}
}

func (s *sender) add(b []byte) {
	if len(b) > 0 {
		s.vec[s.n] = b
		s.n++
	}
}

// push sends what the peer takes. nil: everything is sent. ErrAgain: the peer (blocked, held) or the client
// (starved) must be waited for. errBody: the client's body cannot be read on.
func (s *sender) push(x *exchange) error {
	s.blocked, s.starved = false, false
	for {
		var n int
		var err error
		c := x.conn
		x.sent = true
		switch {
		case s.n-s.at == 1:
			n, err = c.TryWrite(s.vec[s.at])
			s.advance(n)
		case s.at < s.n:
			n, err = c.TryWritev(s.vec[s.at:s.n])
			s.advance(n)
		case s.left > 0:
			n, err = c.TrySendfile(s.file.FD(), s.off, int(min(s.left, 1<<30)))
			s.off += int64(n)
			s.left -= int64(n)
		default:
			if err := s.next(x); err != nil {
				return err
			}
			if s.ended && s.at == s.n && s.left == 0 {
				x.bodySent = true
				return nil
			}
			continue
		}
		x.cur().sent += int64(n)
		if err != nil {
			s.blocked = err == loop.ErrAgain
			return err
		}
	}
}

// next makes the next frames, when everything before them was sent.
func (s *sender) next(x *exchange) error {
	s.at, s.n = 0, 0
	if len(s.behind) == 0 {
		s.used = 0
	}
	s.add(s.behind)
	s.behind = nil
	if s.n == 0 && !s.ended && s.more && s.low() {
		if err := s.fill(x); err != nil && !(err == loop.ErrAgain && len(s.mem) > 0) {
			return err
		}
	}
	if s.n == 0 && !s.ended && s.load != nil && s.off < s.end && s.low() {
		if err := s.read(x); err != nil {
			return err
		}
	}
	if s.frames(x); s.held && s.n == 0 {
		return loop.ErrAgain
	}
	return nil
}

// low says that more of the body is wanted: what is there is less than half of what there is room for, be that room for one byte.
func (s *sender) low() bool { return len(s.mem) == 0 || len(s.mem) < len(s.own)/2 }

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

// fill takes more of the body from the client, when everything before it was sent, or is what the protocol could make no frame of:
// all that is there, so that it goes out by one write, with the end if that is there as well. What was sent is kept as long as there
// is room, for another peer.
func (s *sender) fill(x *exchange) (err error) {
	r := x.r
	from, fill, err := s.makeRoom(r)
	before := len(s.mem) + from
	for fill < len(s.own) && err == nil {
		var n int
		n, err = r.Wire.TryReadBody(r, s.own[fill:])
		fill += n
	}
	s.mem = s.own[from:fill]
	if !s.consumed {
		s.preread = s.own[:fill]
	}
	switch {
	case err == io.EOF:
		r.BodyDone()
		s.more, s.over = false, true
		return nil
	case fill > before: // what else there is comes again the next time
		return nil
	case err == loop.ErrAgain:
		s.starved = len(s.mem) == 0
		return err
	}
	s.verdict = r.BodyFailed(err)
	return errBody
}

// makeRoom says where in own what is to be sent begins, and where more goes. Where there is no room it tries whether there is any need
// of it, and gives up what was sent if there is.
func (s *sender) makeRoom(r *http.Request) (from, fill int, err error) {
	if s.consumed {
		return 0, copy(s.own, s.mem), nil
	}
	from, fill = len(s.preread)-len(s.mem), len(s.preread)
	if fill < len(s.own) {
		return from, fill, nil
	}
	var one [1]byte
	n, err := r.Wire.TryReadBody(r, one[:])
	if n == 0 {
		return from, fill, err
	}
	s.consumed = true
	fill = copy(s.own, s.mem)
	return 0, fill + copy(s.own[fill:], one[:]), err
}

// loadSize is how much is read of a body in a file at a time.
const loadSize = 32 << 10

// read reads more of load, behind what the protocol could make no frame of.
func (s *sender) read(x *exchange) error {
	fill := copy(s.own, s.mem)
	n, err := disk.ReadAt(x.r.Task, s.load.FD(), s.own[fill:min(int64(len(s.own)), int64(fill)+s.end-s.off)], s.off)
	if err != nil || n == 0 {
		x.r.LogErr(logs.Crit, err, "pread() \""+s.load.Path+"\" failed")
		s.verdict = http.StatusInternal
		return errBody
	}
	s.off += int64(n)
	s.mem = s.own[:fill+n]
	return nil
}

// pending says that something was begun and not sent: no other request may follow.
func (s *sender) pending() bool { return s.at < s.n || s.left > 0 || len(s.behind) > 0 }

// close gives the buffer back.
func (s *sender) close(r *http.Request) {
	if s.own != nil {
		r.Loop().Give(s.own)
		s.own = nil
	}
}

// converse sends the request and reads the head of the response, both as far as they go.
func (x *exchange) converse() (Faults, http.Verdict) {
	r := x.r
	r.Doing = "sending request to upstream"
	if r.Debugs() {
		r.Debugf("http upstream send request")
	}
	deadline := r.Task.After(x.conf.SendTimeout)
	for {
		if !x.bodySent || x.request.pending() {
			before := x.cur().sent
			err := x.request.push(x)
			if r.Debugs() {
				r.Debugf("http upstream send request: %d bytes, fd:%d, complete: %t", x.cur().sent-before, x.link.Conn.FD(), x.bodySent)
			}
			switch {
			case err == nil:
				deadline = r.Task.After(x.conf.ReadTimeout)
			case err == errBody:
				return 0, x.request.verdict
			case err != loop.ErrAgain:
				x.peerFailed("writev()", err)
				return faultError, http.Next
			case x.request.starved:
				deadline = r.Task.After(r.Loc.Core.BodyTimeout)
			case x.cur().sent != before:
				deadline = r.Task.After(x.conf.SendTimeout)
			}
		}
		if x.bodySent && x.h.pass.connects {
			_, f := x.parse()
			return f, http.Next
		}
		if x.conn.AsSource().Readable() {
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
	if x.request.blocked || x.request.held {
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
