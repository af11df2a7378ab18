package upstream

import (
	"hash/crc32"

	"weir/loop"
)

// hashed is "hash key": the key's hash, laid over the weights, names the peer. The hash is that of Cache::Memcached, as nginx has it: bits 16–30 of
// the CRC-32. A peer that cannot be used makes a further hash be added to the first, over the key with the number of the rehash before it.
type hashed struct{ plain }

func (hashed) pick(a *Attempt, now loop.Time) *Peer {
	t := a.tier
	if len(t.peers) > 1 && len(a.ask.Key) > 0 {
		sec := second(now)
		if p := a.tied(sec); p != nil {
			return a.choose(p, sec)
		}
		for ; a.misses <= maxMisses; a.misses++ {
			a.hash += keyHash(a.rehash, a.ask.Key)
			a.rehash++
			if p := t.at(int(a.hash) % t.total); a.open(p, sec) {
				return a.choose(p, sec)
			}
		}
	}
	return roundRobin{}.pick(a, now)
}

// keyHash is the hash of one round; round 0 has no number before the key.
func keyHash(round uint32, key []byte) uint32 {
	crc := uint32(0)
	if round > 0 {
		crc = crcDecimal(round)
	}
	return crc32.Update(crc, crc32.IEEETable, key) >> 16 & 0x7fff
}

// crcDecimal is the CRC-32 of n written in decimal. It goes digit by digit, because a buffer given to crc32.Update would move to the heap.
func crcDecimal(n uint32) uint32 {
	unit := uint32(1)
	for n/unit >= 10 {
		unit *= 10
	}
	crc := ^uint32(0)
	for ; unit > 0; unit /= 10 {
		crc = crc32.IEEETable[byte(crc)^byte('0'+n/unit%10)] ^ crc>>8
	}
	return ^crc
}
