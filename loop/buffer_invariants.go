//go:build invariants

package loop

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// free is every buffer that lies in a free list, by its first byte.
var free sync.Map

const (
	checking = true
	poison   = 0xdb
)

// poisoned is what buffers that nobody has are full of: it is copied and compared as a whole, since the race detector looks at each byte
// of a loop.
var poisoned = [4096]byte(bytes.Repeat([]byte{poison}, 4096))

func given(b []byte) {
	b = b[:cap(b)]
	if _, twice := free.LoadOrStore(&b[0], true); twice {
		panic("loop: a buffer was given twice")
	}
	for len(b) > 0 {
		b = b[copy(b, poisoned[:]):]
	}
}

func taken(b []byte) {
	b = b[:cap(b)]
	free.Delete(&b[0])
	for at := 0; at < len(b); at += len(poisoned) {
		if part := b[at:min(at+len(poisoned), len(b))]; !bytes.Equal(part, poisoned[:len(part)]) {
			i := slices.IndexFunc(part, func(v byte) bool { return v != poison })
			panic(fmt.Sprintf("loop: byte %d of a buffer was written after it was given back", at+i))
		}
	}
}

func misgiven(size int) {
	panic(fmt.Sprintf("loop: a buffer of capacity %d was given that no Take made", size))
}
