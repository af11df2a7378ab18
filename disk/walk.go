package disk

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// A LinkMode is what is done with symbolic links in a path.
type LinkMode uint8

const (
	LinksAllowed LinkMode = iota
	LinksRefused
	LinksOfOwner // a link is followed when its owner owns what it leads to
)

// Links are the rules that a path is opened under.
type Links struct {
	Mode    LinkMode
	Trusted int // the length of the beginning in which links are followed
}

// A walk opens a path. Where links are not simply followed it goes folder by folder, so that it sees what
// each name is.
type walk struct {
	path  Path
	flags int
	Links
	cached bool // EAGAIN instead of waiting for a disk
}

// open returns the descriptor at the end of the path.
func (w *walk) open() (int, Failure) {
	if w.Mode == LinksAllowed {
		fd, err := openAt(unix.AT_FDCWD, w.path, w.flags, w.cached)
		return fd, Failure{"open()", err}
	}
	dir, name, bad := w.folder(make(Path, 0, 256))
	if bad.Failed() {
		return -1, bad
	}
	fd, bad := w.step(dir, name, w.flags)
	_ = unix.Close(dir)
	return fd, bad
}

// folder opens the folder that the end of the path is in, and says its name there, in room.
func (w *walk) folder(room Path) (dir int, name Path, bad Failure) {
	if dir, bad = w.begin(); bad.Failed() {
		return -1, nil, bad
	}
	rest := bytes.TrimLeft(w.path[w.Trusted:], "/")
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
		if bad.Failed() {
			return -1, nil, bad
		}
		dir = next
		if len(after) == 0 { // the path ends in a slash: the folder itself is meant
			name = append(name[:0], '.', 0)
			break
		}
	}
	return dir, name, Failure{}
}

// begin opens the folder that the walk begins in.
func (w *walk) begin() (int, Failure) {
	start := Path("/\x00")
	if w.Trusted > 0 {
		var room [256]byte
		start = append(append(Path(room[:0]), w.path[:w.Trusted]...), 0)
	}
	fd, err := openAt(unix.AT_FDCWD, start, folderFlags, w.cached)
	return fd, Failure{"open()", err}
}

// step opens one name of a folder.
func (w *walk) step(dir int, name Path, flags int) (int, Failure) {
	if w.Mode == LinksRefused {
		fd, err := openAt(dir, name, flags|unix.O_NOFOLLOW, w.cached)
		return fd, Failure{"openat()", err}
	}
	fd, err := openAt(dir, name, flags, w.cached)
	if err != nil {
		return -1, Failure{"openat()", err}
	}
	var link, target Info
	if err = statAt(dir, name, unix.AT_SYMLINK_NOFOLLOW, &link); err == nil && link.isLink() {
		if err = statFD(fd, &target); err == nil && link.UID != target.UID {
			err = unix.ELOOP
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, Failure{"openat()", err}
	}
	return fd, Failure{}
}
