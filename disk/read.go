package disk

import (
	"golang.org/x/sys/unix"

	"weir/loop"
)

// ReadNow reads from a file what the kernel has in memory: nothing, or an error, may mean that more is on the disk. Any goroutine.
func ReadNow(fd int, b []byte, off int64) (int, error) { return readNow(fd, b, off) }

// ReadAt reads at least a byte from a file: at once what is in memory, and on another goroutine what is not. A file that
// was cut meanwhile is unix.EIO. For the task itself.
func ReadAt(t *loop.Task, fd int, b []byte, off int64) (n int, err error) {
	n, err = readNow(fd, b, off)
	if err != nil || n == 0 {
		return waitReadAt(t, fd, b, off)
	}
	return n, nil
}

func waitReadAt(t *loop.Task, fd int, b []byte, off int64) (n int, err error) {
	t.Await(func() { n, err = ReadBlocking(fd, b, off) })
	return n, err
}

// ReadFull fills b from the beginning of a file; less only where the file ends. For the task itself.
func ReadFull(t *loop.Task, fd int, b []byte) (n int, err error) {
	n, err = readNow(fd, b, 0)
	if err == nil && n == len(b) {
		return n, nil
	}
	return waitReadFull(t, fd, b, max(n, 0))
}

func waitReadFull(t *loop.Task, fd int, b []byte, from int) (n int, err error) {
	t.Await(func() { n, err = readAll(fd, b, from) })
	return n, err
}

// readAll fills b from off on, waiting for the disk; less only where the file ends.
func readAll(fd int, b []byte, off int) (int, error) {
	for off < len(b) {
		n, err := pread(fd, b[off:], int64(off))
		if err != nil || n == 0 {
			return off, err
		}
		off += n
	}
	return off, nil
}

func pread(fd int, b []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(fd, b, off)
		if err != unix.EINTR {
			return n, err
		}
	}
}
