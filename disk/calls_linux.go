//go:build !portable

package disk

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder only to go on from it, for which the right to pass through is enough.
const folderFlags = unix.O_PATH | unix.O_DIRECTORY

const statxMask = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID | unix.STATX_INO | unix.STATX_SIZE | unix.STATX_MTIME | unix.STATX_CTIME

func (i *Info) take(st *unix.Statx_t) {
	*i = Info{
		Dev: uint64(st.Dev_major)<<32 | uint64(st.Dev_minor), Ino: st.Ino, Size: int64(st.Size),
		Mtime: Moment{st.Mtime.Sec, st.Mtime.Nsec}, Ctime: Moment{st.Ctime.Sec, st.Ctime.Nsec}, Mode: st.Mode, UID: st.Uid,
	}
}

// statAt is statx of a path below the folder dir (unix.AT_FDCWD for paths of their own).
func statAt(dir int, p Path, flags int, i *Info) error {
	var st unix.Statx_t
	_, _, errno := syscall.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&p[0])), uintptr(flags),
		statxMask, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return errno
	}
	i.take(&st)
	return nil
}

// statFD is statx of an open file.
func statFD(fd int, i *Info) error { return statAt(fd, Path{0}, unix.AT_EMPTY_PATH, i) }

// resolveCached is RESOLVE_CACHED of openat2(2), which x/sys does not have.
const resolveCached = 0x20

// openAt opens a path below the folder dir. With cached it does so only if the kernel needs no disk for
// it, and returns EAGAIN otherwise.
func openAt(dir int, p Path, flags int, cached bool) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC)}
	if cached {
		how.Resolve = resolveCached
	}
	for {
		fd, _, errno := syscall.Syscall6(unix.SYS_OPENAT2, uintptr(dir), uintptr(unsafe.Pointer(&p[0])),
			uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EPERM, unix.EINVAL:
			if cached {
				return -1, unix.EAGAIN
			}
			// a kernel before 5.6, or a sandbox that does not know the call
			return plainOpenAt(dir, p, flags)
		}
		return -1, errno
	}
}

func plainOpenAt(dir int, p Path, flags int) (int, error) {
	for {
		fd, _, errno := syscall.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&p[0])),
			uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		if errno == 0 {
			return int(fd), nil
		}
		if errno != unix.EINTR {
			return -1, errno
		}
	}
}

// readNow reads what is in the page cache. A kernel or file system without such reads is no error, only EAGAIN.
func readNow(fd int, b []byte, off int64) (int, error) {
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	high := uintptr(uint64(off) >> 32 >> (unix.SizeofLong*8 - 32)) // of 32 bits more, where a register has no more
	n, _, errno := syscall.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(off), high, unix.RWF_NOWAIT)
	if errno != 0 {
		return 0, unix.EAGAIN
	}
	return int(n), nil
}

// appendNow writes what is taken without a wait, at the end of the file.
func appendNow(fd int, b []byte) (int, error) {
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	end := ^uintptr(0) // -1: where the file is at
	n, _, errno := syscall.RawSyscall6(unix.SYS_PWRITEV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, end, end, unix.RWF_NOWAIT)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// isFar asks the file system; one that is not known is far.
func isFar(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return true
	}
	const zfs, bcachefs, jfs = 0x2fc12fc1, 0xca451a4e, 0x3153464a
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.REISERFS_SUPER_MAGIC, zfs, bcachefs, jfs,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return false
	}
	return true
}

// look looks up what is at the end of the path. The kernel has no lookup that never waits, but for an open that reads nothing.
func (w *walk) look(i *Info) Failure {
	w.flags = unix.O_PATH
	fd, bad := w.open()
	if bad.Failed() {
		if w.Mode == LinksAllowed {
			bad.Op = "stat()"
		}
		return bad
	}
	err := statFD(fd, i)
	_ = unix.Close(fd)
	switch {
	case err != nil:
		return Failure{"fstat()", err}
	case i.isLink(): // O_PATH does not mind; open would
		return Failure{"openat()", unix.ELOOP}
	}
	return Failure{}
}
