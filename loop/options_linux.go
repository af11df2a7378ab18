package loop

import "syscall"

const (
	ipTransparent   = 19
	ipv6Transparent = 75
	bindNoPort      = 24 // IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that one address has 28k ports per peer
)

// setTransparent lets the socket be bound to an address that is not ours.
func setTransparent(fd, family int) syscall.Errno {
	if family == syscall.AF_INET {
		return setsockopt(fd, syscall.IPPROTO_IP, ipTransparent, 1)
	}
	return setsockopt(fd, syscall.IPPROTO_IPV6, ipv6Transparent, 1)
}

// bindWithoutPort puts the choice of a port off to the connect. An old kernel does without.
func bindWithoutPort(fd int) { _ = setsockopt(fd, syscall.IPPROTO_IP, bindNoPort, 1) }
