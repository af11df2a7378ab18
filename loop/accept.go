package loop

import (
	"sync"
	"syscall"
	"time"
)

// Listener is a listening socket in every loop.
type Listener struct {
	engine *Engine
	index  int
	fd     int
	accept func(c *Conn)
	loops  []*listening
	door
}

// listening is a listener in one loop. The lock is held over each accept, so that after Close nobody touches the
// descriptor; nobody else ever wants it (20 ns of the 5 µs of an accept).
type listening struct {
	*Listener
	loop   *Loop
	mu     sync.Mutex
	closed bool
}

const (
	// acceptMost is how many connections one event may bring, so that a flood does not starve those who are in.
	acceptMost = 64
	// acceptPause is how long a loop leaves a listener alone when not even the reserve descriptor helped.
	acceptPause = 100 * time.Millisecond
	// acceptLast is how many waiting connections Close takes: more than a queue holds, as a rule, and an end to it where they
	// come faster than they are taken.
	acceptLast = 4096
)

// Listen accepts connections from fd, a listening stream socket, which stays the caller's. accept runs on the connection's
// loop, outside a task; it sets the Handler and parks the connection, or starts a task. Any goroutine but not under a lock
// that accept takes.
func (e *Engine) Listen(fd int, accept func(c *Conn)) (*Listener, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, ErrStopped
	}
	ln := &Listener{engine: e, index: e.freeIndex(), fd: fd, accept: accept}
	e.watches[ln.index] = ln
	for _, l := range e.Loops {
		w := &listening{Listener: ln, loop: l}
		ln.loops = append(ln.loops, w)
		l.setWatch(ln.index, w)
	}
	if no := ln.open(ln); no != 0 {
		ln.close()
		return nil, no
	}
	return ln, nil
}

// freeIndex finds a place in e.watches. Under e.mu.
func (e *Engine) freeIndex() int {
	for i, ln := range e.watches {
		if ln == nil {
			return i
		}
	}
	e.watches = append(e.watches, nil)
	return len(e.watches) - 1
}

// setWatch publishes a listener to the loop, or takes it back. Under e.mu.
func (l *Loop) setWatch(i int, w *listening) {
	list := append([]*listening(nil), *l.watches.Load()...)
	for len(list) <= i {
		list = append(list, nil)
	}
	list[i] = w
	l.watches.Store(&list)
}

// Close takes the listener out of the loops. When it returns, no loop uses the descriptor, which stays open. Any goroutine.
//
// Connections that wait in the queue are still taken and given to accept. The kernel may have woken one of these loops for
// them, and nobody else: when another process has the socket too, as in a binary upgrade, it would not look before the next
// one comes. When nobody else has it they would be reset, though the client knows nothing of an end.
func (ln *Listener) Close() {
	ln.engine.mu.Lock()
	defer ln.engine.mu.Unlock()
	if ln.close() && !ln.engine.stopped {
		ln.takeLast()
	}
}

// takeLast takes what waits in the queue of a listener that was taken out of the loops.
func (ln *Listener) takeLast() {
	var sa rawAddr
	var peer address
	for range acceptLast {
		fd, e := accept(ln.fd, &sa)
		switch e {
		case 0:
			peer.set(&sa)
			ln.hand(ln.engine.emptiest(), fd, peer)
		case syscall.ECONNABORTED:
		default:
			return
		}
	}
}

// emptiest is the loop with the fewest connections.
func (e *Engine) emptiest() *Loop {
	least := e.Loops[0]
	for _, l := range e.Loops[1:] {
		if l.conns.Load() < least.conns.Load() {
			least = l
		}
	}
	return least
}

// close says false when it was closed before. Under e.mu.
func (ln *Listener) close() bool {
	if ln.engine.watches[ln.index] != ln {
		return false
	}
	ln.engine.watches[ln.index] = nil
	for _, w := range ln.loops {
		w.close()
		w.loop.setWatch(ln.index, nil)
	}
	return true
}

