package listen

import "weir/loop"

// A Change is what a reload does to sockets.
type Change struct {
	Keep  []Kept // the same address before and after
	Open  []Spec // to be opened
	Close []int  // to be closed: numbers in the old list
}

// A Kept is a socket that stays.
type Kept struct {
	Old, New int // numbers in the old and the new list
	// Changed says that Reconfigure has something to do.
	Changed bool
}

// Diff compares the addresses of two configurations. Nothing is touched: the caller opens what is to
// be opened first, so that a failure changes nothing.
func Diff(old, want []Spec) Change {
	var c Change
	at := make(map[loop.Addr]int, len(old))
	for i, s := range old {
		at[s.Addr] = i
	}
	kept := make([]bool, len(old))
	for i, s := range want {
		j, ok := at[s.Addr]
		if !ok || kept[j] {
			c.Open = append(c.Open, s)
			continue
		}
		kept[j] = true
		c.Keep = append(c.Keep, Kept{Old: j, New: i, Changed: old[j].socket() != s.socket()})
	}
	for j := range old {
		if !kept[j] {
			c.Close = append(c.Close, j)
		}
	}
	return c
}

// socket is the part of a Spec that a socket has.
func (s Spec) socket() Spec {
	s.Default, s.Set, s.Bind = false, false, false
	s.ProxyProtocol, s.SSL, s.HTTP2, s.QUIC = false, false, false, false
	return s
}
