package listen

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpen(t *testing.T) {
	s := free(t, "rcvbuf=64k sndbuf=64k so_keepalive=10:20:3 deferred reuseport fastopen=5 backlog=7")
	fd := mustOpen(t, s)
	dial(t, "tcp", s.String())
	fl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	fdfl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if fl&unix.O_NONBLOCK == 0 || fdfl&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %x %x", fl, fdfl)
	}
	for _, o := range []struct{ level, name, want int }{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, 128 << 10}, // the kernel doubles it
		{unix.SOL_SOCKET, unix.SO_SNDBUF, 128 << 10},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 10},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 20},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 5},
		{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1},
	} {
		if got := option(t, fd, o.level, o.name); got != o.want {
			t.Errorf("option %d:%d is %d; want %d", o.level, o.name, got, o.want)
		}
	}
}

func TestReconfigure(t *testing.T) {
	old := free(t, "deferred")
	fd := mustOpen(t, old)
	changed := old
	changed.Deferred, changed.ReusePort, changed.Backlog = false, true, 9
	changed.Keepalive = Keepalive{Set: true, On: true}
	Reconfigure(fd, old, changed, func(err error) { t.Error(err) })
	if option(t, fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT) != 0 ||
		option(t, fd, unix.SOL_SOCKET, unix.SO_REUSEPORT) != 1 ||
		option(t, fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 1 {
		t.Error("options did not change")
	}
	dial(t, "tcp", old.String())
}
