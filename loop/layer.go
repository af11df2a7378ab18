package loop

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// A Layer stands between a connection and its socket and changes the bytes on their way, as TLS does. Who uses the connection does
// not know of it, save by [Conn.Layered]: reads, writes, waits and parking are what they were.
//
// All methods are called on the connection's loop and must not wait; what a layer does before it is added (a handshake) may.
type Layer interface {
	// TryRead gives bytes for the user of the connection: io.EOF, any other error, or ErrAgain, which it says only after the socket
	// has said so to it; ErrWantWrite when it is a write to the socket that said so.
	TryRead(p []byte) (int, error)
	// TryWrite takes bytes from the user: as many as it likes, since what it passes on to [Raw.Write] is kept until the socket takes
	// it. It is called only when nothing is kept. ErrAgain as in TryRead, ErrWantRead when it is a read from the socket that said so.
	TryWrite(p []byte) (int, error)
	// Pending says that a TryRead may give something though the socket has nothing new. It may err on that side until a TryRead has
	// said ErrAgain.
	Pending() bool
	// CloseWrite tells the peer that nothing more will be written. The FIN follows by itself.
	CloseWrite() error
	// Close gives back what the layer holds, when the connection ends. What it writes still goes out, if it can.
	Close()
}

// What a Layer says when a read waits for a write or a write for a read.
var (
	ErrWantRead  = errors.New("loop: the write needs a read")
	ErrWantWrite = errors.New("loop: the read needs a write")
)

// Raw is the socket under a layer, for that layer only. Loop only.
//
// What the socket is ready for stands in Conn.sock, apart from what the connection is ready for, which stands in its flags and is
// worked out anew after each event and each call. A parked connection may be in the hands of another loop already ([Loop.Adopt]), so
// an event of a parked one that has nothing to send touches nothing here.
type Raw struct {
	conn *Conn
	top  Layer
	out  []byte // a buffer of the loop that holds left
	left []byte // what the socket has not taken yet
	err  error  // what a write to the socket came to
	over bool   // TryRead has said EOF or an error: it will say so again
	fin  bool   // shut the sending side when nothing is left
}

// Bits of Conn.sock, beside a Ready.
const (
	unsent    uint8 = 8 << iota // Raw.left is not empty
	wantWrite                   // the layer's TryRead waits for Out
	wantRead                    // the layer's TryWrite waits for In
)

// gather is how much of several parts is given to a layer at once: the most that one record of TLS holds.
const gather = 16 << 10

// AddLayer puts a layer on the connection, which has none, and returns what the layer stands on. What came before, in either direction,
// has gone by it. Loop only.
func (c *Conn) AddLayer(top Layer) *Raw {
	if c.raw != nil {
		panic("loop: a second layer on a connection")
	}
	r := &Raw{conn: c, top: top}
	c.raw = r
	c.sock = c.flags & uint8(In|Out|Hup)
	r.refresh(top.Pending())
	return r
}

// Layered says that there is a layer, so that neither sendfile nor splice is of use: files go through memory.
func (c *Conn) Layered() bool { return c.raw != nil }

// Unsent is how many bytes were written to the connection and not yet to its socket: never more than a layer makes of one write.
func (c *Conn) Unsent() int {
	if c.raw == nil {
		return 0
	}
	return len(c.raw.left)
}

// Conn is the connection. Another one after an Adopt.
func (r *Raw) Conn() *Conn { return r.conn }

// TryRead reads from the socket, as [Conn.TryRead] does where there is no layer.
func (r *Raw) TryRead(p []byte) (int, error) {
	c := r.conn
	if c.sock&uint8(In) == 0 {
		return 0, ErrAgain
	}
	n, err := c.readSocket(p)
	if err != ErrAgain {
		c.sock &^= wantRead // what a write has waited for may have come, whoever reads it
	}
	return n, err
}

