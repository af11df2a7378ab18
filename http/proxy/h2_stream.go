package proxy

import (
	"errors"

	"weir/http/h2"
	"weir/loop"
)

// A http2Stream is one request on a http2Conn. For who uses it, it is a connection that carries the frames of this stream alone: HEADERS,
// CONTINUATION and DATA, without padding. Its task and that of the connection are on one loop.
type http2Stream struct {
	loop.Source
	conn *http2Conn
	id   uint32

	// What has come: the first of runs has begun when left or head say so.
	runs    []http2Run
	waiting h2.Bytes
	head    [h2.FrameHead]byte // of the frame that is being read, its last headLen bytes to come
	headLen int
	left    int64 // of its payload

	sendWindow int64
	recvWindow int64
	unsent     int64 // of what was counted against the windows
	began      loop.Time
	inClosed   bool // the peer has ended the stream
	reset      bool // the peer wants no more of the request
	waits      bool // there was no room in out
	spoiled    bool
	err        error // why nothing more comes
	one        [1][]byte
	begun      bool // its head was written
}

// A http2Run is a stretch of what has come: of a body, or of a block of fields.
type http2Run struct {
	n     int
	kind  h2.FrameKind
	flags byte
}

const (
	// longestRun is what one frame of a stream holds.
	longestRun = 1 << 20
	// maxUnread is what may wait to be read, besides what the window allows: heads and trailers.
	maxUnread = 128 << 10
)

// A http2Fault is what a peer has done against the rules, or why it has given a stream up.
type http2Fault struct {
	text    string
	refused bool // the peer has done nothing of what was asked
	quiet   bool // the peer need not be told
}

func (f *http2Fault) Error() string { return "upstream " + f.text }

func (s *http2Stream) open(c *http2Conn, l *loop.Loop, id uint32) {
	*s = http2Stream{
		Source: l.NewSource(), conn: c, id: id, runs: s.runs[:0], waiting: s.waiting,
		sendWindow: c.firstSend, recvWindow: streamWindow, began: l.Now(),
	}
	s.Set(loop.Out)
}

// put takes a part of a frame that has come: flags are those of the frame if it is the last part, and all of them otherwise that stand
// at its beginning.
func (s *http2Stream) put(kind h2.FrameKind, flags byte, part []byte) {
	s.waiting.Put(s.Loop(), part)
	if last := len(s.runs) - 1; last >= 0 && len(part) > 0 && kind == h2.FrameData && s.runs[last].kind == kind && s.runs[last].flags == 0 && s.runs[last].n+len(part) <= longestRun {
		s.runs[last].n += len(part)
		s.runs[last].flags = flags
	} else {
		s.runs = append(s.runs, http2Run{len(part), kind, flags})
	}
	s.Set(loop.In)
}

// TryRead implements loop.End.
func (s *http2Stream) TryRead(p []byte) (n int, err error) {
	l := s.Loop()
	for n < len(p) {
		switch {
		case s.headLen > 0:
			k := copy(p[n:], s.head[len(s.head)-s.headLen:])
			s.headLen -= k
			n += k
		case s.left > 0:
			k := s.waiting.Take(l, p[n:min(int64(len(p)), int64(n)+s.left)])
			s.left -= int64(k)
			n += k
		case len(s.runs) > 0:
			r := s.runs[0]
			s.runs = s.runs[:copy(s.runs, s.runs[1:])]
			if s.spoiled && r.kind == h2.FrameData {
				s.skip(r.n)
				continue
			}
			h2.AppendFrameHead(s.head[:0], r.n, r.kind, r.flags, s.id)
			s.headLen, s.left = len(s.head), int64(r.n)
		default:
			if n > 0 {
				s.replenish()
				return n, nil
			}
			if s.err != nil {
				return 0, s.err
			}
			s.Clear(loop.In)
			return 0, loop.ErrAgain
		}
	}
	s.replenish()
	return n, nil
}

// replenish lets the peer send more, when that is worth a frame.
func (s *http2Stream) replenish() {
	c := s.conn
	if s.inClosed || s.err != nil || c.err != nil {
		return
	}
	if n := streamWindow - s.waiting.Len() - s.recvWindow; n >= streamWindow/2 {
		s.recvWindow += n
		c.out = h2.AppendWindow(c.reserve(h2.FrameHead+4), s.id, n)
		c.nudge()
	}
}

