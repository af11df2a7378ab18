package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// systemTime is the system's monotonic clock, by which what one process has written down means the same to the next.
func systemTime() Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return Time(time.Second)
	}
	return max(Time(now.Nano()), Time(time.Second)) // 0 means something else
}
