package zone

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"unsafe"
)

// A Table is values by key, in a piece of memory of fixed size, which has no pointers and may outlive the process (Memory). Each key
// belongs to one row of sixteen places; a row that is full forgets the key that was used longest ago. With places for twice as many keys as
// a zone is said to hold, rows are not full before the zone is (at its stated number, two keys in ten thousand are gone).
//
// A process may be killed between any two instructions, and the next one goes on with what is there. Nothing needs to be mended then,
// since there is nothing that one word says of another: a place stands for itself, and the order of a row is one word, of which every value
// is as good as another. So V must be such that its zero is "nothing known", and a value of which some words are old and some new does no
// harm worth mentioning.
//
// Keys are not kept. A keyed hash of 64 bits stands for each.
//
//	row := t.Lock(id)
//	v := row.Use(id)
//	if v == nil {
//		v = row.Add(id)
//	}
//	…
//	t.Unlock(id)
type Table[V any] struct {
	// Of is what the keys are, in the words of the directive that declares the zone: a zone that is kept must still count by them.
	Of string

	dies  bool // with the process
	lies  *piece
	first unsafe.Pointer // the first row; nil until the zone comes into use
	rows  uint64
	seed  seed
	locks [locks]lock
}

// An ID stands for a key.
type ID uint64

// places is how many a row has: as many as a word has quarters of a byte.
const places = 16

// A Row is the places of one part of all keys. Under the lock of the table.
type Row[V any] struct {
	order recency
	tags  [places / 4]uint64 // sixteen bits of the key for each place; 0: it is free
	_     [3]uint64
	place [places]place[V]
}

type place[V any] struct {
	id ID
	v  V
}

// locks of a table are few: a row is held for some ten nanoseconds.
const locks = 16

type lock struct {
	sync.Mutex          // never held across a wait
	_          [56]byte // each on a cache line of its own
}

// NewTable makes a table for a zone of this size. It takes no memory before it comes into use, by Registry.Ready or Private.
func NewTable[V any](size int64, of string) Table[V] {
	return Table[V]{Of: of, rows: rowsOf[V](size)}
}

// NewPrivateTable makes one that ends with the process.
func NewPrivateTable[V any](size int64, of string) Table[V] {
	return Table[V]{Of: of, rows: rowsOf[V](size), dies: true}
}

func rowsOf[V any](size int64) uint64 { return uint64(max(1, size/int64(unsafe.Sizeof(Row[V]{})))) }

// ID hashes a key. Any goroutine.
func (t *Table[V]) ID(key []byte) ID { return ID(t.seed.sum(key)) }

// Lock returns the row of a key, which is the caller's until Unlock. It is not to be held across a wait. Any goroutine.
func (t *Table[V]) Lock(id ID) *Row[V] {
	i, _ := bits.Mul64(uint64(id), t.rows)
	t.locks[i%locks].Lock()
	return t.row(i)
}

// Unlock ends what Lock began.
func (t *Table[V]) Unlock(id ID) {
	i, _ := bits.Mul64(uint64(id), t.rows)
	t.locks[i%locks].Unlock()
}

func (t *Table[V]) row(i uint64) *Row[V] {
	return (*Row[V])(unsafe.Add(t.first, uintptr(i)*unsafe.Sizeof(Row[V]{})))
}

// Look returns the value of a key, nil when there is none. It stays as old as it was.
func (r *Row[V]) Look(id ID) *V {
	if p := r.find(id); p < places {
		return &r.place[p].v
	}
	return nil
}

// Use returns the value of a key, nil when there is none, and makes it the one that was used last.
func (r *Row[V]) Use(id ID) *V {
	p := r.find(id)
	if p == places {
		return nil
	}
	r.order.use(p)
	return &r.place[p].v
}

// Oldest returns the value that Add will forget, nil when there is a free place.
func (r *Row[V]) Oldest() *V {
	p := r.order.last()
	if r.tags[p/4]>>(p%4*16)&0xffff == 0 {
		return nil
	}
	return &r.place[p].v
}

