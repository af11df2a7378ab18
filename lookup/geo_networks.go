package lookup

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"sort"

	"weir/conf"
)

// geoLines are the lines of a geo block while it is read. Every value is there once.
type geoLines struct {
	values    [][]byte
	numbers   map[string]int32
	nets      netValues
	ranges    map[uint16][]piece // by the first half of the address
	byDefault int32              // of ranges; -1 without one
}

// A piece is the part of a range that has the same first half.
type piece struct {
	start, end uint16
	value      int32
}

func newGeoLines() *geoLines {
	return &geoLines{numbers: map[string]int32{}, nets: newNetValues(), ranges: map[uint16][]piece{}, byDefault: -1}
}

// value is the number of a value.
func (l *geoLines) value(s string) int32 {
	n, ok := l.numbers[s]
	if !ok {
		n = int32(len(l.values))
		l.values = append(l.values, []byte(s))
		l.numbers[s] = n
	}
	return n
}

// eachHalf cuts a range into what has the same first half.
func eachHalf(start, end uint32, f func(half, from, to uint16) error) error {
	for half := start >> 16; half <= end>>16; half++ {
		from, to := uint16(0), uint16(0xffff)
		if half == start>>16 {
			from = uint16(start)
		}
		if half == end>>16 {
			to = uint16(end)
		}
		if err := f(uint16(half), from, to); err != nil {
			return err
		}
	}
	return nil
}

// addRange adds a range. One inside of an earlier range takes its place there; one that overlaps it in part is an error.
func (l *geoLines) addRange(n *conf.Node, d *conf.Diagnostics, text string, start, end uint32, value int32) error {
	return eachHalf(start, end, func(half, from, to uint16) error {
		all := l.ranges[half]
		i := sort.Search(len(all), func(i int) bool { return all[i].end >= from })
		switch {
		case i == len(all) || to < all[i].start:
			all = slices.Insert(all, i, piece{from, to, value})
		case from == all[i].start && to == all[i].end:
			d.Warn(n, -1, "duplicate range \"%s\", value: \"%s\", old value: \"%s\"", text, l.values[value], l.values[all[i].value])
			all[i].value = value
		case from >= all[i].start && to <= all[i].end:
			old := all[i]
			parts := make([]piece, 0, 3)
			if from > old.start {
				parts = append(parts, piece{old.start, from - 1, old.value})
			}
			parts = append(parts, piece{from, to, value})
			if to < old.end {
				parts = append(parts, piece{to + 1, old.end, old.value})
			}
			all = slices.Replace(all, i, i+1, parts...)
		default:
			for i+1 < len(all) && all[i+1].start <= to { // nginx tells of the last
				i++
			}
			return errorAt(n, -1, "range \"%s\" overlaps \"%d.%d.%d.%d-%d.%d.%d.%d\"", text,
				half>>8, half&0xff, all[i].start>>8, all[i].start&0xff, half>>8, half&0xff, all[i].end>>8, all[i].end&0xff)
		}
		l.ranges[half] = all
		return nil
	})
}

// deleteRange takes a range out; it says false when it was not there as it is, or not all of it.
func (l *geoLines) deleteRange(start, end uint32) bool {
	whole := true
	_ = eachHalf(start, end, func(half, from, to uint16) error {
		all := l.ranges[half]
		i := slices.IndexFunc(all, func(p piece) bool { return p.start == from && p.end == to })
		if i < 0 {
			whole = false
			return nil
		}
		l.ranges[half] = slices.Delete(all, i, i+1)
		return nil
	})
	return whole
}

// networks are the values of all addresses, as the borders where one ends and the next begins: found by halving, and without pointers.
type networks struct {
	values [][]byte
	inet   borders[uint32]
	inet6  borders[[16]byte]
}

// borders have the value of an address at the last border that is not above it; -1 is none.
type borders[A any] struct {
	at     []A
	values []int32
}

