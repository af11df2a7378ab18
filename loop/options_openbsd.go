package loop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setTransparent lets the socket be bound to an address that is not ours.
func setTransparent(fd, _ int) syscall.Errno {
	return setsockopt(fd, syscall.SOL_SOCKET, unix.SO_BINDANY, 1)
}

// bindWithoutPort cannot put the choice of a port off.
func bindWithoutPort(int) {}
