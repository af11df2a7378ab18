package cache

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
)

// An Item is an entry in memory: all that its file has. It does not change, so that whoever has it may use it without a lock, also when
// it was dropped meanwhile.
type Item struct {
	Stat
	Header Header // ETag and Vary are memory of its own
	Path   string
	Key    []byte
	Head   []byte // of the response, as the peer has sent it
	Body   []byte // nil: the body is in an open file, FD

	file         *heldFile
	key          Sum
	newer, older *Item
	hot          bool
}

// A heldFile is an open file of an item. It is closed when nobody can have the item any more, which is for the collector to find out.
type heldFile struct{ fd int }

// FD is the descriptor of the file that has the body; -1: Body has it. It is open as long as somebody has the item.
func (i *Item) FD() int {
	if i.file == nil {
		return -1
	}
	return i.file.fd
}

// BodySize is how long the body is.
func (i *Item) BodySize() int64 { return i.Size - int64(i.Header.BodyStart) }

// cost is what an item takes, as a rule.
func (i *Item) cost() int64 {
	const self = 512
	return int64(len(i.Key)+len(i.Head)+len(i.Body)+len(i.Path)) + self
}

// memory is the tier in front of the disk. An entry comes in when it is asked for the second time, so that a crawler that asks for
// everything once puts nothing out. What was used since it came in gets a second chance when room is needed. Who uses it holds the lock.
type memory struct {
	items      map[Sum]*Item
	ring       Item // newest and oldest are its neighbours
	used, most int64
	files      *atomic.Int64 // held, or not closed yet
	mostFiles  int64
}

func (m *memory) init() {
	m.items = map[Sum]*Item{}
	m.files = &atomic.Int64{}
	m.mostFiles = 64
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil { // what is left is for connections
		m.mostFiles = int64(min(l.Cur/16, 1024))
	}
	m.ring.newer, m.ring.older = &m.ring, &m.ring
}

// resize changes how much may be in memory.
func (m *memory) resize(most int64) {
	m.most = most
	m.shrink(0)
}

// Takes reports whether an entry of this size may be put into memory.
func (m *memory) takes(size int64) bool { return size <= m.most/8 }

func (m *memory) get(key *Sum, uniq uint64) *Item {
	if m.most == 0 {
		return nil
	}
	i := m.items[*key]
	if i == nil || i.Uniq != uniq {
		return nil
	}
	i.hot = true
	return i
}

func (m *memory) put(key *Sum, i *Item) {
	size := i.cost()
	m.drop(key)
	if !m.takes(size) {
		return
	}
	m.shrink(size)
	i.key = *key
	m.items[i.key] = i
	m.used += size
	m.push(i)
}

func (m *memory) push(i *Item) {
	i.older, i.newer = m.ring.older, &m.ring
	i.older.newer, i.newer.older = i, i
}

func (m *memory) drop(key *Sum) {
	if i := m.items[*key]; i != nil {
		delete(m.items, *key)
		m.used -= i.cost()
		i.take()
	}
}

// take takes an item out of the ring.
func (i *Item) take() {
	i.newer.older, i.older.newer = i.older, i.newer
	i.newer, i.older = nil, nil
}

// shrink makes room for size bytes.
func (m *memory) shrink(size int64) {
	for m.used+size > m.most && m.used > 0 {
		i := m.ring.newer
		if i.hot {
			i.hot = false
			i.take()
			m.push(i)
			continue
		}
		m.drop(&i.key)
	}
}

// Room is how large an entry may be to be put into memory: 0 when there is no memory tier.
func (c *Cache) Room() int64 { return c.Conf.Memory / 8 }

// Admit puts an entry that was read from its file into memory, if the entry is still that of the file. It wants to be asked for more than
// once.
func (h *Hold) Admit(i *Item) {
	if h.n == 0 {
		return
	}
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	if d.exists && d.uniq != i.Uniq && d.uniq == h.Uniq {
		// Two requests have stored it at the same time, and the index was told in another order than the files were put there. Since this one has
		// looked it was told of none.
		c.size += int64(i.Blocks) - int64(d.blocks)
		d.uniq, d.blocks = i.Uniq, i.Blocks
	}
	if d.exists && d.uniq == i.Uniq && d.uses > 1 {
		c.memory.put(&d.key, i)
	}
}

// Popular reports whether the entry was asked for more than once, so that it may be put into memory.
func (h *Hold) Popular() bool {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(h.n).uses > 1
}

// NewItem makes an item of a whole file, whose memory it takes; nil if it is not that of the key. Stat and Path are the caller's to set.
func NewItem(all, key []byte, crc uint32) *Item {
	i := &Item{}
	if i.Header.Parse(all, key, crc, len(all)) != "" {
		return nil
	}
	start, body := int(i.Header.HeaderStart), int(i.Header.BodyStart)
	i.Key, i.Head, i.Body = all[HeaderStart(0)-1:start-1], all[start:body], all[body:]
	return i
}

// LargeItem is from which size on it is better to have a file open than its body in memory: the kernel sends it without a copy.
const LargeItem = 32 << 10

// holdFile makes an item of a large file, whose descriptor it takes over: nil if too many are held already, or if it makes no sense. begin is what
// the file begins with.
func (c *Cache) holdFile(f *File, begin, key []byte, crc uint32) *Item {
	if c.memory.files.Add(1) > c.memory.mostFiles {
		c.memory.files.Add(-1)
		return nil
	}
	i := NewItem(append([]byte(nil), begin...), key, crc)
	if i == nil || !i.Header.Fits(f.Size-int64(i.Header.BodyStart)) {
		c.memory.files.Add(-1)
		return nil
	}
	i.Stat, i.Path, i.Body = f.Stat, f.Path, nil
	i.file = &heldFile{f.FD}
	runtime.AddCleanup(i.file, func(was closing) {
		_ = unix.Close(was.fd)
		was.files.Add(-1)
	}, closing{f.FD, c.memory.files})
	f.FD = -1
	return i
}

// closing is what is to be done about a held file.
type closing struct {
	fd    int
	files *atomic.Int64
}

// ReadItem makes an item of an open file, if that makes sense: nil otherwise. It reads a small file; of a large one it may take the descriptor over,
// with begin, what the file has before the body. For the task itself.
func (c *Cache) ReadItem(t *loop.Task, f *File, begin, key []byte, crc uint32) *Item {
	if f.Size > LargeItem {
		if i := c.holdFile(f, begin, key, crc); i != nil {
			return i
		}
	}
	if f.Size > c.Room() {
		return nil
	}
	all := make([]byte, f.Size)
	if n, err := disk.ReadFull(t, f.FD, all); err != nil || n != len(all) {
		return nil
	}
	i := NewItem(all, key, crc)
	if i == nil || !i.Header.Fits(int64(len(i.Body))) {
		return nil
	}
	i.Stat, i.Path = f.Stat, f.Path
	return i
}
