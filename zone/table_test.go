package zone

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"
)

// value is what the tables here keep: the number of the key, and how often it was used.
type value struct{ key, n int64 }

const oneRow = int64(unsafe.Sizeof(Row[value]{}))

// someFile makes a file for a Memory.
func someFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// someTable makes a table as a process does that finds what one before it has left in the file.
func someTable(t *testing.T, path string, size int64) (*Registry, *Table[value]) {
	t.Helper()
	m, err := OpenMemory(someFile(t, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := NewRegistry(m)
	return g, declare(t, g, "one", size)
}

// declare makes a configuration of one zone the live one.
func declare(t *testing.T, g *Registry, name string, size int64) *Table[value] {
	t.Helper()
	s := g.Begin()
	v, _ := State(mustDeclare(t, s, name, size, "test"), func(size int64) *Table[value] {
		t := NewTable[value](size, "$key")
		return &t
	})
	if err := g.Ready(s); err != nil {
		t.Fatal(err)
	}
	g.Keep(s)
	return v
}

func (t *Table[V]) id(key int64) ID { return t.ID(binary.LittleEndian.AppendUint64(nil, uint64(key))) }

// A rowModel is what a table of one row must have: its keys, the one that was used last in front.
type rowModel []value

func (m *rowModel) find(key int64) int {
	return slices.IndexFunc(*m, func(v value) bool { return v.key == key })
}

func (m *rowModel) use(i int) {
	v := (*m)[i]
	*m = slices.Insert(slices.Delete(*m, i, i+1), 0, v)
}

// step does one thing at random, and compares what comes of it.
func (m *rowModel) step(tab *Table[value], rnd *rand.Rand) error {
	key := rnd.Int64N(24) + 1
	id := tab.id(key)
	row := tab.Lock(id)
	defer tab.Unlock(id)
	i := m.find(key)
	switch rnd.IntN(5) {
	case 0:
		if v := row.Look(id); (v != nil) != (i >= 0) || v != nil && *v != (*m)[i] {
			return fmt.Errorf("Look(%d): %v; want %d of %v", key, v, i, *m)
		}
	case 1:
		row.Free(id)
		if i >= 0 {
			*m = slices.Delete(*m, i, i+1)
		}
	default:
		v := row.Use(id)
		if (v != nil) != (i >= 0) || v != nil && *v != (*m)[i] {
			return fmt.Errorf("Use(%d): %v; want %d of %v", key, v, i, *m)
		}
		if i >= 0 {
			m.use(i)
		} else {
			old := row.Oldest()
			if (old != nil) != (len(*m) == places) || old != nil && *old != (*m)[places-1] {
				return fmt.Errorf("Oldest: %v; want that of %v", old, *m)
			}
			if v = row.Add(id); *v != (value{}) {
				return fmt.Errorf("Add(%d): %v", key, *v)
			}
			if old != nil {
				*m = (*m)[:places-1]
			}
			v.key = key
			*m = slices.Insert(*m, 0, value{key: key})
		}
		v.n++
		(*m)[0].n++
	}
	return nil
}

// TestTable drives a table of one row at random beside a list, and has the process die after every step: the next one finds all as it was.
func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	for seed := range uint64(5) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		_ = os.Remove(path)
		var m rowModel
		for step := range 1000 {
			_, tab := someTable(t, path, oneRow)
			if err := m.step(tab, rnd); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
	}
}

// writes are the words that become others, in the order in which a table writes them: a place that changes hands is emptied first, then it
// gets the id, the tag, its turn, and what is known.
func writes(before, after []uint64) (list []func(words []uint64)) {
	const tags, first, per = 1, 8, 3 // of a Row[value] in words
	set := func(i int, to uint64) {
		list = append(list, func(words []uint64) { words[i] = to })
	}
	for i := first; i < len(before); i += per {
		if before[i] != after[i] {
			set(i+1, 0)
			set(i+2, 0)
			set(i, after[i])
		}
	}
	for i := tags; i < tags+places/4; i++ {
		set(i, after[i])
	}
	set(0, after[0])
	for i := first; i < len(before); i++ {
		set(i, after[i])
	}
	return list
}

// TestTorn has the process die in the middle of every step, at a random point: no key is found with what another has known, and of the
// others none is lost but one whose place was taken.
func TestTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	_, tab := someTable(t, path, oneRow)
	words := unsafe.Slice((*uint64)(tab.first), oneRow/8)
	rnd := rand.New(rand.NewPCG(1, 2))
	var m rowModel
	for step := range 20_000 {
		before := slices.Clone(words)
		was := slices.Clone(m)
		if err := m.step(tab, rnd); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		after := slices.Clone(words)
		copy(words, before)
		all := writes(before, after)
		for _, write := range all[:rnd.IntN(len(all)+1)] {
			write(words)
		}
		lost := 0
		row := tab.row(0)
		for key := int64(1); key <= 24; key++ {
			v := row.Look(tab.id(key))
			i, j := was.find(key), m.find(key)
			switch {
			case v == nil && i >= 0 && j >= 0:
				t.Fatalf("step %d: key %d is lost, which was there before and after", step, key)
			case v == nil && i >= 0:
				lost++
			case v != nil && i < 0 && j < 0:
				t.Fatalf("step %d: key %d is there, which was not", step, key)
			case v != nil && v.key != key && v.key != 0:
				t.Fatalf("step %d: key %d knows %+v", step, key, *v)
			}
		}
		if lost > 1 {
			t.Fatalf("step %d: %d keys are lost", step, lost)
		}
		copy(words, after)
	}
}

