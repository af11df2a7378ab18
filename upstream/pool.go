package upstream

import (
	"sync"
	"time"

	"weir/loop"
)

// Pool is the kept connections of one group, for all loops. nginx has such a pool in each worker; here a connection goes to whoever needs it, and the
// limit is that of all workers together.
//
// Who removes a link from the pool, under its lock, owns it: that settles every race between taking, waking and evicting.
type Pool struct {
	mu       sync.Mutex
	keep     Keepalive
	limit    int // idle links: keep.Max for each loop
	closed   bool
	lanes    map[loop.Addr]*lane
	newest   *Link
	oldest   *Link
	count    int
	taken    uint64
	evicted  uint64
	returned uint64
}

// Keepalive is the settings of a pool: the keepalive directives.
type Keepalive struct {
	Max      int           // idle connections for each loop; 0: none are kept
	Local    bool          // only for the location (tag) that kept them
	Requests int           // exchanges on one connection
	Life     time.Duration // since its dial
	Idle     time.Duration // between exchanges
}

// lane is the idle links to one address. own has the newest of each loop, by the loop's number.
type lane struct {
	own    []*Link
	gone   bool      // no peer has the address any more
	shared []sharing // by the loop's number
	most   int       // exchanges that one connection may carry at a time; 0: not known
}

func newPool(k Keepalive, loops int) *Pool {
	return &Pool{keep: k, limit: k.Max * max(loops, 1), lanes: map[loop.Addr]*lane{}}
}

// lane returns the lane of an address; called while a group is built.
func (p *Pool) lane(addr loop.Addr) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.lanes[addr]
	if n == nil {
		n = &lane{}
		p.lanes[addr] = n
	}
	return n
}

// admits reports whether a link that was used until now may be kept, and for how long.
func (p *Pool) admits(k *Link, now loop.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keep.Idle, p.limit > 0 && p.keep.Idle > 0 && p.mayCarry(k, now)
}

// mayCarry reports whether a link may carry one more exchange; p.mu is held.
func (p *Pool) mayCarry(k *Link, now loop.Time) bool {
	return !p.closed && !k.lane.gone && k.Requests < p.keep.Requests && now-k.born <= loop.Time(p.keep.Life)
}

// put adds a parked link, and drops the one idle longest when there is no room.
func (p *Pool) put(k *Link) {
	here := k.on // once the pool has it, k may be another loop's
	p.mu.Lock()
	var old *Link
	switch {
	case p.closed:
		old = k
	default:
		if p.count >= p.limit {
			old = p.oldest
			p.unlink(old)
			p.evicted++
		}
		p.link(k)
		p.returned++
	}
	p.mu.Unlock()
	if old != nil {
		old.drop(here)
	}
}

// take removes the best idle link of a lane for a loop, or returns nil.
func (p *Pool) take(l *loop.Loop, n *lane, tag uint64, s *Secure) *Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	me := l.ID()
	if me < len(n.own) {
		if k := p.fit(n.own[me], tag, s); k != nil {
			return p.hand(k)
		}
	}
	for i, first := range n.own {
		if i == me {
			continue
		}
		if k := p.fit(first, tag, s); k != nil {
			return p.hand(k)
		}
	}
	return nil
}

func (p *Pool) fit(k *Link, tag uint64, s *Secure) *Link {
	for k != nil && (p.keep.Local && k.tag != tag || k.Secure != *s) {
		k = k.next
	}
	return k
}

func (p *Pool) hand(k *Link) *Link {
	p.unlink(k)
	p.taken++
	return k
}

// remove takes out this link; false: somebody else was first. That other may have brought it back meanwhile, but then on a connection of its own
// loop.
func (p *Pool) remove(k *Link, c *loop.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !k.idle || k.Conn != c {
		return false
	}
	p.unlink(k)
	return true
}

// Close closes every idle connection; no more are kept. Any goroutine.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	gone := p.trim(0)
	p.mu.Unlock()
	dropAll(gone)
}

// resize gives the pool new settings after a reload, and forgets all addresses but those used.
func (p *Pool) resize(k Keepalive, limit int, used map[loop.Addr]bool) {
	p.mu.Lock()
	p.keep, p.limit = k, limit
	gone := p.trim(p.limit)
	p.mu.Unlock()
	dropAll(gone)
	p.forget(used)
}

// forget drops the connections to addresses that no peer of the group has any more. Any goroutine.
func (p *Pool) forget(used map[loop.Addr]bool) {
	var gone []*Link
	p.mu.Lock()
	for addr, n := range p.lanes {
		if used[addr] {
			continue
		}
		delete(p.lanes, addr)
		n.gone = true
		for _, first := range n.own {
			for k := first; k != nil; {
				next := k.next
				p.unlink(k)
				gone = append(gone, k)
				k = next
			}
		}
	}
	p.mu.Unlock()
	dropAll(gone)
}

// trim removes the oldest links until n are left.
func (p *Pool) trim(n int) []*Link {
	var gone []*Link
	for p.count > n {
		gone = append(gone, p.oldest)
		p.unlink(p.oldest)
	}
	return gone
}

func dropAll(gone []*Link) {
	for _, k := range gone {
		k.drop(nil)
	}
}

// drop closes a link that was just removed. here is the loop that the caller runs on, nil when it runs on none: a connection is closed on its own
// loop.
func (k *Link) drop(here *loop.Loop) {
	if k.on == here {
		k.Conn.Close()
		return
	}
	k.on.Post(k.Conn.Close)
}

// PoolStatus is a snapshot of a pool, for the status pages.
type PoolStatus struct {
	Idle     int
	Limit    int
	Taken    uint64 // connections used again
	Returned uint64 // connections kept
	Evicted  uint64 // closed for want of room
}

// Status reports how the pool is used. Any goroutine.
func (p *Pool) Status() PoolStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStatus{p.count, p.limit, p.taken, p.returned, p.evicted}
}

// link and unlink keep the two lists: all links by age, and those of one lane and loop. With p.mu held.
func (p *Pool) link(k *Link) {
	k.idle = true
	k.older, k.newer = p.newest, nil
	if p.newest != nil {
		p.newest.newer = k
	} else {
		p.oldest = k
	}
	p.newest = k
	p.count++

	id := k.on.ID()
	for len(k.lane.own) <= id {
		k.lane.own = append(k.lane.own, nil)
	}
	k.prev, k.next = nil, k.lane.own[id]
	if k.next != nil {
		k.next.prev = k
	}
	k.lane.own[id] = k
}

func (p *Pool) unlink(k *Link) {
	if k.newer != nil {
		k.newer.older = k.older
	} else {
		p.newest = k.older
	}
	if k.older != nil {
		k.older.newer = k.newer
	} else {
		p.oldest = k.newer
	}
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		k.lane.own[k.on.ID()] = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	k.idle, k.newer, k.older, k.prev, k.next = false, nil, nil, nil, nil
	p.count--
}
