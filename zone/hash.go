package zone

import (
	"encoding/binary"
	"math/bits"
)

// A seed is what makes the sums of one table its own: who does not know it cannot make keys that fall into one row, or two that are taken
// for one.
type seed [2]uint64

// sum is SipHash-1-3. (hash/maphash would be shorter, but its seeds die with the process.)
func (s *seed) sum(key []byte) uint64 {
	v0, v1, v2, v3 := s[0]^0x736f6d6570736575, s[1]^0x646f72616e646f6d, s[0]^0x6c7967656e657261, s[1]^0x7465646279746573
	n := uint64(len(key))
	for len(key) >= 8 {
		m := binary.LittleEndian.Uint64(key)
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
		key = key[8:]
	}
	m := n<<56 | tail(key)
	v3 ^= m
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= m
	v2 ^= 0xff
	for range 3 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

// tail is the last bytes of a key, fewer than eight.
func tail(key []byte) (m uint64) {
	if len(key) >= 4 {
		m = uint64(binary.LittleEndian.Uint32(key))
		for i, c := range key[4:] {
			m |= uint64(c) << (32 + 8*i)
		}
		return m
	}
	for i, c := range key {
		m |= uint64(c) << (8 * i)
	}
	return m
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32) + v3
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}
