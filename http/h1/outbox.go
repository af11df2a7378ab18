package h1

import (
	"io"

	"weir/http"
	"weir/loop"
)

// An outbox queues what is to be written to one client and writes as much as its socket takes.
type outbox struct {
	http.Queue
	conn *loop.Conn
	Sent int64 // bytes written since Reset
}

// Reset empties the outbox for another request on c.
func (o *outbox) Reset(c *loop.Conn) {
	o.conn = c
	o.Use(c.Loop())
	o.Sent = 0
}

// maxParts is how many pieces of memory one writev takes.
const maxParts = 64

// headMost is up to which size what stands before a file shares a record with it.
const headMost = 32 << 10

// A manner is how an outbox writes: what the location says of it.
type manner struct {
	Limit    int64 // the most bytes that may be written now
	Chunk    int64 // after so many it stops, so that one fast client does not hold a loop
	Sendfile bool  // files go by sendfile, else through memory
	NoPush   bool  // what stands before a file shares a segment with it
}

// Write writes without waiting for the client: loop.ErrAgain when the socket took no more. For what does not go by sendfile it may
// wait for the disk. For the task of the connection.
//
// Without NoPush the head of a file goes out by itself, as in nginx. That is a packet more, and on loopback
// half the work for large files (100 KB, server and client: 50 µs together, 35 apart): the receiver's window
// then stays at some 100 KB instead of growing to megabytes, and what is under way stays in the caches.
func (o *outbox) Write(t *loop.Task, m manner) error {
	limit := min(m.Limit, m.Chunk)
	layered := o.conn.Layered()
	m.Sendfile = m.Sendfile && !layered
	for o.Queued() > 0 && limit > 0 {
		q := o.Pieces()
		p := &q[0]
		var n int
		var err error
		switch {
		case p.Len == 0 && layered && len(q) > 1 && q[1].Len > 0 && len(p.B) < headMost:
			// The head of a file shares a record with its beginning.
			if err = o.Load(t, 1); err == nil {
				continue
			}
		case p.Len == 0:
			n, err = o.writeMem(limit, m.NoPush || !m.Sendfile)
		case m.Sendfile:
			n, err = o.conn.TrySendfile(p.FD, p.Off, int(min(p.Len, limit)))
			if err == io.ErrUnexpectedEOF {
				err = http.ErrTruncated
			}
		default:
			if err = o.Load(t, 0); err == nil {
				continue
			}
		}
		if n > 0 {
			limit -= int64(n)
			o.advance(int64(n))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeMem writes the pieces of memory at the head of the queue with one call. With more, the kernel holds back what would
// share a segment with the file behind them.
func (o *outbox) writeMem(limit int64, more bool) (int, error) {
	q := o.Pieces()
	if len(q) == 1 || q[1].Len > 0 {
		b := q[0].B
		if int64(len(b)) > limit {
			b = b[:limit]
		}
		if more && len(q) > 1 && len(b) == len(q[0].B) {
			return o.conn.TryWriteMore(b) // a file follows
		}
		return o.conn.TryWrite(b)
	}
	if o.Queued() <= min(joined, limit) {
		return o.writeJoined()
	}
	var parts [maxParts][]byte
	n := 0
	for i := 0; i < len(q) && n < maxParts && q[i].Len == 0 && limit > 0; i++ {
		b := q[i].B
		if int64(len(b)) > limit {
			b = b[:limit]
		}
		limit -= int64(len(b))
		parts[n] = b
		n++
	}
	return o.conn.TryWritev(parts[:n])
}

// joined is up to how many bytes are copied together: for so few, a plain write costs less than a gathering one.
const joined = 2048

// writeJoined writes the pieces of memory at the head of a short queue, which are more than one.
func (o *outbox) writeJoined() (int, error) {
	l := o.conn.Loop()
	b := l.Take(joined)
	n := 0
	for _, p := range o.Pieces() {
		if p.Len > 0 {
			break
		}
		n += copy(b[n:], p.B)
	}
	n, err := o.conn.TryWrite(b[:n])
	l.Give(b)
	return n, err
}

// advance drops n written bytes from the head of the queue.
func (o *outbox) advance(n int64) {
	o.Sent += n
	o.Advance(n)
}