func (w *listening) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		w.unwatch()
	}
}

// unlisten ends accepting on this loop. What waits is left: a loop that stops could only close it.
func (l *Loop) unlisten() {
	for _, w := range *l.watches.Load() {
		if w != nil {
			w.close()
		}
	}
}

// take is accept under the lock.
func (w *listening) take() (int, syscall.Errno) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return -1, syscall.EAGAIN
	}
	fd, e := accept(w.fd, &w.loop.sockaddr)
	w.mu.Unlock()
	return fd, e
}

// acceptable takes what waits at a listener: as many as the last times, twice that when there were more, so that a lone
// connection costs no failed accept and a crowd not one wait each. The poller tells again what is left.
func (l *Loop) acceptable(index int) {
	list := *l.watches.Load()
	if index >= len(list) || list[index] == nil {
		return
	}
	w := list[index]
	for n := range l.batch {
		fd, e := w.take()
		switch e {
		case 0:
			l.dispatch(w.Listener, fd)
		case syscall.EAGAIN:
			l.batch = max(n, 1)
			return
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			l.exhausted(w)
			return
		default: // ECONNABORTED and what TCP has to say about a connection that is no more
		}
	}
	l.batch = min(2*l.batch, acceptMost)
}

// dispatch gives a new connection to the loop with the fewest, when that makes a difference.
func (l *Loop) dispatch(ln *Listener, fd int) {
	var peer address
	peer.set(&l.sockaddr)
	to := l.fewest()
	if to == l {
		l.admit(ln, fd, peer)
		return
	}
	ln.hand(to, fd, peer)
}

// hand gives a new connection to a loop that is not the caller's.
func (ln *Listener) hand(to *Loop, fd int, peer address) {
	to.conns.Add(1) // now, so that the next of this batch sees it
	to.Post(func() {
		to.conns.Add(-1)
		to.admit(ln, fd, peer)
	})
}

// fewest is the loop for a new connection: this one, unless it has more than the fewest and some slack.
//
// A hand-over costs a wake-up of another processor, and the idle loop is the one that accepts anyway, because
// EPOLLEXCLUSIVE wakes a sleeper. So slack is wanted where connections come and go: an eighth and up to four. None is
// wanted where they stay, or two long-lived clients might share one of two loops. How long the last ones lived tells which.
func (l *Loop) fewest() *Loop {
	own, least := l.conns.Load(), l
	fewest := own
	for _, o := range l.engine.Loops {
		if n := o.conns.Load(); n < fewest {
			fewest, least = n, o
		}
	}
	if own <= fewest+int32(l.brief/4)+int32(l.brief/16)*(fewest/8) {
		return l
	}
	return least
}

// learn learns from how long a connection lived: sixteen brief ones in a row make a load of brief ones, a long one ends it.
func (l *Loop) learn(born uint32) {
	if l.second()-born < 2 {
		l.brief = min(l.brief+1, 16)
	} else {
		l.brief = 0
	}
}

// second is a coarse clock that fits in a connection.
func (l *Loop) second() uint32 { return uint32(l.now / Time(time.Second)) }

// admit makes the connection of a descriptor and shows it to its owner.
func (l *Loop) admit(ln *Listener, fd int, peer address) {
	l.clients.accepted.Add(1)
	if l.stopping || !l.room() {
		closeFD(fd)
		return
	}
	l.clients.handled.Add(1)
	c := &Conn{Source: Source{loop: l, flags: uint8(Out) | accepted}, fd: int32(fd)}
	c.timer.born = l.second()
	c.setPeer(peer)
	l.place(c)
	if l.watch(c) != 0 {
		c.Close()
		return
	}
	l.engine.accepted(c)
	l.introduce(ln, c)
}

// introduce calls accept and survives it.
func (l *Loop) introduce(ln *Listener, c *Conn) {
	defer func() {
		if v := recover(); v != nil {
			c.Close()
			l.engine.panicked(v, stack())
		}
	}()
	ln.accept(c)
}
