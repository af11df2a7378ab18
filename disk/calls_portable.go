//go:build !linux || portable

package disk

import "golang.org/x/sys/unix"

// Files where the kernel cannot be asked for what it has in memory: whatever may touch the disk says EAGAIN on the loop, and is
// done apart from it.

func (i *Info) take(st *unix.Stat_t) {
	*i = Info{
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), Size: st.Size,
		Mtime: Moment{int64(st.Mtim.Sec), uint32(st.Mtim.Nsec)}, Ctime: Moment{int64(st.Ctim.Sec), uint32(st.Ctim.Nsec)},
		Mode: uint16(st.Mode), UID: st.Uid,
	}
}

// statAt is stat of a path below the folder dir (unix.AT_FDCWD for paths of their own).
func statAt(dir int, p Path, flags int, i *Info) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, string(p.Text()), &st, flags)
	if err == nil {
		i.take(&st)
	}
	return err
}

// statFD is stat of an open file.
func statFD(fd int, i *Info) error {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil {
		i.take(&st)
	}
	return err
}

// openAt opens a path below the folder dir, but not on the loop, where it returns EAGAIN.
func openAt(dir int, p Path, flags int, cached bool) (int, error) {
	if cached {
		return -1, unix.EAGAIN
	}
	for {
		fd, err := unix.Openat(dir, string(p.Text()), flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readNow is for kernels that know what they have in memory.
func readNow(int, []byte, int64) (int, error) { return 0, unix.EAGAIN }

// appendNow is for kernels that can be asked not to wait. Here a regular file says that it cannot, and all else that it would have to.
func appendNow(fd int, _ []byte) (int, error) {
	var i Info
	if statFD(fd, &i) == nil && i.IsRegular() {
		return 0, unix.EOPNOTSUPP
	}
	return 0, unix.EAGAIN
}

// isFar is for kernels of which is known how they say it.
func isFar(int) bool { return false }

// look looks up what is at the end of the path, which need not be readable.
func (w *walk) look(i *Info) Failure {
	if w.cached {
		return Failure{"stat()", unix.EAGAIN}
	}
	if w.Mode == LinksAllowed {
		return Failure{"stat()", statAt(unix.AT_FDCWD, w.path, 0, i)}
	}
	dir, name, bad := w.folder(nil)
	if bad.Failed() {
		return bad
	}
	defer unix.Close(dir)
	err := statAt(dir, name, unix.AT_SYMLINK_NOFOLLOW, i)
	if err != nil || !i.isLink() {
		return Failure{"openat()", err}
	}
	owner := i.UID
	if err = statAt(dir, name, 0, i); err == nil && (w.Mode == LinksRefused || i.UID != owner) {
		err = unix.ELOOP
	}
	return Failure{"openat()", err}
}
