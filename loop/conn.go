package loop

import (
	"net/netip"
	"syscall"
)

// Handler is who owns a connection while it is parked.
type Handler interface {
	// Wake runs in a fresh task when a parked connection wakes. It parks the connection again, closes it, or keeps it for
	// as long as it likes. When it panics, the connection is closed.
	Wake(t *Task, c *Conn, why Woke)
}

// Woke is why a parked connection woke.
type Woke uint8

const (
	WokeReady    Woke = iota // there is something to read, or EOF
	WokeTimeout              // the deadline given to Park passed
	WokeShutdown             // CloseIdle or Stop
	WokeShed                 // connections ran out and this one is the longest idle: close it before you wait for anything
)

// Conn is one non-blocking stream socket. It belongs to one loop, and only its loop and that loop's tasks may use it.
// One task may wait to read while another waits to write.
type Conn struct {
	Handler Handler

	Source // what it is ready for
	socket
	older, newer *Conn // in the loop's list of reusable connections
	timer        timer
	raw          *Raw // under a layer; nil: there is none
	fd           int32
	peer, local  endpoint // local.port is 0 until somebody asks
}

// Flags of a connection, beside those of a Source. In and Out are what the poller said and no call has disproved since; Hup stays.
const (
	parked uint8 = 8 << iota
	reusable
	closed
	woken    // in the loop's list of connections to wake
	accepted // by a Listener
)

// FD is the descriptor; -1 when closed.
func (c *Conn) FD() int { return int(c.fd) }

// Peer is the other end as the kernel has it (an IPv4 peer of an IPv6 socket is an IPv4-mapped address); zero for unix.
func (c *Conn) Peer() netip.AddrPort { return (&address{c.peer, c.family}).addrPort() }

// Local is our end; zero for unix. It costs a system call the first time.
func (c *Conn) Local() netip.AddrPort {
	if c.local.port == 0 && c.family != familyOther && c.flags&closed == 0 && getsockname(int(c.fd), &c.loop.sockaddr) == 0 {
		var a address
		a.set(&c.loop.sockaddr)
		c.local = a.endpoint
	}
	if c.local.port == 0 {
		return netip.AddrPort{}
	}
	return (&address{c.local, c.family}).addrPort()
}

// setPeer says who is at the other end.
func (c *Conn) setPeer(a address) {
	c.peer, c.family = a.endpoint, a.family
}

// Closed says that Close was called.
func (c *Conn) Closed() bool { return c.flags&closed != 0 }

// Park leaves the connection to its loop until something comes to read (Handler.Wake with WokeReady) or the deadline passes.
// A reusable one may be woken with WokeShed, the longest parked first, when connections run out. Loop only; it is the last
// thing a task does with c. What is unread already wakes it after this task has ended.
func (c *Conn) Park(deadline Time, mayShed bool) {
	if c.flags&closed != 0 {
		return
	}
	l := c.loop
	if c.flags&parked != 0 {
		c.Unpark()
	}
	c.flags |= parked
	l.parked++
	if deadline != 0 {
		l.arm(&c.timer, ofConn, deadline)
	}
	if mayShed {
		c.flags |= reusable
		l.idle.push(c)
	}
	if c.flags&uint8(In|Hup) != 0 && c.flags&woken == 0 {
		c.flags |= woken
		l.wakes = append(l.wakes, c)
	}
}

// Unpark takes a parked connection back, without a wake. Loop only.
func (c *Conn) Unpark() {
	if c.flags&parked == 0 {
		return
	}
	c.timer.deadline = 0 // the heap entry stays: the next deadline is later
	c.loop.parked--
	if c.flags&reusable != 0 {
		c.loop.idle.remove(c)
	}
	c.flags &^= parked | reusable
}

// wake starts a task for a parked connection.
func (l *Loop) wake(c *Conn, why Woke) {
	c.Unpark()
	t := l.task()
	t.conn, t.why = c, why
	l.enter(t)
}

