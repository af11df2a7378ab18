package cache

import (
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
)

// An Item is an entry in memory: all that its file has. It does not change, so that whoever has it may use it without a lock, also when
// it was dropped meanwhile. Who has got one releases it.
type Item struct {
	Stat
	Header Header // ETag and Vary are memory of its own
	Path   string
	Key    []byte
	Head   []byte // of the response, as the peer has sent it
	Body   []byte // nil: the body is in an open file, FD

	file *heldFile
	seen atomic.Int64 // the loops' time at which the file was looked at last

	// Of memory, under its lock.
	key          Sum
	newer, older *Item
	hot          bool
}

// A heldFile is an open file of an item. It is closed when nobody has the item any more, neither memory nor a request.
type heldFile struct {
	fd    int
	users atomic.Int32
}

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

// hold lets one more have the item; somebody has it already.
func (i *Item) hold() {
	if i.file != nil {
		i.file.users.Add(1)
	}
}

// Release says that one who has got the item needs it no longer. Any goroutine.
func (i *Item) Release() {
	if f := i.file; f != nil && f.users.Add(-1) == 0 {
		go func() { _ = unix.Close(f.fd) }() // to close a large file that was removed is to free what it has on the disk
	}
}

// is reports whether the item is what the file has that info is of.
func (i *Item) is(info *disk.Info) bool {
	return i.Uniq == info.Ino && i.Dev == info.Dev && i.Size == info.Size && i.Modified == info.Mtime.Nano() && i.Changed == info.Ctime.Nano()
}

// inPlace reports whether the file of an item is where it was, and what it was. It looks at once: the path of what is used often is in the
// kernel's memory.
func (i *Item) inPlace() bool {
	var room [256]byte
	var info disk.Info
	return disk.StatBlocking(append(append(disk.Path(room[:0]), i.Path...), 0), &info) == nil && i.is(&info)
}

// Current reports whether an item is what the file of its entry has; otherwise memory forgets it. Where there is the parameter memory= it is
// taken to be so. Otherwise the file is looked at, once in each turn of a loop: what a turn serves has come before it began. For the task itself.
func (c *Cache) Current(t *loop.Task, key Sum, i *Item) bool {
	now := int64(t.Now())
	if !c.Checked || i.seen.Load() >= now {
		return true
	}
	if i.inPlace() {
		i.seen.Store(now)
		return true
	}
	c.forgetItem(key, i)
	return false
}

// forgetItem has memory forget an item, unless it has another one for the key by now.
func (c *Cache) forgetItem(key Sum, i *Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memory.items[key] == i {
		c.memory.drop(&key)
	}
}

// closeRemoved lets go of open files that somebody has removed: as long as they are open they take their room on the disk. It touches the disk.
func (c *Cache) closeRemoved() {
	if !c.Checked {
		return
	}
	c.mu.Lock()
	all := c.memory.files.all()
	c.mu.Unlock()
	for _, i := range all {
		if !i.inPlace() {
			c.forgetItem(i.key, i)
		}
		i.Release()
	}
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

// holdFile makes an item of a large file, whose descriptor it takes over; nil if it is not that of the key.
func holdFile(f *File, begin, key []byte, crc uint32) *Item {
	i := NewItem(slices.Clone(begin), key, crc)
	if i == nil || !i.Header.Fits(f.Size-int64(i.Header.BodyStart)) {
		return nil
	}
	i.Stat, i.Path, i.Body = f.Stat, f.Path, nil
	i.file = &heldFile{fd: f.FD}
	i.hold()
	f.FD = -1
	return i
}

// ReadItem makes an item of an open file, nil if that makes no sense. begin is what was read of it, and its first head bytes are what it has before
// the body. It reads a small file, and takes over the descriptor of a large one. The item is the caller's to release. For the task itself.
func (c *Cache) ReadItem(t *loop.Task, f *File, begin []byte, head int, key []byte, crc uint32) *Item {
	if c.Checked && t.Loop().Wall().Sub(time.Unix(0, f.Changed)) < settledAfter {
		return nil
	}
	if f.Size > LargeItem {
		return holdFile(f, begin[:head], key, crc)
	}
	if f.Size > c.Room() {
		return nil
	}
	all := make([]byte, f.Size)
	if int64(len(begin)) == f.Size {
		copy(all, begin)
	} else if n, err := disk.ReadFull(t, f.FD, all); err != nil || n != len(all) {
		return nil
	}
	i := NewItem(all, key, crc)
	if i == nil || !i.Header.Fits(int64(len(i.Body))) {
		return nil
	}
	i.Stat, i.Path = f.Stat, f.Path
	return i
}
