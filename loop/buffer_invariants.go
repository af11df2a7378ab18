//go:build invariants

package loop

import (
	"fmt"
	"sync"
)

// free is every buffer that lies in a free list, by its first byte.
var free sync.Map

const (
	checking = true
	poison   = 0xdb
)

func given(b []byte) {
	b = b[:cap(b)]
	if _, twice := free.LoadOrStore(&b[0], true); twice {
		panic("loop: a buffer was given twice")
	}
	for i := range b {
		b[i] = poison
	}
}

func taken(b []byte) {
	b = b[:cap(b)]
	free.Delete(&b[0])
	for i, v := range b {
		if v != poison {
			panic(fmt.Sprintf("loop: byte %d of a buffer was written after it was given back", i))
		}
	}
}

func misgiven(size int) {
	panic(fmt.Sprintf("loop: a buffer of capacity %d was given that no Take made", size))
}
