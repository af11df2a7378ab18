package listen

import "golang.org/x/sys/unix"

// What this system calls the options of a listening socket; 0 is none.
const (
	optKeepIdle     = unix.TCP_KEEPALIVE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
	optFastOpen     = unix.TCP_FASTOPEN
	optDeferred     = 0
	protoMultipath  = 1 << 16 // no protocol has it: socket() refuses
)
