package proxy

import (
	"slices"

	"weir/http/h2"
	"weir/loop"
	"weir/upstream"
)

// A http2Conn is a connection to a peer over HTTP/2, which carries several requests at a time, each on a stream of its own. It belongs
// to one loop, and to a task while there is a stream on it; in between it is kept as others are, and may change its loop.
//
//	socket ─→ input ─→ http2Stream ─→ http2, in the request's task
//	socket ←─ out ←────────┘
//
// The task reads frames and writes what streams have left in out. Streams are bounded by their windows, and out by what they may leave
// there, so that one that nobody reads, or that sends much, does not hold up the others.
type http2Conn struct {
	link    *upstream.Link
	task    *loop.Task       // nil: nobody uses the connection
	serve   func(*loop.Task) // c.run, bound once
	tag     uint64           // who may join
	kick    loop.Source
	shared  bool // the connection may be kept, and others join
	in      http2Input
	out     []byte // out[sent:] is to be written
	sent    int
	streams []*http2Stream // by number
	free    []*http2Stream
	turn    int // which stream is the first to have room

	next       uint32 // number of the next stream
	most       int    // streams that the peer allows at a time
	firstSend  int64  // window of a new stream, as the peer has set it
	sendWindow int64
	recvWindow int64
	answers    int // frames that were to be answered, since all answers were sent
	flood      http2Flood
	heard      loop.Time // when something came

	told    bool  // the peer has said how many streams it allows, or nothing about it
	leaving bool  // it carries no other requests than it does now
	err     error // it is of no use any more, and why
}

const (
	// streamsAtFirst is how many streams are begun before the peer has said how many it allows.
	streamsAtFirst = 100
	// maxStreams is how many there are of a peer that allows any number.
	maxStreams = 1000
	// lastStream is how far streams can be numbered.
	lastStream = 1<<31 - 1
	// streamWindow is what a peer may send on a stream before the first of it is read.
	streamWindow = 256 << 10
	// outFull is with how much in out streams have to wait.
	outFull = 64 << 10
	// outLow is with how much they go on.
	outLow = 16 << 10
)

// newHTTP2Conn makes a connection of a link that has carried nothing yet. The settings go out with the first request.
func newHTTP2Conn(k *upstream.Link, opening []byte) *http2Conn {
	c := &http2Conn{
		link: k, most: streamsAtFirst, next: 1,
		firstSend: h2.DefaultWindow, sendWindow: h2.DefaultWindow, recvWindow: h2.MaxWindow,
	}
	c.serve = c.run
	if n := k.Most(); n > 0 {
		c.most = n
	}
	c.flood.start(k.Conn.Loop().Now())
	c.append(opening)
	return c
}

// openHTTP2 is what a connection begins with: no table of fields is kept, and nothing may be pushed. The window of the connection is as
// large as it can be, since those of the streams bound what comes.
func openHTTP2() []byte {
	b := h2.AppendFrameHead([]byte(h2.Preface), 18, h2.FrameSettings, 0, 0)
	b = h2.AppendSetting(b, h2.SettingTableSize, 0)
	b = h2.AppendSetting(b, h2.SettingPush, 0)
	b = h2.AppendSetting(b, h2.SettingWindow, streamWindow)
	return h2.AppendWindow(b, 0, h2.MaxWindow-h2.DefaultWindow)
}

// start gives the connection its task, when the first stream has begun: that writes by itself, and what goes before it at the same time.
// tag says who may join.
func (c *http2Conn) start(tag uint64) {
	l := c.link.Conn.Loop()
	c.kick = l.NewSource()
	c.heard = l.Now()
	c.tag, c.shared = tag, c.link.Share(tag)
	l.Go(c.serve)
}

// Room reports whether a stream may begin (upstream.Shared).
func (c *http2Conn) Room() bool {
	return c.err == nil && !c.leaving && len(c.streams) < c.most && c.next <= lastStream && c.sendWindow > 0
}

// begin begins a stream.
func (c *http2Conn) begin() *http2Stream {
	var s *http2Stream
	if n := len(c.free); n > 0 {
		s = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		s = &http2Stream{}
	}
	l := c.link.Conn.Loop()
	s.open(c, l, c.next)
	c.next += 2
	c.streams = append(c.streams, s) // numbers only grow
	return s
}

// find returns the stream with a number; nil if it is not there.
func (c *http2Conn) find(id uint32) *http2Stream {
	i, ok := slices.BinarySearchFunc(c.streams, id, func(s *http2Stream, id uint32) int { return int(s.id) - int(id) })
	if !ok {
		return nil
	}
	return c.streams[i]
}

// remove forgets a stream. With the last one, a connection that is not kept is closed.
func (c *http2Conn) remove(s *http2Stream) {
	if c.in.stream == s { // the rest of the frame counts for nothing: s will be another request's
		c.in.stream = nil
	}
	if i := slices.Index(c.streams, s); i >= 0 {
		c.streams = slices.Delete(c.streams, i, i+1)
	}
	if len(c.free) < streamsAtFirst {
		c.free = append(c.free, s)
	}
	if c.err == nil && len(c.streams) == 0 {
		if !c.shared {
			c.fail(loop.ErrClosed)
			return
		}
		c.nudge()
	}
}

