//go:build darwin || freebsd

package disk

import "golang.org/x/sys/unix"

// folderFlags open a folder only to go on from it, for which the right to pass through is enough.
const folderFlags = unix.O_SEARCH | unix.O_DIRECTORY
