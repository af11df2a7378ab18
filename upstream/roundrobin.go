package upstream

import "weir/loop"

// turn is one step of smooth weighted round robin among the peers it is shown: each earns its effective weight, the richest is chosen and pays what
// all earned. Weights 5, 1, 1 give a a b a c a a rather than a a a a a b c. The effective weight, lowered by failures, recovers by one each turn.
//
// Every method breaks its ties with a turn.
type turn struct {
	best  *Peer
	total int
}

func (t *turn) show(p *Peer) {
	st := p.st
	st.current += st.effective
	t.total += st.effective
	if st.effective < p.Weight {
		st.effective++
	}
	if t.best == nil || st.current > t.best.st.current {
		t.best = p
	}
}

func (t *turn) end() *Peer {
	if t.best != nil {
		t.best.st.current -= t.total
	}
	return t.best
}

// roundRobin is the method of a group that names none, and what the others fall back to.
type roundRobin struct{ plain }

func (roundRobin) pick(a *Attempt, now loop.Time) *Peer {
	sec := second(now)
	if a.tier.single {
		// No tried mark, no failures: a single peer may be asked again.
		p := a.tier.peers[0]
		if a.tied(sec) == nil && (p.Down || p.Drain || p.full() || p.st.blocked > 0) {
			return nil
		}
		return p
	}
	tied := a.tied(sec)
	if tied != nil && tied.st.current <= tied.Weight-a.tier.total {
		// It is one turn ahead: the others lose no more of theirs to it.
		return a.choose(tied, sec)
	}
	var t turn
	for _, p := range a.tier.peers {
		if a.open(p, sec) {
			t.show(p)
		}
	}
	if tied != nil {
		t.best = tied
	}
	p := t.end()
	if p == nil {
		return nil
	}
	return a.choose(p, sec)
}
