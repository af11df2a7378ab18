package h2

import (
	"io"

	"weir/http"
	"weir/loop"
)

// A tunnel is a stream as one end of a two-way stream of bytes (RFC 8441): DATA carries them, END_STREAM is the end of a direction.
type tunnel struct{ s *stream }

var _ loop.End = tunnel{}

// tunnelAhead is how many bytes a tunnel keeps for a client that does not take them.
const tunnelAhead = 64 << 10

// Tunnel turns the request into a tunnel (http.Wire).
func (s *stream) Tunnel(*http.Request) (client loop.End, left []byte) { return tunnel{s}, nil }

// TryRead reads what the client has sent (loop.End).
func (t tunnel) TryRead(p []byte) (int, error) {
	s := t.s
	if s.lost != nil {
		return 0, s.lost
	}
	if n := s.waiting.Take(s.src.Loop(), p); n > 0 {
		s.replenish()
		return n, nil
	}
	if s.inClosed {
		return 0, io.EOF
	}
	s.replenish()
	s.src.Clear(loop.In)
	return 0, loop.ErrAgain
}

// TryWrite takes what there is room for (loop.End).
func (t tunnel) TryWrite(p []byte) (int, error) {
	s := t.s
	if s.lost != nil {
		return 0, s.lost
	}
	n := int(min(int64(len(p)), tunnelAhead-s.queue.Queued()))
	if n <= 0 {
		s.src.Clear(loop.Out)
		return 0, loop.ErrAgain
	}
	buf := s.src.Loop().Take(n)
	s.queue.Add(http.Piece{B: buf[:copy(buf, p[:n])], Own: buf})
	if _, err := s.Push(&s.req); err != nil {
		return 0, err
	}
	s.low = tunnelAhead / 2
	if s.queue.Queued() < tunnelAhead {
		s.src.Set(loop.Out)
	}
	return n, nil
}

// CloseWrite ends the stream behind what is queued (loop.End).
func (t tunnel) CloseWrite() error {
	t.s.last = true
	_, err := t.s.Push(&t.s.req)
	return err
}

// AsSource is what a task waits for (loop.End).
func (t tunnel) AsSource() *loop.Source { return &t.s.src }
