package cache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"weir/disk"
)

// The index is saved in the folder when the server stops, and now and then, so that the next start need not read the folder. It is only used if
// no folder has changed since: the time at which each one was changed is part of a sum in it. Otherwise, as after a kill while entries were
// written, or when somebody else has used the folder, the folder is read as always.
//
// The file is written in place: to make a new one would change the folder that it is in.

const (
	savedName    = ".weir-index"
	savedMagic   = 0x3178646e72696577 // "weirndx1"
	savedHead    = 40                 // magic, sum of the folders, block size, how many entries, CRC of these and of all that follows
	savedEntry   = 40                 // key, uniq, expire, blocks, bodyStart, uses
	leastSaved   = 1000               // entries: fewer are found faster than they are saved
	saveEvery    = 10 * time.Minute
	savedBatch   = 4096                  // entries that are copied while the lock is held
	settledAfter = 20 * time.Millisecond // what was changed later may be changed again at the same time, as the kernel tells it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *Cache) savedPath() string { return filepath.Join(c.Dir, savedName) }

// save saves the index. It touches the disk.
func (c *Cache) save() error {
	c.mu.Lock()
	few, cold := c.count < leastSaved, c.cold
	c.savedAt = c.mark()
	c.mu.Unlock()
	if few || cold {
		return nil
	}
	f, err := disk.OpenOwnBlocking(c.savedPath())
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err = f.Truncate(0); err != nil {
		return err
	}
	sum, err := c.sumFolders(time.Now())
	if err != nil {
		return err
	}
	check := crc32.New(castagnoli)
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err = w.Write(make([]byte, savedHead)); err != nil {
		return err
	}
	n, err := c.writeEntries(io.MultiWriter(w, check))
	if err != nil {
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	_, err = f.WriteAt(c.savedHead(sum, n, check), 0)
	return err
}

// savedHead is the head of the file; check has taken in what follows.
func (c *Cache) savedHead(sum uint64, n int, check hash.Hash32) []byte {
	var b [savedHead]byte
	e := binary.LittleEndian
	e.PutUint64(b[0:], savedMagic)
	e.PutUint64(b[8:], sum)
	e.PutUint64(b[16:], uint64(c.block))
	e.PutUint64(b[24:], uint64(n))
	e.PutUint32(b[32:], check.Sum32())
	e.PutUint32(b[36:], crc32.Checksum(b[:36], castagnoli))
	return b[:]
}

// mark changes whenever entries come or go.
func (c *state) mark() uint64 {
	return uint64(c.count)<<32 ^ uint64(c.size)*0x9E3779B97F4A7C15 ^ uint64(c.newest)<<16 ^ uint64(c.oldest)
}

func (c *Cache) writeEntries(w io.Writer) (n int, err error) {
	b := make([]byte, 0, savedBatch*savedEntry)
	for at := uint32(1); ; {
		b = b[:0]
		c.mu.Lock()
		end := min(c.made, at+savedBatch-1)
		for ; at <= end; at++ {
			if d := c.at(at); d.exists {
				b = d.appendSaved(b)
				n++
			}
		}
		done := at > c.made
		c.mu.Unlock()
		if _, err = w.Write(b); err != nil || done {
			return n, err
		}
	}
}

func (d *node) appendSaved(b []byte) []byte {
	e := binary.LittleEndian
	b = append(b, d.key[:]...)
	b = e.AppendUint64(e.AppendUint64(b, d.uniq), uint64(d.expire))
	return e.AppendUint16(e.AppendUint16(e.AppendUint32(b, d.blocks), d.bodyStart), d.uses)
}

func (d *node) readSaved(b []byte) {
	e := binary.LittleEndian
	copy(d.key[:], b)
	d.uniq, d.expire = e.Uint64(b[16:]), int64(e.Uint64(b[24:]))
	d.blocks, d.bodyStart, d.uses, d.exists = e.Uint32(b[32:]), e.Uint16(b[36:]), e.Uint16(b[38:]), true
}

// errStale says that the saved index does not tell what is in the folder.
var errStale = errors.New("the saved index is not of use")

// loadSaved takes the saved index over, if it tells what is in the folder. It touches the disk.
func (c *Cache) loadSaved() error {
	b, err := os.ReadFile(c.savedPath())
	if err != nil {
		return err
	}
	e := binary.LittleEndian
	if len(b) < savedHead || e.Uint64(b) != savedMagic || e.Uint32(b[36:]) != crc32.Checksum(b[:36], castagnoli) {
		return errStale
	}
	n, all := e.Uint64(b[24:]), b[savedHead:]
	if n > uint64(len(all)) || n*savedEntry != uint64(len(all)) || e.Uint32(b[32:]) != crc32.Checksum(all, castagnoli) {
		return errStale
	}
	sum, err := c.sumFolders(time.Time{})
	c.mu.Lock()
	block := c.block
	c.mu.Unlock()
	if err != nil || sum != e.Uint64(b[8:]) || block != int64(e.Uint64(b[16:])) {
		return errStale
	}
	order := make([]savedPlace, n)
	for i := range order {
		order[i] = savedPlace{int64(e.Uint64(all[i*savedEntry+24:])), uint32(i)}
	}
	slices.SortFunc(order, func(a, b savedPlace) int { // those that were asked for last come last
		if a.expire != b.expire {
			return int(min(max(a.expire-b.expire, -1), 1))
		}
		return int(a.place) - int(b.place)
	})
	for len(order) > 0 {
		some := order[:min(len(order), savedBatch)]
		order = order[len(some):]
		if !c.addSaved(some, all) {
			return errStale
		}
	}
	return nil
}

// A savedPlace is where in the file an entry is.
type savedPlace struct {
	expire int64
	place  uint32
}

// addSaved adds entries. It reports false when there is no room for them.
func (c *Cache) addSaved(some []savedPlace, all []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var d node
	for _, p := range some {
		d.readSaved(all[int(p.place)*savedEntry:])
		if c.find(&d.key) != 0 {
			continue // a request has found the file
		}
		n := c.index.add(&d.key)
		if n == 0 {
			return false
		}
		to := c.at(n)
		to.uniq, to.expire, to.blocks, to.bodyStart, to.uses, to.exists = d.uniq, d.expire, d.blocks, d.bodyStart, d.uses, true
		c.size += int64(d.blocks)
	}
	return true
}

// sumFolders is a sum over the folders and the times at which they were changed. With now it is an error if one was changed so shortly
// before that it may be changed once more without its time telling.
func (c *Cache) sumFolders(now time.Time) (uint64, error) {
	h := fnv.New64a()
	depth := 0
	for _, n := range c.Levels {
		if n > 0 {
			depth++
		}
	}
	var walk func(path string, depth int) error
	walk = func(path string, depth int) error {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || !now.IsZero() && now.Sub(info.ModTime()) < settledAfter {
			return errStale
		}
		var b [24]byte
		e := binary.LittleEndian
		e.PutUint64(b[:], uint64(st.Ino))
		e.PutUint64(b[8:], uint64(st.Dev))
		e.PutUint64(b[16:], uint64(info.ModTime().UnixNano()))
		_, _ = h.Write(b[:])
		if depth == 0 {
			return nil
		}
		inside, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, d := range inside {
			if !d.IsDir() {
				continue
			}
			if err := walk(filepath.Join(path, d.Name()), depth-1); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(c.Dir, depth)
	return h.Sum64(), err
}

// saveLast saves the index when the server stops. It touches the disk.
func (c *Cache) saveLast() {
	c.mu.Lock()
	mine, few := c.user == c, c.count < leastSaved
	c.mu.Unlock()
	if !mine || few { // another configuration has it
		return
	}
	if f, err := disk.OpenOwnBlocking(c.savedPath()); err == nil {
		_ = f.Close()
	}
	for range 5 {
		time.Sleep(2 * settledAfter) // others end what they do meanwhile
		if err := c.save(); !errors.Is(err, errStale) {
			return
		}
	}
}

// endPurges drops what was purged before the server stops, as far as that does not take too long: the next start knows of no purge. It touches
// the disk.
func (c *Cache) endPurges() {
	const atMost = 5 * time.Second
	c.mu.Lock()
	mine, some := c.user == c, len(c.purges) > 0
	c.mu.Unlock()
	began := time.Now()
	for n, done := uint32(1), !mine || !some; !done && time.Since(began) < atMost; {
		n, done = c.purgeSome(n, time.Now)
	}
}

// saveSome saves the index if it has changed since the last time. It touches the disk.
func (c *Cache) saveSome() {
	c.mu.Lock()
	same := c.mark() == c.savedAt
	c.mu.Unlock()
	if !same {
		_ = c.save() // what is being changed is saved the next time
	}
}
