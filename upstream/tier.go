package upstream

import "math"

// tier is the primary or the backup half of a group. Immutable once built.
type tier struct {
	peers  []*Peer
	upto   []int // sums of weights up to and with each peer
	total  int   // sum of all weights, those of "down" peers too, as nginx counts
	tries  int   // peers neither down nor draining
	single bool  // the only peer of the group: it cannot be put aside
}

func (t *tier) add(p *Peer) {
	p.index = len(t.peers)
	t.peers = append(t.peers, p)
	if t.total > math.MaxInt-p.Weight {
		t.total = math.MaxInt // nobody counts so far
	} else {
		t.total += p.Weight
	}
	t.upto = append(t.upto, t.total)
	if !p.Down && !p.Drain {
		t.tries++
	}
}

// at returns the peer that owns point w of the weights laid end to end; 0 <= w < total. All hashing methods and random share it.
func (t *tier) at(w int) *Peer {
	if t.total == len(t.peers) { // all weights are 1
		return t.peers[w]
	}
	lo, hi := 0, len(t.upto)-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if w < t.upto[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return t.peers[lo]
}
