package loop

import (
	"errors"
	"net/netip"
	"syscall"
)

// DialOptions are the options of a socket that connects.
type DialOptions struct {
	Bind             netip.AddrPort // proxy_bind; port 0: the kernel's choice
	Transparent      bool           // IP_TRANSPARENT: Bind may be an address that is not ours
	SendBuf, RecvBuf int            // SO_SNDBUF, SO_RCVBUF; 0: the kernel's
	Keepalive        bool           // SO_KEEPALIVE
	NoDelay          bool           // TCP_NODELAY

	// Watch is for whose sake the connection is made: when it hangs up first, Dial gives up with ErrWatched. It may be nil.
	Watch *Source
}

// ErrWatched says that what a Dial was made for has hung up.
var ErrWatched = errors.New("loop: the watched connection has hung up")

// Dial connects. ErrTimeout, ErrStopped, ErrFull, ErrWatched, or the syscall.Errno of the connection attempt. Loop only.
func (l *Loop) Dial(t *Task, to Addr, o DialOptions, deadline Time) (*Conn, error) {
	if l.stopping {
		return nil, ErrStopped
	}
	if !l.room() {
		return nil, ErrFull
	}
	family := familyOf(to)
	fd, err := l.socket(family)
	if err != nil {
		l.conns.Add(-1)
		return nil, err
	}
	c := &Conn{Source: Source{loop: l}, fd: int32(fd)}
	c.timer.born = l.second()
	c.setPeer(addressOf(to.Net))
	l.place(c)
	if err := c.connect(t, to, &o, family, deadline); err != nil {
		c.Close()
		return nil, err
	}
	l.engine.dialed(c)
	return c, nil
}

func familyOf(to Addr) int {
	switch {
	case to.Unix != "":
		return syscall.AF_UNIX
	case to.Net.Addr().Is4():
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

// socket makes a socket, for which it sheds an idle connection when there is no descriptor left.
func (l *Loop) socket(family int) (int, error) {
	for {
		fd, e := newSocket(family)
		switch {
		case e == 0:
			return fd, nil
		case e != syscall.EMFILE && e != syscall.ENFILE:
			return -1, e
		case !l.shed():
			l.shedElsewhere()
			l.engine.full(FullFiles)
			return -1, ErrFull
		}
	}
}

func (c *Conn) connect(t *Task, to Addr, o *DialOptions, family int, deadline Time) error {
	fd := int(c.fd)
	if e := o.apply(fd, family); e != 0 {
		return e
	}
	done := false
	switch e := connect(&c.loop.sockaddr, fd, to, family); e {
	case 0:
		done = true
		c.flags |= uint8(Out)
	case syscall.EINPROGRESS:
	default:
		return e
	}
	// An unconnected socket would report a hang-up, so the poller gets to know it only now.
	if e := c.loop.watch(c); e != 0 || done {
		return asError(e)
	}
	if err := c.waitConnected(t, o.Watch, deadline); err != nil {
		return err
	}
	if c.flags&closed != 0 {
		return ErrClosed
	}
	return asError(c.socketError())
}

// asError makes no error of no error.
func asError(e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}

// waitConnected waits until connect(2) has an outcome.
func (c *Conn) waitConnected(t *Task, watch *Source, deadline Time) error {
	if watch == nil {
		return c.wait(t, Out, deadline)
	}
	w := Wait{A: &c.Source, AWant: Out, B: watch, BWant: Hup, Deadline: deadline}
	if err := t.Poll(&w); err != nil {
		return err
	}
	if w.AGot == 0 {
		return ErrWatched
	}
	return nil
}

// apply sets the options that must come before connect, and the others.
func (o *DialOptions) apply(fd, family int) syscall.Errno {
	var first syscall.Errno
	set := func(on bool, level, name, v int) {
		if on && first == 0 {
			first = setsockopt(fd, level, name, v)
		}
	}
	set(o.SendBuf > 0, syscall.SOL_SOCKET, syscall.SO_SNDBUF, o.SendBuf)
	set(o.RecvBuf > 0, syscall.SOL_SOCKET, syscall.SO_RCVBUF, o.RecvBuf)
	set(o.Keepalive, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	if family == syscall.AF_UNIX {
		return first
	}
	set(o.NoDelay, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if !o.Bind.Addr().IsValid() {
		return first
	}
	if o.Transparent && first == 0 {
		first = setTransparent(fd, family)
	}
	if first == 0 && o.Bind.Port() == 0 {
		bindWithoutPort(fd)
	}
	if first == 0 {
		first = bind(fd, o.Bind, family)
	}
	return first
}

func bind(fd int, at netip.AddrPort, family int) syscall.Errno {
	if family == syscall.AF_INET && !at.Addr().Unmap().Is4() {
		return syscall.EAFNOSUPPORT
	}
	return bindTo(fd, at, family)
}
