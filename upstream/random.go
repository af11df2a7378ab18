package upstream

import "weir/loop"

// random is "random": any peer, by weight; with two, the less loaded of two such choices ("least_conn" is the only measure nginx has for it).
type random struct {
	plain
	two  bool
	draw func(n int) int // 0 <= result < n
}

func (r *random) pick(a *Attempt, now loop.Time) *Peer {
	t := a.tier
	if len(t.peers) > 1 {
		sec := second(now)
		if p := a.tied(sec); p != nil {
			return a.choose(p, sec)
		}
		var first *Peer
		for ; a.misses <= maxMisses; a.misses++ {
			p := t.at(r.draw(t.total))
			if p == first || !a.open(p, sec) {
				continue
			}
			if !r.two {
				return a.choose(p, sec)
			}
			if first == nil {
				first = p // counted with the misses, as nginx does
				continue
			}
			if compareLoad(p.st.conns, p, first.st.conns, first) > 0 {
				p = first
			}
			return a.choose(p, sec)
		}
	}
	return roundRobin{}.pick(a, now)
}
