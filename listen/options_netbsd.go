package listen

import "golang.org/x/sys/unix"

// What this system calls the options of a listening socket; 0 is none.
const (
	optKeepIdle     = unix.TCP_KEEPIDLE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
	optFastOpen     = 0
	optDeferred     = 0
	protoMultipath  = 1 << 16 // no protocol has it: socket() refuses
)