// TestNonsense goes on with whatever can stand in memory: nothing is out of bounds, and a key that is put in is there.
func TestNonsense(t *testing.T) {
	_, tab := someTable(t, filepath.Join(t.TempDir(), "memory"), oneRow)
	words := unsafe.Slice((*uint64)(tab.first), oneRow/8)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		for i := range words {
			words[i] = rnd.Uint64() >> (rnd.IntN(8) * 8)
		}
		id := tab.id(rnd.Int64N(24))
		row := tab.Lock(id)
		if row.Use(id) == nil {
			_ = row.Oldest()
			row.Add(id)
		}
		if row.Look(id) == nil {
			t.Fatal("a key that was put in is not there")
		}
		row.Free(id)
		tab.Unlock(id)
	}
}

// TestTableIsSpread: keys come to rows evenly, whatever they are, and the memory is as large as the zone at most.
func TestTableIsSpread(t *testing.T) {
	tab := NewTable[value](1<<20, "$key")
	if err := tab.Private(); err != nil {
		t.Fatal(err)
	}
	if b := tab.bytes(); b > 1<<20 || b < 1<<20-oneRow {
		t.Errorf("%d bytes", b)
	}
	counts := map[*Row[value]]int{}
	const keys = 100
	for key := range int64(tab.rows) * keys {
		id := tab.id(key)
		counts[tab.Lock(id)]++
		tab.Unlock(id)
	}
	for row, n := range counts {
		if n < keys/2 || n > keys*2 {
			t.Errorf("row %p has %d keys; want about %d", row, n, keys)
		}
	}
	if len(counts) != int(tab.rows) {
		t.Errorf("%d of %d rows are used", len(counts), tab.rows)
	}
}

// TestSum holds the hash against SipHash as its authors publish it, in a form in which the number of rounds can be chosen.
func TestSum(t *testing.T) {
	sip := func(c, d int, s seed, key []byte) uint64 {
		v0, v1, v2, v3 := s[0]^0x736f6d6570736575, s[1]^0x646f72616e646f6d, s[0]^0x6c7967656e657261, s[1]^0x7465646279746573
		n := len(key)
		key = append(slices.Clone(key), make([]byte, 8-n%8)...)
		key[len(key)-1] = byte(n)
		for ; len(key) > 0; key = key[8:] {
			m := binary.LittleEndian.Uint64(key)
			v3 ^= m
			for range c {
				v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
			}
			v0 ^= m
		}
		v2 ^= 0xff
		for range d {
			v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		}
		return v0 ^ v1 ^ v2 ^ v3
	}
	s := seed{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	key := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	if got := sip(2, 4, s, key); got != 0xa129ca6149be45e5 { // appendix A of the paper
		t.Errorf("SipHash-2-4: %#x", got)
	}
	for n := range 100 {
		key := make([]byte, n)
		for i := range key {
			key[i] = byte(i * 7)
		}
		if got, want := s.sum(key), sip(1, 3, s, key); got != want {
			t.Errorf("of %d bytes: %#x; want %#x", n, got, want)
		}
	}
}
