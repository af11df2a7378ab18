package http

import (
	"errors"

	"weir/loop"
)

// ErrGone says that the client takes nothing more, which the wire has told of already.
var ErrGone = errors.New("client is gone")

// A Wire carries exchanges with one client: it reads request bodies and writes responses. The handlers do not know which wire a
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
	// closed its side. It is the connection's on a wire that carries one exchange at a time, else the stream's own.
	Source() *loop.Source
	// Gone says that the client has closed its side (for proxy_ignore_client_abort off).
	Gone() bool
	// Fail gives the client up: what is queued is dropped, and nothing more is written. Who waited for the client calls it
	// when the client took too long or went away.
	Fail(err error)

	// Tunnel turns the exchange into a two-way stream of bytes, after the head that says so was sent (a 101, or what stands
	// for it). What the client has sent already is returned; the rest is the caller's until the exchange ends, and with it
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
