package loop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setTransparent lets the socket be bound to an address that is not ours.
func setTransparent(fd, family int) syscall.Errno {
	if family == syscall.AF_INET {
		return setsockopt(fd, syscall.IPPROTO_IP, unix.IP_BINDANY, 1)
	}
	return setsockopt(fd, syscall.IPPROTO_IPV6, unix.IPV6_BINDANY, 1)
}

// bindWithoutPort cannot put the choice of a port off.
func bindWithoutPort(int) {}
