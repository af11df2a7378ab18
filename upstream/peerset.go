package upstream

import (
	"slices"

	"weir/loop"
)

// peerSet is who the peers of a group are at one time, and how one of them is chosen. It never changes: when a name has other addresses, another set
// takes its place, in which the peers that stay have the states that they had. An attempt ends with the set that it began with.
type peerSet struct {
	primary tier
	backup  tier
	method  balancer
	slow    bool // some peer begins slowly when it comes back
}

// member is one server of a group: an address, which makes a peer, or a name that is looked up while serving and leads to others.
// Guarded by the group's mutex.
type member struct {
	id     int         // among all that the group has had
	server *ServerSpec // another one takes its place, it never changes
	named  bool        // it is a name, which has no peer of its own
	parent *member     // the name that has led to it; nil: none has
	until  int64       // of a name: the second up to which what was found for it holds
	Found
}

// Found is an address that a server directive leads to.
type Found struct {
	Addr loop.Addr
	// These three are of a server that a service named (SRV).
	Server string // its name; "": the server is the text of the directive
	Weight int    // 0: that of the directive
	Backup bool   // others have a better priority
}

// members are the servers as they are known at load, in nginx's order.
func (s *Spec) members() []*member {
	var all []*member
	for i := range s.Servers {
		server := &s.Servers[i]
		if server.Follow != nil {
			all = append(all, &member{id: len(all), server: server, named: true})
		}
		for _, addr := range server.Addrs {
			all = append(all, &member{id: len(all), server: server, Found: Found{Addr: addr}})
		}
	}
	return all
}

// peer makes the peer of a member, without state and lane.
func (m *member) peer() *Peer {
	s := m.server
	p := &Peer{
		ID: m.id, Name: addressName(m.Addr), Server: s.Text, Addr: m.Addr,
		Weight: s.Weight, MaxFails: s.MaxFails, FailTimeout: s.FailTimeout, MaxConns: s.MaxConns, SlowStart: s.SlowStart,
		Down: s.Down, Drain: s.Drain, Backup: s.Backup || m.Backup,
		timeout: second(loop.Time(s.FailTimeout)),
	}
	p.SID = sid(s.Route, p.Name)
	if m.Server != "" {
		p.Server = m.Server
	}
	if m.Weight > 0 && s.Weight == 1 {
		p.Weight = m.Weight
	}
	return p
}

// newPeerSet makes the set of the group's members. Peers that before has too have the states of before: those of the same members, or,
// when before is a set of another group, those of equal ones. With g.mu held, or before the group is used.
func (g *Group) newPeerSet(before *peerSet, reload bool) *peerSet {
	s := &peerSet{}
	for _, m := range g.members {
		if m.named {
			continue
		}
		p := m.peer()
		if g.pool != nil {
			p.lane = g.pool.lane(p.Addr)
		}
		s.slow = s.slow || p.SlowStart > 0
		if p.Backup {
			s.backup.add(p)
		} else {
			s.primary.add(p)
		}
	}
	s.primary.single = len(s.primary.peers) == 1 && len(s.backup.peers) == 0
	g.inheritStates(s, before, reload)
	g.applyChecks(s, false)
	s.method = g.newBalancer(s)
	return s
}

// inheritStates gives each peer the state that it had before, or a new one. What is left of before may be at work still.
func (g *Group) inheritStates(s, before *peerSet, reload bool) {
	was := map[identity]*Peer{}
	if before != nil {
		was = before.identities(!reload)
	}
	for id, p := range s.identities(!reload) {
		old := was[id]
		if old == nil {
			p.st = newState(p.Weight)
			continue
		}
		delete(was, id)
		p.st = old.st
		if p.Weight != old.Weight {
			p.st.effective = p.Weight
		}
	}
	g.lineage.bury()
	for _, p := range was {
		if p.st.conns > 0 {
			g.lineage.zombies = append(g.lineage.zombies, p.st)
		}
	}
}

// all are the peers, primaries first, in a fresh slice.
func (s *peerSet) all() []*Peer {
	all := make([]*Peer, 0, len(s.primary.peers)+len(s.backup.peers))
	all = append(all, s.primary.peers...)
	return append(all, s.backup.peers...)
}

func (g *Group) newBalancer(s *peerSet) balancer {
	switch g.Spec.Method {
	case MethodLeastConn:
		return leastConn{}
	case MethodIPHash:
		return ipHash{}
	case MethodHash:
		return hashed{}
	case MethodConsistent:
		return newKetama(&s.primary)
	case MethodRandom:
		return &random{two: g.Spec.Two, draw: g.draw}
	case MethodLeastTime:
		return &leastTime{lastByte: g.Spec.LastByte, inflight: g.Spec.Inflight}
	}
	return roundRobin{}
}

// addresses are those of the members. With g.mu held.
func (g *Group) addresses() map[loop.Addr]bool {
	used := map[loop.Addr]bool{}
	for _, m := range g.members {
		if !m.named {
			used[m.Addr] = true
		}
	}
	return used
}

// replace says where a name of the group leads to now. Peers that stay keep health, averages, turns and connections; exchanges
// under way end with the peers that they have. As in nginx, those that stay keep
// their places too, and new ones come last. It reports whether anything has
// changed. Any goroutine.
func (g *Group) replace(name *member, found []Found) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next, changed := g.merge(name, found)
	if g.gone || !changed || !slices.Contains(g.members, name) {
		return false
	}
	g.put(next)
	return true
}

// put makes these the members of the group. With g.mu held.
func (g *Group) put(next []*member) {
	g.members = next
	g.peers.Store(g.newPeerSet(g.peers.Load(), false))
	if g.pool != nil {
		g.pool.forget(g.addresses())
	}
	g.queue.wake()
}

// merge returns the members in which a name leads to what was found.
func (g *Group) merge(name *member, found []Found) (next []*member, changed bool) {
	left := map[Found]int{}
	for _, f := range found {
		left[f]++
	}
	for _, m := range g.members {
		switch {
		case m.parent != name:
		case left[m.Found] > 0:
			left[m.Found]--
		default:
			changed = true
			continue
		}
		next = append(next, m)
	}
	for _, f := range found {
		if left[f] > 0 {
			left[f]--
			changed = true
			next = append(next, g.child(name, f))
		}
	}
	return next, changed
}

// child makes the member of an address that a name has led to. With g.mu held.
func (g *Group) child(name *member, f Found) *member {
	g.nextID++
	return &member{id: g.nextID - 1, server: name.server, parent: name, Found: f}
}
