package h1

import (
	"io"

	"weir/http"
	"weir/loop"
)

// bodyReader reports how much of a request body is still on the connection.
type bodyReader struct {
	kind   BodyKind
	left   int64 // bytes of a body with a length
	chunks Chunked
	done   bool
	expect bool // 100 (Continue) is still owed
	broken bool
}

// finished reports whether nothing of the body is left to be read.
func (b *bodyReader) finished() bool { return b.done }

// Preread is how many bytes were read beyond the head.
func (x *work) Preread() int { return x.w - x.r }

// ReadBody reads decoded bytes of the request body, waiting for them (http.Wire).
func (x *work) ReadBody(r *http.Request, p []byte) (int, error) {
	n, err := x.readBody(p, x.t.After(r.Loc.Core.BodyTimeout))
	return n, err
}

// TryReadBody is ReadBody without waiting (http.Wire).
func (x *work) TryReadBody(_ *http.Request, p []byte) (int, error) {
	if err := x.sendContinue(); err != nil {
		return 0, err
	}
	for {
		n, err := x.fromBuffer(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := x.tryFill(p, &n); err != nil {
			return 0, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// readBody waits until there are bytes, the body's end, or the deadline.
func (x *work) readBody(p []byte, deadline loop.Time) (int, error) {
	if err := x.rest(); err != nil {
		return 0, err
	}
	for {
		n, err := x.TryReadBody(&x.req, p)
		if err != loop.ErrAgain {
			return n, err
		}
		w := loop.Wait{A: &x.c.Source, AWant: loop.In, Deadline: deadline}
		if err := x.t.Poll(&w); err != nil {
			return 0, err
		}
	}
}

// fromBuffer takes decoded bytes from what was already read. 0 and nil: more must be read.
func (x *work) fromBuffer(p []byte) (int, error) {
	b := &x.body
	switch {
	case b.done:
		return 0, io.EOF
	case b.broken:
		return 0, http.ErrBadBody
	case x.r == x.w:
		return 0, nil
	case b.kind == BodyLength:
		n := copy(p, x.buf[x.r:min(x.w, x.r+int(min(b.left, 1<<30)))])
		x.r += n
		x.took(n, n)
		return n, nil
	}
	return x.dechunk(p)
}

// dechunk decodes chunked bytes of the buffer.
func (x *work) dechunk(p []byte) (int, error) {
	b := &x.body
	total := 0
	for x.r < x.w && total < len(p) {
		data, used, done, err := b.chunks.Next(x.buf[x.r:x.w], len(p)-total)
		if err != nil {
			b.broken = true
			if total > 0 {
				return total, nil
			}
			return 0, http.ErrBadBody
		}
		total += copy(p[total:], data)
		have, more := x.req.Body.Decoded, int64(len(data))+b.chunks.Left()
		if limit := x.req.BodyLimit(); limit > 0 && len(data) > 0 && have+more > limit {
			b.broken = true
			return 0, http.BodyTooLarge{Have: have, More: more}
		}
		x.req.Body.Decoded += int64(len(data))
		x.r += used
		x.req.Body.Received += int64(used)
		if done {
			b.done = true
			break
		}
		if used == 0 {
			break
		}
	}
	if total == 0 && b.done {
		return 0, io.EOF
	}
	return total, nil
}

// took counts n bytes of a body with a length.
func (x *work) took(n, raw int) {
	b := &x.body
	b.left -= int64(n)
	x.req.Body.Received += int64(raw)
	if b.left == 0 {
		b.done = true
	}
}

// tryFill reads from the socket: a body with a length right into p, a chunked one into the buffer.
func (x *work) tryFill(p []byte, n *int) error {
	b := &x.body
	if b.kind == BodyLength {
		if int64(len(p)) > b.left {
			p = p[:b.left]
		}
		got, err := x.c.TryRead(p)
		if err != nil {
			return bodyError(err)
		}
		x.took(got, got)
		*n = got
		return nil
	}
	if x.r == x.w {
		x.r = x.headEnd
		x.w = x.headEnd
	}
	if x.w == len(x.buf) {
		x.growBuffer()
	}
	got, err := x.c.TryRead(x.buf[x.w:])
	if err != nil {
		return bodyError(err)
	}
	x.w += got
	return nil
}

func bodyError(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sendContinue asks a client that waits for it to send the body (RFC 9110, section 10.1.1).
func (x *work) sendContinue() error {
	b := &x.body
	if !b.expect {
		return nil
	}
	b.expect = false
	if x.req.Version < http.HTTP11 {
		return nil
	}
	x.out.Add(http.Mem(continueLine))
	_, err := x.Push(&x.req)
	return err
}

// NoContinue keeps the wire from asking for a body that will not be read (http.Wire).
func (x *work) NoContinue() { x.body.expect = false }

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")
