// Package disk is how files are touched while weir serves: opened, looked up, read, written, moved. A disk may be slow, and a loop must
// not wait for it: what the kernel has in memory is taken at once, and whatever else may wait is done on another goroutine (Await)
// while the loop goes on. No other package that runs on a loop calls the file system; a test at the root says so.
package disk

import (
	"bytes"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Path is a file name as the kernel takes it: its last byte is NUL.
type Path []byte

// PathOf makes a path of a name, which it ends: the name's memory becomes the path's. What follows an earlier NUL does not count, as it does
// not for the kernel.
func PathOf(name []byte) Path {
	b := append(name, 0)
	return Path(b[:bytes.IndexByte(b, 0)+1])
}

// Text is the path without its NUL.
func (p Path) Text() []byte { return p[:len(p)-1] }

// A Moment is a time as the kernel keeps it with a file.
type Moment struct {
	Sec  int64
	Nsec uint32
}

// Nano is the moment in nanoseconds since 1970.
func (m Moment) Nano() int64 { return m.Sec*1e9 + int64(m.Nsec) }

// An Info is what identifies the content of a file, and little more: two equal infos of one path mean
// that nothing was written to the file between them.
type Info struct {
	Dev   uint64
	Ino   uint64
	Size  int64
	Mtime Moment
	Ctime Moment
	Mode  uint16
	UID   uint32
}

// IsDir reports whether it is a folder.
func (i *Info) IsDir() bool { return i.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsRegular reports whether it is a plain file.
func (i *Info) IsRegular() bool { return i.Mode&unix.S_IFMT == unix.S_IFREG }

func (i *Info) isLink() bool { return i.Mode&unix.S_IFMT == unix.S_IFLNK }

// SameFile reports whether both are one file, whatever happened to it.
func (i *Info) SameFile(j *Info) bool { return i.Dev == j.Dev && i.Ino == j.Ino }

// A Failure is what went wrong with a file, and in which call, as logs name it: "open()".
type Failure struct {
	Op  string
	Err error
}

// Failed reports whether anything went wrong.
func (f Failure) Failed() bool { return f.Err != nil }

// Is reports whether the failure is one of these errors.
func (f Failure) Is(all ...syscall.Errno) bool {
	for _, e := range all {
		if errors.Is(f.Err, e) {
			return true
		}
	}
	return false
}
