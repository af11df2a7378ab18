package http

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
)

// An Outbox queues what is to be written to one client and writes as much as its socket takes. Wires
// that own a whole connection use it.
type Outbox struct {
	Queue
	conn *loop.Conn
	Sent int64 // bytes written since Reset
}

// Reset empties the outbox for another exchange on c.
func (o *Outbox) Reset(c *loop.Conn) {
	o.conn = c
	o.Use(c.Loop())
	o.Sent = 0
}

// errTruncated says that a file became shorter while it was being sent.
var errTruncated = errors.New("a file was truncated while it was being sent")

// maxParts is how many pieces of memory one writev takes.
const maxParts = 64

// A Manner is how an Outbox writes: what the location says of it.
type Manner struct {
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
func (o *Outbox) Write(t *loop.Task, m Manner) error {
	limit := min(m.Limit, m.Chunk)
	layered := o.conn.Layered()
	m.Sendfile = m.Sendfile && !layered
	for o.queued > 0 && limit > 0 {
		p := &o.q[o.first]
		var n int
		var err error
		switch {
		case p.Len == 0 && layered && o.first+1 < len(o.q) && o.q[o.first+1].Len > 0 && len(p.B) < loadSize:
			// The head of a file shares a record with its beginning.
			if err = o.load(t, o.first+1); err == nil {
				continue
			}
		case p.Len == 0:
			n, err = o.writeMem(limit, m.NoPush || !m.Sendfile)
		case m.Sendfile:
			n, err = o.conn.TrySendfile(p.FD, p.Off, int(min(p.Len, limit)))
			if err == io.ErrUnexpectedEOF {
				err = errTruncated
			}
		default:
			if err = o.load(t, o.first); err == nil {
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
func (o *Outbox) writeMem(limit int64, more bool) (int, error) {
	if o.first+1 == len(o.q) || o.q[o.first+1].Len > 0 {
		b := o.q[o.first].B
		if int64(len(b)) > limit {
			b = b[:limit]
		}
		if more && o.first+1 < len(o.q) && len(b) == len(o.q[o.first].B) {
			return o.conn.TryWriteMore(b) // a file follows
		}
		return o.conn.TryWrite(b)
	}
	if o.queued <= min(joined, limit) {
		return o.writeJoined()
	}
	var parts [maxParts][]byte
	n := 0
	for i := o.first; i < len(o.q) && n < maxParts && o.q[i].Len == 0 && limit > 0; i++ {
		b := o.q[i].B
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
func (o *Outbox) writeJoined() (int, error) {
	l := o.conn.Loop()
	b := l.Take(joined)
	n := 0
	for i := o.first; i < len(o.q) && o.q[i].Len == 0; i++ {
		n += copy(b[n:], o.q[i].B)
	}
	n, err := o.conn.TryWrite(b[:n])
	l.Give(b)
	return n, err
}

// loadSize is how much of a file is read into memory at a time when sendfile is off.
const loadSize = 32 << 10

// load puts the next part of the file piece at i into memory, in front of the rest.
func (o *Outbox) load(t *loop.Task, i int) error {
	fd, off, n := o.q[i].FD, o.q[i].Off, min(o.q[i].Len, loadSize)
	buf := o.conn.Loop().Take(loadSize)
	got, err := disk.ReadAt(t, fd, buf[:n], off)
	if err != nil || o.queued == 0 { // it was dropped meanwhile
		o.conn.Loop().Give(buf)
		if err == unix.EIO {
			err = errTruncated
		}
		return err
	}
	o.insteadAt(i, buf[:got], buf)
	return nil
}

// advance drops n written bytes from the head of the queue.
func (o *Outbox) advance(n int64) {
	o.Sent += n
	o.Advance(n)
}
