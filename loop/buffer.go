package loop

import "math/bits"

// Buffers come in powers of two from 512 bytes to 64K. A loop keeps those that are given back, the hottest on top, up to
// keepBytes of each size; the rest is the collector's.
const (
	smallest  = 9  // 1<<9
	largest   = 16 // 1<<16
	keepBytes = 2 << 20
)

type buffers struct {
	free [largest - smallest + 1][][]byte
	out  int // taken and not given back; below zero when other loops' were given here
}

// Take is a buffer of length n, its bytes undefined. Loop only.
func (l *Loop) Take(n int) []byte {
	l.buffers.out++
	if n > 1<<largest {
		return make([]byte, n)
	}
	k := class(n)
	list := l.buffers.free[k]
	if last := len(list) - 1; last >= 0 {
		b := list[last]
		l.buffers.free[k] = list[:last]
		taken(b)
		return b[:n]
	}
	return make([]byte, n, 1<<(k+smallest))
}

// Give gives a buffer back, from its first byte; any loop's to any loop. Nil is fine. Loop only.
func (l *Loop) Give(b []byte) {
	size := cap(b)
	if size == 0 {
		return
	}
	l.buffers.out--
	if size > 1<<largest {
		return
	}
	k := class(size)
	if size != 1<<(k+smallest) {
		misgiven(size)
		return
	}
	if len(l.buffers.free[k]) >= keepBytes>>(k+smallest) {
		return
	}
	given(b)
	l.buffers.free[k] = append(l.buffers.free[k], b[:0])
}

// class is the index of the smallest size that holds n.
func class(n int) int {
	if n <= 1<<smallest {
		return 0
	}
	return bits.Len(uint(n-1)) - smallest
}
