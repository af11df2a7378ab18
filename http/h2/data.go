package h2

import (
	"time"

	"weir/disk"
	"weir/loop"
)

// sendable says that the stream has something that may be sent, as far as it is concerned.
func (s *stream) sendable() bool {
	if s.lost != nil || s.outClosed || !s.headSent {
		return false
	}
	if s.queue.Queued() == 0 {
		return s.last
	}
	return s.window > 0 && s.allowed > 0 && !s.cold
}

// offer puts the stream among those that are ready, if it is.
func (s *stream) offer() {
	if s.queuing || !s.sendable() {
		return
	}
	w := s.conn.work
	s.queuing = true
	w.turn++
	s.rank.turn = w.turn
	w.ready = append(w.ready, s)
}

// unready takes it from among them.
func (s *stream) unready() {
	if !s.queuing {
		return
	}
	s.queuing = false
	w := s.conn.work
	if w == nil {
		return
	}
	for i, o := range w.ready {
		if o == s {
			last := len(w.ready) - 1
			w.ready[i] = w.ready[last]
			w.ready[last] = nil
			w.ready = w.ready[:last]
			return
		}
	}
}

// frame hands the connection the next frame of DATA. It says false, and does nothing, when there is no room for it.
func (s *stream) frame(w *work) bool {
	c := w.conn
	n := max(0, min(s.queue.Queued(), s.chunk, int64(c.frameSize), c.window, s.window, s.allowed, outFull-frameHead))
	if len(w.out) > 0 && len(w.out)+frameHead+int(n) > outFull {
		return false
	}
	b := w.reserve(frameHead + int(n))
	at := len(b)
	b = s.fetch(b[:at+frameHead], n)
	n = int64(len(b) - at - frameHead)
	if n == 0 && s.cold {
		s.unready()
		s.src.Set(loop.Out)
		return true
	}
	s.window -= n
	c.window -= n
	if s.allowed < unlimited {
		s.allowed -= n + frameHead
	}
	s.sent += n + frameHead
	s.req.Out.HeadBytes += frameHead
	c.payload += n
	c.total += n + frameHead
	c.earn(earnFrame)
	flags := byte(0)
	ends := s.last && s.queue.Queued() == 0
	trailers := ends && len(s.req.Out.Trailers) > 0
	if ends && !trailers {
		flags = flagEndStream
		s.outClosed = true
	}
	if n > 0 || !trailers {
		w.out = b
		appendFrameHead(b[:at], int(n), kindData, flags, s.id)
	} else {
		s.sent -= frameHead
		s.req.Out.HeadBytes -= frameHead
	}
	if trailers {
		s.sendTrailers(w)
	}
	w.turn++
	s.rank.turn = w.turn
	if !s.sendable() {
		s.unready()
	}
	left, now := s.queue.Queued(), w.task.Now()
	if left <= s.low || s.allowed <= 0 || s.cold || now.Sub(s.told) > time.Second {
		s.told = now
		s.src.Set(loop.Out)
	}
	return true
}

// fetch appends n bytes of the queue to b, less when the rest is on a disk.
func (s *stream) fetch(b []byte, n int64) []byte {
	for n > 0 {
		p := &s.queue.Pieces()[0]
		k := int(min(p.Size(), n))
		if p.Len == 0 {
			b = append(b, p.B[:k]...)
		} else {
			got, err := disk.ReadNow(p.FD, b[len(b):len(b)+k], p.Off)
			if err != nil || got <= 0 {
				s.cold = true
				return b
			}
			k = got
			b = b[:len(b)+k]
		}
		s.queue.Advance(int64(k))
		n -= int64(k)
	}
	return b
}

// sendTrailers sends the fields that follow the body, and ends the stream.
func (s *stream) sendTrailers(w *work) {
	trailers := s.req.Out.Trailers
	at := len(s.beginBlock(w, fieldsRoom(trailers)))
	w.out = s.appendFields(w.out, trailers)
	s.endBlock(w, at, true)
	s.req.Out.HeadBytes += int64(len(w.out) - at + frameHead)
}
