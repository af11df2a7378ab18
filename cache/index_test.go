package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestNodeSize keeps an entry within what nginx takes for one, and free of pointers as far as its fields go.
func TestNodeSize(t *testing.T) {
	if n := unsafe.Sizeof(node{}) + 8; n > nodeSize { // with its share of buckets
		t.Errorf("an entry takes %d bytes; nginx takes %d", n, nodeSize)
	}
}

func key(n int) (s Sum) {
	binary.LittleEndian.PutUint64(s[:], uint64(n)*0x9E3779B97F4A7C15)
	s[15] = byte(n)
	return s
}

// TestIndex adds, finds, touches and removes at random, beside a map and a list.
func TestIndex(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var x index
		x.init(50)
		have := map[int]uint32{}
		var order []int // the oldest first
		for step := range 3000 {
			n := r.IntN(80)
			k := key(n)
			got := x.find(&k)
			if got != have[n] {
				t.Fatalf("seed %d, step %d: find says %d, wanted %d", seed, step, got, have[n])
			}
			switch {
			case got == 0:
				got = x.add(&k)
				if (got == 0) != (len(have) == 50) {
					t.Fatalf("seed %d, step %d: add says %d with %d entries", seed, step, got, len(have))
				}
				if got != 0 {
					have[n] = got
					order = append(order, n)
				}
			case r.IntN(3) == 0:
				x.remove(got)
				delete(have, n)
				order = slices.DeleteFunc(order, func(m int) bool { return m == n })
			default:
				x.touch(got)
				order = append(slices.DeleteFunc(order, func(m int) bool { return m == n }), n)
			}
			if x.count != len(have) {
				t.Fatalf("seed %d, step %d: %d entries, wanted %d", seed, step, x.count, len(have))
			}
			at := x.oldest
			for _, n := range order {
				if at == 0 || x.at(at).key != key(n) {
					t.Fatalf("seed %d, step %d: the order is wrong", seed, step)
				}
				at = x.at(at).newer
			}
			if at != 0 {
				t.Fatalf("seed %d, step %d: the order is too long", seed, step)
			}
		}
	}
}
