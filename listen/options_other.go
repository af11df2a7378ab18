//go:build !linux && !darwin && !freebsd && !netbsd

package listen

// What this system calls the options of a listening socket; 0 is none.
const (
	optKeepIdle     = 0
	optKeepInterval = 0
	optKeepCount    = 0
	optFastOpen     = 0
	optDeferred     = 0
	protoMultipath  = 1 << 16 // no protocol has it: socket() refuses
)
