// Package cache keeps responses: an index of what there is, the folder with a file for each, a memory tier in front of it, locks for
// those who fetch, and the work in the background that loads the index and keeps to the limits. It knows keys, bytes and times; what a
// request or a response is, it does not know.
//
// The folder is laid out as nginx lays out its own, file by file and byte by byte, so that a folder of nginx on the same kind of machine
// is of use here, and the other way round.
//
//	acquire ─→ known ─→ memory, or open the file and read its head ─→ answer
//	       └─→ new ───→ lock, fetch, write a temporary file ─→ rename, update
//
// A Hold is one request's grip on an entry. Whoever acquires one frees it. Functions that touch the disk say so: they run off the loop.
package cache

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"weir/disk"
	"weir/logs"
	"weir/zone"
)

// A Sum is the MD5 of a key: what entries are found by.
type Sum [16]byte

// SumOf is the sum of a key, or of what a variant differs in.
func SumOf(key []byte) Sum { return md5.Sum(key) }

// Conf is what a directive says of a cache.
type Conf struct {
	Name        string // of the zone
	Dir         string
	Levels      [3]int // characters of each level of folders; 0: no such level
	UseTempPath bool   // temporary files are made elsewhere and moved here
	Inactive    time.Duration
	MaxSize     int64 // bytes; 0: no limit
	MinFree     int64 // bytes that the file system shall have free; 0: no such limit
	Memory      int64 // bytes of the memory tier; 0: there is none
	Checked     bool  // what is in memory is held against its file
	Loader      Pace
	Manager     Pace
}

// A Pace is how much work in the background is done at a time.
type Pace struct {
	Files     int           // so many files, or
	Threshold time.Duration // for so long, then
	Sleep     time.Duration // a pause
}

// A Cache is one cache of a configuration. What it keeps outlives the configuration when the next one has a cache of the name.
// Any goroutine.
type Cache struct {
	Conf
	*state
	tally  *zone.Tally // see Count
	log    *logs.Logger
	fullAt time.Time // when it was last told that the zone is full; the loader's
}

// state is what outlives a configuration.
type state struct {
	mu sync.Mutex // never held while the disk is touched or anything is waited for
	index
	dir       string
	levels    [3]int
	block     int64 // bytes of a block of the file system
	size      int64 // blocks of all files
	cold      bool  // the folder was not read to its end yet: there may be files that the index does not know
	loading   bool
	user      *Cache    // of the configuration that is in force
	savedAt   uint64    // mark, when the index was saved last
	watermark int       // of entries: above it the oldest are dropped
	fullTold  time.Time // when somebody was told that the disk is full
	waiters   map[uint32][]waiter
	flights   map[uint32]*Flight
	memory    memory

	purges     []purge
	generation uint32      // of purges
	purging    bool        // a task carries them out
	varied     atomic.Bool // there may be variants
}

// New makes the cache of a zone, or finds what it keeps. The errors are nginx's sentences.
func New(c Conf, z *zone.Zone) (*Cache, error) {
	s, kept := zone.State(z, func(size int64) *state { return newState(c, size) })
	switch {
	case !kept:
	case s.dir != c.Dir:
		return nil, fmt.Errorf("cache \"%s\" uses the \"%s\" cache path while previously it used the \"%s\" cache path", c.Name, c.Dir, s.dir)
	case s.levels != c.Levels:
		return nil, fmt.Errorf("cache \"%s\" had previously different levels", c.Name)
	}
	return &Cache{Conf: c, state: s, tally: z.Tally(outcomes * countsOfOutcome)}, nil
}

// FirstFull reports whether a full disk is news: nobody was told of it in the last minute.
func (c *Cache) FirstFull() bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.fullTold) < time.Minute {
		return false
	}
	c.fullTold = now
	return true
}

// noWatermark is a watermark that is never reached.
const noWatermark = int(^uint(0) >> 1)

func newState(c Conf, size int64) *state {
	s := &state{dir: c.Dir, levels: c.Levels, cold: true, watermark: noWatermark, block: usualBlock, waiters: map[uint32][]waiter{}, flights: map[uint32]*Flight{}}
	s.index.init(nodesIn(size))
	s.memory.init()
	return s
}

// Varies tells the cache that it has responses that vary.
func (c *Cache) Varies() {
	if !c.varied.Load() {
		c.varied.Store(true)
	}
}

// Begin takes the cache into use, when its configuration has turned out to be right. log is for what has to do with no request.
func (c *Cache) Begin(log *logs.Logger) {
	c.log = log
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.resize(c.Memory, c.mostFiles())
	c.user = c
}

// usualBlock is the unit in which sizes of files are counted as long as that of the file system is not known.
const usualBlock = 4096

// measure finds out the unit in which sizes of files are counted. It touches the disk.
func (c *Cache) measure() {
	block, _, err := disk.RoomBlocking(c.Dir)
	if err != nil || block <= 0 || block%512 != 0 {
		return
	}
	c.mu.Lock()
	if c.size == 0 {
		c.block = block
	}
	c.mu.Unlock()
}

// Path is where the file of an entry is.
func (c *Cache) Path(key Sum) string {
	var name [32]byte
	hex.Encode(name[:], key[:])
	b := make([]byte, 0, len(c.Dir)+1+len(name)+9)
	b = append(append(b, c.Dir...), '/')
	end := len(name)
	for _, n := range c.Levels {
		if n > 0 {
			b = append(append(b, name[end-n:end]...), '/')
			end -= n
		}
	}
	return string(append(b, name[:]...))
}
