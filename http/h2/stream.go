package h2

import (
	"fmt"
	"slices"
	"sort"

	"golang.org/x/net/http2/hpack"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A pool keeps what is idle of one loop, for reuse.
type pool struct {
	streams []*stream
	works   []*work
	tables  []*hpack.Decoder // of connections that have folded theirs
	heads   heads
	_       [64]byte // loops do not share a line
}

const (
	maxIdleStreams = 512
	maxIdleWorks   = 256
)

// A stream is one request of a connection: it is the http.Wire of its request, and has a task of its own from when its head is
// complete to its end.
type stream struct {
	conn   *conn
	pool   *pool
	client http.Client // with its own number of requests
	id     uint32
	task   *loop.Task
	req    http.Request
	src    loop.Source
	run    func(*loop.Task) // s.serve, bound once
	began  loop.Time

	// The head: names and values one after the other in text.
	text      []byte
	spans     []span
	headBytes int  // as it came, compressed
	tooMany   bool // there were more fields than are kept
	lateHead  bool // it did not come in time

	inbox
	outbox
	rank rank

	connect bool  // an extended CONNECT: the client asks for a tunnel
	tunnel  bool  // and has it
	lost    error // nobody takes the response any more
	resets  bool  // RST_STREAM was sent
	late    bool  // a time is over: that is why it ends

	malformed bool // the request breaks the rules of HTTP/2
	beside    bool // it is counted as one beside others
}

// A span is a field in the text of a head.
type span struct {
	at          int32
	name, value int32 // lengths
}

// Why a stream is of no more use.
var (
	errReset = fmt.Errorf("stream was reset: %w", http.ErrGone)
	errGone  = fmt.Errorf("connection is closed: %w", http.ErrGone)
)

// newStream begins a stream.
func (c *conn) newStream(id uint32) *stream {
	l := c.client.Conn.Loop()
	p := &c.shared.pools[l.ID()]
	var s *stream
	if n := len(p.streams); n > 0 {
		s = p.streams[n-1]
		p.streams = p.streams[:n-1]
	} else {
		s = &stream{pool: p}
		s.run = s.serve
	}
	c.first = false
	c.client.Requests++
	s.conn, s.client, s.id, s.began = c, c.client, id, l.Now()
	s.src = l.NewSource()
	s.headBytes, s.tooMany, s.lateHead = 0, false, false
	s.connect, s.tunnel, s.lost, s.resets, s.late, s.malformed = false, false, nil, false, false, false
	s.inbox.open(c.preread)
	s.outbox.open(l, c.initWindow)
	s.rank = plainRank
	if u := c.takeUpdate(id); u != nil {
		s.rank.priority = *u
		s.rank.told = true
	}
	s.src.Set(loop.Out)
	c.prioLimit += c.streams
	w := c.work
	w.streams = append(w.streams, s) // numbers only grow
	if s.beside = len(w.streams) > 1; s.beside {
		c.counters().Beside(l, 1)
	}
	return s
}

// addField takes a field of the head.
func (s *stream) addField(name, value string) {
	const cookies = 1024 // which come in pieces, and are not counted
	if len(s.spans) >= s.client.Server().Core.MaxHeaders+cookies {
		s.tooMany = true
		return
	}
	n := len(name) + len(value)
	if len(s.text)+n > cap(s.text) {
		l := s.src.Loop()
		bigger := l.Take(max(1024, 2*cap(s.text), len(s.text)+n))[:len(s.text)]
		copy(bigger, s.text)
		l.Give(s.text)
		s.text = bigger
	}
	s.spans = append(s.spans, span{int32(len(s.text)), int32(len(name)), int32(len(value))})
	s.text = append(append(s.text, name...), value...)
}

// start gives the stream its task.
func (s *stream) start() { s.src.Loop().Go(s.run) }

// serve answers the request.
func (s *stream) serve(t *loop.Task) {
	s.task = t
	c, id := s.conn, t.Loop().ID()
	c.shared.Pending(id, 1)
	whole := false
	defer func() {
		if !whole { // a handler has panicked
			s.breakOff()
		}
		c.shared.Pending(id, -1)
	}()
	switch status := s.admit(); status {
	case 0:
		s.req.Serve()
	case statusAbandoned:
	default:
		s.req.Refuse(status)
	}
	s.finish()
	whole = true
	s.pool.give(s)
}

// finish waits for the last byte of the response, writes the log, and ends the stream.
func (s *stream) finish() {
	r := &s.req
	if s.lost == nil && r.Out.Sent {
		s.last = s.last || s.tunnel // whichever side has ended it
		_ = s.Drain(r)
	}
	r.Out.TotalBytes = s.sent
	r.End()
	s.close()
}

// breakOff ends a stream whose handler has panicked. It is not used again.
func (s *stream) breakOff() {
	defer s.close()
	if r := &s.req; r.Task != nil && r.Server != nil {
		if !r.Out.Sent {
			r.Abandon(500)
		}
		r.Out.TotalBytes = s.sent
		r.End()
	}
}

// close takes the stream from its connection. One that has not ended on both sides is reset.
func (s *stream) close() {
	c := s.conn
	if !c.dead && !s.resets {
		switch {
		case s.malformed || s.late && !s.outClosed:
			c.sendReset(s.id, codeProtocol)
		case !s.outClosed:
			c.sendReset(s.id, codeInternal)
		case !s.inClosed:
			c.sendReset(s.id, codeNone)
		default:
			c.earn(earnAnswer)
		}
	}
	s.release()
	c.remove(s)
}

// discard drops a stream that has not been started.
func (s *stream) discard() {
	s.release()
	s.conn.remove(s)
	s.pool.give(s)
}

// release gives back what the stream holds.
func (s *stream) release() {
	l := s.src.Loop()
	l.Give(s.text)
	s.text, s.spans = nil, s.spans[:0]
	s.waiting.Release(l)
	s.queue.Drop()
	s.unready()
}

func (p *pool) give(s *stream) {
	s.conn, s.task, s.client = nil, nil, http.Client{}
	s.req.Forget()
	s.rank = rank{}
	if len(p.streams) < maxIdleStreams {
		p.streams = append(p.streams, s)
	}
}

// find returns the stream with a number, nil if it is not there any more, or not yet.
func (c *conn) find(id uint32) *stream {
	all := c.work.streams
	i := sort.Search(len(all), func(i int) bool { return all[i].id >= id })
	if i < len(all) && all[i].id == id {
		return all[i]
	}
	return nil
}

// idle reports whether a stream was never opened, not even when no more were taken.
func (c *conn) idle(id uint32) bool { return id > max(c.lastID, c.lateID) }

// counters are what requests and connections are counted by.
func (c *conn) counters() *http.Counters { return c.client.Socket.Port().App.Counters }

// notBeside takes the stream out of those that are counted as beside others.
func (s *stream) notBeside() {
	s.beside = false
	s.conn.counters().Beside(s.src.Loop(), -1)
}

// remove forgets a stream that has ended. With the last one the time begins that the connection may be idle.
func (c *conn) remove(s *stream) {
	c.leaveTree(s)
	if c.in.stream == s { // the rest of the frame counts for nothing: s will be somebody else's
		c.in.stream = nil
	}
	if c.in.block.stream == s {
		c.in.block.stream, c.in.block.trailers = nil, false
	}
	if s.beside {
		s.notBeside()
	}
	if c.dead || c.work == nil {
		return
	}
	w := c.work
	if i := slices.Index(w.streams, s); i >= 0 {
		w.streams = slices.Delete(w.streams, i, i+1)
	}
	if len(w.streams) > 0 && w.streams[0].beside && !slices.ContainsFunc(w.streams, func(o *stream) bool { return !o.beside }) {
		w.streams[0].notBeside() // it was the one beside which they were
	}
	if len(w.streams) == 0 {
		c.until = c.client.Conn.Loop().Now().Add(c.core().KeepaliveTimeout)
	}
	c.nudge()
}

// sendReset resets a stream. What of it is on its way is read over.
func (c *conn) sendReset(id uint32, why code) {
	w := c.work
	w.out = appendReset(w.reserve(frameHead+4), id, why)
	c.count(4)
	copy(c.refused[1:], c.refused[:])
	c.refused[0] = id
}

func (c *conn) wasRefused(id uint32) bool { return slices.Contains(c.refused[:], id) }

// terminate resets a stream because of what the client has done.
func (s *stream) terminate(why code) {
	if s.lost != nil || s.resets {
		return
	}
	s.resets = true
	s.conn.sendReset(s.id, why)
	s.lose(errReset)
}

// wasReset says that the client has reset the stream: it must not send anything of it any more.
func (s *stream) wasReset() bool { return s.lost == errReset && !s.resets }

// lose gives the client of the stream up. Its task hears of it when it waits or sends.
func (s *stream) lose(err error) {
	if s.lost == nil {
		s.lost = err
	}
	s.queue.Drop()
	s.unready()
	s.src.Set(loop.In | loop.Out | loop.Hup)
}

// logf logs something about the stream's request.
func (s *stream) logf(level logs.Level, format string, a ...any) {
	if r := &s.req; s.task != nil && r.Server != nil {
		r.Logf(level, format, a...)
		return
	}
	s.conn.logf(format, a...)
}
