package lookup

import (
	"bytes"
	"hash/maphash"
)

// words are texts, each of which is there once and has a number, from 0 in the order in which they came. There are no pointers to the
// texts, so that the collector does not walk a million of them. The zero value is empty.
type words struct {
	seed   maphash.Seed
	chunks [][]byte
	at     []location // by number
	slots  []uint64   // a hash table: half of the hash, and the number plus one; 0 is a free place
}

// A location is a text's place in the chunks.
type location struct {
	chunk      uint32
	start, end uint16
}

// wordNumber is the part of a slot that is a number.
const wordNumber = 1<<32 - 1

const wordChunk = 1 << 15 // bytes; more than the longest word of a configuration

// add returns the number of a text, and whether it is new.
func (w *words) add(text string) (number uint32, added bool) {
	if 4*len(w.at) >= 3*len(w.slots) {
		w.grow()
	}
	hash := maphash.String(w.seed, text)
	slot := w.slot(hash, []byte(text))
	if s := w.slots[slot]; s != 0 {
		return uint32(s) - 1, false
	}
	last := len(w.chunks) - 1
	if last < 0 || len(w.chunks[last])+len(text) > wordChunk {
		size := 0 // the first one grows as there is need
		if last >= 0 {
			size = wordChunk
		}
		w.chunks = append(w.chunks, make([]byte, 0, size))
		last++
	}
	start := len(w.chunks[last])
	w.chunks[last] = append(w.chunks[last], text...)
	w.at = append(w.at, location{uint32(last), uint16(start), uint16(start + len(text))})
	w.slots[slot] = hash&^wordNumber | uint64(len(w.at))
	return uint32(len(w.at)) - 1, true
}

// find returns the number of a text.
func (w *words) find(text []byte) (number uint32, ok bool) {
	if len(w.at) == 0 {
		return 0, false
	}
	s := w.slots[w.slot(maphash.Bytes(w.seed, text), text)]
	return uint32(s) - 1, s != 0
}

// text is the text with a number. It must not be changed.
func (w *words) text(number uint32) []byte {
	l := w.at[number]
	return w.chunks[l.chunk][l.start:l.end:l.end]
}

// slot is where a text stands in the table, or would. Only where half of the hash is the same the text itself is looked at.
func (w *words) slot(hash uint64, text []byte) int {
	mask := len(w.slots) - 1
	for i := int(hash); ; i++ {
		s := w.slots[i&mask]
		if s == 0 || s&^wordNumber == hash&^wordNumber && bytes.Equal(w.text(uint32(s)-1), text) {
			return i & mask
		}
	}
}

// grow makes room for more.
func (w *words) grow() {
	if len(w.slots) == 0 {
		w.seed = maphash.MakeSeed()
	}
	w.slots = make([]uint64, max(8, 2*len(w.slots)))
	w.at = append(make([]location, 0, 3*len(w.slots)/4), w.at...)
	for n := range w.at {
		text := w.text(uint32(n))
		hash := maphash.Bytes(w.seed, text)
		w.slots[w.slot(hash, text)] = hash&^wordNumber | uint64(n+1)
	}
}
