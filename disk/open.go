package disk

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// Open opens a file and says what it is: with what the kernel has in memory, or, when that is not all, apart from the loop. It never
// waits for the other end of a FIFO. The descriptor is the caller's. For the task itself.
func Open(t *loop.Task, p Path, by Links) (fd int, i Info, bad Failure) {
	w := walk{path: p, flags: unix.O_RDONLY | unix.O_NONBLOCK, Links: by, cached: true}
	if fd, bad = w.open(); bad.Is(unix.EAGAIN) {
		fd, bad = waitOpen(t, w)
	}
	if bad.Failed() {
		return -1, i, bad
	}
	if err := statFD(fd, &i); err != nil {
		_ = unix.Close(fd)
		return -1, i, Failure{"fstat()", err}
	}
	return fd, i, Failure{}
}

func waitOpen(t *loop.Task, w walk) (fd int, bad Failure) {
	w.cached = false
	t.Await(func() { fd, bad = w.open() })
	return fd, bad
}

// Stat looks a file up, as Open opens it. For the task itself.
func Stat(t *loop.Task, p Path, by Links) (i Info, bad Failure) {
	w := walk{path: p, Links: by, cached: true}
	if bad = w.look(&i); bad.Is(unix.EAGAIN) {
		return waitLook(t, w)
	}
	return i, bad
}

func waitLook(t *loop.Task, w walk) (i Info, bad Failure) {
	w.cached = false
	t.Await(func() { bad = w.look(&i) })
	return i, bad
}

// StatFD looks at an open file, which the kernel has in memory. Any goroutine.
func StatFD(fd int, i *Info) error { return statFD(fd, i) }

// RealPath resolves the symbolic links of a path. For the task itself.
func RealPath(t *loop.Task, path string) (to string, err error) {
	t.Await(func() { to, err = filepath.EvalSymlinks(path) })
	return to, err
}
