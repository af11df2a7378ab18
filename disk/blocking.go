package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// OpenBlocking opens a file for reading and says what it is, for who is off the loop, within Await. It does not wait for the other end of
// a FIFO.
func OpenBlocking(path string) (f *os.File, i Info, err error) {
	if f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return nil, i, err
	}
	if err = statFD(int(f.Fd()), &i); err != nil {
		_ = f.Close()
		return nil, i, err
	}
	return f, i, nil
}

// OpenFolderBlocking opens a folder to list it, for who is off the loop.
func OpenFolderBlocking(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
}

// StatBlocking looks a file up with one call. It may wait for the disk: it is for who is off the loop, and for files that were looked up
// a moment ago, which the kernel has in memory.
func StatBlocking(p Path, i *Info) error { return statAt(unix.AT_FDCWD, p, 0, i) }

// LstatBlocking is StatBlocking of a link itself.
func LstatBlocking(p Path, i *Info) error {
	return statAt(unix.AT_FDCWD, p, unix.AT_SYMLINK_NOFOLLOW, i)
}

// ReadBlocking is ReadAt for who is off the loop.
func ReadBlocking(fd int, b []byte, off int64) (n int, err error) {
	n, err = pread(fd, b, off)
	if err == nil && n == 0 {
		err = unix.EIO
	}
	return n, err
}
