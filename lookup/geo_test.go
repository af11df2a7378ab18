package lookup

import (
	"fmt"
	"math/rand"
	"net/netip"
	"testing"

	"weir/conf"
)

// TestNetworks asks networks at random and compares with a search of all lines.
func TestNetworks(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 200 {
		l, lines := newGeoLines(), map[netip.Prefix]int32{}
		for range rnd.Intn(40) {
			a := randomAddr(rnd)
			p := netip.PrefixFrom(a, rnd.Intn(a.BitLen()+1)).Masked()
			if rnd.Intn(8) == 0 {
				l.nets.drop(p)
				delete(lines, p)
				continue
			}
			lines[p] = l.value(fmt.Sprint(rnd.Intn(5)))
			l.nets.set(p, lines[p])
		}
		n := l.networks(false)
		for range 300 {
			a := randomAddr(rnd)
			want, bits := "", -1
			for p, v := range lines {
				if p.Contains(a) && p.Bits() > bits {
					want, bits = string(l.values[v]), p.Bits()
				}
			}
			if got := string(n.find(a)); got != want {
				t.Fatalf("%s in %v: %q, want %q", a, lines, got, want)
			}
		}
	}
}

// randomAddr is near the ends and borders of the space of addresses, so that networks meet.
func randomAddr(rnd *rand.Rand) netip.Addr {
	edge := []byte{0, 1, 127, 128, 254, 255}
	if rnd.Intn(2) == 0 {
		var b [4]byte
		for i := range b {
			b[i] = edge[rnd.Intn(len(edge))]
		}
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	fill := edge[rnd.Intn(len(edge))]
	for i := range b {
		b[i] = fill
		if rnd.Intn(4) == 0 {
			b[i] = edge[rnd.Intn(len(edge))]
		}
	}
	return netip.AddrFrom16(b)
}

// TestRanges does the same with ranges, each inside of an earlier one or apart.
func TestRanges(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	tree, d := conf.Parse("geo", "line x;")
	node := tree.Main.First("line")
	for range 200 {
		l := newGeoLines()
		l.byDefault = l.value("default")
		type line struct {
			start, end uint32
			value      string
		}
		var lines []line
		for range 20 {
			a := uint32(rnd.Intn(8))<<29 | uint32(rnd.Intn(4))<<14
			b := a + uint32(rnd.Intn(5))<<14 | 0x3fff
			x := line{a, b, fmt.Sprint(len(lines))}
			if l.addRange(node, d, "", a, b, l.value(x.value)) != nil {
				break // it overlaps, and has been added in part
			}
			lines = append(lines, x)
		}
		n := l.networks(true)
		for range 300 {
			x := uint32(rnd.Intn(8))<<29 | uint32(rnd.Intn(16))<<14 | uint32(rnd.Intn(2))*0x3fff
			want := "default"
			for _, r := range lines {
				if r.start <= x && x <= r.end {
					want = r.value
				}
			}
			a := netip.AddrFrom4([4]byte{byte(x >> 24), byte(x >> 16), byte(x >> 8), byte(x)})
			if got := string(n.find(a)); got != want && len(lines) == 20 {
				t.Fatalf("%s in %v: %q, want %q", a, lines, got, want)
			}
		}
	}
}
