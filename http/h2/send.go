package h2

import (
	"weir/http"
	"weir/http/field"
	"weir/loop"
)

// An outbox is what of a stream's response waits for the connection to have room for it.
type outbox struct {
	queue     http.Queue
	window    int64 // what the client allows of the stream; it may be below zero
	allowed   int64 // what limit_rate allows
	chunk     int64 // http2_chunk_size
	sent      int64 // bytes of the stream given to the connection
	low       int64 // when so much is left in the queue, its task may go on
	told      loop.Time
	headSent  bool
	last      bool // nothing follows what is queued
	outClosed bool // END_STREAM was sent
	cold      bool // what is at the head of the queue is on a disk: the task must fetch it
	queuing   bool // it is among those that are ready
	scratch   [128]byte
}

const unlimited = 1 << 62

func (o *outbox) open(l *loop.Loop, window int64) {
	o.queue.Use(l)
	o.window, o.allowed, o.chunk, o.sent, o.low, o.told = window, unlimited, 8<<10, 0, 0, 0
	o.headSent, o.last, o.outClosed, o.cold, o.queuing = false, false, false, false, false
}

// SendHead sends the head of r.Out (http.Wire).
func (s *stream) SendHead(r *http.Request) error {
	if s.lost != nil {
		return s.lost
	}
	o := &r.Out
	if o.Status == 204 && o.Reason == nil {
		o.ContentType, o.LastModified, o.ContentLength = nil, -1, -1
	}
	if p := o.Fields.Get(field.Priority); p != nil { // the origin may know better (RFC 9218, section 8)
		s.rank.told = true
		s.rank.priority.parse(p)
	}
	s.chunk = confOf(r.Loc).chunk
	s.tunnel = s.connect && o.Status == 101
	ends := !s.tunnel && (r.HeaderOnly || o.ContentLength == 0 && !o.ExpectTrailers && len(o.Trailers) == 0)
	w := s.conn.work
	at := len(s.beginBlock(w, headRoom(o, len(r.Loc.Core.Signature))))
	w.out = s.appendHead(w.out, r)
	s.endBlock(w, at, ends)
	o.HeadBytes += int64(len(w.out) - at + frameHead)
	s.headSent = true
	s.conn.nudge()
	return nil
}

// SendEarly sends an interim response (http.Wire).
func (s *stream) SendEarly(r *http.Request, status int, fields http.Fields) error {
	if s.lost != nil {
		return s.lost
	}
	if r.Out.Sent {
		return nil
	}
	w := s.conn.work
	at := len(s.beginBlock(w, 16+fieldsRoom(fields)))
	w.out = s.appendFields(appendStatus(w.out, status), fields)
	s.endBlock(w, at, false)
	r.Out.HeadBytes += int64(len(w.out) - at + frameHead)
	s.conn.nudge()
	return nil
}

// beginBlock makes room for a frame of fields in out, which is n bytes long at most. The fields are appended to what is returned.
func (s *stream) beginBlock(w *work, n int) []byte {
	w.out = appendFrameHead(w.reserve(frameHead+1+n), 0, kindHeaders, 0, s.id)
	b := len(w.out)
	if c := s.conn; c.tableUpdate { // we have no table to be updated; to say so is asked for (RFC 7541, section 4.2)
		c.tableUpdate = false
		w.out = append(w.out, 0x20)
	}
	return w.out[:b]
}

// endBlock completes the frame of fields that begins before at, and breaks it into several when it is larger than the client allows.
func (s *stream) endBlock(w *work, at int, ends bool) {
	c := s.conn
	block := w.out[at:]
	flags := byte(0)
	if ends {
		flags = flagEndStream
		s.outClosed = true
	}
	n := len(block)
	s.sent += int64(n + frameHead)
	c.payload += int64(n)
	c.total += int64(n + frameHead)
	if n <= c.frameSize {
		appendFrameHead(w.out[:at-frameHead], n, kindHeaders, flags|flagEndHeaders, s.id)
		return
	}
	l := w.kick.Loop()
	copied := l.Take(n)
	copy(copied, block)
	w.out = w.out[:at-frameHead]
	out := w.reserve(n + (n/c.frameSize+1)*frameHead)
	k := kindHeaders
	for rest := copied; len(rest) > 0; {
		part := rest[:min(len(rest), c.frameSize)]
		rest = rest[len(part):]
		if len(rest) == 0 {
			flags |= flagEndHeaders
		}
		out = append(appendFrameHead(out, len(part), k, flags, s.id), part...)
		k, flags = kindContinuation, 0
	}
	w.out = out
	l.Give(copied)
}

