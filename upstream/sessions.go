package upstream

import (
	"crypto/md5"
	"sync"
	"time"

	"weir/loop"
)

// Sessions is which peer each session of the back ends' own belongs to
// ("sticky learn"): a table of bounded size, without pointers, so that the
// collector does not walk it. It survives a reload with its zone. Any goroutine.
type Sessions struct {
	host string // the group that it is used in

	mu    sync.Mutex
	at    map[[md5.Size]byte]uint32 // places in nodes
	nodes []session                 // by age in a ring: after nodes[0] comes the oldest
	free  uint32                    // the first free node; the others follow by next
	most  int
}

// A session is one of them.
type session struct {
	key          [md5.Size]byte
	sid          [32]byte
	n            uint8 // length of sid
	last         loop.Time
	next, before uint32
}

// sessionSize is the memory of a zone that one takes: nginx's figure, 4,000 to a megabyte.
const sessionSize = 256

func newSessions(size int64, host string) *Sessions {
	return &Sessions{host: host, at: map[[md5.Size]byte]uint32{}, nodes: make([]session, 1), most: max(1, int(size/sessionSize))}
}

// Find appends the sid of the peer that a session belongs to; dst as it was if
// none is known.
func (s *Sessions) Find(dst, id []byte, now loop.Time, timeout time.Duration) []byte {
	key := md5.Sum(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now, timeout)
	n, ok := s.at[key]
	if !ok {
		return dst
	}
	x := &s.nodes[n]
	return append(dst, x.sid[:x.n]...)
}

// Learn says that a session belongs to a peer; one that is not known yet is
// remembered only with create. It reports whether another one was forgotten for
// want of room.
func (s *Sessions) Learn(id []byte, sid string, create bool, now loop.Time, timeout time.Duration) (evicted bool) {
	key := md5.Sum(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now, timeout)
	n, ok := s.at[key]
	switch {
	case ok:
		s.unlink(n)
	case !create:
		return false
	default:
		if evicted = len(s.at) >= s.most; evicted {
			s.forget(s.nodes[0].next)
		}
		n = s.place()
		s.nodes[n].key = key
		s.at[key] = n
	}
	x := &s.nodes[n]
	x.n = uint8(copy(x.sid[:], sid))
	x.last = now
	s.link(n)
	return evicted
}

// Count is the number of sessions. Any goroutine.
func (s *Sessions) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// expire forgets the sessions that nobody has used for so long.
func (s *Sessions) expire(now loop.Time, timeout time.Duration) {
	for n := s.nodes[0].next; n != 0 && now.Sub(s.nodes[n].last) >= timeout; n = s.nodes[0].next {
		s.forget(n)
	}
}

// place returns a free node.
func (s *Sessions) place() uint32 {
	n := s.free
	if n == 0 {
		s.nodes = append(s.nodes, session{})
		return uint32(len(s.nodes) - 1)
	}
	s.free = s.nodes[n].next
	return n
}

func (s *Sessions) forget(n uint32) {
	s.unlink(n)
	delete(s.at, s.nodes[n].key)
	s.nodes[n].next = s.free
	s.free = n
}

// link makes a node the newest.
func (s *Sessions) link(n uint32) {
	x, end := &s.nodes[n], &s.nodes[0]
	x.next, x.before = 0, end.before
	s.nodes[x.before].next = n
	end.before = n
}

func (s *Sessions) unlink(n uint32) {
	x := &s.nodes[n]
	s.nodes[x.before].next = x.next
	s.nodes[x.next].before = x.before
}
