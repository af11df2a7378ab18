//go:build !linux || portable

package content

import "golang.org/x/sys/unix"

// Files where the kernel cannot be asked for what it has in memory: whatever may touch the disk says EAGAIN on the loop, and is
// done apart from it.

func (i *info) take(st *unix.Stat_t) {
	*i = info{
		dev: uint64(st.Dev), ino: uint64(st.Ino), size: st.Size,
		mtime: moment{int64(st.Mtim.Sec), uint32(st.Mtim.Nsec)}, ctime: moment{int64(st.Ctim.Sec), uint32(st.Ctim.Nsec)},
		mode: uint16(st.Mode), uid: st.Uid,
	}
}

// statAt is stat of a path below the folder dir (unix.AT_FDCWD for paths of their own).
func statAt(dir int, p path, flags int, i *info) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, string(p.text()), &st, flags)
	if err == nil {
		i.take(&st)
	}
	return err
}

// statFD is stat of an open file.
func statFD(fd int, i *info) error {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil {
		i.take(&st)
	}
	return err
}

// openAt opens a path below the folder dir, but not on the loop, where it gives EAGAIN.
func openAt(dir int, p path, flags int, cached bool) (int, error) {
	if cached {
		return -1, unix.EAGAIN
	}
	for {
		fd, err := unix.Openat(dir, string(p.text()), flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readNow is for kernels that know what they have in memory.
func readNow(int, []byte) (int, error) { return 0, unix.EAGAIN }

// look looks up what is at the end of the path, which need not be readable.
func (w *walk) look(i *info) failure {
	if w.cached {
		return failure{"stat()", unix.EAGAIN}
	}
	if w.mode == linksAllowed {
		return failure{"stat()", statAt(unix.AT_FDCWD, w.path, 0, i)}
	}
	dir, name, bad := w.folder(nil)
	if bad.failed() {
		return bad
	}
	defer unix.Close(dir)
	err := statAt(dir, name, unix.AT_SYMLINK_NOFOLLOW, i)
	if err != nil || !i.isLink() {
		return failure{"openat()", err}
	}
	owner := i.uid
	if err = statAt(dir, name, 0, i); err == nil && (w.mode == linksRefused || i.uid != owner) {
		err = unix.ELOOP
	}
	return failure{"openat()", err}
}
