package loop

import (
	"net/netip"
	"os"
	"runtime/debug"
	"syscall"
)

// Packets is a datagram socket of one loop: one of several that share an address (SO_REUSEPORT), or one that is connected.
//
// What comes is handed over on the loop, outside a task, several datagrams for one call of the kernel. What is sent is gathered and goes
// out at the end of the loop's turn, with one call, datagrams of one size to one peer as one (GSO), where there is such a thing. Nothing
// here allocates. All methods are Loop only.
type Packets struct {
	Source // Out: Send takes something

	// Failed is told what came of a datagram that could not be sent, which is lost then; or, on a connected socket, what the peer said
	// to one sent before. It may be nil.
	Failed func(err error)

	packetSocket
	fd    int
	index int
	got   func(p *Packets, d Datagram)
	gone  bool
	queue packetQueue
}

// Datagram is what comes or goes in one piece.
type Datagram struct {
	Peer netip.AddrPort // an IPv4 peer of an IPv6 socket is an IPv4-mapped address; to send, zero on a connected socket
	Data []byte         // what comes is valid until the function returns; what is sent is copied
}

const (
	// packetBatch is how many datagrams one call brings at most, or sends.
	packetBatch = 16
	// packetRoom is room for the largest datagram, or for as many as are sent or come as one.
	packetRoom = 1 << largest
	// packetSegments is how many datagrams may go as one, and packetMost how many bytes.
	packetSegments = 64
	packetMost     = 65000
)

// packetQueue is what is to be sent: messages of one or more datagrams each, one behind the other in buf.
type packetQueue struct {
	buf    []byte // of the loop, while there is something
	used   int
	n      int
	first  int // messages sent already
	msgs   [packetBatch]message
	listed bool // in the loop's list of those that have something to send
	busy   bool // being flushed
}

// message is datagrams to one peer, of one size but for the last, which may be shorter.
type message struct {
	to       address
	at, size int
	segment  int
	count    int
}

// OpenPackets makes a datagram socket a loop's, which closes it in the end. got is called for each datagram. With an error, fd is still
// the caller's. Loop only, or before Run.
func (l *Loop) OpenPackets(fd int, got func(p *Packets, d Datagram)) (*Packets, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	p := &Packets{Source: Source{loop: l, flags: uint8(Out)}, fd: fd, got: got, index: len(l.packets)}
	for i, q := range l.packets {
		if q == nil {
			p.index = i
		}
	}
	if p.index == len(l.packets) {
		l.packets = append(l.packets, nil)
	}
	l.packets[p.index] = p
	if e := p.watch(); e != 0 {
		l.packets[p.index] = nil
		return nil, e
	}
	return p, nil
}

// DialPackets makes a datagram socket that is connected to an address: what comes from elsewhere is dropped, and the kernel chooses a
// port by chance. got is called for each datagram. Loop only, or before Run.
func (l *Loop) DialPackets(to Addr, got func(p *Packets, d Datagram)) (*Packets, error) {
	family := familyOf(to)
	fd, e := newPacketSocket(family)
	if e != 0 {
		return nil, os.NewSyscallError("socket", e)
	}
	if e := connect(&l.sockaddr, fd, to, family); e != 0 {
		closeFD(fd)
		return nil, os.NewSyscallError("connect", e)
	}
	p, err := l.OpenPackets(fd, got)
	if err != nil {
		closeFD(fd)
	}
	return p, err
}

// Send sends a datagram soon. ErrAgain: there is no room, wait for Out; ErrClosed.
func (p *Packets) Send(d Datagram) error {
	q := &p.queue
	switch {
	case p.gone:
		return ErrClosed
	case len(d.Data) > packetMost:
		return syscall.EMSGSIZE
	}
	to := addressOf(d.Peer)
	if m := q.last(); m != nil && m.takes(to, len(d.Data)) && p.segments() && q.used+len(d.Data) <= packetRoom {
		q.used += copy(q.buf[q.used:], d.Data)
		m.size += len(d.Data)
		m.count++
		return nil
	}
	if q.n == packetBatch || q.used+len(d.Data) > packetRoom {
		p.Flush()
		if q.n > 0 {
			p.flags &^= uint8(Out)
			return ErrAgain
		}
	}
	if q.buf == nil {
		q.buf = p.loop.Take(packetRoom)
	}
	q.msgs[q.n] = message{to: to, at: q.used, size: len(d.Data), segment: len(d.Data), count: 1}
	q.n++
	q.used += copy(q.buf[q.used:], d.Data)
	if !q.listed {
		q.listed = true
		p.loop.sending = append(p.loop.sending, p)
	}
	return nil
}

