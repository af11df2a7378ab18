package http

import "golang.org/x/sys/unix"

// ReadAt reads from a file: at once what is in memory, and on another goroutine what is not, for a disk
// may be slow and the loop must not wait for it. A file that was cut meanwhile is an error.
func (r *Request) ReadAt(fd int, b []byte, off int64) (n int, err error) {
	n, err = readNow(fd, b, off)
	if err != nil || n == 0 {
		r.Task.Await(func() { n, err = unix.Pread(fd, b, off) })
	}
	if err == nil && n == 0 {
		err = unix.EIO
	}
	return n, err
}

// ReadNow reads from a file what the kernel has in memory: nothing, or an error, may mean that more is on the disk. Any goroutine.
func ReadNow(fd int, b []byte, off int64) (int, error) { return readNow(fd, b, off) }
