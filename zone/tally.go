package zone

import "sync/atomic"

// A Tally is numbers that all loops add to, each to numbers of its own, so that none waits for another. Any goroutine.
type Tally struct {
	n     int
	base  []atomic.Uint64                             // what was there at the last Reset
	lanes [tallyLanes]atomic.Pointer[[]atomic.Uint64] // made when they are needed
}

// tallyLanes is how many loops have numbers of their own. Where there are more, some share.
const tallyLanes = 16

// NewTally makes n numbers, which are nought.
func NewTally(n int) *Tally {
	return &Tally{n: n, base: make([]atomic.Uint64, n)}
}

// Add adds to the i-th number, on a loop.
func (t *Tally) Add(loop, i int, n uint64) { t.lane(loop)[i].Add(n) }

func (t *Tally) lane(loop int) []atomic.Uint64 {
	p := &t.lanes[loop%tallyLanes]
	if have := p.Load(); have != nil {
		return *have
	}
	made := make([]atomic.Uint64, (t.n+7)&^7) // whole lines of a cache
	if p.CompareAndSwap(nil, &made) {
		return made
	}
	return *p.Load()
}

// Get is the i-th number.
func (t *Tally) Get(i int) uint64 { return t.sum(i) - t.base[i].Load() }

func (t *Tally) sum(i int) (n uint64) {
	for l := range t.lanes {
		if lane := t.lanes[l].Load(); lane != nil {
			n += (*lane)[i].Load()
		}
	}
	return n
}

// Reset begins anew with the numbers from one on up to another.
func (t *Tally) Reset(from, to int) {
	for i := from; i < to; i++ {
		t.base[i].Store(t.sum(i))
	}
}

// Tally is n numbers of the zone, which a reload keeps as it keeps the state. Load only.
func (z *Zone) Tally(n int) *Tally {
	if z.tally == nil && z.before != nil {
		z.tally = z.before.tally
	}
	if z.tally == nil || z.tally.n != n {
		z.tally = NewTally(n)
	}
	return z.tally
}

// Counted is what Tally has made; nil if nothing is counted of the zone.
func (z *Zone) Counted() *Tally { return z.tally }

// Kept is what State has made; nil if nothing is kept.
func (z *Zone) Kept() any { return z.state }

// Use is what the zone is for.
func (z *Zone) Use() string { return z.use }

// All are the zones in the order in which they were declared. Load only.
func (s *Set) All() []*Zone { return s.order }
