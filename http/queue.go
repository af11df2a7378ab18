package http

import (
	"slices"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
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

// First is the piece at the head of the queue, which must not be empty. It may be looked at until the queue changes.
func (q *Queue) First() *Piece { return &q.q[q.first] }

// Instead puts n bytes at the head of the queue that were read from the file there into part, which must be n bytes of own.
func (q *Queue) Instead(part, own []byte) { q.insteadAt(q.first, part, own) }

// insteadAt is Instead for the file at place i.
func (q *Queue) insteadAt(i int, part, own []byte) {
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

// Load reads the next part of the file at the head of the queue into memory, for a wire that sends nothing else. It may wait for the
// disk; for the task of the request only.
func (q *Queue) Load(r *Request) error {
	p := q.First()
	fd, off, n := p.FD, p.Off, min(p.Len, loadSize)
	buf := q.loop.Take(int(n))
	got, err := disk.ReadAt(r.Task, fd, buf, off)
	if err != nil {
		q.loop.Give(buf)
		if err == unix.EIO {
			err = errTruncated
		}
		return err
	}
	if q.queued == 0 { // it was dropped meanwhile
		q.loop.Give(buf)
		return nil
	}
	q.Instead(buf[:got], buf)
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
