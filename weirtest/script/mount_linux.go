package script

import (
	"os"

	"golang.org/x/sys/unix"
)

// mount makes a file system of a size in a folder, and returns what takes it away.
func mount(dir, size string) (unmount func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0777,size="+size); err != nil {
		return nil, err
	}
	return func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }, nil
}
