package upstream

import (
	"slices"

	"weir/loop"
)

// A Shared is what is spoken on a link that carries several exchanges at a time: its Session. All of it is Loop only.
type Shared interface {
	// Room reports whether one more exchange may begin on the link.
	Room() bool
	// Heard works on what the peer has sent on a link that nobody uses. It reports false when the connection is of no more use.
	Heard() bool
}

// sharing is what the exchanges of one loop share of a lane.
type sharing struct {
	links []*Link // those that others may join, the newest last
	dials []*Dial
}

// sharing returns that of a loop; p.mu is held.
func (n *lane) sharing(l *loop.Loop) *sharing {
	id := l.ID()
	for len(n.shared) <= id {
		n.shared = append(n.shared, sharing{})
	}
	return &n.shared[id]
}

// Join gives a connection to p that is in use on this loop and has room for one exchange more, which the link counts; nil when there is
// none. Otherwise it is as TakeSecure. Loop only.
func (g *Group) Join(l *loop.Loop, p *Peer, tag uint64, s *Secure) *Link {
	if g.pool == nil {
		return nil
	}
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	links := p.lane.sharing(l).links
	for i := len(links) - 1; i >= 0; i-- {
		k := links[i]
		if k.Secure == *s && (!g.pool.keep.Local || k.tag == tag) && g.pool.mayCarry(k, l.Now()) && k.Session.(Shared).Room() {
			k.Requests++
			return k
		}
	}
	return nil
}

// Share lets other exchanges of the loop join the link, whose Session is a Shared. It reports false when there is no pool, and hence
// nobody to join. Loop only.
func (k *Link) Share(tag uint64) bool {
	if k.pool == nil || k.lane == nil {
		return false
	}
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	k.tag = tag
	s := k.lane.sharing(k.Conn.Loop())
	s.links = append(s.links, k)
	return true
}

// Unshare lets nobody join any more. Loop only.
func (k *Link) Unshare() {
	if k.pool == nil || k.lane == nil {
		return
	}
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	s := k.lane.sharing(k.Conn.Loop())
	if i := slices.Index(s.links, k); i >= 0 {
		s.links = slices.Delete(s.links, i, i+1)
	}
}

// Most is how many exchanges a connection to the peer may carry at a time, as another one was told; 0: none was. Loop only.
func (k *Link) Most() int {
	if k.pool == nil || k.lane == nil {
		return 0
	}
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	return k.lane.most
}

// SetMost tells others how many that is. Loop only.
func (k *Link) SetMost(n int) {
	if k.pool == nil || k.lane == nil {
		return
	}
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	k.lane.most = n
}

// A Dial is a connection that is being made and will be shared: who would make another one at the same time waits for it.
type Dial struct {
	pool    *Pool
	lane    *lane
	on      *loop.Loop
	tag     uint64
	secure  Secure
	waiting []*loop.Signal
}

// mostWaiting is how many exchanges wait for one connection: as many as it may be expected to carry.
const mostWaiting = 100

// Dial tells that a connection to p is being made, to be shared. It must be Done. Loop only.
func (g *Group) Dial(l *loop.Loop, p *Peer, tag uint64, s *Secure) *Dial {
	d := &Dial{pool: g.pool, lane: p.lane, on: l, tag: tag, secure: *s}
	if g.pool == nil {
		return d
	}
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	h := p.lane.sharing(l)
	h.dials = append(h.dials, d)
	return d
}

// Done tells those who wait that the connection was made, or was not. Loop only.
func (d *Dial) Done() {
	if d.pool == nil {
		return
	}
	d.pool.mu.Lock()
	h := d.lane.sharing(d.on)
	if i := slices.Index(h.dials, d); i >= 0 {
		h.dials = slices.Delete(h.dials, i, i+1)
	}
	d.pool.mu.Unlock()
	for _, w := range d.waiting {
		w.Fire()
	}
}

// AwaitDial has done fired when a connection to p was made that another exchange is making. It reports false when nobody is. Loop only.
func (g *Group) AwaitDial(l *loop.Loop, p *Peer, tag uint64, s *Secure, done *loop.Signal) bool {
	if g.pool == nil {
		return false
	}
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	most := mostWaiting
	if n := p.lane.most; n > 0 {
		most = min(most, n)
	}
	for _, d := range p.lane.sharing(l).dials {
		if d.secure == *s && (!g.pool.keep.Local || d.tag == tag) && len(d.waiting)+1 < most {
			d.waiting = append(d.waiting, done)
			return true
		}
	}
	return false
}
