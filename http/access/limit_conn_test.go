package access

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"testing"
)

// someCounts makes a zone that no configuration declares.
func someCounts(t testing.TB, size int64) *connCounts {
	c := newConnCounts(size, "$key")
	if err := c.Private(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConnCounts drives a zone of sixteen places at random beside a map, and holds it to its size.
func TestConnCounts(t *testing.T) {
	const room, most = 16, 3
	rnd := rand.New(rand.NewSource(1))
	c := someCounts(t, 320)
	have := map[int]uint32{}
	var entered []int
	for step := range 200_000 {
		if len(entered) > 0 && rnd.Intn(2) == 0 {
			i := rnd.Intn(len(entered))
			key := entered[i]
			c.leave(c.ID(fmt.Append(nil, key)))
			if have[key]--; have[key] == 0 {
				delete(have, key)
			}
			entered[i] = entered[len(entered)-1]
			entered = entered[:len(entered)-1]
			continue
		}
		key := rnd.Intn(30)
		n := c.enter(c.ID(fmt.Append(nil, key)), most)
		switch {
		case have[key] == 0 && len(have) == room:
			if n != 0 {
				t.Fatalf("step %d: a key more than there is room for", step)
			}
		case have[key] == most:
			if n <= most {
				t.Fatalf("step %d: a connection too many", step)
			}
		default:
			have[key]++
			if n != have[key] {
				t.Fatalf("step %d: %d connections, want %d", step, n, have[key])
			}
			entered = append(entered, key)
		}
	}
}

// TestRoomForConns: as many keys as a zone is said to hold have room, but for a few whose row is crowded; and not more than three times as
// many.
func TestRoomForConns(t *testing.T) {
	const size, room = 1 << 20, 1 << 20 / connCountSize
	c := someCounts(t, size)
	full := 0
	var key [4]byte
	for i := range 10 * room {
		binary.BigEndian.PutUint32(key[:], uint32(i))
		if c.enter(c.ID(key[:]), 1) == 0 {
			full++
		}
		if i == room-1 && full > room/1000 {
			t.Errorf("%d of %d keys were refused", full, room)
		}
	}
	if have := 10*room - full; have > size/16 {
		t.Errorf("%d keys in %d bytes", have, size)
	}
}

// TestEnterAllocatesNothing: counting costs no memory.
func TestEnterAllocatesNothing(t *testing.T) {
	c := someCounts(t, minZone)
	key := []byte("key 000")
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		n++
		key[6] = byte(n)
		id := c.ID(key)
		c.enter(id, 10)
		c.leave(id)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	c := someCounts(b, 10<<20)
	key := []byte{127, 0, 0, 1}
	for i := range b.N {
		key[3] = byte(i)
		id := c.ID(key)
		c.enter(id, 10)
		c.leave(id)
	}
}