// last is the message that was queued last; nil when there is none.
func (q *packetQueue) last() *message {
	if q.n == q.first {
		return nil
	}
	return &q.msgs[q.n-1]
}

// takes says whether a datagram may go behind those of m.
func (m *message) takes(to address, size int) bool {
	return m.to == to && size > 0 && size <= m.segment && m.size == m.segment*m.count && m.count < packetSegments && m.size+size <= packetMost
}

// Flush sends what was gathered, as far as the socket takes it. The loop does so by itself at the end of its turn.
func (p *Packets) Flush() {
	q := &p.queue
	if q.busy {
		return // Failed sends
	}
	q.busy = true
	done := p.sendQueue()
	q.busy = false
	if !done {
		p.blocked()
		return
	}
	p.loop.Give(q.buf)
	q.buf, q.used, q.n, q.first = nil, 0, 0, 0
	if p.flags&uint8(Out) == 0 {
		p.Set(Out)
	}
}

// sendQueue sends what is queued. It says false when the socket takes no more.
func (p *Packets) sendQueue() bool {
	q := &p.queue
	tried := -1
	for q.first < q.n && !p.gone {
		n, e := p.sendMessages(q.msgs[q.first:q.n])
		switch {
		case n > 0:
			q.first += n
		case e == syscall.EAGAIN:
			return false
		case e == syscall.ECONNREFUSED && tried != q.first: // that is for one that was sent before
			tried = q.first
			p.failed(e)
		case q.msgs[q.first].count > 1 && (e == syscall.EIO || e == syscall.EINVAL || e == syscall.EMSGSIZE):
			p.part()
		default:
			q.first++
			p.failed(e)
		}
	}
	return true
}

// part sends the datagrams of a message one by one, where they cannot go as one.
func (p *Packets) part() {
	q := &p.queue
	m := &q.msgs[q.first]
	p.noSegments()
	for m.count > 0 && !p.gone {
		one := *m
		one.size, one.count = min(m.segment, m.size), 1
		n, e := p.sendMessages([]message{one})
		switch {
		case n == 0 && e == syscall.EAGAIN:
			return // the rest is as before, and parted again
		case n == 0:
			p.failed(e)
		}
		m.at += one.size
		m.size -= one.size
		m.count--
	}
	q.first++
}

func (p *Packets) failed(e syscall.Errno) {
	if p.Failed != nil {
		p.Failed(e)
	}
}

// flushPackets ends the turn of a loop.
func (l *Loop) flushPackets() {
	for i := 0; i < len(l.sending); i++ { // Failed may send
		p := l.sending[i]
		p.queue.listed = false
		p.Flush()
	}
	clear(l.sending)
	l.sending = l.sending[:0]
}

// deliver hands a datagram over, or several of one size that came as one, and survives that. It says false when no more may be.
func (p *Packets) deliver(from address, data []byte, segment int) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			p.loop.engine.panicked(v, debug.Stack())
		}
	}()
	peer := from.addrPort()
	if segment <= 0 {
		segment = max(len(data), 1)
	}
	for {
		n := min(segment, len(data))
		p.got(p, Datagram{peer, data[:n]})
		data = data[n:]
		if p.gone {
			return false
		}
		if len(data) == 0 {
			return true
		}
	}
}

// Close closes the socket. What was gathered is sent before that, if it can be.
func (p *Packets) Close() {
	if p.gone {
		return
	}
	p.Flush()
	p.gone = true
	p.loop.Give(p.queue.buf)
	p.queue = packetQueue{listed: p.queue.listed, busy: p.queue.busy}
	p.loop.packets[p.index] = nil
	p.unwatch()
	p.flags |= uint8(In | Out | Hup)
	if p.reader != nil {
		p.loop.requeue(p.reader)
	}
	if p.writer != nil {
		p.loop.requeue(p.writer)
	}
}

// FD is the descriptor.
func (p *Packets) FD() int { return p.fd }