// Add makes a place for a key that is not there, and returns its value, which is zero.
func (r *Row[V]) Add(id ID) *V {
	p := r.order.last()
	at := &r.place[p]
	// In this order: what a key knows is never taken for another's, wherever it is interrupted.
	at.v = *new(V)
	at.id = id
	shift := p % 4 * 16
	r.tags[p/4] = r.tags[p/4]&^(0xffff<<shift) | tag(id)<<shift
	r.order.use(p)
	return &at.v
}

// Free takes a key out. Its place is the next that Add takes.
func (r *Row[V]) Free(id ID) {
	if p := r.find(id); p < places {
		r.tags[p/4] &^= 0xffff << (p % 4 * 16)
		r.order.drop(p)
	}
}

// find returns the place of a key, or places.
func (r *Row[V]) find(id ID) uint {
	const ones, highs = 0x0001000100010001, 0x8000800080008000
	all := tag(id) * ones
	for i, word := range &r.tags {
		// the highest bit of each tag that is equal; now and then, above such a one, of another that is not
		x := word ^ all
		for equal := (x - ones) &^ x & highs; equal != 0; equal &= equal - 1 {
			p := uint(4*i + bits.TrailingZeros64(equal)/16)
			if r.place[p%places].id == id {
				return p
			}
		}
	}
	return places
}

// tag is the part of a key that is looked at first.
func tag(id ID) uint64 { return max(uint64(id)&0xffff, 1) }

// recency is the order in which the places of a row were used, four bits for each, the last one lowest, so written that zero is a good
// order. Every value may be read: who finds nonsense forgets the wrong key, and no more.
type recency uint64

const inOrder = 0xfedcba9876543210

// last returns the place that was used longest ago.
func (o recency) last() uint { return uint((o ^ inOrder) >> 60) }

// use puts a place in front.
func (o *recency) use(p uint) {
	word, at := o.find(p)
	if at == 0 {
		return
	}
	before := uint64(1)<<at - 1 // those that were used later, which go one further
	here := uint64(15) << at
	*o = recency(word&^before&^here|word&before<<4|uint64(p)) ^ inOrder
}

// drop puts a place at the end.
func (o *recency) drop(p uint) {
	word, at := o.find(p)
	before := uint64(1)<<at - 1
	*o = recency(word&before|word>>4&^before&(1<<60-1)|uint64(p)<<60) ^ inOrder
}

// find returns the order, and in which of its bits a place begins.
func (o *recency) find(p uint) (word uint64, at uint) {
	const ones, highs = 0x1111111111111111, 0x8888888888888888
	word = uint64(*o ^ inOrder)
	x := word ^ uint64(p)*ones
	at = uint(bits.TrailingZeros64((x-ones)&^x&highs)) &^ 3 // the lowest four bits that are p
	if at == 64 {
		return inOrder, p * 4
	}
	return word, at
}

// bytes is how much memory the table takes.
func (t *Table[V]) bytes() int64 { return int64(t.rows) * int64(unsafe.Sizeof(Row[V]{})) }

// meaning says what the bytes of the table are. A type whose values come to mean something else gets another name.
func (t *Table[V]) meaning() string {
	return fmt.Sprintf("rows of %d for %T by %s", unsafe.Sizeof(Row[V]{}), *new(V), t.Of)
}

// piece is where the table lies; nil before it comes into use.
func (t *Table[V]) piece() *piece { return t.lies }

func (t *Table[V]) private() bool { return t.dies }

// put has the table lie in a piece of memory, until the collector finds that nobody uses it any more.
func (t *Table[V]) put(p *piece) {
	t.lies, t.first, t.seed = p, unsafe.Pointer(&p.mem[0]), p.seed
	runtime.AddCleanup(t, (*piece).release, p)
}

// Private has a table lie in memory of the process, for one that is no zone of a configuration.
func (t *Table[V]) Private() error {
	p, err := private(t.bytes())
	if err == nil {
		t.put(p)
	}
	return err
}
