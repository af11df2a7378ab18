package upstream

import "weir/loop"

// identity is what makes a peer the same when others come and go, or over a reload. Weight, limits and "down" may change and leave its health and its
// connections alone.
type identity struct {
	id     int // within one group; over a reload that counts for nothing
	server string
	addr   loop.Addr
	backup bool
	nth    int // of equal ones
}

// Inherit lets g go on where old, the group of the same name before a reload, stands: health, averages, exchanges under way, turns and kept
// connections. Exchanges that began with old end with old, on the shared state. To be called once, before g is used; old may be in use. Any
// goroutine.
func (g *Group) Inherit(old *Group) {
	if old == nil || old == g {
		return
	}
	g.mu, g.lineage = old.mu, old.lineage
	g.mu.Lock()
	old.gone, g.lineage.live = true, g
	g.inheritFound(old)
	g.inheritPool(old)
	s := g.newPeerSet(old.peers.Load(), true)
	g.applyChecks(s, true)
	g.peers.Store(s)
	g.queue = old.queue
	g.queue.wake()
	g.mu.Unlock()
	if old.pool != nil && g.pool != old.pool {
		old.pool.Close()
	}
}

// identities are the peers by what makes them the same: within the group, or over a reload.
func (s *peerSet) identities(within bool) map[identity]*Peer {
	m := map[identity]*Peer{}
	for _, p := range s.all() {
		if within {
			m[identity{id: p.ID, addr: p.Addr}] = p
			continue
		}
		id := identity{server: p.Server, addr: p.Addr, backup: p.Backup}
		for m[id] != nil {
			id.nth++
		}
		m[id] = p
	}
	return m
}

// inheritPool takes over the old pool itself, under the new settings, so that connections in the hands of old exchanges come back to it too.
func (g *Group) inheritPool(old *Group) {
	if g.pool != nil && old.pool != nil {
		old.pool.resize(g.pool.keep, g.pool.limit, g.addresses())
		g.pool = old.pool
	}
}
