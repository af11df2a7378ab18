package cache

import (
	"golang.org/x/sys/unix"
)

// memory is the tier in front of the disk. An entry comes in when it is asked for the second time, so that a crawler that asks for
// everything once puts nothing out. What was used since it came in gets a second chance when room is needed. Who uses it holds the lock.
type memory struct {
	items  map[Sum]*Item
	bodies ring // items that have their body in memory; counted in bytes
	files  ring // items that have it in an open file; each counts as 1
	turn   int  // of those that wanted to come in when it was full
}

// A ring is the items of one kind, in the order in which they came in.
type ring struct {
	end        Item // its neighbours are the newest and the oldest
	used, most int64
}

func (m *memory) init() {
	m.items = map[Sum]*Item{}
	for _, r := range [...]*ring{&m.bodies, &m.files} {
		r.end.newer, r.end.older = &r.end, &r.end
	}
}

// resize changes how much may be in memory.
func (m *memory) resize(bytes, files int64) {
	m.bodies.most, m.files.most = bytes, files
	m.shrink(&m.bodies, 0)
	m.shrink(&m.files, 0)
}

// mostFiles is how many files memory may keep open. What is left of the limit is for connections, and for other caches.
func (c *Conf) mostFiles() int64 {
	if c.Memory == 0 {
		return 0
	}
	most, share := int64(1024), uint64(16)
	if c.Checked { // nobody has asked for it
		most, share = 256, 64
	}
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 64
	}
	return int64(min(uint64(l.Cur)/share, uint64(most)))
}

// of is the ring that an item is for, and how much of it the item takes.
func (m *memory) of(i *Item) (*ring, int64) {
	if i.file != nil {
		return &m.files, 1
	}
	return &m.bodies, i.cost()
}

// get returns the item of a file, which is held for the caller.
func (m *memory) get(key *Sum, uniq uint64) *Item {
	i := m.items[*key]
	if i == nil || i.Uniq != uniq {
		return nil
	}
	i.hot = true
	i.hold()
	return i
}

func (m *memory) put(key *Sum, i *Item) {
	r, size := m.of(i)
	m.drop(key)
	if i.file == nil && size > r.most/8 || size > r.most {
		return
	}
	m.shrink(r, size)
	i.hold()
	i.key = *key
	m.items[i.key] = i
	r.used += size
	r.push(i)
}

func (r *ring) push(i *Item) {
	i.older, i.newer = r.end.older, &r.end
	i.older.newer, i.newer.older = i, i
}

func (m *memory) drop(key *Sum) {
	if i := m.items[*key]; i != nil {
		delete(m.items, *key)
		r, size := m.of(i)
		r.used -= size
		i.take()
		i.Release()
	}
}

// take takes an item out of its ring.
func (i *Item) take() {
	i.newer.older, i.older.newer = i.older, i.newer
	i.newer, i.older = nil, nil
}

// all returns what is in the ring, which is held for the caller.
func (r *ring) all() (all []*Item) {
	for i := r.end.newer; i != &r.end; i = i.newer {
		i.hold()
		all = append(all, i)
	}
	return all
}

// shrink makes room for so much more.
func (m *memory) shrink(r *ring, size int64) {
	for r.used+size > r.most && r.used > 0 {
		i := r.end.newer
		if i.hot {
			i.hot = false
			i.take()
			r.push(i)
			continue
		}
		m.drop(&i.key)
	}
}

// Room is how large an entry may be to be put into memory: 0 when there is no memory tier.
func (c *Cache) Room() int64 { return c.Memory / 8 }

// TakesNew reports whether an entry of this size may come into memory as it is stored. It may not where its file is going to be looked at: what has
// just been changed may be changed once more without its times telling.
func (c *Cache) TakesNew(size int64) bool { return !c.Checked && size <= min(c.Room(), LargeItem) }

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

// oneOf is how few come into memory that is full: one of so many. To put another one out for each would cost more than it saves where more is in
// use than has room, and what is used often comes in all the same.
const oneOf = 8

// Wanted reports whether the entry, which was read from a file of this size, is to be put into memory: it was asked for more than once, and there is
// room, or it is time to make some.
func (h *Hold) Wanted(size int64) bool {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &c.memory
	r, need := &m.files, int64(1)
	if size <= LargeItem {
		r, need = &m.bodies, size
	}
	switch {
	case r.most == 0 || c.at(h.n).uses < 2:
		return false
	case r.used+need <= r.most:
		return true
	}
	m.turn++
	return m.turn%oneOf == 0
}
