package filter

import (
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// A codedBody is a response body that is being compressed (http.BodyFilter).
type codedBody struct {
	coding *coding
	whole  http.FileID // the body is this file and nothing else
	forms  *forms
	run    *running // nil: not begun, or done
	in     int64    // bytes of the body so far
	out    int64    // and what has become of them
	turn   turn
	dirty  bool // the encoder may have something that was not flushed
	pieces []http.Piece

	gathered []http.Piece // of the body, before there is an encoder
	waiting  int          // bytes of it
}

// running is an encoder with what it has written.
type running struct {
	enc    encoder
	out    []byte
	memory int64 // of the encoder; 0: it keeps none
}

// Write takes what the encoder has made (io.Writer).
func (w *running) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

const (
	// codingSlice is how much is compressed at a time: half a millisecond's work or less.
	codingSlice = 32 << 10
	// codingGather is how much of a body is gathered before an encoder is taken. An encoder has ten times as much memory, which is
	// in the processor's caches if it was used a moment ago.
	codingGather = 128 << 10
	// codingAhead is how much may wait for the client before more of a file is read.
	codingAhead = 128 << 10
	// codingLeast is how much is worth being passed on, as long as nobody asks for it.
	codingLeast = 4 << 10
	// codingPiece is how large the pieces are that go to the client.
	codingPiece = 16 << 10
)

// body takes a body for a response.
func (c *coding) body() *codedBody {
	b, _ := c.common.bodies.Get().(*codedBody)
	if b == nil {
		b = &codedBody{}
	}
	*b = codedBody{coding: c, pieces: b.pieces[:0], gathered: b.gathered[:0]}
	return b
}

// CloseWith gives back what was used, when the request has ended (http.Closer).
func (b *codedBody) CloseWith(r *http.Request) {
	b.end()
	giveAll(r, b.gathered)
	clear(b.gathered[:cap(b.gathered)])
	clear(b.pieces[:cap(b.pieces)])
	b.coding.common.bodies.Put(b)
}

// begin takes an encoder.
func (b *codedBody) begin(r *http.Request) error {
	c := b.coding
	pool, memory := &c.idle, c.memory
	if c.common.running.Add(memory) > maxRunning && c.light != nil {
		c.common.running.Add(-memory)
		pool, memory = &c.lights, 0
	}
	if w, ok := pool.Get().(*running); ok {
		b.run = w
		w.enc.Reset(w)
		return nil
	}
	w := &running{memory: memory}
	var err error
	if memory == 0 {
		w.enc, err = c.light()
	} else {
		w.enc, err = c.coder.encoder(c.conf)
	}
	if err != nil { // no setting that was taken leads here
		c.common.running.Add(-memory)
		r.LogErr(logs.Alert, err, c.name+": no encoder")
		return err
	}
	w.enc.Reset(w)
	b.run = w
	return nil
}

// end gives the encoder back.
func (b *codedBody) end() {
	w, c := b.run, b.coding
	if w == nil {
		return
	}
	b.run = nil
	c.common.running.Add(-w.memory)
	w.out = w.out[:0]
	if cap(w.out) > 4*codingSlice {
		w.out = nil
	}
	if w.memory == 0 {
		c.lights.Put(w)
	} else {
		c.idle.Put(w)
	}
}

// Body compresses pieces of the body, and passes on what there is of the result.
func (b *codedBody) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if b.whole != (http.FileID{}) {
		if known, err := b.fromMemory(r, i, p, f); known {
			return err
		}
	}
	if b.run == nil {
		if b.gather(r, p, f) {
			return nil
		}
		if err := b.begin(r); err != nil {
			giveAll(r, p)
			return err
		}
		if err := b.all(r, i, b.gathered); err != nil {
			giveAll(r, p)
			return err
		}
		b.gathered = b.gathered[:0]
	}
	if err := b.all(r, i, p); err != nil {
		return err
	}
	if err := b.complete(r, f); err != nil {
		return err
	}
	if f&http.Last != 0 {
		defer b.end()
	}
	if f == 0 && len(b.run.out) < codingLeast {
		return nil
	}
	return b.pass(r, i, f)
}

