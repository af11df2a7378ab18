package upstream

import (
	"fmt"
	"testing"
)

// TestLargeWeights asks groups whose weights add up to more than a word holds, or to 0 in one of 32 bits: they take bounded memory and
// answer, in about the proportion of the weights.
func TestLargeWeights(t *testing.T) {
	for _, weights := range [][2]int{{1 << 31, 1 << 31}, {1<<63 - 1, 1<<63 - 1}, {30_000, 10_000}} {
		for name, block := range blocks(fmt.Sprintf("server a weight=%d; server b weight=%d;", weights[0], weights[1])) {
			g := build(t, block)
			if k, ok := g.peers.Load().method.(*ketama); ok && len(k.circle) > mostPoints+2 {
				t.Errorf("%q, weights %d: %d points", name, weights, len(k.circle))
			}
			var a Attempt
			first := 0
			for i := range 200 {
				g.Begin(&a, Ask{Key: fmt.Append(nil, i), Now: start})
				p, err := a.Next(start)
				if err != nil {
					t.Fatalf("%q, weights %d: %v", name, weights, err)
				}
				if p.Server == "a" {
					first++
				}
				a.Done(p, start, OK, Timing{})
			}
			if want := 200 * weights[0] / max(weights[0]+weights[1], 1); name == "hash $uri consistent" && weights[0] < 1<<32 && (first < want-30 || first > want+30) {
				t.Errorf("%q, weights %d: a has %d of 200; want about %d", name, weights, first, want)
			}
		}
	}
}
