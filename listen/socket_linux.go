//go:build !portable

package listen

import "golang.org/x/sys/unix"

// streamSocket makes a socket that does not block and is closed on exec.
func streamSocket(domain int, multipath bool) (int, error) {
	proto := 0
	if multipath {
		proto = unix.IPPROTO_MPTCP
	}
	return unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
}