func inetNumber(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// networks makes the lines ready for being asked.
func (l *geoLines) networks(ranged bool) networks {
	n := networks{values: l.values}
	if ranged {
		l.joinRanges(&n.inet)
		return n
	}
	inet := l.nets.sortedInet()
	n.inet.room(2 * len(inet))
	l.join(len(inet), func(i int) netip.Prefix { return inetPrefix(inet[i]) }, func(a netip.Addr, v int32) { n.inet.add(inetNumber(a), v) })
	inet6 := l.nets.sortedInet6()
	n.inet6.room(2 * len(inet6))
	l.join(len(inet6), func(i int) netip.Prefix { return inet6[i] }, func(a netip.Addr, v int32) { n.inet6.add(a.As16(), v) })
	return n
}

// joinRanges sets the borders of ranges.
func (l *geoLines) joinRanges(b *borders[uint32]) {
	halves := make([]uint16, 0, len(l.ranges))
	for half := range l.ranges {
		halves = append(halves, half)
	}
	slices.Sort(halves)
	pieces := 0
	for _, all := range l.ranges {
		pieces += len(all)
	}
	b.room(2*pieces + 1)
	next := uint32(0) // what is not in any range so far begins here
	b.add(0, l.byDefault)
	for _, half := range halves {
		for _, p := range l.ranges[half] {
			start, end := uint32(half)<<16|uint32(p.start), uint32(half)<<16|uint32(p.end)
			if start > next {
				b.add(next, l.byDefault)
			}
			b.add(start, p.value)
			next = end + 1
			if end == 0xffffffff {
				return
			}
		}
	}
	b.add(next, l.byDefault)
}

// join sets the borders of networks, each of which is inside of another or apart from it. There are n of them, in their order.
func (l *geoLines) join(n int, net func(int) netip.Prefix, border func(netip.Addr, int32)) {
	type open struct {
		last  netip.Addr
		value int32
	}
	var around []open
	leave := func() { // the innermost network ends, and the one around it goes on
		last := around[len(around)-1].last
		around = around[:len(around)-1]
		value := int32(-1)
		if len(around) > 0 {
			value = around[len(around)-1].value
		}
		if after := last.Next(); after.IsValid() {
			border(after, value)
		}
	}
	for i := range n {
		p := net(i)
		for len(around) > 0 && around[len(around)-1].last.Less(p.Addr()) {
			leave()
		}
		value, _ := l.nets.get(p)
		border(p.Addr(), value)
		around = append(around, open{lastOf(p), value})
	}
	for len(around) > 0 {
		leave()
	}
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// room makes room for so many borders: the collector waits while a configuration is read, and growing leaves much behind.
func (b *borders[A]) room(n int) { b.at, b.values = make([]A, 0, n), make([]int32, 0, n) }

// add adds a border, which is not below the others; at the same place the last one holds.
func (b *borders[A]) add(at A, value int32) {
	if n := len(b.at); n > 0 && any(b.at[n-1]) == any(at) {
		b.values[n-1] = value
		return
	}
	if n := len(b.at); n > 0 && b.values[n-1] == value {
		return
	}
	b.at = append(b.at, at)
	b.values = append(b.values, value)
}

// find returns the value of an address, empty if there is none.
func (n *networks) find(a netip.Addr) []byte {
	value := int32(-1)
	if a.Is4() {
		x := inetNumber(a)
		value = n.inet.before(sort.Search(len(n.inet.at), func(i int) bool { return n.inet.at[i] > x }))
	} else {
		x := a.As16()
		value = n.inet6.before(sort.Search(len(n.inet6.at), func(i int) bool { return bytes.Compare(n.inet6.at[i][:], x[:]) > 0 }))
	}
	if value < 0 {
		return []byte{}
	}
	return n.values[value]
}

func (b *borders[A]) before(i int) int32 {
	if i == 0 {
		return -1
	}
	return b.values[i-1]
}