// gather keeps pieces for later, if the body goes on and there are few of them.
func (b *codedBody) gather(r *http.Request, p []http.Piece, f http.Flags) bool {
	if f != 0 {
		return false
	}
	waiting := b.waiting
	for k := range p {
		if waiting += len(p[k].B); p[k].Len > 0 {
			return false
		}
	}
	if waiting > codingGather {
		return false
	}
	b.waiting = waiting
	for k := range p {
		if p[k].Own == nil { // it is lent for as long as it is on its way to the client, and it is not yet
			p[k].Own = r.Loop().Take(len(p[k].B))
			p[k].B = p[k].Own[:copy(p[k].Own, p[k].B)]
		}
	}
	b.gathered = append(b.gathered, p...)
	return true
}

// all compresses pieces.
func (b *codedBody) all(r *http.Request, i int, p []http.Piece) error {
	for k := range p {
		if err := b.piece(r, i, &p[k]); err != nil {
			giveAll(r, p[k:])
			return err
		}
	}
	return nil
}

// giveAll gives the buffers of pieces back that nobody will send.
func giveAll(r *http.Request, p []http.Piece) {
	for k := range p {
		if p[k].Own != nil {
			r.Loop().Give(p[k].Own)
			p[k].Own = nil
		}
	}
}

// ownCopy makes a piece of a copy, for memory that is soon overwritten or somebody else's.
func ownCopy(r *http.Request, b []byte) http.Piece {
	buf := r.Loop().Take(len(b))
	return http.Piece{B: buf[:copy(buf, b)], Own: buf}
}

// piece compresses one piece. What of the result is worth a piece of its own is passed on.
func (b *codedBody) piece(r *http.Request, i int, p *http.Piece) error {
	if p.Len > 0 {
		return b.file(r, i, *p)
	}
	for rest := p.B; len(rest) > 0; {
		n := min(len(rest), codingSlice)
		if err := b.compress(r, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		if len(b.run.out) >= codingPiece && len(rest) > 0 {
			if err := b.pass(r, i, 0); err != nil {
				return err
			}
		}
	}
	if p.Own != nil {
		r.Loop().Give(p.Own)
		p.Own = nil
	}
	return nil
}

// file compresses a file, not much faster than the client takes what becomes of it.
func (b *codedBody) file(r *http.Request, i int, p http.Piece) error {
	buf := r.Loop().Take(codingSlice)
	defer r.Loop().Give(buf)
	for p.Len > 0 {
		n, err := disk.ReadAt(r.Task, p.FD, buf[:min(p.Len, codingSlice)], p.Off)
		if err != nil {
			r.LogErr(logs.Crit, err, "pread() failed")
			return err
		}
		p.Off += int64(n)
		p.Len -= int64(n)
		if err := b.compress(r, buf[:n]); err != nil {
			return err
		}
		if len(b.run.out) >= codingPiece {
			if err := b.pass(r, i, 0); err != nil {
				return err
			}
		}
		if r.Wire.Queued() > codingAhead {
			if err := r.Drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// compress gives at most codingSlice bytes to the encoder.
func (b *codedBody) compress(r *http.Request, p []byte) error {
	b.in += int64(len(p))
	b.dirty = true
	if !b.coding.heavy {
		b.turn.rest(r)
	}
	return b.work(r, func() error {
		_, err := b.run.enc.Write(p)
		return err
	})
}

// complete flushes or ends what the encoder has, if that is asked for.
func (b *codedBody) complete(r *http.Request, f http.Flags) error {
	switch {
	case f&http.Last != 0:
		return b.work(r, func() error { return b.run.enc.Close() })
	case f&http.Flush != 0 && b.dirty:
		b.dirty = false
		return b.work(r, func() error { return b.run.enc.Flush() })
	}
	return nil
}

// work has the encoder do something, apart from the loop if it takes its time.
func (b *codedBody) work(r *http.Request, f func() error) (err error) {
	if b.coding.heavy {
		b.coding.common.slots.await(r.Task, func() { err = f() })
	} else {
		err = f()
	}
	if err != nil { // it writes to memory only
		r.LogErr(logs.Alert, err, b.coding.name+": encoder failed")
	}
	return err
}

// pass passes on what the encoder has made.
func (b *codedBody) pass(r *http.Request, i int, f http.Flags) error {
	b.pieces = b.pieces[:0]
	out := b.run.out
	b.run.out = out[:0]
	b.out += int64(len(out))
	for len(out) > 0 {
		n := min(len(out), codingPiece)
		buf := r.Loop().Take(n)
		copy(buf, out[:n])
		b.pieces = append(b.pieces, http.Piece{B: buf, Own: buf})
		out = out[n:]
	}
	if len(b.pieces) == 0 && f == 0 {
		return nil
	}
	return r.PassBody(i+1, b.pieces, f)
}
