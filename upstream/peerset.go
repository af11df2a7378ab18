package upstream

import "weir/loop"

// peerSet is who the peers of a group are at one time, and how one of them is
// chosen. It never changes: when a name has other addresses, another set takes
// its place, in which the peers that stay have the states that they had. An
// attempt ends with the set that it began with.
type peerSet struct {
	primary tier
	backup  tier
	method  balancer
	slow    bool // some peer begins slowly when it comes back
}

// member is what one peer is made of.
type member struct {
	server *ServerSpec
	nth    int // the server's place in the spec
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

// members are the peers of the servers whose addresses are known at load, in
// nginx's order.
func (s *Spec) members() []member {
	var all []member
	for i := range s.Servers {
		for _, addr := range s.Servers[i].Addrs {
			all = append(all, member{&s.Servers[i], i, Found{Addr: addr}})
		}
	}
	return all
}

// peer makes the peer of a member, without state and lane.
func (m *member) peer() *Peer {
	s := m.server
	p := &Peer{
		Name: addressName(m.Addr), Server: s.Text, Addr: m.Addr,
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

// newPeerSet makes the set of the group's members. Peers that before has too
// have the states of before. With g.mu held, or before the group is used.
func (g *Group) newPeerSet(before *peerSet) *peerSet {
	s := &peerSet{}
	for i := range g.members {
		p := g.members[i].peer()
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
	s.inherit(before)
	g.applyChecks(s, false)
	s.method = g.newBalancer(s)
	return s
}

// inherit gives each peer the state that it had before, or a new one.
func (s *peerSet) inherit(before *peerSet) {
	if before == nil {
		for _, p := range s.all() {
			p.st = newState(p.Weight)
		}
		return
	}
	was := before.identities()
	for id, p := range s.identities() {
		old := was[id]
		if old == nil {
			p.st = newState(p.Weight)
			continue
		}
		p.st = old.st
		if p.Weight != old.Weight {
			p.st.effective = p.Weight
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
	for i := range g.members {
		used[g.members[i].Addr] = true
	}
	return used
}

// Replace says where the server directive number i of the group's spec leads to
// now. Peers that stay keep health, averages, turns and connections; exchanges
// under way end with the peers that they have. As in nginx, those that stay keep
// their places too, and new ones come last. It reports whether anything has
// changed. Any goroutine.
func (g *Group) Replace(i int, found []Found) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next, changed := g.merge(i, found)
	if g.gone || !changed {
		return false
	}
	g.members = next
	g.peers.Store(g.newPeerSet(g.peers.Load()))
	if g.pool != nil {
		g.pool.forget(g.addresses())
	}
	g.queue.wake()
	return true
}

// merge returns the members in which server i leads to what was found.
func (g *Group) merge(i int, found []Found) (next []member, changed bool) {
	left := map[Found]int{}
	for _, f := range found {
		left[f]++
	}
	for _, m := range g.members {
		switch {
		case m.nth != i:
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
			next = append(next, member{&g.Spec.Servers[i], i, f})
		}
	}
	return next, changed
}
