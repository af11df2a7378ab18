package disk

import (
	"golang.org/x/sys/unix"
)

// OpenAppend opens a file for appending, and makes it if it is not there. It may wait for the disk: not for a loop.
func OpenAppend(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// IsFar reports whether a file may lie outside of this machine, as on a file system of a network: a write to it may wait for anything, and not
// only for room in the page cache. What is no regular file is near. It may wait itself: not for a loop.
func IsFar(fd int) bool {
	var i Info
	return StatFD(fd, &i) == nil && i.IsRegular() && isFar(fd)
}

// Append writes b with one call. It may wait for the disk, or for who reads a pipe: not for a loop.
func Append(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Write(fd, b)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// AppendNow writes what a pipe takes at once: less, or an error, may mean that it would have to be waited for. Any goroutine.
func AppendNow(fd int, b []byte) (int, error) { return appendNow(fd, b) }
