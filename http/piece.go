package http

import "weir/loop"

// A Piece is one stretch of a body: bytes in memory, or a range of a file.
//
// Memory is borrowed: it must stay as it is until the exchange ends or a Drain has returned. A piece
// with Own hands its buffer over instead: whoever sends the piece gives Own back to the loop.
type Piece struct {
	B   []byte // bytes in memory; nil for a file
	Own []byte // the whole loop buffer that B is part of, to be given back once sent

	FD  int   // descriptor, when Len > 0
	Off int64 // where the range begins
	Len int64 // bytes of the range
}

// Size is the number of bytes in the piece.
func (p *Piece) Size() int64 {
	if p.Len > 0 {
		return p.Len
	}
	return int64(len(p.B))
}

// Mem makes a piece of borrowed memory.
func Mem(b []byte) Piece { return Piece{B: b} }

// File makes a piece of n bytes of a file from off on. The descriptor stays its opener's.
func File(fd int, off, n int64) Piece { return Piece{FD: fd, Off: off, Len: n} }

// Flags tell a wire what to do with pieces beyond queueing them.
type Flags uint8

const (
	// Last says that the body ends with these pieces.
	Last Flags = 1 << iota
	// Flush says that the client should see them now, however few they are.
	Flush
)

// A Wire carries exchanges with one client: it reads request bodies and writes responses. The
// handlers do not know which wire a request came by.
//
// All methods are for the loop and the task of the request only.
type Wire interface {
	// SendHead queues the head of r.Out, choosing framing and connection headers.
	SendHead(r *Request) error
	// SendEarly sends an interim response (100, 103) at once.
	SendEarly(r *Request, status int, fields Fields) error
	// Send queues pieces of the body and writes what the client takes now; it does not wait.
	Send(r *Request, p []Piece, f Flags) error
	// Queued is the number of bytes accepted but not yet written.
	Queued() int64
	// Push writes what the client takes now. When bytes are left it says what to wait for: the
	// socket (at == 0), or the moment from which limit_rate allows more.
	Push(r *Request) (at loop.Time, err error)
	// Drain waits until nothing is queued.
	Drain(r *Request) error
	// ReadBody reads decoded bytes of the request body; io.EOF after the last one.
	ReadBody(r *Request, p []byte) (int, error)
	// TryReadBody is ReadBody without waiting: loop.ErrAgain when nothing is there.
	TryReadBody(r *Request, p []byte) (int, error)
	// NoContinue keeps the wire from asking for a body that will not be read.
	NoContinue()
	// Socket is the client's connection, for waiting on it together with another one.
	Socket() *loop.Conn
	// Hijack ends HTTP on the connection, after a 101 was sent: the bytes already read are
	// returned, the rest is the caller's until the exchange ends; then the connection closes.
	Hijack(r *Request) []byte
	// Gone says that the client has closed its side (for proxy_ignore_client_abort off).
	Gone() bool
}
