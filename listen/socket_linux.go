//go:build !portable

package listen

import "golang.org/x/sys/unix"

// newDescriptor makes a socket that does not block and is closed on exec.
func newDescriptor(domain, kind, proto int) (int, error) {
	return unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
}
