package listen

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"weir/logs"

	"golang.org/x/sys/unix"
)

// Configure sets the options of a listening socket that can be set at any time. None of them is
// worth not starting for: what fails is told to alert, which may be nil.
func Configure(fd int, s Spec, alert func(error)) {
	set := func(call string, level, option, value int) {
		if err := unix.SetsockoptInt(fd, level, option, value); err != nil && alert != nil {
			alert(&logs.CallError{Call: "setsockopt(" + call + ")", On: s.String(), Err: err})
		}
	}
	if s.RecvBuf > 0 {
		set("SO_RCVBUF, "+itoa(s.RecvBuf), unix.SOL_SOCKET, unix.SO_RCVBUF, s.RecvBuf)
	}
	if s.SendBuf > 0 {
		set("SO_SNDBUF, "+itoa(s.SendBuf), unix.SOL_SOCKET, unix.SO_SNDBUF, s.SendBuf)
	}
	if s.Datagrams {
		return
	}
	if s.Keepalive.Set {
		set("SO_KEEPALIVE, "+itoa(flag(s.Keepalive.On)), unix.SOL_SOCKET, unix.SO_KEEPALIVE, flag(s.Keepalive.On))
	}
	if s.isUnix() {
		return
	}
	tcp := func(parameter, name string, option, value int) {
		if option != 0 {
			set(name+", "+itoa(value), unix.IPPROTO_TCP, option, value)
		} else if alert != nil {
			alert(fmt.Errorf("the \"%s\" parameter of %s is not supported on this platform, ignored", parameter, s))
		}
	}
	if n := seconds(s.Keepalive.Idle); n > 0 {
		tcp("so_keepalive", "TCP_KEEPIDLE", optKeepIdle, n)
	}
	if n := seconds(s.Keepalive.Interval); n > 0 {
		tcp("so_keepalive", "TCP_KEEPINTVL", optKeepInterval, n)
	}
	if n := s.Keepalive.Count; n > 0 {
		tcp("so_keepalive", "TCP_KEEPCNT", optKeepCount, n)
	}
	if s.FastOpen >= 0 {
		tcp("fastopen", "TCP_FASTOPEN", optFastOpen, s.FastOpen)
	}
	if s.Deferred {
		tcp("deferred", "TCP_DEFER_ACCEPT", optDeferred, 1)
	}
}

// Reconfigure changes a socket from one Spec of its address to another, at a reload. What fails is
// told to alert, which may be nil.
func Reconfigure(fd int, old, s Spec, alert func(error)) {
	if alert == nil {
		alert = func(error) {}
	}
	Configure(fd, s, alert)
	if optDeferred != 0 && !s.isUnix() && old.Deferred && !s.Deferred {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, optDeferred, 0); err != nil {
			alert(failed("setsockopt(TCP_DEFER_ACCEPT, 0)", s, err))
		}
	}
	if !s.isUnix() && s.ReusePort && !old.ReusePort {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			alert(failed("setsockopt(SO_REUSEPORT)", s, err))
		}
	}
	if s.Backlog != old.Backlog && !s.Datagrams {
		if err := doListen(fd, s); err != nil {
			alert(err)
		}
	}
}

// InUse reports whether an error says that another process has the address, which may pass.
func InUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

func seconds(d time.Duration) int { return int(d / time.Second) }

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }
