//go:build linux && !portable

package loop

import "syscall"

// hangUp makes the loop think that the poller reports a hang-up.
func hangUp(l *Loop, slot, gen int32) {
	l.event(&syscall.EpollEvent{Events: epollIn | epollHup, Fd: slot, Pad: gen})
}
