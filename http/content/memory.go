package content

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"weir/disk"
)

const (
	// maxBody is the size up to which a file may be in memory. Beyond it sendfile, which copies nothing, is
	// better: 100 KB cost 28 µs from memory and 17 by sendfile, 40 KB 9.8 and 11.
	maxBody = 64 << 10

	memoryShards = 16
	memoryTotal  = 32 << 20
	buckets      = 512 // of a shard, which has room for 6,000 files of one byte
	// entryCost is what a file costs besides its content: entry, path, place in the map.
	entryCost = 320

	// settled is how old a change must be before the content is kept, in nanoseconds: file systems stamp
	// changes with a clock that ticks each 1 to 10 ms, so that a second change might not show.
	settled = 50e6
)

// A memory is the content of small hot files, for all loops. Who takes from it has asked the disk that
// the file is still the one that was read.
type memory struct {
	seed   maphash.Seed
	shards [memoryShards]shard
}

// A hotFile is the content of one file. The content never changes, so loops share it without a lock.
type hotFile struct {
	path string
	info disk.Info
	body []byte
	etag []byte

	used  atomic.Bool // since the hand last came by
	next  atomic.Pointer[hotFile]
	list  *atomic.Pointer[hotFile] // its bucket
	place int                      // in the ring; -1: not in memory any more. Under the shard's lock
}

// A shard is one part of the memory. Room is made by a hand that goes round and takes what was not used
// since it last came by (the clock algorithm).
//
// Files are found without the lock, in a list for each bucket, or all loops would wait for each other over
// one hot file. Who follows a list while a file is taken out of it finds the rest all the same.
type shard struct {
	lists [buckets]atomic.Pointer[hotFile]
	mu    sync.Mutex // for changes
	ring  []*hotFile
	hand  int
	size  int

	// asked has the hashes of paths that were read once: the second reading admits. So a walk over
	// all files of a site does not push the hot ones out.
	asked [512]uint32
	_     [64]byte
}

func (m *memory) shard(path []byte) (*shard, uint64) {
	h := maphash.Bytes(m.seed, path)
	return &m.shards[h%memoryShards], h
}

// get returns the content that is in memory for a path, which may be old.
func (m *memory) get(path []byte) *hotFile {
	s, h := m.shard(path)
	f := s.find(path, h)
	if f != nil && !f.used.Load() { // a store for nothing would take the line from the other loops
		f.used.Store(true)
	}
	return f
}

// list is the bucket of a hash.
func (s *shard) list(h uint64) *atomic.Pointer[hotFile] { return &s.lists[h>>32%buckets] }

func (s *shard) find(path []byte, h uint64) *hotFile {
	f := s.list(h).Load()
	for f != nil && f.path != string(path) {
		f = f.next.Load()
	}
	return f
}

// match returns the content that was read from the file when it was as i says.
func (m *memory) match(path []byte, i *disk.Info) *hotFile {
	if i.Size > maxBody {
		return nil
	}
	if f := m.get(path); f != nil && f.info == *i {
		return f
	}
	return nil
}

// wants reports whether a file that is being read should be put in: it is small, it was asked for
// before, and its last change is long enough ago at the time now (nanoseconds since 1970).
func (m *memory) wants(path []byte, i *disk.Info, now int64) bool {
	if i.Size > maxBody || now-i.Ctime.Nano() < settled {
		return false
	}
	s, h := m.shard(path)
	place, mark := &s.asked[h>>8%uint64(len(s.asked))], uint32(h>>32)|1
	s.mu.Lock()
	defer s.mu.Unlock()
	if *place == mark || s.find(path, h) != nil {
		return true
	}
	*place = mark
	return false
}

// put keeps the content of a file, instead of what was there for its path.
func (m *memory) put(path []byte, i *disk.Info, body []byte) *hotFile {
	f := &hotFile{path: string(path), info: *i, body: body, etag: appendETag(nil, i)}
	s, h := m.shard(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.find(path, h); old != nil {
		s.remove(old)
	}
	f.list = s.list(h)
	f.next.Store(f.list.Load())
	f.list.Store(f)
	f.place = len(s.ring)
	s.ring = append(s.ring, f)
	s.size += f.cost()
	for s.size > memoryTotal/memoryShards {
		s.evict()
	}
	return f
}

// drop forgets a file that is not what it was.
func (m *memory) drop(f *hotFile) {
	s, _ := m.shard([]byte(f.path))
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.place >= 0 {
		s.remove(f)
	}
}

func (f *hotFile) cost() int { return cap(f.body) + len(f.path) + entryCost }

// evict moves the hand on to the next file that was not used, and removes it.
func (s *shard) evict() {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		f := s.ring[s.hand]
		if !f.used.Load() {
			s.remove(f)
			return
		}
		f.used.Store(false)
		s.hand++
	}
}

// remove takes a file out; the last one of the ring takes its place there.
func (s *shard) remove(f *hotFile) {
	last := s.ring[len(s.ring)-1]
	s.ring[f.place], last.place = last, f.place
	s.ring[len(s.ring)-1] = nil
	s.ring = s.ring[:len(s.ring)-1]
	f.place = -1
	at := f.list
	for at.Load() != f {
		at = &at.Load().next
	}
	at.Store(f.next.Load())
	s.size -= f.cost()
}
