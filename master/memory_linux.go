package master

import (
	"os"

	"golang.org/x/sys/unix"
)

// newMemory makes a file in memory, by which workers know what those before them have found out.
func newMemory() (*os.File, error) {
	fd, err := unix.MemfdCreate("weir", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}
