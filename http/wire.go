package http

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
)

// ErrGone says that the client takes nothing more, which the wire has told of already.
var ErrGone = errors.New("client is gone")

// A Wire carries requests with one client: it reads request bodies and writes responses. The handlers do not know which wire a
// request came by, nor whether it has its connection to itself.
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
	// Push writes what the client takes now. When bytes are left it says what to wait for: Source becoming ready for Out
	// (at == 0), or the moment from which limit_rate allows more.
	Push(r *Request) (at loop.Time, err error)
	// Drain waits until nothing is queued.
	Drain(r *Request) error

	// ReadBody reads decoded bytes of the request body; io.EOF after the last one.
	ReadBody(r *Request, p []byte) (int, error)
	// TryReadBody is ReadBody without waiting: loop.ErrAgain when nothing is there.
	TryReadBody(r *Request, p []byte) (int, error)
	// Preread is the number of bytes that came along with the head of the request and were not read as its body yet.
	Preread() int
	// NoContinue keeps the wire from asking for a body that will not be read.
	NoContinue()

	// Source is what a task waits for: In when the client has sent something, Out when it takes something, Hup when it has
	// closed its side. It is the connection's on a wire that carries one request at a time, else the stream's own.
	Source() *loop.Source
	// Gone says that the client has closed its side (for proxy_ignore_client_abort off).
	Gone() bool
	// Fail gives the client up: what is queued is dropped, and nothing more is written. Who waited for the client calls it
	// when the client took too long or went away.
	Fail(err error)

	// Tunnel turns the request into a two-way stream of bytes, after the head that says so was sent (a 101, or what stands
	// for it). What the client has sent already is returned; the rest is the caller's until the request ends, and with it
	// the connection, or the stream of it.
	Tunnel(r *Request) (client loop.End, left []byte)
	// Count adds bytes that a tunnel has written to the client.
	Count(n int64)
}

// An Opener is a wire that takes over connections.
type Opener interface {
	// Open makes the connection the wire's own. first are bytes of the client that were read already; they are the caller's
	// again when Open returns. t is nil when the connection was just accepted and nothing is known to have come. Loop only.
	Open(t *loop.Task, client Client, first []byte)
}

// A Session owns a client's connection, from when it was accepted to its end: it is the Handler of the loop's connection.
type Session interface {
	loop.Handler
	// Predates reports whether the connection serves a request that began before that time, or came before it and has not
	// asked for anything yet. Loop only.
	Predates(loop.Time) bool
	// Drain says that the server stops: no more requests than those that are on their way are taken, and a client that can be
	// told is told. A connection that is idle is woken with loop.WokeShutdown besides. Loop only.
	Drain()
}

// A Speaker is a wire that a client asks for with its first bytes, where nothing has said before which one is spoken.
type Speaker interface {
	Opener
	// Preface is what connections of the wire begin with.
	Preface() string
	// Enabled reports whether an address with this default server speaks it. Any goroutine.
	Enabled(s *Server) bool
}

// A Piece is one stretch of a body: bytes in memory, or a range of a file.
//
// Memory is borrowed: it must stay as it is until the request ends or a Drain has returned. A piece
// with Own hands its buffer over instead: whoever sends the piece gives Own back to the loop. No other piece may be part of that buffer:
// who takes pieces may drop one, and give its buffer back, before those in front of it are sent.
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

// A Queue holds pieces of what is to be sent, in their order. Loop only.
type Queue struct {
	loop   *loop.Loop
	q      []Piece
	first  int   // index of the first piece not yet sent
	queued int64 // bytes in q
}

// Use empties the queue and says whose buffers its pieces are.
func (q *Queue) Use(l *loop.Loop) {
	q.Drop()
	q.loop = l
}

// Queued is the number of bytes not yet sent.
func (q *Queue) Queued() int64 { return q.queued }

// Add queues a piece.
func (q *Queue) Add(p Piece) {
	n := p.Size()
	if n == 0 {
		if p.Own != nil {
			q.loop.Give(p.Own)
		}
		return
	}
	q.q = append(q.q, p)
	q.queued += n
}

// Drop forgets everything queued and gives its buffers back.
func (q *Queue) Drop() {
	for i := q.first; i < len(q.q); i++ {
		if q.q[i].Own != nil {
			q.loop.Give(q.q[i].Own)
		}
	}
	clear(q.q)
	q.q, q.first, q.queued = q.q[:0], 0, 0
}

// Pieces are those not yet sent. They may be looked at until the queue changes.
func (q *Queue) Pieces() []Piece { return q.q[q.first:] }

// instead puts part, bytes of own that were read from the file piece at place i, in front of the rest of it.
func (q *Queue) instead(i int, part, own []byte) {
	i += q.first
	p := &q.q[i]
	n := int64(len(part))
	p.Off += n
	p.Len -= n
	piece := Piece{B: part, Own: own}
	switch {
	case p.Len == 0:
		*p = piece
	case i == q.first && i > 0:
		q.first--
		q.q[q.first] = piece
	default:
		q.q = slices.Insert(q.q, i, piece)
	}
}

// ErrTruncated says that a file became shorter while it was being sent.
var ErrTruncated = errors.New("a file was truncated while it was being sent")

// loadSize is how much of a file is read into memory at a time.
const loadSize = 32 << 10

// Load reads the next part of the i-th piece not yet sent, which must be of a file, into memory. It may wait for the disk; for the task of
// the request only.
func (q *Queue) Load(t *loop.Task, i int) error {
	p := &q.q[q.first+i]
	fd, off, n := p.FD, p.Off, min(p.Len, loadSize)
	buf := q.loop.Take(int(n))
	got, err := disk.ReadAt(t, fd, buf[:n], off)
	if err != nil || q.queued == 0 { // it was dropped meanwhile
		q.loop.Give(buf)
		if err == unix.EIO {
			err = ErrTruncated
		}
		return err
	}
	q.instead(i, buf[:got], buf)
	return nil
}

// Advance drops n sent bytes from the head of the queue.
func (q *Queue) Advance(n int64) {
	q.queued -= n
	for n > 0 {
		p := &q.q[q.first]
		size := p.Size()
		if n < size {
			if p.Len > 0 {
				p.Off += n
				p.Len -= n
			} else {
				p.B = p.B[n:]
			}
			return
		}
		n -= size
		if p.Own != nil {
			q.loop.Give(p.Own)
		}
		*p = Piece{}
		q.first++
	}
	if q.first == len(q.q) {
		q.q, q.first = q.q[:0], 0
	}
}