// spend says how much may be sent now of n bytes of a body, and counts it.
func (s *http2Stream) spend(n int64) int64 {
	c := s.conn
	if n = max(0, min(n, h2.DefaultFrame, s.sendWindow, c.sendWindow)); n == 0 {
		s.Clear(loop.Out)
		return 0
	}
	s.sendWindow -= n
	c.sendWindow -= n
	s.unsent += n
	c.flood.earn(earnSent)
	return n
}

// giveBack gives the window of the connection back what was counted against it and is not sent any more: the peer will not do so, and the
// other streams would have less and less.
func (s *http2Stream) giveBack() {
	if s.unsent > 0 {
		s.conn.sendWindow += s.unsent
		s.unsent = 0
		s.conn.letSend(true)
	}
}

// lost says that what is sent goes nowhere: who reads will learn why.
func (s *http2Stream) lost() bool { return s.err != nil || s.reset }

// TryWrite implements loop.End.
func (s *http2Stream) TryWrite(p []byte) (int, error) {
	s.one[0] = p
	return s.TryWritev(s.one[:])
}

// TryWritev takes whole frames or nothing, so that those of other streams can come behind them.
func (s *http2Stream) TryWritev(v [][]byte) (n int, err error) {
	total := 0
	for i := range v {
		total += len(v[i])
	}
	c := s.conn
	switch {
	case s.lost():
		s.giveBack()
		return total, nil
	case s.begun && c.full():
		s.waits = true
		s.Clear(loop.Out)
		return 0, loop.ErrAgain
	}
	s.unsent = 0
	s.begun = true // its head does not wait: streams must begin in the order of their numbers (RFC 9113, section 5.1.1)
	alone := len(c.streams) == 1
	if alone && len(c.out) == c.sent {
		if n, err = c.link.Conn.TryWritev(v); err != nil && err != loop.ErrAgain {
			c.fail(err)
			return total, nil
		}
	}
	if n == total {
		return total, nil
	}
	out := c.reserve(total - n)
	for _, b := range v {
		k := min(n, len(b))
		n -= k
		out = append(out, b[k:]...)
	}
	c.out = out
	s.sendSoon(alone)
	return total, nil
}

// sendSoon has out written: at once by a stream that is alone, and otherwise together with what others have to send.
func (s *http2Stream) sendSoon(alone bool) {
	c := s.conn
	if alone && c.link.Conn.Writable() {
		if err := c.flush(); err != nil {
			c.fail(err)
			return
		}
	}
	if len(c.out) > c.sent {
		c.nudge()
	}
}

// TrySendfile has no place here: what is of a file is read before, by who may wait for a disk.
func (s *http2Stream) TrySendfile(int, int64, int) (int, error) { return 0, errors.ErrUnsupported }

// CloseWrite implements loop.End: protocols end streams by a flag of the last frame.
func (s *http2Stream) CloseWrite() error { return nil }

// fail says that nothing more comes.
func (s *http2Stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.Set(loop.In | loop.Out | loop.Hup)
}

// spoil drops what was not read of the body, and the end of the response with it: the peer has second thoughts.
func (s *http2Stream) spoil() {
	s.spoiled = true
	for i := range s.runs {
		s.runs[i].flags &^= h2.FlagEndStream
	}
}

// skip drops n bytes.
func (s *http2Stream) skip(n int) {
	var b [512]byte
	for n > 0 {
		n -= s.waiting.Take(s.Loop(), b[:min(n, len(b))])
	}
}

// leave ends the use of the stream, which must not be used any more. One that has not ended on both sides is reset: sent says that the
// request has. silent says that the peer was waited for in vain.
func (s *http2Stream) leave(sent, silent bool) {
	c := s.conn
	if c.err == nil && c.shared {
		if !s.inClosed || !sent {
			if s.err == nil && !s.reset {
				c.out = h2.AppendReset(c.reserve(h2.FrameHead+4), s.id, h2.CodeCancel)
				c.nudge()
			}
		} else {
			c.flood.earn(earnResponse)
		}
		if silent && c.heard <= s.began { // for all that is known, there is nobody
			c.leave()
		}
	}
	s.waiting.Release(s.Loop())
	s.giveBack()
	c.remove(s)
}

var _ peerConn = (*http2Stream)(nil)
