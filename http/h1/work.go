package h1

import (
	"time"

	"weir/http"
	"weir/loop"
)

// A Shared is what all connections of a process have in common.
type Shared struct {
	pools   []pool                // by loop
	Quit    func() bool           // the server shuts down: connections are not kept any more
	Pending func(loop, delta int) // counts requests, for a graceful stop
}

// pool keeps the works of one loop that are not used.
type pool struct {
	free loop.Spares[*work]
	date dateCache
	last [64]dateCache // Last-Modified fields, by their second
	_    [64]byte      // loops do not share a line
}

const (
	// maxIdle is how many of them a loop keeps for reuse.
	maxIdle = 256
	// workSize is what one takes, with its request and what that keeps, as a rule.
	workSize = 8 << 10
)

// NewShared makes what connections on these many loops share.
func NewShared(loops int) *Shared {
	s := &Shared{pools: make([]pool, loops), Quit: func() bool { return false }, Pending: func(int, int) {}}
	for i := range s.pools {
		s.pools[i].free.Most, s.pools[i].free.Size = maxIdle, workSize
	}
	return s
}

// A work is what a connection has that is not idle: buffers, parser, the request, its body, its response. It is the
// http.Wire of its request. Idle connections have none.
type work struct {
	conn *conn
	c    *loop.Conn
	t    *loop.Task
	pool *pool
	req  http.Request
	out  outbox

	// buf[r:w] are bytes read but not yet used; a head stays at buf[:headEnd] while its request lives.
	buf     []byte
	r, w    int
	headEnd int
	old     [][]byte // buffers before buf: lines of the head lie in them

	parser RequestParser
	body   bodyReader

	head    []byte // the serialised response head
	scratch [128]byte
	used    int // bytes of scratch in use by queued pieces

	preloaded bool  // what is in buf was read before the wire was chosen
	large     int   // large_client_header_buffers in use by the head
	unframed  bool  // the head was refused: nobody knows where its request ends
	turns     int   // reads and requests since the others had their turn
	chunked   bool  // the response is chunked
	tunnel    bool  // it is a tunnel now
	err       error // the client's connection failed

	// What the location of the last request said about the connection after it.
	linger   bool
	reset    bool
	delay    bool // tcp_nodelay
	idle     time.Duration
	idleMin  time.Duration
	timeouts lingerTimes
}

func (p *pool) take() *work {
	if x, ok := p.free.Take(); ok {
		return x
	}
	return &work{pool: p}
}

func (p *pool) give(x *work) {
	l := x.c.Loop()
	x.conn, x.c, x.t = nil, nil, nil
	x.req.Forget()
	p.free.Give(l, x)
}

// preload takes what others have read of the connection before it came to this wire.
func (x *work) preload(first []byte) {
	size := max(len(first), int(x.conn.client.Server().Core.HeaderBuffer))
	x.buf = x.c.Loop().Take(size)
	x.w = copy(x.buf, first)
	x.preloaded = true
}

// release gives the read buffer back; nothing unread may be in it.
func (x *work) release() {
	if x.buf != nil {
		x.c.Loop().Give(x.buf)
		x.buf = nil
	}
	x.r, x.w = 0, 0
	x.dropOld()
	x.out.Drop()
}

func (x *work) dropOld() {
	for i, b := range x.old {
		x.c.Loop().Give(b)
		x.old[i] = nil
	}
	x.old = x.old[:0]
}

// growBuffer makes room behind x.w while a body is read. The head stays where it is.
func (x *work) growBuffer() {
	bigger := x.c.Loop().Take(16 << 10)
	n := copy(bigger, x.buf[x.r:x.w])
	x.old = append(x.old, x.buf)
	x.buf, x.r, x.w, x.headEnd = bigger, 0, n, 0
}