// Close closes the connection. A task that waits for it sees it ready and gets ErrClosed. Loop only.
func (c *Conn) Close() {
	if c.flags&closed != 0 {
		return
	}
	l := c.loop
	r := c.raw
	if r != nil && r.top != nil {
		r.top.Close()
	}
	c.detach()
	if r == nil || !r.outlives(c) {
		c.shut(int(c.fd))
	}
	c.fd = -1
	l.conns.Add(-1)
	if c.flags&accepted != 0 {
		l.clients.closed.Add(1)
		l.learn(c.timer.born)
	}
	if c.reader != nil {
		l.requeue(c.reader)
	}
	if c.writer != nil {
		l.requeue(c.writer)
	}
}

// detach takes c out of its loop, whatever it is doing there, and leaves the descriptor.
func (c *Conn) detach() {
	c.Unpark()
	c.loop.drop(&c.timer)
	c.loop.unplace(c)
	c.flags |= closed | uint8(In|Out|Hup)
}

// CloseReset closes the connection with a RST: the kernel forgets what was not sent and keeps no FIN-WAIT state. Loop only.
func (c *Conn) CloseReset() {
	if c.flags&closed != 0 {
		return
	}
	if c.raw != nil {
		c.raw.broke(ErrClosed)
	}
	v := syscall.Linger{Onoff: 1}
	_ = syscall.SetsockoptLinger(int(c.fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &v)
	c.Close()
}

// CloseWrite sends a FIN after what was written. Loop only.
func (c *Conn) CloseWrite() error {
	if c.flags&closed != 0 {
		return ErrClosed
	}
	if c.raw != nil {
		return c.raw.closeWrite()
	}
	if e := shutdownWrite(int(c.fd)); e != 0 {
		return e
	}
	return nil
}

// Err takes the error that the kernel has found on the connection, such as a reset; nil when there is none. Loop only.
func (c *Conn) Err() error {
	if c.Closed() {
		return ErrClosed
	}
	if e := c.socketError(); e != 0 {
		return e
	}
	return nil
}

// SetOption is setsockopt(2) with an int. Loop only.
func (c *Conn) SetOption(level, name, value int) error {
	if c.flags&closed != 0 {
		return ErrClosed
	}
	if e := setsockopt(int(c.fd), level, name, value); e != 0 {
		return e
	}
	return nil
}

// Adopt moves a parked connection to this loop, which is the current one: what comes back is it, not parked, and c must not
// be used any more when it is another. Whoever parked c must have made sure, under its own lock, that its Handler will leave
// c alone should c wake at this very moment: it then must not close it; and that nothing was Unsent then. nil when the loop has no room; c is then as before.
// Loop only.
func (l *Loop) Adopt(c *Conn) *Conn {
	if c.loop == l {
		c.Unpark()
		return c
	}
	// Only what does not change after the connection was made may be read here: the other loop may run.
	if !l.room() {
		return nil
	}
	n := &Conn{Handler: c.Handler, Source: Source{loop: l, flags: uint8(Out), family: c.family}, fd: c.fd, peer: c.peer, raw: c.raw}
	n.timer.born = c.timer.born
	l.place(n)
	if l.rewatch(n, c) != 0 {
		l.unplace(n)
		l.conns.Add(-1)
		return nil
	}
	if r := n.raw; r != nil {
		r.conn, n.sock = n, uint8(Out)
		r.refresh(r.top.Pending())
	}
	old := c.loop
	old.Post(func() { old.forget(c) })
	return n
}

// forget drops a connection that another loop adopted.
func (l *Loop) forget(c *Conn) {
	if c.flags&closed != 0 {
		return
	}
	c.detach()
	c.fd = -1
	l.conns.Add(-1)
}

// Register makes a connection of a ready-made stream socket, which it makes non-blocking. With an error, fd is still the
// caller's. Loop only, or before Run.
func (l *Loop) Register(fd int, peer netip.AddrPort) (*Conn, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	c := &Conn{Source: Source{loop: l, flags: uint8(Out)}, fd: int32(fd)}
	c.timer.born = l.second()
	c.setPeer(addressOf(peer))
	if !l.room() {
		return nil, ErrFull
	}
	l.place(c)
	if e := l.watch(c); e != 0 {
		l.unplace(c)
		l.conns.Add(-1)
		return nil, e
	}
	return c, nil
}
