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

// ReadHeadBlocking reads the beginning of a file, as much as b holds, for who is off the loop.
func ReadHeadBlocking(path string, b []byte) (n int, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	return pread(fd, b, 0)
}

// OpenRewriteBlocking opens a file that is there, to read it and to write over parts of it, for who is off the loop.
func OpenRewriteBlocking(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
}

// OpenOwnBlocking does so with a file that only this user may read, and makes it if it is not there.
func OpenOwnBlocking(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
}

// RemoveBlocking removes a file, and nothing else, for who is off the loop.
func RemoveBlocking(path string) error { return unix.Unlink(path) }

// RoomBlocking is the size of the blocks of the file system that a folder is on, and how many bytes have room there, for who is off the loop.
func RoomBlocking(dir string) (block, free int64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	return int64(fs.Bsize), int64(fs.Bavail) * int64(fs.Bsize), nil
}
