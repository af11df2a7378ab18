package certs

import (
	"errors"
	"net"
	"time"

	"weir/loop"
)

// socket is what crypto/tls takes for its connection.
type socket Conn

// again says that the socket is empty.
type again struct{}

func (again) Error() string   { return "nothing to read" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// Read reads what is there; during the handshake it waits.
func (s *socket) Read(p []byte) (int, error) {
	h := s.begin
	if h == nil {
		if len(s.rest) > 0 {
			n := copy(p, s.rest)
			if s.rest = s.rest[n:]; len(s.rest) == 0 {
				s.rest = nil
			}
			return n, nil
		}
		n, err := s.raw.TryRead(p)
		if err == loop.ErrAgain {
			return 0, again{}
		}
		return n, err
	}
	n, err := 0, error(nil)
	if h.secrets != nil {
		n, err = h.readRecord(p)
		h.secrets.received(p[:n])
	} else {
		n, err = h.read(p)
	}
	if err != nil {
		h.lost = err
	}
	return n, err
}

// readAhead is what is read at once during a handshake.
const readAhead = 4096

// readRecord reads no further than to the end of a record.
func (h *handshake) readRecord(p []byte) (int, error) {
	if len(h.first) == 0 {
		if h.ahead == nil {
			h.ahead = h.conn.Loop().Take(readAhead)
		}
		n, err := h.read(h.ahead)
		if err != nil {
			return 0, err
		}
		h.first = h.ahead[:n]
	}
	if h.left == 0 {
		n := copy(h.head[h.headN:], h.first[:min(len(h.first), len(p))])
		copy(p, h.first[:n])
		h.first = h.first[n:]
		if h.headN += n; h.headN == headerLen {
			h.left, h.headN = int(h.head[3])<<8|int(h.head[4]), 0
		}
		return n, nil
	}
	n := copy(p[:min(len(p), h.left)], h.first)
	h.first, h.left = h.first[n:], h.left-n
	return n, nil
}

// read waits for bytes, with an eye on who is watched.
func (h *handshake) read(p []byte) (int, error) {
	if h.watched == nil {
		return h.conn.Read(h.task, p, h.until)
	}
	for {
		n, err := h.conn.TryRead(p)
		if err != loop.ErrAgain {
			return n, err
		}
		w := loop.Wait{A: h.conn.AsSource(), AWant: loop.In, B: h.watched, BWant: loop.Hup, Deadline: h.until}
		if err := h.task.Poll(&w); err != nil {
			return 0, err
		}
		if w.AGot == 0 {
			return 0, loop.ErrWatched
		}
	}
}

// maxUnsent is how much may be kept of what a peer does not take: it may ask for answers without end (updates of keys).
const maxUnsent = 256 << 10

var (
	errClogged = errors.New("certs: the peer asks without reading")
	errEnded   = errors.New("certs: the connection was closed for writing")
)

// Write has p sent; during the handshake it waits.
func (s *socket) Write(p []byte) (int, error) {
	h := s.begin
	if h == nil {
		if s.raw.Conn().Unsent() > maxUnsent {
			return 0, errClogged
		}
		return s.raw.Write(p)
	}
	if h.mute {
		return len(p), nil
	}
	left := h.until.Sub(h.task.Now())
	n, err := 0, error(loop.ErrTimeout)
	if left > 0 {
		n, err = h.conn.Write(h.task, p, left)
	}
	if err != nil && h.lost == nil {
		h.lost = err
	}
	if h.secrets != nil {
		h.secrets.sent(h.conn.Loop(), p)
	}
	return n, err
}

// The rest of a net.Conn. Who closes the connection is the user of the loop.Conn.

func (s *socket) Close() error                     { return nil }
func (s *socket) LocalAddr() net.Addr              { return nowhere{} }
func (s *socket) RemoteAddr() net.Addr             { return nowhere{} }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

type nowhere struct{}

func (nowhere) Network() string { return "" }
func (nowhere) String() string  { return "peer" } // by an empty one crypto/tls would resume no sessions