// Write has p sent: what the socket does not take now is copied, and goes out by itself when it can. n is len(p), unless the socket is
// broken.
func (r *Raw) Write(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	c := r.conn
	if c.sock&(unsent|uint8(Out)) == uint8(Out) {
		n, err = c.writeSocket(p)
		if err != nil && err != ErrAgain {
			r.err = err
			return n, err
		}
	}
	if n < len(p) {
		r.keep(p[n:])
	}
	return len(p), nil
}

// Wait waits until the socket is ready for want, for a layer that is not done with its beginnings.
func (r *Raw) Wait(t *Task, want Ready, deadline Time) error {
	c := r.conn
	if c.sock&uint8(want) != 0 {
		return t.spend()
	}
	c.flags &^= uint8(want)
	return c.wait(t, want, deadline)
}

// keep copies what could not be sent behind what is left.
func (r *Raw) keep(p []byte) {
	l := r.conn.loop
	have := len(r.left)
	if have+len(p) > cap(r.out) {
		room := l.Take(max(have+len(p), gather))
		copy(room, r.left)
		l.Give(r.out)
		r.out = room
	} else {
		copy(r.out[:have], r.left)
	}
	r.left = append(r.out[:have], p...)
	r.conn.sock |= unsent
}

// flush sends what is left, as far as the socket takes it.
func (r *Raw) flush() {
	c := r.conn
	for len(r.left) > 0 && c.sock&uint8(Out) != 0 {
		n, err := c.writeSocket(r.left)
		r.left = r.left[n:]
		if err != nil && err != ErrAgain {
			r.broke(err)
			return
		}
	}
	if len(r.left) > 0 {
		return
	}
	r.drop()
	c.sock &^= wantWrite
	if r.fin {
		r.fin = false
		_ = shutdownWrite(int(c.fd))
	}
}

// broke is told that the socket takes nothing any more. Who reads or writes next learns it.
func (r *Raw) broke(err error) {
	r.err = err
	r.drop()
	r.conn.sock |= uint8(In | Out | Hup)
}

// drop forgets what is left.
func (r *Raw) drop() {
	r.conn.loop.Give(r.out)
	r.out, r.left = nil, nil
	r.conn.sock &^= unsent
}

// refresh works out what the connection is ready for, and lets those run who have waited for it: what one side has read or sent may be
// what the other needs. pending is whether the layer may have something without the socket.
func (r *Raw) refresh(pending bool) {
	c := r.conn
	before := c.flags
	r.workOut(pending)
	now := c.flags &^ before
	if now&uint8(In) != 0 && c.reader != nil {
		c.loop.requeue(c.reader)
	}
	if now&uint8(Out) != 0 && c.writer != nil {
		c.loop.requeue(c.writer)
	}
}

func (r *Raw) workOut(pending bool) {
	c := r.conn
	in, out := c.sock&uint8(In) != 0, c.sock&uint8(Out) != 0
	f := (c.flags | c.sock) & uint8(Hup)
	if pending || r.over || c.sock&wantWrite == 0 && in || c.sock&wantWrite != 0 && out {
		f |= uint8(In)
	}
	if r.err != nil || c.sock&unsent == 0 && (c.sock&wantRead == 0 && out || c.sock&wantRead != 0 && in) {
		f |= uint8(Out)
	}
	c.flags = c.flags&^uint8(In|Out|Hup) | f
}

// layered is told what the socket has become ready for, and says what the connection is.
func (c *Conn) layered(ready Ready) Ready {
	c.sock |= uint8(ready)
	if c.flags&parked != 0 && c.sock&unsent == 0 {
		if ready&Out != 0 && c.sock&wantWrite != 0 {
			ready |= In
		}
		return ready
	}
	r := c.raw
	if ready&Out != 0 && c.sock&unsent != 0 {
		r.flush()
	}
	r.workOut(c.flags&uint8(In) != 0)
	return Ready(c.flags) & (In | Out | Hup)
}

