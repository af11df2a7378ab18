package loop

// An event carries where its connection stands in the loop's table, and the generation of that place: an event for a
// connection that was closed meanwhile finds another generation and is dropped, also when the kernel gave the descriptor's
// number to a new connection.
type slot struct {
	conn *Conn
	gen  int32 // never negative
	next int32 // in the free list, while conn is nil
}

// place gives c a slot.
func (l *Loop) place(c *Conn) {
	i := l.freeSlot
	if i < 0 {
		i = int32(l.slots.len)
		l.slots.push()
	} else {
		l.freeSlot = l.slots.at(int(i)).next
	}
	l.slots.at(int(i)).conn = c
	c.slot = i
}

// unplace frees the slot of c; events under way for c are stale from now on.
func (l *Loop) unplace(c *Conn) {
	s := l.slots.at(int(c.slot))
	s.conn = nil
	s.gen = (s.gen + 1) & 0x7fffffff
	s.next = l.freeSlot
	l.freeSlot = c.slot
	c.slot = -1
}
