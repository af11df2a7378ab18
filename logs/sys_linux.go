//go:build !portable

package logs

import "golang.org/x/sys/unix"

// Replace makes to the same file as fd, closed on exec, and names the call.
func Replace(fd, to int) (call string, err error) { return "dup3()", unix.Dup3(fd, to, unix.O_CLOEXEC) }

// datagramSocket makes a socket that does not block and is closed on exec.
func datagramSocket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}
