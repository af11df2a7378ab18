//go:build !linux || portable

package listen

import "syscall"

// newDescriptor makes a socket that does not block and is closed on exec.
func newDescriptor(domain, kind, proto int) (int, error) {
	syscall.ForkLock.RLock() // no process may be started in between
	fd, err := syscall.Socket(domain, kind, proto)
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