// run reads and writes until nobody uses the connection.
func (c *http2Conn) run(t *loop.Task) {
	c.task = t
	whole := false
	defer func() { // also after a panic
		c.task = nil
		if !whole {
			c.fail(loop.ErrClosed)
		}
	}()
	for first := true; c.err == nil; first = false {
		if err := c.wait(!first && len(c.out) > c.sent); err != nil {
			c.fail(err)
			break
		}
		if err := c.work(); err != nil {
			c.fail(err)
			break
		}
		if len(c.streams) > 0 || c.err != nil || c.link.Conn.Readable() {
			continue
		}
		c.rest()
		break
	}
	whole = true
}

// work reads and writes what can be.
func (c *http2Conn) work() error {
	if err := c.read(); err != nil {
		return err
	}
	return c.flush()
}

// wait waits for the peer, or for a stream that has something to send; or until something can be written.
func (c *http2Conn) wait(write bool) error {
	w := loop.Wait{A: c.link.Conn.AsSource(), AWant: loop.In, B: &c.kick, BWant: loop.In}
	if write {
		w.AWant |= loop.Out
	}
	err := c.task.Poll(&w)
	c.kick.Clear(loop.In)
	return err
}

// rest has the connection kept until somebody takes it again, or closes it.
func (c *http2Conn) rest() {
	c.link.Unshare()
	if c.leaving || len(c.out) > c.sent || c.in.incomplete() {
		c.fail(loop.ErrClosed)
		return
	}
	c.task = nil
	if !c.link.Keep(c.tag) {
		c.fail(loop.ErrClosed)
	}
}

// Heard works on what has come between two requests (upstream.Shared).
func (c *http2Conn) Heard() bool {
	return c.work() == nil && !c.leaving && len(c.out) == c.sent && !c.link.Conn.Readable()
}

// readsAtOnce is how often the socket is read before what has come of it is written.
const readsAtOnce = 4

// read takes what the peer has sent.
func (c *http2Conn) read() error {
	lc := c.link.Conn
	for range readsAtOnce {
		if c.err != nil || !lc.Readable() {
			return nil
		}
		buf := lc.Loop().Take(chunkSize)
		n, err := lc.TryRead(buf)
		if err == nil {
			c.heard = lc.Loop().Now()
			err = c.feed(buf[:n])
		}
		lc.Loop().Give(buf)
		if err == loop.ErrAgain {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// append leaves bytes in out.
func (c *http2Conn) append(p []byte) { c.out = append(c.reserve(len(p)), p...) }

// reserve returns out with room for n more bytes.
func (c *http2Conn) reserve(n int) []byte {
	if len(c.out)+n > cap(c.out) {
		l := c.link.Conn.Loop()
		bigger := l.Take(max(512, len(c.out)-c.sent+n, min(2*cap(c.out), outFull)))
		bigger = bigger[:copy(bigger, c.out[c.sent:])]
		l.Give(c.out)
		c.out, c.sent = bigger, 0
	}
	return c.out
}

// full says that streams have to wait.
func (c *http2Conn) full() bool { return len(c.out)-c.sent >= outFull }

// flush writes what the peer takes, and lets streams go on.
func (c *http2Conn) flush() error {
	lc := c.link.Conn
	for c.err == nil && c.sent < len(c.out) {
		n, err := lc.TryWrite(c.out[c.sent:])
		c.sent += n
		if err == loop.ErrAgain {
			break
		}
		if err != nil {
			return err
		}
	}
	if c.sent == len(c.out) && c.out != nil {
		lc.Loop().Give(c.out)
		c.out, c.sent, c.answers = nil, 0, 0
	}
	if len(c.out)-c.sent <= outLow {
		c.letSend(false)
	}
	return nil
}

// letSend lets streams try again to send: those that wait for room in out, and, if the window of the connection has grown, all. Each
// time another one is the first.
func (c *http2Conn) letSend(all bool) {
	n := len(c.streams)
	for i := range n {
		if s := c.streams[(c.turn+i)%n]; all || s.waits {
			s.waits = false
			s.Set(loop.Out)
		}
	}
	c.turn++
}

// nudge has the task look after the connection.
func (c *http2Conn) nudge() { c.kick.Set(loop.In) }

// fail ends the connection. All streams learn why when they have read what came before.
func (c *http2Conn) fail(err error) {
	if c.err != nil {
		return
	}
	lc := c.link.Conn
	if f, ok := err.(*http2Fault); ok && !f.quiet {
		_, _ = lc.TryWrite(h2.AppendGoAway(nil, 0, h2.CodeProtocol))
	}
	c.err = err
	c.link.Unshare()
	for _, s := range c.streams {
		s.fail(err)
	}
	lc.Loop().Give(c.out)
	c.out, c.sent = nil, 0
	lc.Close()
}

// leave has the connection carry no more requests than it does.
func (c *http2Conn) leave() {
	if !c.leaving {
		c.leaving = true
		c.link.Unshare()
	}
}

var _ upstream.Shared = (*http2Conn)(nil)
