package lookup

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
)

// netValues are numbers of values by network. Those of IPv4, of which there may be a million, are kept as numbers: a map of prefixes takes
// three times the memory.
type netValues struct {
	inet  map[uint64]int32 // by the address and, in the last byte, the length of the prefix
	inet6 map[netip.Prefix]int32
}

func newNetValues() netValues {
	return netValues{inet: map[uint64]int32{}, inet6: map[netip.Prefix]int32{}}
}

func inetKey(p netip.Prefix) uint64 { return uint64(inetNumber(p.Addr()))<<8 | uint64(p.Bits()) }

// inetPrefix is the network of a key.
func inetPrefix(key uint64) netip.Prefix {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(key>>8))
	return netip.PrefixFrom(netip.AddrFrom4(b), int(key&0xff))
}

func (v *netValues) get(p netip.Prefix) (value int32, ok bool) {
	if p.Addr().Is4() {
		value, ok = v.inet[inetKey(p)]
	} else {
		value, ok = v.inet6[p]
	}
	return value, ok
}

func (v *netValues) set(p netip.Prefix, value int32) {
	if p.Addr().Is4() {
		v.inet[inetKey(p)] = value
	} else {
		v.inet6[p] = value
	}
}

func (v *netValues) drop(p netip.Prefix) {
	if p.Addr().Is4() {
		delete(v.inet, inetKey(p))
	} else {
		delete(v.inet6, p)
	}
}

// sortedInet are the keys of IPv4 by address, the larger network first.
func (v *netValues) sortedInet() []uint64 {
	keys := slices.AppendSeq(make([]uint64, 0, len(v.inet)), maps.Keys(v.inet))
	slices.Sort(keys)
	return keys
}

// sortedInet6 are the other networks in the same order.
func (v *netValues) sortedInet6() []netip.Prefix {
	return slices.SortedFunc(maps.Keys(v.inet6), func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
}
