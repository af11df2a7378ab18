package content

import (
	"golang.org/x/sys/unix"

	"weir/http"
)

// A path is a file name as the kernel takes it: its last byte is NUL.
type path []byte

// text is the path without its NUL.
func (p path) text() []byte { return p[:len(p)-1] }

// A moment is a time as the kernel keeps it with a file.
type moment struct {
	Sec  int64
	Nsec uint32
}

// nano is the moment in nanoseconds since 1970.
func (m moment) nano() int64 { return m.Sec*1e9 + int64(m.Nsec) }

// An info is what identifies the content of a file, and little more: two equal infos of one path mean
// that nothing was written to the file between them.
type info struct {
	dev   uint64
	ino   uint64
	size  int64
	mtime moment
	ctime moment
	mode  uint16
	uid   uint32
}

// id tells this state of the file from any other.
func (i *info) id() http.FileID {
	return http.FileID{Dev: int64(i.dev), Inode: int64(i.ino), Size: i.size, Modified: i.mtime.nano(), Changed: i.ctime.nano()}
}

func (i *info) isDir() bool     { return i.mode&unix.S_IFMT == unix.S_IFDIR }
func (i *info) isRegular() bool { return i.mode&unix.S_IFMT == unix.S_IFREG }
func (i *info) isLink() bool    { return i.mode&unix.S_IFMT == unix.S_IFLNK }

// sameFile reports whether both are one file, whatever happened to it.
func (i *info) sameFile(j *info) bool { return i.dev == j.dev && i.ino == j.ino }

// readAll fills b from off on, waiting for the disk; less only where the file ends.
func readAll(fd int, b []byte, off int) (int, error) {
	for off < len(b) {
		n, err := unix.Pread(fd, b[off:], int64(off))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return off, err
		}
		off += n
	}
	return off, nil
}
