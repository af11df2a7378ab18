package zone

import (
	"sync"
	"testing"
)

// TestTally adds from several sides, begins anew, and keeps the numbers over a reload.
func TestTally(t *testing.T) {
	live := NewRegistry(nil)
	set := live.Begin()
	z, err := set.Declare("one", 1, "test")
	if err != nil {
		t.Fatal(err)
	}
	n := z.Tally(3)
	var all sync.WaitGroup
	for loop := range 20 {
		all.Go(func() {
			for range 100 {
				n.Add(loop, 1, 2)
			}
		})
	}
	all.Wait()
	if n.Get(0) != 0 || n.Get(1) != 4000 {
		t.Errorf("%d, %d; want 0, 4000", n.Get(0), n.Get(1))
	}
	n.Reset(0, 3)
	n.Add(3, 1, 5)
	if n.Get(1) != 5 {
		t.Errorf("%d after a reset; want 5", n.Get(1))
	}
	live.Keep(set)
	next := live.Begin()
	again, _ := next.Declare("one", 1, "test")
	if again.Tally(3) != n || again.Counted() != n {
		t.Error("a reload does not keep the numbers")
	}
	other, _ := next.Declare("two", 1, "test")
	if other.Counted() != nil || other.Tally(3) == n {
		t.Error("two zones have one tally")
	}
	if len(next.All()) != 2 || next.All()[0].Use() != "test" {
		t.Errorf("%v", next.All())
	}
}
