package upstream

import "weir/loop"

// leastConn is "least_conn": the peer with the fewest exchanges under way for its weight; equals take turns.
type leastConn struct{ plain }

func (leastConn) pick(a *Attempt, now loop.Time) *Peer {
	if a.tier.single {
		return roundRobin{}.pick(a, now)
	}
	sec := second(now)
	if p := a.tied(sec); p != nil {
		return a.choose(p, sec)
	}
	var best *Peer
	many := false
	for _, p := range a.tier.peers {
		if !a.open(p, sec) {
			continue
		}
		if best == nil {
			best = p
			continue
		}
		switch compareLoad(p.st.conns, p, best.st.conns, best) {
		case -1:
			best, many = p, false
		case 0:
			many = true
		}
	}
	if best == nil {
		return nil
	}
	if many {
		var t turn
		conns := best.st.conns
		first := best
		for _, p := range a.tier.peers[first.index:] {
			if compareLoad(p.st.conns, p, conns, first) == 0 && a.open(p, sec) {
				t.show(p)
			}
		}
		best = t.end()
	}
	return a.choose(best, sec)
}

// compareLoad compares x per weight of p with y per weight of q, without dividing: -1 when p has the lighter load.
func compareLoad(x int, p *Peer, y int, q *Peer) int {
	l, r := x*q.Weight, y*p.Weight
	switch {
	case l < r:
		return -1
	case l > r:
		return 1
	}
	return 0
}
