package listen

import "golang.org/x/sys/unix"

// What this system calls the options of a listening socket; 0 is none.
const (
	optKeepIdle     = unix.TCP_KEEPIDLE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
	optFastOpen     = unix.TCP_FASTOPEN
	optDeferred     = unix.TCP_DEFER_ACCEPT
	protoMultipath  = unix.IPPROTO_MPTCP
)
