package cache

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/logs"
	"weir/loop"
)

// A Stat is what the index keeps of a file.
type Stat struct {
	Uniq   uint64
	Size   int64
	Blocks uint32 // of the file system

	// With these two no other state of a file has the same Uniq.
	Dev               uint64
	Modified, Changed int64 // nanoseconds since 1970
}

// A File is an open file of the cache. It is closed by who opened it.
type File struct {
	Stat
	Path string
	FD   int
}

// Open opens the file of an entry and reads it into buf, or its beginning, if it is larger: head bytes of it, when that is known. n is how much was
// read. For the task itself.
func (c *Cache) Open(t *loop.Task, key Sum, buf []byte, head int) (f File, n int, bad disk.Failure) {
	f = File{Path: c.Path(key), FD: -1}
	var room [256]byte
	fd, info, bad := disk.Open(t, append(append(disk.Path(room[:0]), f.Path...), 0), disk.Links{})
	if bad.Failed() {
		return f, 0, bad
	}
	f.FD, f.Stat = fd, c.statOf(&info)
	if head > 0 && head < len(buf) && info.Size > int64(len(buf)) {
		buf = buf[:head]
	}
	n, err := disk.ReadFull(t, fd, buf[:min(int64(len(buf)), info.Size)])
	if err != nil {
		f.Close()
		return f, 0, disk.Failure{Op: "pread()", Err: err}
	}
	return f, n, disk.Failure{}
}

// StatOf looks at an open file, which the kernel has in memory. Any goroutine.
func (c *Cache) StatOf(fd int) (Stat, error) {
	var i disk.Info
	if err := disk.StatFD(fd, &i); err != nil {
		return Stat{}, &logs.CallError{Call: "fstat()", Err: err}
	}
	return c.statOf(&i), nil
}

func (c *Cache) statOf(i *disk.Info) Stat {
	s := c.stat(i.Ino, i.Size)
	s.Dev, s.Modified, s.Changed = i.Dev, i.Mtime.Nano(), i.Ctime.Nano()
	return s
}

// stat counts the blocks of a file.
func (c *Cache) stat(uniq uint64, size int64) Stat {
	c.mu.Lock()
	block := c.block
	c.mu.Unlock()
	return Stat{Uniq: uniq, Size: size, Blocks: uint32((size + block - 1) / block)}
}

// Close closes the file.
func (f *File) Close() {
	if f.FD >= 0 {
		_ = unix.Close(f.FD)
		f.FD = -1
	}
}

// Rewrite gives the file of an entry another header, provided that it is still the file of was and h differs in nothing but times. It
// touches the disk. The memory tier forgets the entry.
func (c *Cache) Rewrite(key Sum, was Stat, h *Header) error {
	path := c.Path(key)
	f, err := disk.OpenRewriteBlocking(path)
	if os.IsNotExist(err) {
		return nil // it was dropped meanwhile
	}
	if err != nil {
		return &logs.CallError{Call: "open()", On: "\"" + path + "\"", Err: err}
	}
	defer func() { _ = f.Close() }()
	st, err := c.StatOf(int(f.Fd()))
	if err != nil || st.Uniq != was.Uniq || st.Size != was.Size {
		return err
	}
	var b [HeaderSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		if err == io.EOF {
			return nil
		}
		return &logs.CallError{Call: "pread()", On: "\"" + path + "\"", Err: err}
	}
	var old Header
	old.read(b[:])
	if binary.NativeEndian.Uint64(b[:]) != version || old.LastModified != h.LastModified || old.CRC != h.CRC ||
		old.HeaderStart != h.HeaderStart || old.BodyStart != h.BodyStart {
		return nil
	}
	h.Length = old.Length
	c.forget(key)
	if _, err := f.WriteAt(h.Append(nil), 0); err != nil {
		return &logs.CallError{Call: "pwrite()", On: "\"" + path + "\"", Err: err}
	}
	c.forget(key)
	return nil
}

// forget drops an entry from memory.
func (c *Cache) forget(key Sum) {
	c.mu.Lock()
	c.memory.drop(&key)
	c.mu.Unlock()
}

// unlink removes the file of an entry.
func (c *Cache) unlink(path string) {
	if err := disk.RemoveBlocking(path); err != nil {
		level := logs.Crit
		if err == unix.ENOENT {
			level = logs.Info // somebody has cleared the folder
		}
		c.log.Logf(level, 0, "unlink() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
}

// Free is the room of the file system that the cache is on.
func (c *Cache) freeBytes() int64 {
	_, free, err := disk.RoomBlocking(c.Dir)
	if err != nil {
		return int64(^uint64(0) >> 1)
	}
	return free
}

// keyOf is the key that a file is named by; ok is false for other files.
func keyOf(name string) (key Sum, ok bool) {
	name = filepath.Base(name)
	if len(name) < 2*len(key) {
		return key, false
	}
	name = name[len(name)-2*len(key):]
	for i := range key {
		high, low := hexDigit(name[2*i]), hexDigit(name[2*i+1])
		if high < 0 || low < 0 {
			return key, false
		}
		key[i] = byte(high<<4 | low)
	}
	return key, true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
