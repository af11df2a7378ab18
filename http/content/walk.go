package content

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// A walk opens a path. Where disable_symlinks holds it goes folder by folder, so that it sees what
// each name is.
type walk struct {
	path   path
	flags  int
	rules       // trusted is the length of the beginning in which links are followed
	cached bool // EAGAIN instead of waiting for a disk
}

// open returns the descriptor at the end of the path.
func (w *walk) open() (int, failure) {
	if w.mode == linksAllowed {
		fd, err := openAt(unix.AT_FDCWD, w.path, w.flags, w.cached)
		return fd, failure{"open()", err}
	}
	dir, name, bad := w.folder(make(path, 0, 256))
	if bad.failed() {
		return -1, bad
	}
	fd, bad := w.step(dir, name, w.flags)
	_ = unix.Close(dir)
	return fd, bad
}

// folder opens the folder that the end of the path is in, and says its name there, in room.
func (w *walk) folder(room path) (dir int, name path, bad failure) {
	if dir, bad = w.begin(); bad.failed() {
		return -1, nil, bad
	}
	rest := bytes.TrimLeft(w.path[w.trusted:], "/")
	name = room
	for {
		part, after, more := bytes.Cut(rest[:len(rest)-1], []byte("/"))
		name = append(append(name[:0], part...), 0)
		if !more {
			break
		}
		after = bytes.TrimLeft(after, "/")
		rest = rest[len(rest)-1-len(after):]
		if len(part) == 0 {
			continue
		}
		next, bad := w.step(dir, name, folderFlags)
		_ = unix.Close(dir)
		if bad.failed() {
			return -1, nil, bad
		}
		dir = next
		if len(after) == 0 { // the path ends in a slash: the folder itself is meant
			name = append(name[:0], '.', 0)
			break
		}
	}
	return dir, name, failure{}
}

// begin opens the folder that the walk begins in.
func (w *walk) begin() (int, failure) {
	start := path("/\x00")
	if w.trusted > 0 {
		var room [256]byte
		start = append(append(path(room[:0]), w.path[:w.trusted]...), 0)
	}
	fd, err := openAt(unix.AT_FDCWD, start, folderFlags, w.cached)
	return fd, failure{"open()", err}
}

// step opens one name of a folder.
func (w *walk) step(dir int, name path, flags int) (int, failure) {
	if w.mode == linksRefused {
		fd, err := openAt(dir, name, flags|unix.O_NOFOLLOW, w.cached)
		return fd, failure{"openat()", err}
	}
	fd, err := openAt(dir, name, flags, w.cached)
	if err != nil {
		return -1, failure{"openat()", err}
	}
	var link, target info
	if err = statAt(dir, name, unix.AT_SYMLINK_NOFOLLOW, &link); err == nil && link.isLink() {
		if err = statFD(fd, &target); err == nil && link.uid != target.uid {
			err = unix.ELOOP
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, failure{"openat()", err}
	}
	return fd, failure{}
}
