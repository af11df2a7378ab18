package access

import (
	"hash/maphash"
	"math"
	"sync"

	"weir/http"
)

// connCounts are the numbers of connections of one zone, by key. A key takes memory only while it has some.
//
// As with buckets, the table has no pointers, is made as it is needed up to the size of the zone and no further, and two keyed hashes
// stand for a key.
type connCounts struct {
	key   string // as the configuration has it: a zone kept over a reload must still count by it
	seeds [2]maphash.Seed

	mu     sync.Mutex         // never held across a wait
	heads  chunked[uint32]    // hash to the first count of a chain; 0 is none
	counts chunked[connCount] // 0 is not used
	used   uint32             // those from 1 to used were used
	free   uint32             // the first of a chain of free ones among them

	holds sync.Pool // of *connHold
}

// connCountSize is what a key counts for in the size of a zone, as in nginx: 16384 in a megabyte.
const connCountSize = 64

type connCount struct {
	id   keyID
	n    uint32
	next uint32 // in the chain
}

func newConnCounts(size int64) *connCounts {
	n := min(size/connCountSize, math.MaxUint32-1)
	heads := int64(1)
	for heads < n {
		heads <<= 1
	}
	return &connCounts{
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		heads:  newChunked[uint32](heads),
		counts: newChunked[connCount](n + 1),
	}
}

// id hashes a key. Any goroutine, without the lock.
func (t *connCounts) id(key []byte) keyID {
	return keyID{maphash.Bytes(t.seeds[0], key), maphash.Bytes(t.seeds[1], key)}
}

func (t *connCounts) head(id keyID) *uint32 { return t.heads.at(uint32(id.a) & uint32(t.heads.len-1)) }

// enter counts one more connection of a key, unless it has most already; n is then greater than most. Slot 0: there is no room for
// another key.
func (t *connCounts) enter(id keyID, most uint32) (slot, n uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.head(id)
	for slot = *h; slot != 0; slot = t.counts.at(slot).next {
		c := t.counts.at(slot)
		if c.id != id {
			continue
		}
		if c.n >= most {
			return slot, most + 1
		}
		c.n++
		return slot, c.n
	}
	switch {
	case t.free != 0:
		slot = t.free
		t.free = t.counts.at(slot).next
	case int(t.used)+1 < t.counts.len:
		t.used++
		slot = t.used
	default:
		return 0, 0
	}
	*t.counts.at(slot) = connCount{id: id, n: 1, next: *h}
	*h = slot
	return slot, 1
}

// leave takes a connection off a count.
func (t *connCounts) leave(slot uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts.at(slot)
	if c.n--; c.n > 0 {
		return
	}
	p := t.head(c.id)
	for *p != slot {
		p = &t.counts.at(*p).next
	}
	*p = c.next
	*c = connCount{next: t.free}
	t.free = slot
}

// A connHold is a request that is counted, and what it was counted in before. They are reused.
type connHold struct {
	in   *connCounts
	slot uint32
	next *connHold
}

// hold makes the hold of a slot, before those in next.
func (t *connCounts) hold(slot uint32, next *connHold) *connHold {
	h, _ := t.holds.Get().(*connHold)
	if h == nil {
		h = &connHold{}
	}
	h.in, h.slot, h.next = t, slot, next
	return h
}

// release lets go of the hold and those behind it; of none if it is nil.
func (h *connHold) release() {
	for h != nil {
		t, next := h.in, h.next
		t.leave(h.slot)
		*h = connHold{}
		t.holds.Put(h)
		h = next
	}
}

// CloseWith ends the count when the exchange has ended (http.Closer).
func (h *connHold) CloseWith(*http.Request) { h.release() }
