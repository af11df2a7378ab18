package h2

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// An inbox is what of a request's body has come and was not read yet. The client may send as much as the window of the stream
// allows, which grows again as the body is read: who reads slowly slows the client down.
type inbox struct {
	inClosed   bool // the client sends no more
	waiting    Bytes
	received   int64 // of the body
	read       int64 // by the handler
	length     int64 // as announced; -1: not told
	recvWindow int64 // what the client may still send
	target     int64 // what it should be allowed when nothing is buffered
	wrong      error // what is wrong with the body
}

// readAhead is the window of a body that is read as a whole: a client far away needs a large one to be fast.
const readAhead = 256 << 10

func (in *inbox) open(window int64) {
	*in = inbox{waiting: in.waiting, length: -1, recvWindow: window, target: window}
}

// beginData checks the head of DATA.
func (c *conn) beginData() error {
	in := &c.in
	if in.flags&flagPadded == 0 {
		return c.openData(in.rest)
	}
	if in.rest == 0 {
		return c.fault(codeSize, "client sent padded DATA frame with incorrect length: 0")
	}
	in.state = inPadded
	return nil
}

// paddedData goes on behind the length of the padding.
func (c *conn) paddedData() error {
	in := &c.in
	size := in.rest
	if uint32(in.pad) >= size {
		return c.fault(codeProtocol, "client sent padded DATA frame with incorrect length: %d, padding: %d", size, in.pad)
	}
	in.rest -= 1 + uint32(in.pad)
	return c.openData(size)
}

// openData counts a frame of this size against the windows and finds its stream.
func (c *conn) openData(size uint32) error {
	in := &c.in
	n, id := int64(size), in.id
	if id == 0 {
		return c.fault(codeProtocol, "client sent DATA frame with incorrect identifier")
	}
	if c.idle(id) {
		return c.fault(codeProtocol, "client sent DATA frame for idle stream %d", id)
	}
	if n > c.recvWindow {
		return c.fault(codeFlowControl, "client violated connection flow control: received DATA frame length %d, available window %d", n, c.recvWindow)
	}
	if c.recvWindow -= n; c.recvWindow < maxWindow/4 {
		c.sendWindow(0, maxWindow-c.recvWindow)
		c.recvWindow = maxWindow
	}
	in.state = inData
	s := c.find(id)
	if s == nil || s.lost != nil {
		in.skip()
		if s == nil && !c.wasRefused(id) && id <= c.lastID || s != nil && s.wasReset() {
			c.sendReset(id, codeClosed)
			return c.spend(resetCost)
		}
		return c.spendData(n)
	}
	if n > s.recvWindow {
		s.logf(logs.Info, "client violated flow control for stream %d: received DATA frame length %d, available window %d", id, n, s.recvWindow)
		s.terminate(codeFlowControl)
		in.skip()
		return c.spend(resetCost)
	}
	s.recvWindow -= n
	if s.inClosed {
		s.logf(logs.Info, "client sent DATA frame for half-closed stream %d", id)
		s.terminate(codeClosed)
		in.skip()
		return c.spend(resetCost)
	}
	in.stream = s
	return c.spendData(int64(in.rest))
}

// spendData takes a frame with little in it off the budget: bodies are of use, and empty frames are none.
func (c *conn) spendData(n int64) error {
	if n >= 64 || c.in.flags&flagEndStream != 0 {
		return nil
	}
	return c.spend(1)
}

func (c *conn) sendWindow(id uint32, n int64) {
	w := c.work
	w.out = appendWindow(w.reserve(frameHead+4), id, n)
	c.count(4)
}

// data takes a part of a body; ends says that it is the last of its frame.
func (c *conn) data(p []byte, ends bool) {
	s := c.in.stream
	if s == nil || s.lost != nil {
		return
	}
	c.payload += int64(len(p))
	if len(p) > 0 {
		s.received += int64(len(p))
		switch {
		case s.wrong != nil:
		case s.length >= 0 && s.received > s.length:
			s.malformed = true
			s.wrong = &http.BodyFault{Level: logs.Info, Text: "client intended to send body data larger than declared", Status: http.StatusBadRequest}
		default:
			s.waiting.Put(s.src.Loop(), p)
		}
		s.src.Set(loop.In)
	}
	if ends && c.in.flags&flagEndStream != 0 {
		s.endInput()
	}
}

// endInput says that the client has sent all of the stream.
func (s *stream) endInput() {
	s.inClosed = true
	if s.wrong == nil && s.length >= 0 && s.received < s.length {
		s.malformed = true
		s.wrong = &http.BodyFault{Level: logs.Info, Status: http.StatusBadRequest, Text: fmt.Sprintf(
			"client prematurely closed stream: only %d out of %d bytes of request body received", s.received, s.length)}
	}
	s.src.Set(loop.In)
}

// Preread is how much of the body has come before somebody asks for it (http.Wire).
func (s *stream) Preread() int { return int(s.waiting.Len()) }

// NoContinue has nothing to keep back: nobody is asked to go on (http.Wire).
func (s *stream) NoContinue() {}

// ReadBody reads bytes of the body, waiting for them (http.Wire).
func (s *stream) ReadBody(r *http.Request, p []byte) (int, error) {
	s.target = max(s.target, readAhead)
	for {
		n, err := s.TryReadBody(r, p)
		if err != loop.ErrAgain {
			return n, err
		}
		w := loop.Wait{A: &s.src, AWant: loop.In, Deadline: s.task.After(r.Loc.Core.BodyTimeout)}
		if err := s.task.Poll(&w); err != nil {
			if err == loop.ErrTimeout {
				s.late = true
				r.LogErr(logs.Info, unix.ETIMEDOUT, "client timed out")
			}
			return 0, err
		}
	}
}

// TryReadBody is ReadBody without waiting (http.Wire).
func (s *stream) TryReadBody(r *http.Request, p []byte) (int, error) {
	if s.lost != nil {
		return 0, &http.BodyFault{Level: logs.Info, Text: "client prematurely closed stream", Status: http.StatusClientClosed}
	}
	if s.wrong != nil {
		return 0, s.wrong
	}
	n := s.waiting.Take(s.src.Loop(), p)
	s.read += int64(n)
	r.Body.Received += int64(n)
	if limit := r.BodyLimit(); limit > 0 && s.length < 0 && s.read > limit {
		return 0, tooLarge(s.read)
	}
	r.Body.Decoded = s.read
	switch {
	case n > 0:
		s.replenish()
		return n, nil
	case s.inClosed:
		return 0, io.EOF
	}
	s.target = max(s.target, r.Loc.Core.BodyBuffer)
	s.replenish()
	s.src.Clear(loop.In)
	return 0, loop.ErrAgain
}

// replenish lets the client send more, when that is worth a frame.
func (s *stream) replenish() {
	if s.inClosed || s.lost != nil || s.wrong != nil {
		return
	}
	if n := s.target - s.waiting.Len() - s.recvWindow; n > 0 && (n >= s.target/2 || s.recvWindow == 0) {
		s.recvWindow += n
		s.conn.sendWindow(s.id, n)
		s.conn.nudge()
	}
}

// tooLarge says how much of a body of unknown length has come, which is too much.
type tooLarge int64

func (e tooLarge) Error() string { return fmt.Sprintf("%v: %d bytes", http.ErrBodyTooLarge, int64(e)) }

// Is makes it an http.ErrBodyTooLarge.
func (e tooLarge) Is(target error) bool { return target == http.ErrBodyTooLarge }
