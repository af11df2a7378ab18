package access

import (
	"sync"

	"weir/http"
	"weir/zone"
)

// connCounts are the numbers of connections of one zone, by key. A key takes a place only while it has some. They end with the process, as
// its connections do.
type connCounts struct {
	zone.Table[connCount]
	holds sync.Pool // of *connHold
}

// connCountSize is what a key counts for in the size of a zone, as in nginx: 16384 in a megabyte. There is room for more.
const connCountSize = 64

type connCount struct{ n uint32 }

func newConnCounts(size int64, key string) *connCounts {
	return &connCounts{Table: zone.NewPrivateTable[connCount](size, key)}
}

// enter counts one more connection of a key, unless it has most already; n is then greater than most. 0: there is no room for another key.
func (t *connCounts) enter(id zone.ID, most uint32) (n uint32) {
	row := t.Lock(id)
	defer t.Unlock(id)
	c := row.Look(id)
	switch {
	case c == nil && row.Oldest() != nil:
		return 0
	case c == nil:
		c = row.Add(id)
	case c.n >= most:
		return most + 1
	}
	c.n++
	return c.n
}

// leave takes a connection off a count.
func (t *connCounts) leave(id zone.ID) {
	row := t.Lock(id)
	if c := row.Look(id); c.n > 1 {
		c.n--
	} else {
		row.Free(id)
	}
	t.Unlock(id)
}

// A connHold is a request that is counted, and what it was counted in before. They are reused.
type connHold struct {
	in   *connCounts
	id   zone.ID
	next *connHold
}

// hold makes the hold of a key that was entered, before those in next.
func (t *connCounts) hold(id zone.ID, next *connHold) *connHold {
	h, _ := t.holds.Get().(*connHold)
	if h == nil {
		h = &connHold{}
	}
	h.in, h.id, h.next = t, id, next
	return h
}

// release lets go of the hold and those behind it; of none if it is nil.
func (h *connHold) release() {
	for h != nil {
		t, next := h.in, h.next
		t.leave(h.id)
		*h = connHold{}
		t.holds.Put(h)
		h = next
	}
}

// CloseWith ends the count when the exchange has ended (http.Closer).
func (h *connHold) CloseWith(*http.Request) { h.release() }
