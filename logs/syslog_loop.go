package logs

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"weir/loop"
)

// While loops serve, who logs to a syslog server only queues the line. One loop sends what was queued in a moment, several lines with one call
// of the kernel, and in their order.

// carried is what a Syslog has to do with the loop that sends for it. Guarded by Syslog.mu, but for the parts that are the loop's.
type carried struct {
	loop   *loop.Loop // nil: lines are sent by who writes them
	queue  []byte     // datagrams, each behind its length
	posted bool       // the loop will look after the queue
	err    error      // to be told to who writes next
	flush  func()

	// The loop's.
	spare   []byte
	packets *loop.Packets
	failed  error // of the batch at hand, and how many lines of it are lost
	lost    uint64
}

const (
	// carriedMost is how much may be queued. What comes after that is lost.
	carriedMost = 1 << 20
	// carriedKept is how large a queue is kept for the next lines.
	carriedKept = 64 << 10
)

// errCarried says that lines come faster than the loop sends them.
var errCarried = errors.New("too many lines wait to be sent")

// sendOn has the lines sent on a loop from now on; nil: by who writes them, what was queued first. Any goroutine but that loop's, and not
// after the loop has stopped.
func (s *Syslog) sendOn(l *loop.Loop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.carried
	if old := c.loop; old != nil && old != l {
		s.sendQueued()
		c.posted = false
		old.Post(s.closePackets)
	}
	c.loop = l
	if l != nil && c.flush == nil {
		c.flush = s.flush
	}
	if l != nil {
		s.disconnect()
	}
}

// queueLine queues a datagram. With mu held.
func (s *Syslog) queueLine(packet []byte) error {
	c := &s.carried
	err := c.err
	c.err = nil
	if len(c.queue)+len(packet) > carriedMost {
		s.lost.Add(1)
		return s.report("send()", errCarried)
	}
	c.queue = binary.NativeEndian.AppendUint32(c.queue, uint32(len(packet)))
	c.queue = append(c.queue, packet...)
	if !c.posted {
		c.posted = true
		c.loop.Post(c.flush)
	}
	return err
}

// nextQueued takes the first datagram off a queue.
func nextQueued(queue []byte) (packet, rest []byte) {
	n := binary.NativeEndian.Uint32(queue)
	return queue[4 : 4+n], queue[4+n:]
}

func countQueued(queue []byte) (n uint64) {
	for ; len(queue) > 0; n++ {
		_, queue = nextQueued(queue)
	}
	return n
}

// sendQueued sends what is queued from here. With mu held.
func (s *Syslog) sendQueued() {
	for q := s.carried.queue; len(q) > 0; {
		var packet []byte
		if packet, q = nextQueued(q); s.sendAgain(packet) != nil {
			s.lost.Add(1)
		}
	}
	s.carried.queue = nil
}

// flush sends what is queued. Loop only.
func (s *Syslog) flush() {
	c := &s.carried
	s.mu.Lock()
	queue := c.queue
	c.queue, c.spare, c.posted = c.spare[:0], nil, false
	l := c.loop
	s.mu.Unlock()
	if l != nil && len(queue) > 0 {
		call, err := s.sendBatch(l, queue)
		if call == "send()" && err != nil && err != syscall.EAGAIN && s.set.Unix != "" { // the server was started anew: its socket is another one
			s.closePackets()
			_, _ = s.sendBatch(l, queue)
		}
		s.lost.Add(c.lost)
		if err != nil {
			s.mu.Lock()
			if e := s.report(call, err); e != nil {
				c.err = e
			}
			s.mu.Unlock()
		}
	}
	if cap(queue) <= carriedKept {
		s.mu.Lock()
		c.spare = queue
		s.mu.Unlock()
	}
}

// sendBatch sends datagrams. What the socket does not take at once is lost. The error is the last one. Loop only.
func (s *Syslog) sendBatch(l *loop.Loop, queue []byte) (call string, err error) {
	c := &s.carried
	c.failed, c.lost = nil, 0
	if c.packets == nil || c.packets.Loop() != l {
		p, err := l.DialPackets(loop.Addr{Net: s.set.Addr, Unix: s.set.Unix}, func(*loop.Packets, loop.Datagram) {})
		if err != nil {
			c.lost = countQueued(queue)
			var e *os.SyscallError
			if errors.As(err, &e) {
				return e.Syscall + "()", e.Err
			}
			return "connect()", err
		}
		p.Failed = func(err error) {
			c.failed = err
			c.lost++
		}
		c.packets = p
	}
	for len(queue) > 0 {
		var packet []byte
		packet, queue = nextQueued(queue)
		if err := c.packets.Send(loop.Datagram{Data: packet}); err != nil {
			c.lost++
			if err == loop.ErrAgain {
				err = syscall.EAGAIN
			}
			c.failed = err
		}
	}
	c.packets.Flush()
	return "send()", c.failed
}

// closePackets closes the loop's socket. Loop only.
func (s *Syslog) closePackets() {
	if p := s.carried.packets; p != nil {
		s.carried.packets = nil
		p.Close()
	}
}
