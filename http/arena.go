package http

import "weir/loop"

// arenaChunk is the size of the buffers an arena takes from its loop.
const arenaChunk = 4096

// An arena hands out memory that lives as long as an exchange, from a few loop buffers.
type arena struct {
	free  []byte   // the rest of the newest chunk
	taken [][]byte // chunks to be given back
}

// alloc returns n bytes of undefined content.
func (a *arena) alloc(l *loop.Loop, n int) []byte {
	if n > len(a.free) {
		a.grow(l, n)
	}
	b := a.free[:n:n]
	a.free = a.free[n:]
	return b
}

func (a *arena) grow(l *loop.Loop, n int) {
	size := arenaChunk
	for size < n {
		size *= 2
	}
	chunk := l.Take(size)
	a.taken = append(a.taken, chunk)
	a.free = chunk
}

// release gives every chunk back to the loop.
func (a *arena) release(l *loop.Loop) {
	for i, c := range a.taken {
		l.Give(c)
		a.taken[i] = nil
	}
	a.taken = a.taken[:0]
	a.free = nil
}
