package cache

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// A Stat is what the index keeps of a file.
type Stat struct {
	Uniq   uint64
	Size   int64
	Blocks uint32 // of the file system
}

// A File is an open file of the cache. It is closed by who opened it.
type File struct {
	Stat
	Path string
	FD   int
}

// Open opens the file of an entry and reads its beginning into buf. n is how much that is. It touches the disk. The errors are the
// system's, with the call that failed.
func (c *Cache) Open(key Sum, buf []byte) (f File, n int, err error) {
	f = File{Path: c.Path(key), FD: -1}
	fd, err := unix.Open(f.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return f, 0, &logs.CallError{Call: "open()", On: "\"" + f.Path + "\"", Err: err}
	}
	if f.Stat, err = c.StatOf(fd); err == nil {
		if n, err = unix.Pread(fd, buf, 0); err != nil {
			err = &logs.CallError{Call: "pread()", On: "\"" + f.Path + "\"", Err: err}
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return f, 0, err
	}
	f.FD = fd
	return f, n, nil
}

// StatOf looks at an open file. It touches the disk.
func (c *Cache) StatOf(fd int) (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Stat{}, &logs.CallError{Call: "fstat()", Err: err}
	}
	return c.stat(uint64(st.Ino), st.Size, st.Blocks*512), nil
}

// stat counts the blocks of a file that takes so many bytes of the disk. A file system that tells nothing of that (size 0) is
// believed to take what the file has.
func (c *Cache) stat(uniq uint64, size, taken int64) Stat {
	if taken == 0 {
		taken = size
	}
	block := c.blockSize()
	return Stat{Uniq: uniq, Size: size, Blocks: uint32((taken + block - 1) / block)}
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
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
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
	if err := unix.Unlink(path); err != nil {
		level := logs.Crit
		if err == unix.ENOENT {
			level = logs.Info // somebody has cleared the folder
		}
		c.log.Logf(level, 0, "unlink() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
}

// Free is the room of the file system that the cache is on.
func (c *Cache) freeBytes() int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(c.Dir, &fs); err != nil {
		return int64(^uint64(0) >> 1)
	}
	return int64(fs.Bavail) * int64(fs.Bsize)
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
