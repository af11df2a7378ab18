package access

import (
	"fmt"
	"math/rand"
	"testing"
)

// TestConnCounts drives a zone at random beside a map, and holds it to its size.
func TestConnCounts(t *testing.T) {
	const room, most = 50, 3
	rnd := rand.New(rand.NewSource(1))
	c := newConnCounts(room * connCountSize)
	have := map[int]uint32{}
	var slots []struct {
		key  int
		slot uint32
	}
	for step := range 200_000 {
		if len(slots) > 0 && rnd.Intn(2) == 0 {
			i := rnd.Intn(len(slots))
			c.leave(slots[i].slot)
			if have[slots[i].key]--; have[slots[i].key] == 0 {
				delete(have, slots[i].key)
			}
			slots[i] = slots[len(slots)-1]
			slots = slots[:len(slots)-1]
			continue
		}
		key := rnd.Intn(80)
		slot, n := c.enter(c.id(fmt.Append(nil, key)), most)
		switch {
		case have[key] == 0 && len(have) == room:
			if slot != 0 {
				t.Fatalf("step %d: a key more than there is room for", step)
			}
		case have[key] == most:
			if slot == 0 || n <= most {
				t.Fatalf("step %d: a connection too many", step)
			}
		default:
			have[key]++
			if slot == 0 || n != have[key] {
				t.Fatalf("step %d: %d connections, want %d", step, n, have[key])
			}
			slots = append(slots, struct {
				key  int
				slot uint32
			}{key, slot})
		}
	}
	for _, s := range slots {
		c.leave(s.slot)
	}
	if c.used > room {
		t.Errorf("%d counts were used, there is room for %d", c.used, room)
	}
}

// TestEnterAllocatesNothing: counting costs no memory.
func TestEnterAllocatesNothing(t *testing.T) {
	c := newConnCounts(100 * connCountSize)
	key := []byte("key 000")
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		n++
		key[6] = byte(n)
		slot, _ := c.enter(c.id(key), 10)
		c.leave(slot)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	c := newConnCounts(10 << 20)
	key := []byte{127, 0, 0, 1}
	for i := range b.N {
		key[3] = byte(i)
		slot, _ := c.enter(c.id(key), 10)
		c.leave(slot)
	}
}
