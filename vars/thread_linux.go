package vars

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how long the thread has had a processor.
func threadTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
