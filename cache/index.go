package cache

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// A node is an entry of the index. It has no pointers, so that the collector does not walk a million of them; others are named by
// their number, 0 being none.
type node struct {
	key        Sum
	uniq       uint64 // number of the file (inode); 0: not known
	expire     int64  // seconds since 1970: when it is dropped if nobody asks for it
	validSec   int64  // of error
	lockTime   int64  // when the lock of who updates is over, of the loops' clock
	chain      uint32 // next in its bucket
	newer      uint32
	older      uint32
	count      int32 // holds
	blocks     uint32
	generation uint32 // of purges, when it was asked for
	floor      uint32 // of purges: variants of the key that are older are not answered
	bodyStart  uint16
	errorCode  uint16 // a status that is answered without a file; 0: none
	uses       uint16
	exists     bool
	updating   bool
	deleting   bool
}

const (
	chunkNodes = 1024
	// nodeSize is what nginx takes for an entry: a zone of the same size holds as many here.
	nodeSize = 128
	pageSize = 4096
)

// nodesIn is how many entries a zone of this size holds.
func nodesIn(size int64) int {
	pages := size/(pageSize+32) - 1 // nginx has a descriptor beside each page, and a head
	return int(max(pages, 1)) * (pageSize / nodeSize)
}

// An index finds nodes by key, and knows which were asked for last. Who uses it holds the lock.
type index struct {
	buckets        []uint32
	shift          uint
	seed           uint64
	chunks         []*[chunkNodes]node
	made           uint32 // numbers given out so far
	free           uint32 // a chain of nodes that are not used
	newest, oldest uint32
	count, most    int
}

func (x *index) init(most int) {
	b := uint(bits.Len(uint(most)))
	x.buckets = make([]uint32, 1<<b)
	x.shift = 64 - b
	x.seed = rand.Uint64() // keys that collide cannot be made up
	x.most = most
}

// at is the node of this number.
func (x *index) at(n uint32) *node {
	n--
	return &x.chunks[n/chunkNodes][n%chunkNodes]
}

func (x *index) bucket(key *Sum) *uint32 {
	h := binary.LittleEndian.Uint64(key[:]) ^ x.seed
	h = (h ^ h>>32) * 0x9E3779B97F4A7C15
	return &x.buckets[h>>x.shift]
}

// find returns the number of a key's node, 0 if there is none.
func (x *index) find(key *Sum) uint32 {
	n := *x.bucket(key)
	for n != 0 {
		d := x.at(n)
		if d.key == *key {
			return n
		}
		n = d.chain
	}
	return 0
}

// add makes a node for a key that has none, the newest one: 0 when the index is full.
func (x *index) add(key *Sum) uint32 {
	if x.count >= x.most {
		return 0
	}
	n := x.free
	if n != 0 {
		x.free = x.at(n).chain
	} else {
		if x.made%chunkNodes == 0 {
			x.chunks = append(x.chunks, new([chunkNodes]node))
		}
		x.made++
		n = x.made
	}
	b := x.bucket(key)
	*x.at(n) = node{key: *key, chain: *b}
	*b = n
	x.count++
	x.push(n)
	return n
}

// remove drops a node.
func (x *index) remove(n uint32) {
	d := x.at(n)
	p := x.bucket(&d.key)
	for *p != n {
		p = &x.at(*p).chain
	}
	*p = d.chain
	x.unlink(n)
	*d = node{chain: x.free}
	x.free = n
	x.count--
}

// push makes a node that is in no order the newest.
func (x *index) push(n uint32) {
	d := x.at(n)
	d.older, d.newer = x.newest, 0
	if x.newest != 0 {
		x.at(x.newest).newer = n
	} else {
		x.oldest = n
	}
	x.newest = n
}

// unlink takes a node out of the order.
func (x *index) unlink(n uint32) {
	d := x.at(n)
	if d.newer != 0 {
		x.at(d.newer).older = d.older
	} else {
		x.newest = d.older
	}
	if d.older != 0 {
		x.at(d.older).newer = d.newer
	} else {
		x.oldest = d.newer
	}
}

// touch makes a node the newest.
func (x *index) touch(n uint32) {
	if x.newest != n {
		x.unlink(n)
		x.push(n)
	}
}
