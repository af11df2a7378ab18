//go:build (!linux && !darwin && !freebsd) || (linux && portable)

package disk

import "golang.org/x/sys/unix"

// folderFlags open a folder only to go on from it, for which this system asks for the right to read it.
const folderFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NONBLOCK
