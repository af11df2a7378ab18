package upstream

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"weir/loop"
)

// TestSessions drives the table at random, beside a list that is as simple as can be.
func TestSessions(t *testing.T) {
	const timeout, most, size = 10 * time.Second, 16, 960 // of one row
	type kept struct {
		id, sid string
		last    loop.Time
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := newSessions(size, "app")
		if err := s.Private(); err != nil {
			t.Fatal(err)
		}
		var list []kept // oldest first
		now := loop.Time(time.Hour)
		for step := range 2000 {
			now = now.Add(time.Duration(rnd.IntN(2000)) * time.Millisecond)
			for len(list) > 0 && now.Sub(list[0].last) >= timeout {
				list = list[1:]
			}
			id := fmt.Sprint("session ", rnd.IntN(40))
			at := -1
			for i := range list {
				if list[i].id == id {
					at = i
				}
			}
			if rnd.IntN(2) == 0 {
				want := ""
				if at >= 0 {
					want = list[at].sid
				}
				if got := string(s.Find(nil, []byte(id), now, timeout)); got != want {
					t.Fatalf("seed %d, step %d: Find(%q) is %q; want %q", seed, step, id, got, want)
				}
				continue
			}
			sid, create := sid("", fmt.Sprint(rnd.IntN(4))), rnd.IntN(4) > 0
			evicts := false
			switch {
			case at >= 0:
				list = append(append(list[:at:at], list[at+1:]...), kept{id, sid, now})
			case create:
				if evicts = len(list) == most; evicts {
					list = list[1:]
				}
				list = append(list, kept{id, sid, now})
			}
			if got := s.Learn([]byte(id), sid, create, now, timeout); got != evicts {
				t.Fatalf("seed %d, step %d: Learn forgets another: %v; want %v", seed, step, got, evicts)
			}
		}
	}
}
