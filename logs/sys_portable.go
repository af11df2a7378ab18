//go:build !linux || portable

package logs

import "syscall"

// Replace makes to the same file as fd, closed on exec, and names the call.
func Replace(fd, to int) (call string, err error) {
	syscall.ForkLock.RLock() // no process may be started in between
	defer syscall.ForkLock.RUnlock()
	err = Dup2(fd, to)
	if err == nil {
		syscall.CloseOnExec(to)
	}
	return "dup2()", err
}

// datagramSocket makes a socket that does not block and is closed on exec.
func datagramSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM, 0)
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
