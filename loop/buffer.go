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
	free [largest - smallest + 1]Spares[[]byte]
	out  int // taken and not given back; below zero when other loops' were given here
}

func (b *buffers) setUp() {
	for k := range b.free {
		size := 1 << (k + smallest)
		b.free[k] = Spares[[]byte]{Most: keepBytes / size, Size: size}
		if checking {
			b.free[k].End = taken
		}
	}
}

// Take is a buffer of length n, its bytes undefined. Loop only.
func (l *Loop) Take(n int) []byte {
	l.buffers.out++
	if n > 1<<largest {
		return make([]byte, n)
	}
	k := class(n)
	if b, ok := l.buffers.free[k].Take(); ok {
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
	given(b)
	if !l.buffers.free[k].Give(l, b[:0]) {
		taken(b)
	}
}

// class is the index of the smallest size that holds n.
func class(n int) int {
	if n <= 1<<smallest {
		return 0
	}
	return bits.Len(uint(n-1)) - smallest
}
