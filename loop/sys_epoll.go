//go:build linux && !portable

package loop

import (
	"syscall"
	"unsafe"
)

// Socket calls on non-blocking descriptors return at once, so they go by RawSyscall: the Go scheduler need not hear of them
// (measured in the prototypes: about 60 ns saved per call, and no processor lost to another goroutine in between).

const (
	epollIn        = 0x1
	epollOut       = 0x4
	epollErr       = 0x8
	epollHup       = 0x10
	epollRdhup     = 0x2000
	epollExclusive = 1 << 28
	epollET        = 1 << 31

	msgNoSignal = 0x4000 // no SIGPIPE: the signal would cost more than the call
	msgMore     = syscall.MSG_MORE

	spliceMove     = 1
	spliceNonblock = 2
	setPipeSize    = 1031 // F_SETPIPE_SZ

	efdNonblockExec = syscall.O_NONBLOCK | syscall.O_CLOEXEC
)

// wait is epoll_wait. Only a timeout of 0 may pass by the scheduler.
func epollWait(epfd int, events []syscall.EpollEvent, msec int) int {
	var n uintptr
	var e syscall.Errno
	if msec == 0 {
		n, _, e = syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	} else {
		n, _, e = syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(msec), 0, 0)
	}
	if e != 0 { // EINTR, and nothing else on a good descriptor
		return 0
	}
	return int(n)
}

func epollCtl(epfd, op, fd int, ev *syscall.EpollEvent) syscall.Errno {
	_, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(ev)), 0, 0)
	return e
}

// recv reads from the socket: recvfrom(2) skips the file layer that read(2) goes through.
func (c *Conn) recv(p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func (c *Conn) send(p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), msgNoSignal|flags, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

// sendParts is one writev of the first maxParts parts that are not empty.
func (c *Conn) sendParts(v [][]byte) (int, error) {
	if len(v) <= 8 {
		var iov [8]syscall.Iovec
		return c.sendVector(iov[:0], v)
	}
	var iov [maxParts]syscall.Iovec
	return c.sendVector(iov[:0], v[:min(len(v), maxParts)])
}

func (c *Conn) sendVector(iov []syscall.Iovec, v [][]byte) (int, error) {
	want := 0
	for _, p := range v {
		if len(p) > 0 {
			part := syscall.Iovec{Base: &p[0]}
			part.SetLen(len(p))
			iov = append(iov, part)
			want += len(p)
		}
	}
	if want == 0 {
		return 0, nil
	}
	m := syscall.Msghdr{Iov: &iov[0]}
	m.Iovlen = uint64(len(iov))
	n, e := sendmsg(int(c.fd), &m)
	return c.wrote(n, e, want)
}

func sendmsg(fd int, m *syscall.Msghdr) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(m)), msgNoSignal)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

// sendfile may read a cold disk, so the scheduler must know of it.
func (c *Conn) sendfile(in int, off int64, n int) (int, syscall.Errno) {
	for {
		r, _, e := syscall.Syscall6(syscall.SYS_SENDFILE, uintptr(c.fd), uintptr(in), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

func splice(in, out, n int) (int, syscall.Errno) {
	for {
		r, _, e := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(in), 0, uintptr(out), 0, uintptr(n), spliceMove|spliceNonblock)
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

func accept(fd int, sa *rawAddr) (int, syscall.Errno) {
	size := uint32(syscall.SizeofSockaddrAny)
	sa.Addr.Family = syscall.AF_UNSPEC
	n, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(unsafe.Pointer(&size)),
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

func getsockname(fd int, sa *rawAddr) syscall.Errno {
	size := uint32(syscall.SizeofSockaddrAny)
	_, _, e := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(unsafe.Pointer(&size)))
	return e
}

func shutdownWrite(fd int) syscall.Errno {
	_, _, e := syscall.RawSyscall(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_WR, 0)
	return e
}

func setsockopt(fd, level, name, v int) syscall.Errno {
	w := int32(v)
	_, _, e := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&w)), 4, 0)
	return e
}

// socketError takes SO_ERROR.
func (c *Conn) socketError() syscall.Errno {
	var v int32
	size := uint32(4)
	_, _, e := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(c.fd), syscall.SOL_SOCKET, syscall.SO_ERROR, uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return e
	}
	return syscall.Errno(v)
}

func closeFD(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

func eventfd() (int, syscall.Errno) {
	fd, _, e := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, efdNonblockExec, 0)
	return int(fd), e
}

// eventfdWrite makes an eventfd readable.
func eventfdWrite(fd int) {
	one := uint64(1)
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}
