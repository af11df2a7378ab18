package access

import (
	"hash/maphash"
	"math"
	"sync"
)

// buckets are the leaky buckets of one zone: each key has one, each request puts 1000 in, and the rate
// lets so much of it out. Times are milliseconds of one clock, rates are thousandths of a request a
// second, and so is the excess: what a bucket holds.
//
// The table is made of chunks without pointers, which are allocated when they are first needed and never again, however many
// keys there are: the collector does not walk them, the zone keeps to its size, and one that is larger than its use, or is only
// tested, costs nothing. Keys are not kept. Two keyed hashes of 64 bits
// stand for each, which nobody can make collide who does not know the seeds. When the table is full,
// the bucket that was asked for longest ago makes room.
type buckets struct {
	key   string // as the configuration has it: a zone kept over a reload must still count by it
	seeds [2]maphash.Seed

	mu     sync.Mutex      // never held across a wait
	heads  chunked[uint32] // hash to the first bucket of a chain; 0 is none
	states chunked[bucket] // 0 is the ends of the list by age
	used   uint32          // the states from 1 to used are in the list
}

// bucketSize is what a bucket counts for in the size of a zone: itself and its share of heads.
const bucketSize = 64

type bucket struct {
	id     keyID
	at     int64 // when excess was so; never: no request was counted yet
	excess int64

	next         uint32 // in the chain
	older, newer uint32 // in the list by age, a ring through 0
	held         uint32 // requests that hold it: it must not make room for another
}

// keyID stands for a key.
type keyID struct{ a, b uint64 }

const never = math.MinInt64

func newBuckets(size int64) *buckets {
	n := min(size/bucketSize, math.MaxUint32-1)
	heads := int64(1)
	for heads < n {
		heads <<= 1
	}
	return &buckets{
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		heads:  newChunked[uint32](heads),
		states: newChunked[bucket](n + 1),
	}
}

// chunked is a slice whose parts are there when they were used.
type chunked[T any] struct {
	len    int
	chunks [][]T
}

// chunk is how many elements come at once.
const chunk = 1 << 12

func newChunked[T any](n int64) chunked[T] {
	return chunked[T]{len: int(n), chunks: make([][]T, (n+chunk-1)/chunk)}
}

// at is element i.
func (c *chunked[T]) at(i uint32) *T {
	part := &c.chunks[i/chunk]
	if *part == nil {
		*part = make([]T, min(chunk, c.len))
	}
	return &(*part)[i%chunk]
}

// id hashes a key. Any goroutine, without the lock.
func (t *buckets) id(key []byte) keyID {
	return keyID{maphash.Bytes(t.seeds[0], key), maphash.Bytes(t.seeds[1], key)}
}

// outcome is what a bucket says of a request.
type outcome uint8

const (
	counted outcome = iota // within the burst, and counted
	holding                // within the burst; not counted before commit
	over                   // beyond the burst, and not counted
	noRoom                 // every bucket is held
)

// ask asks whether a request fits, as things stand: its excess would be within burst. The last of
// several limits counts it at once; the others hold their buckets until all have been asked, to be
// settled, or let go when one refused.
func (t *buckets) ask(id keyID, now, rate, burst int64, last bool) (o outcome, excess int64, slot uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot = t.find(id)
	if slot == 0 {
		if slot = t.add(id); slot == 0 {
			return noRoom, 0, 0
		}
	} else {
		t.unlist(slot)
		t.enlist(slot)
		excess = t.states.at(slot).after(now, rate)
	}
	b := t.states.at(slot)
	switch {
	case excess > burst:
		return over, excess, slot
	case last:
		b.count(now, excess)
		return counted, excess, slot
	}
	b.held++
	return holding, excess, slot
}

// commit counts a request that holds a bucket, whatever others have put in meanwhile.
func (t *buckets) commit(slot uint32, now, rate int64) (excess int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.states.at(slot)
	excess = b.after(now, rate)
	b.count(now, excess)
	b.held--
	return excess
}

// letGo ends the hold of a request that was refused elsewhere.
func (t *buckets) letGo(slot uint32) {
	t.mu.Lock()
	t.states.at(slot).held--
	t.mu.Unlock()
}

// after is the excess with one more request. A clock that is behind, as those of other loops may be,
// lets nothing out.
func (b *bucket) after(now, rate int64) int64 {
	if b.at == never {
		return 0
	}
	ms := max(now-b.at, 0)
	if ms > math.MaxInt64/rate {
		return 0
	}
	return max(b.excess-rate*ms/1000+1000, 0)
}

// count makes excess the bucket's own. Its time does not go back.
func (b *bucket) count(now, excess int64) {
	b.excess = excess
	b.at = max(b.at, now)
}

func (t *buckets) find(id keyID) uint32 {
	for i := *t.head(id); i != 0; i = t.states.at(i).next {
		if t.states.at(i).id == id {
			return i
		}
	}
	return 0
}

func (t *buckets) head(id keyID) *uint32 { return t.heads.at(uint32(id.a & uint64(t.heads.len-1))) }

// add makes an empty bucket, in the place of the oldest when the table is full; 0 when that is held.
func (t *buckets) add(id keyID) uint32 {
	slot := t.used + 1
	if int(slot) == t.states.len {
		slot = t.states.at(0).newer // past the end of the ring is its beginning: the oldest
		if slot == 0 || t.states.at(slot).held > 0 {
			return 0
		}
		t.unlist(slot)
		t.unchain(slot)
	} else {
		t.used++
	}
	h := t.head(id)
	*t.states.at(slot) = bucket{id: id, at: never, next: *h}
	*h = slot
	t.enlist(slot)
	return slot
}

func (t *buckets) unchain(slot uint32) {
	p := t.head(t.states.at(slot).id)
	for *p != slot {
		p = &t.states.at(*p).next
	}
	*p = t.states.at(slot).next
}

// enlist puts a bucket at the new end of the list.
func (t *buckets) enlist(slot uint32) {
	newest := t.states.at(0).older
	t.states.at(slot).older, t.states.at(slot).newer = newest, 0
	t.states.at(newest).newer = slot
	t.states.at(0).older = slot
}

func (t *buckets) unlist(slot uint32) {
	b := t.states.at(slot)
	t.states.at(b.older).newer = b.newer
	t.states.at(b.newer).older = b.older
}
