//go:build !linux || portable

package listen

import "syscall"

// streamSocket makes a socket that does not block and is closed on exec.
func streamSocket(domain int, multipath bool) (int, error) {
	proto := 0
	if multipath {
		proto = protoMultipath
	}
	syscall.ForkLock.RLock() // no process may be started in between
	fd, err := syscall.Socket(domain, syscall.SOCK_STREAM, proto)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}
