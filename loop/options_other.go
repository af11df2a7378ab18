//go:build !linux && !freebsd && !openbsd

package loop

import "syscall"

// setTransparent cannot let a socket be bound to an address that is not ours.
func setTransparent(int, int) syscall.Errno { return syscall.ENOPROTOOPT }

// bindWithoutPort cannot put the choice of a port off.
func bindWithoutPort(int) {}
