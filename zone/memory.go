package zone

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Memory is a file without a name in which tables lie, so that they outlive the process: a master makes it, keeps it open, and gives it
// to every worker that takes the place of one that has died. It belongs to one process at a time. Any goroutine.
//
// In front is a directory, of a slot for each table; behind it the tables, each at an offset that is never used for another. What was not
// touched takes no memory, and what is not used any more gives it back.
type Memory struct {
	mu     sync.Mutex
	file   *os.File
	dir    []byte // the directory, mapped
	slots  *[slots]slot
	used   *uint64      // of the slots those behind this many never were; in front of the slots
	taken  map[int]bool // slots in use here
	end    int64        // of the file
	before *Memory      // of a process that serves beside this one, to begin from; nil: there is none, or no more
}

// A slot says where a table is. Its sum is written last: as long as it is wrong, nobody finds the table.
type slot struct {
	at, bytes int64
	seed      seed
	sum       [sha256.Size]byte // of what the table is for, and in which layout
}

const (
	dirBytes = 1 << 20
	slots    = dirBytes/int64(unsafe.Sizeof(slot{})) - 1 // one is the head
	page     = 1 << 16                                   // no machine has larger ones
)

// layout is the head of the file. What changes in the layout of rows or slots changes it.
const layout = "weir zones 1\n" // at most 16 bytes

// OpenMemory has the tables of this process lie in a file, which belongs to it alone: a new one, or one that a process which is gone has
// left. With before they begin as they are in the file of a process that still serves. Both files are the Memory's from here on.
func OpenMemory(file, before *os.File) (*Memory, error) {
	m, err := openMemory(file, true)
	if err != nil || before == nil {
		return m, err
	}
	m.before, _ = openMemory(before, false) // of another layout: then nothing is taken over
	return m, nil
}

func openMemory(file *os.File, ours bool) (*Memory, error) {
	m := &Memory{file: file, taken: map[int]bool{}}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	m.end = info.Size() / page * page
	if m.end < dirBytes {
		if !ours {
			return nil, fmt.Errorf("a file of %d bytes has no zones", info.Size())
		}
		m.end = dirBytes
	}
	if ours && m.end > info.Size() {
		if err := file.Truncate(m.end); err != nil {
			return nil, err
		}
	}
	if m.dir, err = m.mapAt(0, dirBytes, ours); err != nil {
		return nil, err
	}
	m.slots = (*[slots]slot)(unsafe.Pointer(&m.dir[unsafe.Sizeof(slot{})]))
	m.used = (*uint64)(unsafe.Pointer(&m.dir[16]))
	if string(m.dir[:len(layout)]) != layout {
		if !ours {
			_ = unix.Munmap(m.dir)
			return nil, fmt.Errorf("zones of another layout")
		}
		clear(m.dir[:unsafe.Sizeof(slot{})])
		copy(m.dir, layout)
	}
	return m, nil
}

// mapAt maps a stretch of the file.
func (m *Memory) mapAt(at, bytes int64, write bool) ([]byte, error) {
	rights := unix.PROT_READ
	if write {
		rights |= unix.PROT_WRITE
	}
	b, err := unix.Mmap(int(m.file.Fd()), at, int(bytes), rights, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return b, nil
}

// A piece is the memory of one table.
type piece struct {
	mem  []byte
	seed seed
	of   *Memory // nil: it is the process's own
	at   int64
	slot int
}

// private makes a piece that ends with the process.
func private(bytes int64) (*piece, error) {
	b, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &piece{mem: b, seed: newSeed()}, nil
}

func newSeed() (s seed) {
	var b [unsafe.Sizeof(s)]byte
	_, _ = rand.Read(b[:])
	return seed{binary.NativeEndian.Uint64(b[:]), binary.NativeEndian.Uint64(b[8:])}
}

// take returns the piece of a table: as a process before this one has left it, or empty. When the directory is full, it is a private one.
func (m *Memory) take(meaning string, bytes int64) (*piece, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := sha256.Sum256([]byte(meaning))
	i := m.find(sum, bytes)
	if i < 0 {
		if i = m.free(); i < 0 {
			return private(bytes)
		}
		s := &m.slots[i]
		at := m.end
		m.end += (bytes + page - 1) / page * page
		if err := m.file.Truncate(m.end); err != nil {
			m.end = at
			return nil, err
		}
		s.sum = [sha256.Size]byte{} // of a table that is no more
		s.at, s.bytes, s.seed = at, bytes, newSeed()
		m.begin(s, sum)
		s.sum = sum
	}
	b, err := m.mapAt(m.slots[i].at, bytes, true)
	if err != nil {
		return nil, err
	}
	m.taken[i] = true
	return &piece{b, m.slots[i].seed, m, m.slots[i].at, i}, nil
}

// find returns the slot of a table, or -1. What a slot says is believed as far as it cannot do harm.
func (m *Memory) find(sum [sha256.Size]byte, bytes int64) int {
	for i := range m.ever() {
		if s := &m.slots[i]; s.sum == sum && s.bytes == bytes && s.at >= dirBytes && s.at%page == 0 && s.at <= m.end-bytes && !m.taken[i] {
			return i
		}
	}
	return -1
}

// ever returns how many slots were ever used. (To read further is to take memory.)
func (m *Memory) ever() int { return int(min(*m.used, uint64(slots))) }

// free returns a slot that can be used, or -1.
func (m *Memory) free() int {
	n := m.ever()
	for i := range n {
		if m.slots[i].sum == ([sha256.Size]byte{}) && !m.taken[i] {
			return i
		}
	}
	if n == int(slots) {
		return -1
	}
	*m.used = uint64(n + 1)
	return n
}

// begin copies into a new table what the process beside has in its own. It goes on counting meanwhile; what it does later is not seen.
func (m *Memory) begin(s *slot, sum [sha256.Size]byte) {
	if m.before == nil {
		return
	}
	i := m.before.find(sum, s.bytes)
	if i < 0 {
		return
	}
	from := &m.before.slots[i]
	if copyFile(m.file, s.at, m.before.file, from.at, s.bytes) == nil {
		s.seed = from.seed
	}
}

// sweep forgets the tables that this process has no use for, with everything else that nobody will find any more. Once, when those are
// taken that it has a use for.
func (m *Memory) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before != nil {
		m.before.close()
		m.before = nil
	}
	used := map[int64]int64{}
	for i := range m.ever() {
		s := &m.slots[i]
		if m.taken[i] {
			used[s.at] = s.bytes
		} else if *s != (slot{}) {
			*s = slot{}
		}
	}
	punchBetween(m.file, dirBytes, m.end, used)
}

func (m *Memory) close() {
	_ = unix.Munmap(m.dir)
	_ = m.file.Close()
}

// forget has the next process not find a piece. It stays as it is until it is released.
func (p *piece) forget() {
	if m := p.of; m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.slots[p.slot] = slot{}
		delete(m.taken, p.slot)
	}
}

// release returns the memory of a piece that nothing uses any more.
func (p *piece) release() {
	bytes := int64(len(p.mem))
	_ = unix.Munmap(p.mem)
	if p.of != nil {
		p.of.mu.Lock()
		defer p.of.mu.Unlock()
		if !p.of.taken[p.slot] || p.of.slots[p.slot].at != p.at { // else it is for the next process
			punch(p.of.file, p.at, bytes)
		}
	}
}