// Send queues pieces of the body, and hands on what the connection takes (http.Wire).
func (s *stream) Send(r *http.Request, p []http.Piece, f http.Flags) error {
	if s.lost != nil || r.HeaderOnly || s.outClosed {
		for i := range p {
			s.src.Loop().Give(p[i].Own)
		}
		return s.lost
	}
	for i := range p {
		s.queue.Add(p[i])
	}
	if f&http.Last != 0 {
		s.last = true
	}
	if f == 0 && s.queue.Queued() < r.Loc.Core.PostponeOutput {
		return nil
	}
	_, err := s.Push(r)
	return err
}

// Queued is the number of bytes that the connection has not taken yet (http.Wire).
func (s *stream) Queued() int64 { return s.queue.Queued() }

// Push hands on what the connection takes now (http.Wire).
func (s *stream) Push(r *http.Request) (at loop.Time, err error) {
	if s.lost != nil {
		return 0, s.lost
	}
	s.allowed = unlimited
	if r.Limited() && s.queue.Queued() > 0 {
		if s.allowed, at = r.Allowance(s.sent); at != 0 {
			s.allowed = 0
			return at, nil
		}
	}
	if s.cold {
		if err := s.queue.Load(r.Task, 0); err != nil {
			return 0, err
		}
		if s.lost != nil {
			return 0, s.lost
		}
		s.cold = false
	}
	s.offer()
	s.conn.work.fill()
	s.conn.nudge()
	left := s.queue.Queued()
	if left == 0 || s.cold {
		return 0, nil
	}
	s.src.Clear(loop.Out)
	s.low, s.told = left/2, s.task.Now()
	if s.allowed <= 0 {
		_, at = r.Allowance(s.sent)
	}
	return at, nil
}

// Drain waits until nothing is queued (http.Wire).
func (s *stream) Drain(r *http.Request) error {
	since, left := s.task.Now(), int64(-1)
	for {
		at, err := s.Push(r)
		if err != nil {
			return err
		}
		now := s.queue.Queued()
		if now == 0 && (!s.last || s.outClosed) {
			return nil
		}
		if left < 0 || now < left || at != 0 {
			since, left = s.task.Now(), now
		}
		if s.cold {
			continue
		}
		w := loop.Wait{A: &s.src, AWant: loop.Out | loop.Hup, Deadline: at}
		if at == 0 {
			w.Deadline = since.Add(r.Loc.Core.SendTimeout)
		}
		if now == 0 {
			s.src.Clear(loop.Out)
		}
		if err := s.task.Poll(&w); err != nil && (err != loop.ErrTimeout || at == 0 && s.queue.Queued() >= left) {
			s.late = err == loop.ErrTimeout
			s.Fail(err)
			return err
		}
	}
}

// Source is what the stream's task waits for (http.Wire).
func (s *stream) Source() *loop.Source { return &s.src }

// Gone says that nobody takes the response any more (http.Wire).
func (s *stream) Gone() bool { return s.lost != nil }

// Fail gives the client up (http.Wire).
func (s *stream) Fail(err error) {
	if err == loop.ErrTimeout {
		s.late = true
	}
	if s.lost == nil {
		s.lost = err
	}
	s.queue.Drop()
	s.unready()
}

// Count adds bytes that a tunnel has written to the client, which the stream has counted itself (http.Wire).
func (s *stream) Count(int64) {}

var _ http.Wire = (*stream)(nil)
