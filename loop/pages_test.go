package loop

import (
	"math/rand/v2"
	"testing"
)

// TestPages grows and shrinks a list at random beside a slice, and wants no more pages than are needed, and one.
func TestPages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var p pages[int]
	var want []int
	for range 1000 {
		n := rnd.IntN(400)
		if grow := rnd.IntN(2) == 0; grow {
			for range n {
				*p.push() = n
				want = append(want, n)
			}
		} else {
			for range min(n, len(want)) {
				p.pop()
				want = want[:len(want)-1]
			}
		}
		if p.len != len(want) || len(p.all) > (p.len+pageLen-1)/pageLen+1 {
			t.Fatalf("%d elements in %d pages; want %d", p.len, len(p.all), len(want))
		}
		for i, v := range want {
			if *p.at(i) != v {
				t.Fatalf("element %d is %d; want %d", i, *p.at(i), v)
			}
		}
	}
	if p.push(); *p.at(p.len - 1) != 0 {
		t.Error("a new element is not zero")
	}
}
