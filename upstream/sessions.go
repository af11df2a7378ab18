package upstream

import (
	"time"

	"weir/loop"
	"weir/zone"
)

// Sessions is which peer each session of the back ends' own belongs to ("sticky learn"), in the group that the table is of. It survives a
// reload and a worker that dies, with its zone. Any goroutine.
type Sessions struct{ zone.Table[session] }

// A session is one of them. One that is half written has a sid that no peer has, and is learnt again.
type session struct {
	last loop.Time
	n    uint8 // length of sid
	sid  [32]byte
}

// newSessions makes the table of a zone. A megabyte holds the 4,000 of nginx and four times as many.
func newSessions(size int64, group string) *Sessions {
	return &Sessions{zone.NewTable[session](size, group)}
}

// Find appends the sid of the peer that a session belongs to; dst as it was if none is known.
func (s *Sessions) Find(dst, key []byte, now loop.Time, timeout time.Duration) []byte {
	id := s.ID(key)
	row := s.Lock(id)
	defer s.Unlock(id)
	if x := row.Look(id); x.alive(now, timeout) {
		dst = append(dst, x.name()...)
	}
	return dst
}

// Learn says that a session belongs to a peer; one that is not known yet is remembered only with create. It reports whether another one
// was forgotten for want of room.
func (s *Sessions) Learn(key []byte, sid string, create bool, now loop.Time, timeout time.Duration) (evicted bool) {
	id := s.ID(key)
	row := s.Lock(id)
	defer s.Unlock(id)
	x := row.Look(id)
	switch {
	case !create && !x.alive(now, timeout):
		return false
	case x != nil:
		row.Use(id)
	default:
		evicted = row.Oldest().alive(now, timeout)
		x = row.Add(id)
	}
	x.last = now
	x.n = uint8(copy(x.sid[:], sid))
	return evicted
}

// alive reports whether there is a session and somebody has used it in so long a time.
func (x *session) alive(now loop.Time, timeout time.Duration) bool {
	return x != nil && x.last != 0 && now.Sub(x.last) < timeout
}

// name is the sid. Its bytes live as long as the row is locked.
func (x *session) name() []byte { return x.sid[:min(int(x.n), len(x.sid))] }
