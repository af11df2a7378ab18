package master

import (
	"os"

	"golang.org/x/sys/unix"
)

// newMemory makes a file in memory.
func newMemory(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// newZones makes one that never becomes shorter: who has mapped a part of it would die of it.
func newZones() (*os.File, error) {
	f, err := newMemory("weir zones")
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	return f, err
}
