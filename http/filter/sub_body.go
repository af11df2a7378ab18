package filter

import (
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// A subBody is a response body in which texts are replaced (http.BodyFilter).
type subBody struct {
	subText
	values []*http.Text
	made   [][]byte // values that were needed already

	// while pieces are looked through
	r    *http.Request
	out  []http.Piece
	own  bool // the piece at hand comes with its buffer
	last int  // the last of out that is part of it, -1 if there is none
	join int  // the last of out if more may be appended to it, -1 if not
	turn turn
}

// Body replaces in pieces of the body.
func (b *subBody) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	b.r, b.out, b.join = r, b.out[:0], -1
	for k := range p {
		var err error
		switch {
		case b.done():
			b.out = append(b.out, p[k])
		case p[k].Len > 0:
			err = b.file(i, p[k])
		default:
			b.memory(p[k].B, p[k].Own)
		}
		if err != nil {
			giveAll(r, p[k+1:])
			giveAll(r, b.out)
			return err
		}
	}
	if f&http.Last != 0 {
		b.rest(b)
	}
	if len(b.out) == 0 && f == 0 {
		return nil
	}
	return r.PassBody(i+1, b.out, f)
}

// subFileChunk is how much of a file is looked through at a time.
const subFileChunk = 32 << 10

// file looks through a file, not much faster than the client takes what comes of it.
func (b *subBody) file(i int, p http.Piece) error {
	r := b.r
	for p.Len > 0 {
		if b.done() {
			b.out = append(b.out, p)
			return nil
		}
		buf := r.Loop().Take(int(min(p.Len, subFileChunk)))
		n, err := disk.ReadAt(r.Task, p.FD, buf, p.Off)
		if err != nil {
			r.Loop().Give(buf)
			r.LogErr(logs.Crit, err, "pread() failed")
			return err
		}
		p.Off += int64(n)
		p.Len -= int64(n)
		b.memory(buf[:n], buf)
		if p.Len == 0 {
			return nil
		}
		out := b.out
		b.out, b.join = b.out[:0], -1
		if err := r.PassBody(i+1, out, 0); err != nil {
			return err
		}
		b.turn.rest(r)
		if r.Wire.Queued() > codingAhead {
			if err := r.Drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// memory looks through p, which is part of own if that is not nil.
func (b *subBody) memory(p, own []byte) {
	b.own, b.last = own != nil, -1
	b.look(p, b)
	switch {
	case own == nil:
	case b.last >= 0:
		b.out[b.last].Own = own
	default:
		b.r.Loop().Give(own)
	}
}

const (
	// subSmall is up to which size parts that follow one another are copied together: each of them alone costs the wire, and the
	// kernel, more than that.
	subSmall = 256
	// subJoined is how much is copied together.
	subJoined = 8 << 10
)

// joined copies a small part behind another one. It reports false where there is none.
func (b *subBody) joined(part []byte) bool {
	n := len(b.out) - 1
	if len(part) > subSmall || n < 0 {
		return false
	}
	p := &b.out[n]
	if b.join != n {
		if p.Len > 0 || len(p.B) > subSmall {
			return false
		}
		buf := b.r.Loop().Take(subJoined)
		whole := http.Piece{B: buf[:copy(buf, p.B)], Own: buf}
		if p.Own != nil {
			b.r.Loop().Give(p.Own)
		}
		if *p = whole; b.last == n {
			b.last = -1
		}
		b.join = n
	}
	if len(p.B)+len(part) > subJoined {
		return false
	}
	p.B = append(p.B, part...)
	return true
}

// lent passes on a part of the piece at hand (subSink).
func (b *subBody) lent(part []byte) {
	if b.joined(part) {
		return
	}
	if b.own && b.last >= 0 {
		b.out[b.last] = ownCopy(b.r, b.out[b.last].B)
	}
	b.last = len(b.out)
	b.out = append(b.out, http.Mem(part))
}

// copied passes on what is soon overwritten (subSink).
func (b *subBody) copied(part []byte) {
	if !b.joined(part) {
		b.out = append(b.out, ownCopy(b.r, part))
	}
}

// match writes what stands for a text (subSink).
func (b *subBody) match(text int, first bool) {
	if first {
		b.made[text] = b.r.Text(b.values[text])
	}
	if v := b.made[text]; len(v) > 0 && !b.joined(v) {
		b.out = append(b.out, http.Mem(v))
	}
}