// read is TryRead by the layer.
func (r *Raw) read(p []byte) (int, error) {
	c := r.conn
	c.sock &^= wantWrite
	n, err := r.top.TryRead(p)
	switch {
	case err == nil:
		r.refresh(r.top.Pending())
		return n, nil
	case err == ErrAgain:
	case err == ErrWantWrite:
		c.sock |= wantWrite
		err = ErrAgain
	case c.flags&closed == 0:
		r.over = true
		if err == io.EOF {
			c.flags |= uint8(Hup)
		}
	}
	r.refresh(false)
	return n, err
}

// write is TryWrite by the layer.
func (r *Raw) write(p []byte) (int, error) {
	c := r.conn
	c.sock &^= wantRead
	n, err := r.top.TryWrite(p)
	if err == ErrWantRead {
		c.sock |= wantRead
		err = ErrAgain
	}
	r.refresh(c.flags&uint8(In) != 0 || r.top.Pending())
	return n, err
}

// writev is TryWritev: the parts go to the layer as one, so that they share a record.
func (r *Raw) writev(v [][]byte) (int, error) {
	for len(v) > 0 && len(v[0]) == 0 {
		v = v[1:]
	}
	switch {
	case len(v) == 0:
		return 0, nil
	case len(v) == 1 || len(v[0]) >= gather:
		return r.write(v[0])
	}
	l := r.conn.loop
	room := l.Take(gather)
	n := 0
	for i := 0; i < len(v) && n < len(room); i++ {
		n += copy(room[n:], v[i])
	}
	n, err := r.write(room[:n])
	l.Give(room)
	return n, err
}

// sendfile is TrySendfile through memory.
func (r *Raw) sendfile(file int, off int64, n int) (int, error) {
	l := r.conn.loop
	room := l.Take(min(n, 2*gather))
	defer l.Give(room)
	for {
		k, err := syscall.Pread(file, room, off)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case k == 0 && n > 0:
			return 0, io.ErrUnexpectedEOF
		}
		return r.write(room[:k])
	}
}

// closeWrite is CloseWrite by the layer.
func (r *Raw) closeWrite() error {
	c := r.conn
	err := r.top.CloseWrite()
	if c.sock&unsent != 0 {
		r.fin = true
	} else if e := shutdownWrite(int(c.fd)); e != 0 && err == nil {
		err = e
	}
	r.refresh(c.flags&uint8(In) != 0)
	return err
}

// restTime is how long a connection that was closed may take to send what was written to it before. Without a layer that is the
// kernel's affair.
const restTime = time.Minute

// outlives sees to it that what is left goes out after the connection was closed and detached, on a connection that nobody knows of.
// false: nothing is left.
func (r *Raw) outlives(c *Conn) bool {
	l := c.loop
	if c.sock&unsent == 0 || l.ended {
		r.drop()
		return false
	}
	n := &Conn{Source: Source{loop: l}, fd: c.fd, raw: r}
	n.timer.born = c.timer.born
	n.sock = unsent
	r.conn, r.top = n, nil
	l.place(n)
	l.conns.Add(1)
	if l.rewatch(n, c) != 0 {
		r.drop()
		n.Close()
		return true
	}
	l.Go(func(t *Task) { r.sendRest(t, n) })
	return true
}

// sendRest waits until what is left is sent.
func (r *Raw) sendRest(t *Task, n *Conn) {
	err := n.wait(t, Out, t.After(restTime))
	if err == ErrStopped && n.sock&unsent != 0 {
		n.sock &^= unsent // or an event would send it too
		t.Await(func() { writeBlocking(int(n.fd), r.left) })
	}
	r.drop()
	n.Close()
}

// stopRest is restTime for a server that stops.
const stopRest = 5 * time.Second

// writeBlocking writes p, on a goroutine of its own.
func writeBlocking(fd int, p []byte) {
	_ = syscall.SetNonblock(fd, false)
	tv := syscall.NsecToTimeval(int64(stopRest))
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &tv)
	for len(p) > 0 {
		n, err := syscall.Write(fd, p)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		p = p[n:]
	}
}
